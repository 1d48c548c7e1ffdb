import { performance } from 'node:perf_hooks'
import { sql } from 'drizzle-orm'
import type { Executor } from './client.ts'

/** A replication slot, and how many bytes of WAL its standby has not confirmed. */
export type Standby = { slot: string; behind: number }

/** How long it may take, in ms: whoever collects metrics gives up soon. */
const PATIENCE = 1000

/**
 * Looks at the standbys of a primary, by their slots, which any role may see; of `pg_stat_replication` one
 * that is no superuser sees no lag. Asked again when the last answer is older than `fresh` ms. Empty where
 * there are none, on a standby, and while the database is away.
 */
export function standbys(db: Pick<Executor, 'execute'>, fresh: number): () => Promise<Standby[]> {
  let last: Promise<Standby[]> = Promise.resolve([])
  let asked = Number.NEGATIVE_INFINITY
  const ask = async () => {
    const { rows } = await db.execute<{ slot: string; behind: string }>(sql`
      select slot_name as slot, pg_wal_lsn_diff(pg_current_wal_lsn(),
        coalesce(confirmed_flush_lsn, restart_lsn)) as behind
      from pg_replication_slots
      where not pg_is_in_recovery() and coalesce(confirmed_flush_lsn, restart_lsn) is not null`)
    return rows.map(({ slot, behind }) => ({ slot, behind: Number(behind) }))
  }
  const late = () =>
    new Promise<Standby[]>((resolve) => {
      setTimeout(resolve, PATIENCE, []).unref()
    })
  return () => {
    const now = performance.now()
    if (now - asked < fresh) return last
    asked = now
    last = Promise.race([ask().catch(() => []), late()])
    return last
  }
}
