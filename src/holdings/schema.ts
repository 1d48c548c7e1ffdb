import { z } from 'zod'
import { Id, Instant, Slug } from '../fields.ts'
import { pageOf } from '../http/paging.ts'
import { choice, count, cursor, ids, limit, list } from '../http/parameters.ts'
import { text } from '../text.ts'

export const DEGREES = ['notified', 'given', 'acknowledged'] as const
export const Degree = z.enum(DEGREES).meta({
  description:
    '`notified`: it was told of it. `given`: it was sent it. `acknowledged`: it said that it has it.',
})

/** What a partner has of an article, against what it should have. */
export const STATES = ['current', 'stale', 'must-remove', 'removed', 'missing'] as const
export type State = (typeof STATES)[number]
export const HoldingState = z.enum(STATES).meta({
  description:
    '`current`: it has the current version. `stale`: an earlier one. `must-remove`: it has what it may not have now, and was not told. `removed`: it was told to remove it. `missing`: it may have it and has nothing of it.',
})

const how = z.string().meta({
  description:
    '`webhook`, `changes`, `stream`, `item`, `list`, `format`, `feed` or `sitemap`; acknowledged by a `cursor` or an `ack`.',
  examples: ['changes'],
})

/** The last that was told in one degree. */
export const Told = z
  .object({
    version: z.int(),
    removed: z.boolean().meta({ description: 'That it is to be removed, or has been.' }),
    position: z.int().meta({ description: 'In the ledger: of what it was told, or was sent.' }),
    at: Instant,
    how,
  })
  .meta({ id: 'Told', description: 'What was told last in one degree, when and how.' })

const has = {
  version: z.int().nullable().meta({ description: 'The version that it has, or removed.' }),
  currentVersion: z.int().nullable().meta({ description: 'Null when the article is deleted.' }),
  state: HoldingState,
  degree: Degree.nullable().meta({ description: 'How sure that is.' }),
  at: Instant.nullable(),
  how: how.nullable(),
  notified: Told.nullable(),
  given: Told.nullable(),
  acknowledged: Told.nullable(),
}

/** What one partner has of the article that was asked for. */
export const Recipient = z
  .object({
    id: Id.meta({ description: 'The partner.' }),
    name: z.string(),
    endedAt: Instant.nullable().meta({ description: 'Since when it is no partner any more.' }),
    ...has,
  })
  .meta({ id: 'Recipient', description: 'A partner that has, had or should have an article.' })

/** What the partner that was asked for has of one article. */
export const Holding = z
  .object({
    id: Id.meta({ description: 'The article.' }),
    slug: Slug.nullable(),
    headline: z.string().nullable(),
    ...has,
  })
  .meta({ id: 'Holding', description: 'What a partner has, or had, of an article.' })

export const RecipientPage = pageOf(Recipient, 'RecipientPage')
export const HoldingPage = pageOf(Holding, 'HoldingPage')

const narrowed = {
  state: list(STATES, 'Only in these states.', ['stale', 'must-remove']),
  degree: list(DEGREES, 'Only what is known in these degrees.', ['notified', 'given']),
}
export const RecipientQuery = z.strictObject({ ...narrowed, limit, cursor, count })
export type RecipientQuery = z.infer<typeof RecipientQuery>
export const HoldingQuery = z.strictObject({ ...narrowed, ids, limit, cursor, count })
export type HoldingQuery = z.infer<typeof HoldingQuery>

/** What became of a change at a partner. */
export const OUTCOMES = [
  'acknowledged',
  'delivered',
  'pending',
  'overdue',
  'removed',
  'never-had',
] as const
export type Outcome = (typeof OUTCOMES)[number]
const counted = ['acknowledged', 'delivered', 'pending', 'overdue', 'removed', 'neverHad'] as const

export const ReportRow = z
  .object({
    id: Id.meta({ description: 'The partner.' }),
    name: z.string(),
    endedAt: Instant.nullable(),
    outcome: z.enum(OUTCOMES).meta({
      description:
        '`acknowledged`: it said that it has it. `delivered`: it was told, or sent it. `pending`: not yet. `overdue`: not after so many seconds. `removed`: it had taken the article out before. `never-had`: it never had anything of the article.',
    }),
    deliveredAt: Instant.nullable().meta({
      description: 'When it was first told of this or, where that is not kept, of something later.',
    }),
    deliveredHow: how.nullable(),
    acknowledgedAt: Instant.nullable(),
    acknowledgedHow: how.nullable(),
    version: z.int().nullable().meta({ description: 'What it has now.' }),
    removed: z.boolean().nullable(),
    degree: Degree.nullable(),
    at: Instant.nullable(),
    how: how.nullable(),
  })
  .meta({ id: 'ReportRow', description: 'What became of a change at one partner.' })
export type ReportRow = z.infer<typeof ReportRow>

export const Report = z
  .object({
    article: z.object({
      id: Id,
      slug: Slug,
      headline: z.string().nullable(),
      version: z.int().meta({ description: 'The current one.' }),
    }),
    change: z.object({
      position: z.int(),
      version: z.int(),
      event: z.string(),
      op: z.enum(['upsert', 'remove']).meta({ description: 'For readers.' }),
      at: Instant,
    }),
    madeAt: Instant,
    overdueAfter: z.int().meta({ description: 'Seconds.' }),
    expect: z.enum(['delivered', 'acknowledged']),
    counts: z.object(Object.fromEntries(counted.map((name) => [name, z.int()]))).meta({
      id: 'ReportCounts',
      description: 'How many partners came to which outcome.',
    }),
    partners: z.array(ReportRow),
    proof: z.string().meta({ description: 'What this does not prove.' }),
  })
  .meta({ id: 'Report', description: 'What became of a change, partner by partner.' })
export type Report = z.infer<typeof Report>

/** How long a partner may take, in seconds, unless it is told: a feed is asked every few minutes. */
const PATIENCE = 900
/** A year. */
const LONGEST = 31_536_000

export const ReportQuery = z.strictObject({
  overdueAfter: z
    .string()
    .regex(/^\d{1,8}$/, `must be whole seconds, at most ${LONGEST}`)
    .transform(Number)
    .refine((n) => n <= LONGEST, `must be whole seconds, at most ${LONGEST}`)
    .default(PATIENCE)
    .meta({
      description: 'After how many seconds it is overdue.',
      override: { type: 'integer', minimum: 0, maximum: LONGEST, default: PATIENCE },
    }),
  expect: choice(
    ['delivered', 'acknowledged'],
    'delivered',
    'What must have happened by then. Whoever reads by webhook alone acknowledges nothing by itself.',
  ),
})
export type ReportQuery = z.infer<typeof ReportQuery>

const acknowledgedArticle = z.strictObject({
  id: Id,
  version: z.int().min(1).max(2_147_483_647).optional().meta({
    description: 'Which one it has; without it the last that it was sent.',
  }),
  removed: z.boolean().optional().meta({ description: 'It is taken out.' }),
})
export type AcknowledgedArticle = z.infer<typeof acknowledgedArticle>

const WAYS = ['cursor', 'position', 'articles'] as const

export const Acknowledgement = z
  .strictObject({
    cursor: text(4000, 1).meta({
      description: 'Of the change feed: all before it is here.',
    }),
    position: z.int().min(0).max(999_999_999_999_999).meta({
      description: 'Of the feed of all events: all up to it is here.',
    }),
    articles: z
      .array(acknowledgedArticle)
      .min(1)
      .max(1000)
      .refine(
        (all) => new Set(all.map(({ id }) => id.toLowerCase())).size === all.length,
        'must not name one twice',
      )
      .meta({ description: 'One by one; all of them or none.' }),
  })
  .partial()
  .superRefine((value, ctx) => {
    if (WAYS.filter((name) => value[name] !== undefined).length === 1) return
    ctx.addIssue({ code: 'custom', message: `must be one of ${WAYS.join(', ')}` })
  })
  .meta({ id: 'Acknowledgement', description: 'What a partner has applied, in one of three ways.' })
export type Acknowledgement = z.infer<typeof Acknowledgement>

export const Acknowledged = z
  .object({
    at: Instant,
    position: z.int().nullable().meta({ description: 'Up to which a feed is acknowledged.' }),
    articles: z.int().nullable().meta({ description: 'How many were acknowledged one by one.' }),
  })
  .meta({ id: 'Acknowledged', description: 'What is on record now.' })
