import { z } from 'zod'
import { EVENTS, REMOVAL_REASONS } from '../feed/schema.ts'
import { Id, Instant, InstantInput } from '../fields.ts'
import { pageOf } from '../http/paging.ts'
import { choice, count, cursor, filter, ids, instant, limit, list } from '../http/parameters.ts'
import { text } from '../text.ts'

/** All events, also those that there will be. */
export const EVERY = '*'

const Event = z.enum([...EVENTS, EVERY])
const distinct = (values: readonly unknown[]) => new Set(values).size === values.length

const fields = {
  url: text(2000, 1).meta({
    description: 'Where to; https on port 443, at a public address.',
    examples: ['https://hooks.paper.example/dateline'],
  }),
  events: z
    .array(Event)
    .min(1)
    .max(EVENTS.length)
    .refine(distinct, 'must not name one twice')
    .refine(
      (events) => events.length === 1 || !events.includes(EVERY),
      `must be ${EVERY} alone, or events by name`,
    )
    .meta({ description: `Those of the change feed; \`${EVERY}\` for all.` }),
  description: text(500).nullable(),
  earlyAccess: z.boolean().meta({
    description:
      'Whether it is told of what is under embargo, from its schedule on; the partner must be entitled to that.',
  }),
}

/** Why a webhook is told nothing for the moment. */
const DISABLED = ['failing', 'gone', 'partner'] as const

/** A webhook, as an administrator sees it. */
export const Webhook = z
  .object({
    id: Id,
    version: z.int(),
    ...fields,
    partner: Id.nullable().meta({
      description: 'It is told what this partner is told by the feed; null: what readers see.',
    }),
    previousSecretUntil: Instant.nullable().meta({
      description: 'How long messages are signed by the secret before, too.',
    }),
    disabledAt: Instant.nullable(),
    disabledReason: z.enum(DISABLED).nullable().meta({
      description: '`failing` for five days, `gone` (it answered 410), or its `partner` has ended.',
    }),
    failingSince: Instant.nullable().meta({
      description: 'The first failure since the last success.',
    }),
    pausedUntil: Instant.nullable().meta({
      description: 'Until when it asked, with 429 or 503, not to be called.',
    }),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .partial()
  .required({ id: true })
  .meta({ id: 'Webhook', description: 'Who is called when something happens.' })
export type Webhook = z.infer<typeof Webhook>

/** The answers that hold the secret. */
export const WebhookWithSecret = Webhook.extend({
  secret: z.string().meta({
    description: 'For checking signatures. It is shown this once.',
    examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo='],
  }),
}).meta({ id: 'WebhookWithSecret', description: 'A webhook, with its new secret.' })

export const WebhookCreate = z
  .strictObject({
    ...fields,
    partner: Id.nullable().meta({ description: 'By id; null: it is told what readers see.' }),
  })
  .partial()
  .required({ url: true, events: true })
  .meta({ id: 'WebhookCreate', description: 'A webhook to be registered.' })
export type WebhookCreate = z.infer<typeof WebhookCreate>

/** A JSON merge patch (RFC 7396) of a webhook; whose it is does not change. */
export const WebhookPatch = z
  .strictObject(fields)
  .partial()
  .meta({ id: 'WebhookPatch', description: 'A JSON merge patch: absent members stay.' })
export type WebhookPatch = z.infer<typeof WebhookPatch>

const WEBHOOK_FIELDS = Webhook.keyof().options
const fieldsParameter = list(WEBHOOK_FIELDS, 'Only these members; `id` always comes.', ['url'])
export const WebhookQuery = z.strictObject({ fields: fieldsParameter })
export type WebhookQuery = z.infer<typeof WebhookQuery>
export const WebhookListQuery = z.strictObject({
  ids,
  partner: Id.optional().meta({ description: 'Of this partner, by id.' }),
  sort: choice(['-createdAt', 'createdAt'], '-createdAt', 'The order.'),
  fields: fieldsParameter,
  limit,
  cursor,
  count,
})
export type WebhookListQuery = z.infer<typeof WebhookListQuery>
export const WebhookPage = pageOf(Webhook, 'WebhookPage')
export const WebhookParams = z.object({ id: Id })

/** How long a secret that is replaced may be used on, in hours: a default, and at most. */
export const OVERLAP = { usual: 24, most: 24 * 30 }

export const Rotation = z
  .strictObject({
    previousUntil: InstantInput.nullable().meta({
      description: `Until when messages are signed by the secret of today too: ${OVERLAP.usual} hours unless told, at most ${OVERLAP.most / 24} days; null: from now on by the new one alone.`,
    }),
  })
  .partial()
  .meta({ id: 'Rotation', description: 'How long the secret of today is used on.' })
export type Rotation = z.infer<typeof Rotation>

export const Since = z
  .strictObject({
    since: InstantInput.meta({ description: 'All that was made since then.' }),
  })
  .meta({ id: 'Since', description: 'What is to be told again.' })

export const Redelivered = z
  .object({
    count: z.int().meta({ description: 'How many deliveries are pending again.' }),
  })
  .meta({ id: 'Redelivered', description: 'What will be told again.' })

/** Why an attempt failed; `FAILURES` of outcome.ts says what each means. */
const attempt = {
  ms: z.int().meta({ description: 'How long it took.' }),
  status: z.int().nullable().meta({ description: 'Of the answer, if one came.' }),
  error: z.string().nullable().meta({
    description: 'Why it failed, such as `status`, `timeout` or `redirect`; null: delivered.',
  }),
  detail: z.string().nullable().meta({
    description: 'The code of the system, of OpenSSL or of the parser, such as `ECONNREFUSED`.',
  }),
  excerpt: z.string().nullable().meta({ description: 'How the body of the answer began.' }),
}

export const Attempt = z
  .object({ at: Instant.meta({ description: 'When it began.' }), ...attempt })
  .meta({ id: 'Attempt', description: 'One attempt to deliver.' })

export const TestSend = z
  .object({ delivered: z.boolean(), ...attempt })
  .meta({ id: 'TestSend', description: 'What came of a message that was only a test.' })

export const DELIVERY_STATES = ['pending', 'delivered', 'failed', 'superseded'] as const

/** What a webhook is told, or was. */
export const Delivery = z
  .object({
    id: Id.meta({ description: '`webhook-id` of its messages, the same at each attempt.' }),
    webhook: Id,
    state: z.enum(DELIVERY_STATES).meta({
      description:
        '`failed`: after the last attempt. `superseded`: withdrawn, because what it told of was to be removed before it was told.',
    }),
    change: z
      .object({
        position: z.int(),
        op: z.enum(['upsert', 'remove', 'reset']),
        resource: z.enum(['article', 'source', 'category', 'partner']),
        event: z.enum(EVENTS),
        id: Id,
        version: z.int().nullable(),
        at: Instant,
        reason: z.enum(REMOVAL_REASONS).nullable(),
      })
      .meta({ id: 'DeliveredChange', description: 'The row of the change feed.' }),
    dueAt: Instant.nullable().meta({
      description:
        'When the next attempt is made; null where there is none, or while it waits for an earlier one.',
    }),
    createdAt: Instant,
    finishedAt: Instant.nullable(),
    attempts: z.array(Attempt).meta({ description: 'In their order.' }),
  })
  .meta({ id: 'Delivery', description: 'What a webhook is told of one change.' })
export type Delivery = z.infer<typeof Delivery>

export const DeliveryPage = pageOf(Delivery, 'DeliveryPage')
export const DeliveryListQuery = z.strictObject({
  state: filter('In these states.', 'failed', DELIVERY_STATES),
  event: filter('Of these events.', 'article.killed', EVENTS),
  since: instant('Made at or after this instant.', '2026-05-04T08:30:00Z'),
  limit,
  cursor,
})
export type DeliveryListQuery = z.infer<typeof DeliveryListQuery>
export const DeliveryParams = WebhookParams.extend({ delivery: Id })
