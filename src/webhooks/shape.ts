import type { z } from 'zod'
import { type ItemRead, shownToWriter } from '../http/reading.ts'
import {
  DELIVERY_MEMBERS,
  findDelivery,
  findWebhook,
  webhookMembers,
  withSecret,
} from './queries.ts'
import { Webhook, WebhookParams, WebhookQuery, WebhookWithSecret } from './schema.ts'

const scope = 'admin'
type Query = z.output<typeof WebhookQuery>

/** One webhook, by id; with its secret only in the answer that gives it out. */
export function webhookItem(name: string, { fields }: Query, secret = false): ItemRead {
  const members = secret ? withSecret(webhookMembers(fields)) : webhookMembers(fields)
  return {
    ...{ kind: 'webhook', name },
    statement: (id) => findWebhook(id, members),
    members: Object.keys(members),
  }
}

/** One delivery of a webhook, by id. */
export function deliveryItem(webhookId: string, name: string): ItemRead {
  return {
    ...{ kind: 'delivery', name },
    statement: (id) => findDelivery(id, webhookId),
    members: DELIVERY_MEMBERS,
  }
}

/** Webhooks, as http/resource.ts wants a kind that is written. */
export const webhookResource = {
  kind: 'Webhook',
  tag: 'Webhooks',
  path: '/webhooks',
  scope,
  params: WebhookParams,
  shown: Webhook,
  query: WebhookQuery,
  show: shownToWriter((id, query: Query) => webhookItem(id, query)),
} as const

/** The same with its secret, where that is given out. */
export const withItsSecret = {
  shown: WebhookWithSecret,
  show: shownToWriter((id, query: Query) => webhookItem(id, query, true)),
}
