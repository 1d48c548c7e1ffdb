import { sql } from 'drizzle-orm'
import type { Actor } from '../actor.ts'
import type { Tx } from '../db/client.ts'
import { moment } from '../db/clock.ts'
import type { Claimed } from './claim.ts'
import { disableWebhook } from './commands.ts'
import { lineUp } from './lanes.ts'
import type { Outcome } from './outcome.ts'
import { waitAfter } from './schedule.ts'
import { wake } from './wake.ts'

/** Failing for so long without a success disables a webhook, in days. */
const PATIENCE = 5
/** A host without room is asked again after so many seconds. */
const NO_ROOM = 1

/** In the ledger. */
const SENDER: Actor = { keyId: undefined, name: 'webhooks', scopes: new Set() }

/** A partner was told of a version of an article, or to remove it, and answered 2xx. */
export type Delivered = {
  partnerId: string
  articleId: string
  version: number
  op: 'upsert' | 'remove'
  /** Of the row in the ledger: what was told later has a higher one, whichever answer came first. */
  position: number
  /** When it was told. */
  at: Date
}
/** Who wants to know what was delivered, in the transaction that notes it. */
export type OnDelivered = (tx: Tx, delivered: Delivered) => Promise<void>

export type Settling = {
  claimed: Pick<Claimed, 'id' | 'webhookId' | 'at' | 'leasedUntil'>
  outcome: Outcome
  /** WEBHOOK_RETRY_SCALE. */
  scale: number
  /** For the jitter, from 0 to 1. */
  chance: number
  onDelivered: OnDelivered
}

type HookRow = {
  version: number
  partner_id: string | null
  disabled: boolean
  impatient: boolean
}
type DeliveryRow = {
  position: string
  op: Delivered['op'] | 'reset'
  resource: string
  resource_id: string
  resource_version: number | null
  state: string
  step: number
  /** The claim is still ours. */
  ours: boolean
  /** Made before the schedule wanted it. */
  early: boolean
}

/**
 * Notes what came of an attempt, and what follows from it: the next one of the lane has its turn, or this
 * one another attempt, or the webhook is disabled. What was removed meanwhile is passed over.
 */
export async function settle(tx: Tx, settling: Settling): Promise<void> {
  const { claimed, outcome } = settling
  const { id, webhookId } = claimed
  const hook = (
    await tx.execute<HookRow>(sql`
      select w.version, w.partner_id, w.disabled_at is not null as disabled,
        coalesce(w.failing_since <= now() - make_interval(days => ${PATIENCE}::int), false) as impatient
      from webhooks w where w.id = ${webhookId}::uuid for update`)
  ).rows[0]
  const delivery = (
    await tx.execute<DeliveryRow>(sql`
      select d.position, d.op, d.resource, d.resource_id, d.resource_version, d.state, d.step,
        d.leased_until is not distinct from ${claimed.leasedUntil}::timestamptz as ours,
        coalesce(d.planned_at > now(), false) as early
      from deliveries d where d.id = ${id}::uuid for update`)
  ).rows[0]
  if (!hook || !delivery) return
  const untried = outcome.error === 'busy' || outcome.error === 'stopped'
  if (!untried) await noteAttempt(tx, claimed, outcome)
  if (outcome.ok) await succeed(tx, settling, hook, delivery)
  else if (!untried) await failing(tx, settling, hook)
  // What was superseded, or is another's by now, has nothing to wait for.
  if (outcome.ok || !delivery.ours) return
  if (untried) await wait(tx, id, sql`${outcome.error === 'busy' ? NO_ROOM : 0}::float8`)
  else await reschedule(tx, settling, delivery)
}

async function noteAttempt(
  tx: Tx,
  { id, at }: Settling['claimed'],
  { ms, status, error, detail, excerpt }: Outcome,
): Promise<void> {
  await tx.execute(sql`
    insert into delivery_attempts (delivery_id, number, at, ms, status, error, detail, excerpt)
    select ${id}::uuid, coalesce(max(t.number), 0) + 1, ${at.toISOString()}::timestamptz, ${ms}::int,
      ${status}::int, ${error}::text, ${detail}::text, ${excerpt}::text
    from delivery_attempts t where t.delivery_id = ${id}::uuid`)
}

/** Also of one that was superseded while the attempt was under way: it arrived. */
async function succeed(
  tx: Tx,
  { claimed: { id, webhookId, at }, onDelivered }: Settling,
  { partner_id }: HookRow,
  { op, resource, resource_id, resource_version, position }: DeliveryRow,
): Promise<void> {
  await finish(tx, id, 'delivered')
  await tx.execute(sql`
    update webhooks set failing_since = null, paused_until = null
    where id = ${webhookId}::uuid and (failing_since is not null or paused_until is not null)`)
  await lineUp(tx, [webhookId], [resource_id])
  if (partner_id === null || resource !== 'article' || op === 'reset') return
  // Rows of articles have one.
  const version = resource_version ?? 0
  const delivered = { partnerId: partner_id, articleId: resource_id, version }
  await onDelivered(tx, { ...delivered, op, position: Number(position), at })
}

/** What a failure says of the webhook: since when, how long it wants not to be called, or that it is over. */
async function failing(
  tx: Tx,
  { claimed: { webhookId }, outcome: { retryAfter, gone } }: Settling,
  { version, disabled, impatient }: HookRow,
): Promise<void> {
  await tx.execute(sql`
    update webhooks set failing_since = coalesce(failing_since, ${moment}),
      paused_until = greatest(paused_until, now() + make_interval(secs => ${retryAfter}::float8))
    where id = ${webhookId}::uuid`)
  // Its own attempt may be due much later than the others, which wait for this.
  if (retryAfter !== null) await wake(tx, sql`now() + make_interval(secs => ${retryAfter}::float8)`)
  if (disabled || !(gone || impatient)) return
  const ctx = { tx, actor: SENDER }
  const hook = { id: webhookId, version }
  if (gone) await disableWebhook(ctx, hook, 'gone', 'it answered 410')
  else await disableWebhook(ctx, hook, 'failing', `it has failed for ${PATIENCE} days`)
}

/** The next attempt, or none. One that was brought forward leaves the schedule as it is. */
async function reschedule(
  tx: Tx,
  { claimed: { id, webhookId }, outcome: { retryAfter }, scale, chance }: Settling,
  { step, early, resource_id }: DeliveryRow,
): Promise<void> {
  const seconds = waitAfter(step + 1, scale, chance)
  if (!early && seconds === undefined) {
    await finish(tx, id, 'failed')
    await lineUp(tx, [webhookId], [resource_id])
    return
  }
  if (!early) {
    await tx.execute(sql`
      update deliveries set step = step + 1,
        planned_at = clock_timestamp() + make_interval(secs => ${seconds}::float8)
      where id = ${id}::uuid`)
  }
  const planned = sql`(select extract(epoch from d.planned_at - clock_timestamp())
    from deliveries d where d.id = ${id}::uuid)::float8`
  await wait(tx, id, sql`greatest(${planned}, ${retryAfter}::float8, 0)`)
}

async function finish(tx: Tx, id: string, state: 'delivered' | 'failed'): Promise<void> {
  await tx.execute(sql`
    update deliveries set state = ${state}, finished_at = ${moment}, due_at = null,
      planned_at = null, leased_until = null
    where id = ${id}::uuid`)
}

/** Gives a delivery back, to be tried after so many seconds, and sets the alarm for then. */
async function wait(tx: Tx, id: string, seconds: ReturnType<typeof sql>): Promise<void> {
  const { rows } = await tx.execute<{ at: string }>(sql`
    update deliveries set leased_until = null,
      due_at = clock_timestamp() + make_interval(secs => ${seconds})
    where id = ${id}::uuid returning due_at::text as at`)
  await wake(tx, sql`${rows[0]?.at ?? null}::timestamptz`)
}

/** Withdraws what a webhook is not to be told any more. */
export async function withdraw(
  tx: Tx,
  { id, webhookId }: Pick<Claimed, 'id' | 'webhookId'>,
): Promise<void> {
  await tx.execute(sql`select from webhooks where id = ${webhookId}::uuid for update`)
  const { rows } = await tx.execute<{ resource_id: string }>(sql`
    update deliveries set state = 'superseded', finished_at = ${moment}, due_at = null,
      planned_at = null, leased_until = null
    where id = ${id}::uuid and state = 'pending' returning resource_id`)
  await lineUp(
    tx,
    [webhookId],
    rows.map(({ resource_id }) => resource_id),
  )
}
