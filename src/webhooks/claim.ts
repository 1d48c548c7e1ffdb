import { sql } from 'drizzle-orm'
import type { Executor, Tx } from '../db/client.ts'
import { array, literal } from '../db/where.ts'
import { SECRETS, type Target } from './queries.ts'
import { wake } from './wake.ts'

/**
 * Attempts under way to each webhook, and to each host, from each process: of removals, which wait for no
 * other, and of all others. One webhook that hangs leaves room at its host for another. One that has failed
 * for a minute is only tried.
 */
export const ROOM = { each: 4, host: 8, failing: 1 }

/** A delivery that is this process's until its lease ends, and what is needed to make an attempt. */
export type Claimed = Target & {
  id: string
  webhookId: string
  host: string
  position: number
  partnerId: string | null
  early: boolean
  /** When it was claimed, by the database's clock. */
  at: Date
  leasedUntil: string
}

export type Claiming = {
  /** Only removals, or only all others. */
  removals: boolean
  /** How many at most. */
  most: number
  /** How many of those are under way to each webhook. */
  underWay: ReadonlyMap<string, number>
  /** Hosts without room for one more. */
  full: readonly string[]
  /** Seconds until what is claimed is taken to be lost. */
  lease: number
}

/**
 * Takes what is due, the oldest first, those of webhooks that answer before those of others. Nobody waits
 * for another process: what that one is taking is passed over. When the lease ends there is an alarm, for
 * whoever lives then.
 */
export async function claim(
  tx: Tx,
  { removals, most, underWay, full, lease }: Claiming,
): Promise<Claimed[]> {
  const room = removals
    ? sql`${literal(ROOM.each)}`
    : sql`case when w.failing_since < now() - interval '1 minute'
        then ${literal(ROOM.failing)} else ${literal(ROOM.each)} end`
  const busy = JSON.stringify(Object.fromEntries(underWay))
  const ends = sql`now() + make_interval(secs => ${lease}::float8)`
  const { rows } = await tx.execute<Claimed & { position: string; at: string | Date }>(sql`
    with due as (
      select d.id from webhooks w cross join lateral (
        select d.id, d.due_at from deliveries d
        where d.webhook_id = w.id and d.state = 'pending' and d.due_at <= now()
          and (d.op = 'remove') = ${sql.raw(String(removals))}
        order by d.due_at
        limit greatest(0, ${room} - coalesce((${busy}::jsonb ->> w.id::text)::int, 0))
        for update skip locked) d
      where w.disabled_at is null and w.host <> all(${array(full, 'text')})
        ${removals ? sql`` : sql`and (w.paused_until is null or w.paused_until <= now())`}
      order by w.failing_since is not null, d.due_at
      limit ${most}::int)
    update deliveries d set leased_until = ${ends}, due_at = ${ends}
    from due, webhooks w
    where d.id = due.id and w.id = d.webhook_id
    returning d.id, d.webhook_id as "webhookId", d.position, w.partner_id as "partnerId", w.early,
      w.url, w.host, ${SECRETS} as secrets, now() as at, d.leased_until::text as "leasedUntil"`)
  const [first] = rows
  if (first) await wake(tx, sql`${first.leasedUntil}::timestamptz`)
  return rows.map((row) => ({ ...row, position: Number(row.position), at: new Date(row.at) }))
}

/** Whether it is still to be delivered, by this process: it may have been withdrawn, or its lease have ended. */
export async function isOurs(
  db: Executor,
  { id, leasedUntil }: Pick<Claimed, 'id' | 'leasedUntil'>,
): Promise<boolean> {
  const { rows } = await db.execute(sql`
    select from deliveries d where d.id = ${id}::uuid and d.state = 'pending'
      and d.leased_until = ${leasedUntil}::timestamptz`)
  return rows.length > 0
}
