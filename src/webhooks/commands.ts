import { and, eq, isNull, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { v7 as uuidv7 } from 'uuid'
import { numberChanges } from '../changes/queries.ts'
import { record } from '../changes/record.ts'
import type { Writing } from '../db/client.ts'
import { moment, now } from '../db/clock.ts'
import { webhooks } from '../db/tables.ts'
import { demandVersion, type Expected } from '../db/versions.ts'
import { type Detail, missing, ruleBroken, unknownReferences } from '../errors.ts'
import { partnerFaults } from '../partners/lock.ts'
import { urlFaults } from './policy.ts'
import type { Network } from './ranges.ts'
import { EVERY, OVERLAP, type Rotation, type WebhookCreate, type WebhookPatch } from './schema.ts'
import { makeSecret } from './signature.ts'
import { wake } from './wake.ts'

type Row = typeof webhooks.$inferSelect

/**
 * Registers a webhook; its id. It is told what happens from now on. Throws `rule_broken`,
 * `unknown_reference`, `wrong_state` for a partner that has ended.
 */
export async function createWebhook(
  ctx: Writing,
  input: WebhookCreate,
  allowed: readonly Network[],
): Promise<string> {
  const { tx } = ctx
  const { url, events, partner = null, description = null, earlyAccess = false } = input
  const rules = [...urlFaults(url, allowed), ...earlyFaults(earlyAccess, partner)]
  const unknown = partner === null ? [] : await partnerFaults(ctx, partner)
  if (rules.length > 0) throw ruleBroken([...rules, ...unknown])
  if (unknown.length > 0) throw unknownReferences(unknown)
  const id = uuidv7()
  // So that it begins with what comes, not with what just was.
  await numberChanges(tx)
  await tx.insert(webhooks).values({
    ...{
      id,
      url,
      host: hostIn(url),
      events: listOf(events),
      partnerId: partner,
      description,
      early: earlyAccess,
    },
    ...{ secret: makeSecret(), createdAt: now, updatedAt: now },
    position: sql`(select coalesce(max(position), 0) from changes)`,
  })
  await record(ctx, {
    ...{ kind: 'webhook', id, operation: 'create', event: 'webhook.created' },
    ...{ fromVersion: null, toVersion: 1 },
  })
  return id
}

/** Changes a webhook; its id. Throws `not_found`, `version_stale`, `rule_broken`. */
export async function updateWebhook(
  ctx: Writing,
  id: string,
  patch: WebhookPatch,
  expected: Expected,
  allowed: readonly Network[],
): Promise<string> {
  const row = await lockWebhook(ctx, id, expected)
  const { url, events, description, earlyAccess } = patch
  const faults = [
    ...(url === undefined ? [] : urlFaults(url, allowed)),
    ...earlyFaults(earlyAccess ?? false, row.partnerId),
  ]
  if (faults.length > 0) throw ruleBroken(faults)
  await change(ctx, row, 'webhook.updated', {
    // What another address did says nothing of this one.
    ...(url !== undefined &&
      url !== row.url && { url, host: hostIn(url), failingSince: null, pausedUntil: null }),
    ...(events !== undefined && { events: listOf(events) }),
    ...(description !== undefined && { description }),
    ...(earlyAccess !== undefined && { early: earlyAccess }),
  })
  return id
}

/** Removes a webhook, with all that it was told or waits to be. Throws `not_found`, `version_stale`. */
export async function removeWebhook(ctx: Writing, id: string, expected: Expected): Promise<void> {
  const { version } = await lockWebhook(ctx, id, expected)
  await ctx.tx.delete(webhooks).where(eq(webhooks.id, id))
  await record(ctx, {
    ...{ kind: 'webhook', id, operation: 'delete', event: 'webhook.deleted' },
    ...{ fromVersion: version, toVersion: version },
  })
}

/**
 * Gives a webhook a new secret; its id. The one of today signs too, until the given time. Throws
 * `not_found`, `version_stale`, `rule_broken` for a time that is past or too far.
 */
export async function rotateSecret(
  ctx: Writing,
  id: string,
  { previousUntil }: Rotation,
  expected: Expected | undefined,
): Promise<string> {
  const row = await lockWebhook(ctx, id, expected)
  const hours = (count: number) => sql`now() + make_interval(hours => ${count}::int)`
  const until =
    previousUntil === undefined ? hours(OVERLAP.usual) : sql`${previousUntil}::timestamptz`
  if (previousUntil !== null) {
    const { rows } = await ctx.tx.execute<{ fits: boolean }>(
      sql`select ${until} > now() and ${until} <= ${hours(OVERLAP.most)} as fits`,
    )
    const message = `must be in the future, by ${OVERLAP.most / 24} days at most`
    if (!rows[0]?.fits) throw ruleBroken([{ pointer: '/previousUntil', message }])
  }
  await change(ctx, row, 'webhook.secret-rotated', {
    secret: makeSecret(),
    previousSecret: previousUntil === null ? null : row.secret,
    previousSecretUntil: previousUntil === null ? null : until,
  })
  return id
}

/**
 * Has a webhook told again, from where it stopped; its id. One that is enabled stays as it is. Throws
 * `not_found`, `version_stale`, `wrong_state` when its partner has ended.
 */
export async function enableWebhook(
  ctx: Writing,
  id: string,
  expected: Expected | undefined,
): Promise<string> {
  const row = await lockWebhook(ctx, id, expected)
  if (row.disabledAt === null) return id
  if (row.partnerId !== null) await partnerFaults(ctx, row.partnerId)
  const enabled = { disabledAt: null, disabledReason: null, failingSince: null, pausedUntil: null }
  await change(ctx, row, 'webhook.enabled', enabled)
  await ctx.tx.execute(sql`
    update deliveries set due_at = now() where webhook_id = ${id}::uuid and state = 'pending'
      and due_at > now() and leased_until is null`)
  await wake(ctx.tx)
  return id
}

/** Disables a webhook that is locked, with a row in the ledger that says why. */
export async function disableWebhook(
  ctx: Writing,
  row: Pick<Row, 'id' | 'version'>,
  disabledReason: 'failing' | 'gone' | 'partner',
  reason: string,
): Promise<void> {
  await change(ctx, row, 'webhook.disabled', { disabledAt: now, disabledReason }, reason)
}

/** Disables all webhooks of a partner that ends. */
export async function disableWebhooksOf(ctx: Writing, partnerId: string): Promise<void> {
  const rows = await ctx.tx
    .select()
    .from(webhooks)
    .where(and(eq(webhooks.partnerId, partnerId), isNull(webhooks.disabledAt)))
    .orderBy(webhooks.id)
    .for('update')
  for (const row of rows) await disableWebhook(ctx, row, 'partner', 'the partner has ended')
}

/** Locks a webhook: whoever changes it, or what it is told, holds its row. Throws `not_found`, `version_stale`. */
export async function lockWebhook(
  { tx }: Pick<Writing, 'tx'>,
  id: string,
  expected: Expected | undefined,
): Promise<Row> {
  const [row] = await tx.select().from(webhooks).where(eq(webhooks.id, id)).for('update')
  if (!row) throw missing('webhook')
  demandVersion(row.version, expected)
  return row
}

/** Writes the next version of a webhook, and what happened into the ledger. */
async function change(
  ctx: Writing,
  { id, version }: Pick<Row, 'id' | 'version'>,
  event: string,
  values: PgUpdateSetSource<typeof webhooks>,
  reason?: string,
): Promise<void> {
  const next = version + 1
  const { tx } = ctx
  await tx
    .update(webhooks)
    .set({ ...values, version: next, updatedAt: moment })
    .where(eq(webhooks.id, id))
  await record(ctx, {
    ...{ kind: 'webhook', id, operation: 'update', event, reason },
    ...{ fromVersion: version, toVersion: next },
  })
}

/** Of a URL without faults. */
function hostIn(url: string): string {
  return new URL(url).host
}

function listOf(events: WebhookCreate['events']): string[] | null {
  return events.includes(EVERY) ? null : [...events]
}

function earlyFaults(early: boolean, partner: string | null): Detail[] {
  const message = 'needs a partner: readers are told of nothing before its embargo ends'
  return early && partner === null ? [{ pointer: '/earlyAccess', message }] : []
}
