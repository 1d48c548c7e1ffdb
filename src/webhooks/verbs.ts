import { randomUUID } from 'node:crypto'
import type { App, Services } from '../http/app.ts'
import { sendRead } from '../http/caching.ts'
import { Nothing } from '../http/item.ts'
import { shownToWriter } from '../http/reading.ts'
import { resourceVerb } from '../http/resource.ts'
import { write } from '../http/writing.ts'
import { enableWebhook, rotateSecret } from './commands.ts'
import { testPayload } from './payload.ts'
import { targetOf } from './queries.ts'
import { redeliverOne, redeliverSince } from './redeliver.ts'
import {
  Delivery,
  DeliveryParams,
  Redelivered,
  Rotation,
  Since,
  TestSend,
  WebhookParams,
} from './schema.ts'
import { openSender } from './sender.ts'
import { deliveryItem, webhookResource, withItsSecret } from './shape.ts'

const tags = ['Webhooks']
const scope = 'admin'
const showDelivery = shownToWriter((delivery, { id }: { id: string }) => deliveryItem(id, delivery))

/** What can be done with a webhook, and with what it was told. */
export function webhookVerbs(app: App, { db }: Services): void {
  resourceVerb(app, db, webhookResource, {
    name: 'rotateSecretOf',
    suffix: 'rotate-secret',
    summary: 'Give a webhook a new secret',
    description:
      'The answer holds it, this once. Until the given time, or for 24 hours, messages are signed by both.',
    scope,
    body: Rotation,
    reveals: withItsSecret,
    run: (ctx, id, input, expected) => rotateSecret(ctx, id, input, expected),
  })

  resourceVerb(app, db, webhookResource, {
    name: 'enable',
    summary: 'Enable a webhook again',
    description:
      'It goes on where it stopped: all that happened meanwhile is delivered, in its order.',
    throws: ['wrong_state'],
    scope,
    body: Nothing,
    run: (ctx, id, _, expected) => enableWebhook(ctx, id, expected),
  })

  app.post(
    '/webhooks/:id/redeliver',
    {
      schema: {
        operationId: 'redeliverSince',
        tags,
        summary: 'Deliver again all since a time',
        description:
          'In the order in which it happened, each with the `webhook-id` that it had; but not what was withdrawn by a removal.',
        params: WebhookParams,
        body: Since,
        response: { 200: Redelivered },
      },
      config: {
        ...{ scope, untagged: true, throws: ['not_found', 'wrong_state'] },
        example: { since: '2026-05-04T08:30:00Z' },
      },
    },
    (request, reply) =>
      write(db, request, reply, async (ctx) => {
        const count = await redeliverSince(ctx, request.params.id, request.body.since)
        const body = JSON.stringify({ count })
        return { status: 200, path: '', shown: Promise.resolve({ body }) }
      }),
  )

  app.post(
    '/webhooks/:id/deliveries/:delivery/redeliver',
    {
      schema: {
        operationId: 'redeliver',
        tags,
        summary: 'Deliver again',
        description: 'With the `webhook-id` that it had.',
        params: DeliveryParams,
        body: Nothing,
        response: { 200: Delivery },
      },
      config: {
        ...{ scope, untagged: true, optionalBody: true, example: {} },
        throws: ['not_found', 'wrong_state'],
      },
    },
    (request, reply) =>
      write(db, request, reply, async (ctx) => {
        const { id, delivery } = request.params
        await redeliverOne(ctx, id, delivery)
        return { status: 200, path: '', shown: showDelivery(ctx, delivery, { id }) }
      }),
  )
}

/** A message that only tries whether messages arrive; the caller waits for what comes of it. */
export function webhookTests(app: App, { config, db }: Services): void {
  const sender = openSender({
    ...{ allow: config.webhookAllowCidrs, publicUrl: config.publicUrl },
    timeout: config.webhookTimeout,
  })
  app.addHook('onClose', () => sender.close())

  app.post(
    '/webhooks/:id/test',
    {
      schema: {
        operationId: 'testWebhook',
        tags,
        summary: 'Send a test',
        description:
          'A signed message of the type `webhook.test`, now, whether or not the webhook is disabled. It is no delivery: it is not listed and not tried again.',
        params: WebhookParams,
        body: Nothing,
        response: { 200: TestSend },
      },
      config: {
        ...{ scope, untagged: true, optionalBody: true, example: {} },
        // Each is a message of its own.
        ...{ secret: true, throws: ['not_found'] },
      },
    },
    async (request, reply) => {
      const { url, secrets, at } = await targetOf(db.editor, request.params.id)
      const body = testPayload(request.params.id, at)
      const outcome = await sender.send({ id: randomUUID(), at, body, url, secrets })
      const { ok: delivered, ms, status, error, detail, excerpt } = outcome
      reply.header('cache-control', 'no-store')
      return sendRead(request, reply, { delivered, ms, status, error, detail, excerpt })
    },
  )
}
