import { type SQL, sql } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'
import { arrayOf, instant, type Members, pickMembers, selected } from '../db/json.ts'
import type { Order } from '../db/keyset.ts'
import { type Listing, listObjects } from '../db/listing.ts'
import { anyOrNone, array } from '../db/where.ts'
import { missing } from '../errors.ts'
import type { DeliveryListQuery, WebhookListQuery } from './schema.ts'

const WEBHOOK: Members = {
  id: sql`w.id`,
  version: sql`w.version`,
  url: sql`w.url`,
  events: sql`coalesce(w.events, '{*}')`,
  partner: sql`w.partner_id`,
  description: sql`w.description`,
  earlyAccess: sql`w.early`,
  previousSecretUntil: instant(
    sql`case when w.previous_secret_until > now() then w.previous_secret_until end`,
  ),
  disabledAt: instant(sql`w.disabled_at`),
  disabledReason: sql`w.disabled_reason`,
  failingSince: instant(sql`w.failing_since`),
  pausedUntil: instant(sql`case when w.paused_until > now() then w.paused_until end`),
  createdAt: instant(sql`w.created_at`),
  updatedAt: instant(sql`w.updated_at`),
}

/** The members of a webhook that were asked for; never its secret. */
export function webhookMembers(fields: readonly string[] | undefined): Members {
  return pickMembers(WEBHOOK, fields)
}

/** The same with its secret, for the answer that gives it out. */
export function withSecret(members: Members): Members {
  return { ...members, secret: sql`w.secret` }
}

/** A webhook by id, as an object with what is told of it. */
export function findWebhook(id: SQL, members: Members): SQL {
  return sql`
    select row_to_json(o)::text as data, w.id, w.version
    from webhooks w cross join lateral (select ${selected(members)}) o where w.id = ${id}::uuid`
}

/** Where webhooks come from, and the conditions of a list. */
export function findWebhooks({ ids, partner }: Pick<WebhookListQuery, 'ids' | 'partner'>) {
  return {
    from: sql`webhooks w`,
    where: [
      ids && sql`w.id = any(${array(ids, 'uuid')})`,
      partner && sql`w.partner_id = ${partner}::uuid`,
    ],
  }
}

/** A page of webhooks, as one row of objects. */
export function listWebhooks(query: WebhookListQuery, page: Listing, members: Members): SQL {
  const order: Order = {
    columns: [{ column: sql`w.created_at`, type: 'timestamptz' }],
    id: sql`w.id`,
    descending: query.sort === '-createdAt',
  }
  return listObjects({ alias: 'w', ...findWebhooks(query), order, page, members })
}

const ATTEMPT: Members = {
  at: instant(sql`t.at`),
  ms: sql`t.ms`,
  status: sql`t.status`,
  error: sql`t.error`,
  detail: sql`t.detail`,
  excerpt: sql`t.excerpt`,
}

const DELIVERY: Members = {
  id: sql`d.id`,
  webhook: sql`d.webhook_id`,
  state: sql`d.state`,
  change: sql`json_build_object('position', d.position, 'op', d.op, 'resource', d.resource,
    'event', d.event, 'id', d.resource_id, 'version', d.resource_version,
    'at', (select ${instant(sql`c.at`)} from changes c where c.position = d.position),
    'reason', d.reason)`,
  dueAt: instant(sql`case when d.leased_until is null then d.due_at end`),
  createdAt: instant(sql`d.created_at`),
  finishedAt: instant(sql`d.finished_at`),
  attempts: arrayOf(
    sql`(select * from delivery_attempts x where x.delivery_id = d.id order by x.number) t`,
    ATTEMPT,
  ),
}

/** The names of the members of a delivery. */
export const DELIVERY_MEMBERS = Object.keys(DELIVERY)

/** A delivery of a webhook by id, as an object with what is told of it. */
export function findDelivery(id: SQL, webhookId: string): SQL {
  return sql`
    select row_to_json(o)::text as data, d.id
    from deliveries d cross join lateral (select ${selected(DELIVERY)}) o
    where d.id = ${id}::uuid and d.webhook_id = ${webhookId}::uuid`
}

/** A page of what a webhook is told, the newest first, as one row of objects. */
export function listDeliveries(
  webhookId: string,
  { state, event, since }: DeliveryListQuery,
  page: Listing,
): SQL {
  const order: Order = {
    columns: [{ column: sql`d.position`, type: 'integer' }],
    id: sql`d.id`,
    descending: true,
  }
  const where = [
    sql`d.webhook_id = ${webhookId}::uuid`,
    anyOrNone(sql`d.state`, state),
    anyOrNone(sql`d.event`, event),
    since && sql`d.created_at >= ${since}::timestamptz`,
  ]
  return listObjects({
    ...{ alias: 'd', from: sql`deliveries d`, where, order, page, members: DELIVERY },
  })
}

/** What is needed to send to a webhook: the secrets that are valid now, the newest first. */
export type Target = { url: string; secrets: string[] }

/** The secrets that are valid now, of a row `w` of webhooks. */
export const SECRETS = sql`array_remove(array[w.secret,
  case when w.previous_secret_until > now() then w.previous_secret end], null)`

/** Where a webhook leads, and the database's clock. Throws `not_found`. */
export async function targetOf(db: Executor, id: string): Promise<Target & { at: Date }> {
  const { rows } = await db.execute<Target & { at: Date | string }>(sql`
    select w.url, ${SECRETS} as secrets, now() as at from webhooks w where w.id = ${id}::uuid`)
  const [row] = rows
  if (!row) throw missing('webhook')
  return { ...row, at: new Date(row.at) }
}

/** Throws `not_found`. */
export async function demandWebhook(db: Executor, id: string): Promise<void> {
  const { rows } = await db.execute(sql`select from webhooks w where w.id = ${id}::uuid`)
  if (rows.length === 0) throw missing('webhook')
}

/** What waits to be told, for whoever watches: how much, and for how long the oldest that is due, in s. */
export async function backlog(db: Executor): Promise<{ pending: number; oldest: number }> {
  const { rows } = await db.execute<{ pending: number; oldest: number }>(sql`
    select count(*)::int as pending, coalesce(extract(epoch from
      now() - min(d.due_at) filter (where d.due_at <= now())), 0)::float8 as oldest
    from deliveries d join webhooks w on w.id = d.webhook_id
    where d.state = 'pending' and w.disabled_at is null`)
  return rows[0] ?? { pending: 0, oldest: 0 }
}
