import { type SQL, sql } from 'drizzle-orm'
import type { Tx, Writing } from '../db/client.ts'
import { Fault, missing } from '../errors.ts'
import { lockWebhook } from './commands.ts'
import { lineUp, queueUp } from './lanes.ts'
import { wake } from './wake.ts'

/**
 * Delivers once more; the delivery's id, which stays. One that is pending stays as it is. Throws
 * `not_found`, and `wrong_state` for what was withdrawn by a removal and where the webhook is disabled.
 */
export async function redeliverOne(ctx: Writing, webhookId: string, id: string): Promise<string> {
  await lockEnabled(ctx, webhookId)
  const { tx } = ctx
  const { rows } = await tx.execute<{ state: string; withdrawn: boolean }>(sql`
    select d.state, ${withdrawn} as withdrawn from deliveries d
    where d.id = ${id}::uuid and d.webhook_id = ${webhookId}::uuid`)
  const [row] = rows
  if (!row) throw missing('delivery')
  if (row.state === 'pending') return id
  if (row.withdrawn)
    throw new Fault(
      'wrong_state',
      'It was withdrawn: what it tells of was to be removed after that.',
    )
  await again(tx, webhookId, sql`d.id = ${id}::uuid`)
  return id
}

/**
 * Delivers once more all that was made since a time, in the order of the ledger, but for what was withdrawn
 * by a removal; how many. Throws `not_found`, `wrong_state` where the webhook is disabled.
 */
export async function redeliverSince(ctx: Writing, webhookId: string, since: string) {
  await lockEnabled(ctx, webhookId)
  const made = sql`d.created_at >= ${since}::timestamptz and not ${withdrawn}`
  return again(ctx.tx, webhookId, made)
}

async function lockEnabled(ctx: Writing, id: string): Promise<void> {
  const { disabledAt } = await lockWebhook(ctx, id, undefined)
  if (disabledAt) throw new Fault('wrong_state', 'The webhook is disabled; enable it first.')
}

async function again(tx: Tx, webhookId: string, which: SQL): Promise<number> {
  const { rowCount } = await tx.execute(sql`
    update deliveries d set state = 'pending', finished_at = null, step = 0
    where d.webhook_id = ${webhookId}::uuid and d.state <> 'pending' and ${which}`)
  await queueUp(tx, webhookId)
  await lineUp(tx, [webhookId])
  await wake(tx)
  return rowCount ?? 0
}

/** Whoever is told of `d` now would put back what was to be removed, also where no removals are told. */
const withdrawn = sql`(d.state = 'superseded' or exists (
  select from deliveries x
  where x.webhook_id = d.webhook_id and x.resource_id = d.resource_id and x.op = 'remove'
    and x.position > d.position) or d.op = 'upsert' and exists (
  select from changes c
  where c.resource_id = d.resource_id and c.position > d.position
    and (c.was_visible or c.was_early) and not (c.is_visible or c.is_early)))`
