import { countRows } from '../db/listing.ts'
import type { App, Services } from '../http/app.ts'
import { pagesOf } from '../http/paging.ts'
import { isCounted, sendItem, sendList } from '../http/reading.ts'
import { resourceWrites } from '../http/resource.ts'
import { createWebhook, removeWebhook, updateWebhook } from './commands.ts'
import {
  DELIVERY_MEMBERS,
  demandWebhook,
  findWebhooks,
  listDeliveries,
  listWebhooks,
  webhookMembers,
} from './queries.ts'
import { networks } from './ranges.ts'
import {
  Delivery,
  DeliveryListQuery,
  DeliveryPage,
  DeliveryParams,
  Webhook,
  WebhookCreate,
  WebhookListQuery,
  WebhookPage,
  WebhookParams,
  WebhookPatch,
  WebhookQuery,
} from './schema.ts'
import { deliveryItem, webhookItem, webhookResource, withItsSecret } from './shape.ts'

const tags = ['Webhooks']
const scope = 'admin'

/** Webhooks as administrators read them, and what each was told. */
export function webhookReads(app: App, { config, db }: Services): void {
  const reading = { db: db.editor, schema: 'editor' } as const

  app.get(
    '/webhooks',
    {
      schema: {
        operationId: 'listWebhooks',
        tags,
        summary: 'List webhooks',
        description: 'Those that are disabled too; without their secrets.',
        querystring: WebhookListQuery,
        response: { 200: WebhookPage },
      },
      config: { scope },
    },
    async (request, reply) => {
      const { query } = request
      const members = webhookMembers(query.fields)
      return sendList(request, reply, reading, {
        filters: {},
        pagesAt: (url) => pagesOf(url, config.publicUrl, query),
        statement: (_, page) => listWebhooks(query, page, members),
        members: Object.keys(members),
        counted: isCounted(query)
          ? async () => ({ count: await countRows(reading, findWebhooks(query)) })
          : undefined,
      })
    },
  )

  app.get(
    '/webhooks/:id',
    {
      schema: {
        operationId: 'getWebhook',
        tags,
        summary: 'One webhook',
        description: 'Without its secret, which only its receiver has.',
        params: WebhookParams,
        querystring: WebhookQuery,
        response: { 200: Webhook },
      },
      config: { scope, throws: ['not_found'] },
    },
    async (request, reply) =>
      sendItem(request, reply, reading, webhookItem(request.params.id, request.query)),
  )

  app.get(
    '/webhooks/:id/deliveries',
    {
      schema: {
        operationId: 'listDeliveries',
        tags,
        summary: 'What a webhook was told, and will be',
        description:
          'The newest change first, each with all attempts. What is finished is kept for 30 days.',
        params: WebhookParams,
        querystring: DeliveryListQuery,
        response: { 200: DeliveryPage },
      },
      config: { scope, throws: ['not_found'] },
    },
    async (request, reply) => {
      const { query, params } = request
      await demandWebhook(db.editor, params.id)
      return sendList(request, reply, reading, {
        filters: {},
        pagesAt: (url) => pagesOf(url, config.publicUrl, query),
        statement: (_, page) => listDeliveries(params.id, query, page),
        members: DELIVERY_MEMBERS,
      })
    },
  )

  app.get(
    '/webhooks/:id/deliveries/:delivery',
    {
      schema: {
        operationId: 'getDelivery',
        tags,
        summary: 'One delivery',
        description: 'With all attempts.',
        params: DeliveryParams,
        response: { 200: Delivery },
      },
      config: { scope, throws: ['not_found'] },
    },
    async (request, reply) => {
      const { id, delivery } = request.params
      return sendItem(request, reply, reading, deliveryItem(id, delivery))
    },
  )
}

/** Writes of webhooks. */
export function webhookWrites(app: App, { config, db }: Services): void {
  const allowed = networks(config.webhookAllowCidrs)
  resourceWrites(app, db, {
    ...webhookResource,
    create: {
      summary: 'Register a webhook',
      description:
        'It is told what happens from now on. The answer holds the secret by which its messages are signed, this once.',
      throws: ['unknown_reference', 'wrong_state'],
      example: { url: 'https://hooks.example.org/dateline', events: ['article.published'] },
      body: WebhookCreate,
      run: (ctx, input) => createWebhook(ctx, input, allowed),
      reveals: withItsSecret,
    },
    update: {
      summary: 'Change a webhook',
      description: 'A JSON merge patch. What is pending goes to the new address.',
      example: { events: ['*'] },
      body: WebhookPatch,
      run: (ctx, id, patch, expected) => updateWebhook(ctx, id, patch, expected, allowed),
    },
    remove: {
      summary: 'Remove a webhook',
      description: 'With all that it was told; what is pending is not sent.',
      query: WebhookQuery.omit({ fields: true }),
      run: (ctx, id, expected) => removeWebhook(ctx, id, expected),
    },
  })
}
