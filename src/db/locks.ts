import { sql } from 'drizzle-orm'
import type { Tx } from './client.ts'
import { sent } from './pipeline.ts'

/*
 * Locks of what no single row stands for, held until a transaction ends. Their names also stand in the
 * triggers of migrations/.
 */

/** Which category is below which. */
export const TREE = 'dateline.categories.tree'
/** Which source belongs to which. */
export const MEMBERS = 'dateline.sources.members'
/** Who announces what time has changed. */
export const SWEEP = 'dateline.sweep'
/** Who writes the counts of partners. */
export const PARTNER_COUNTS = 'dateline.partner.counts'
/** Who makes them from nothing, which takes long. */
export const PARTNER_COUNTING = 'dateline.partner.counting'

/** Waits for the lock and has it alone. */
export async function hold(tx: Tx, name: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtext(${name}))`)
}

/** Waits for the lock and has it together with others who share it. */
export function share(tx: Tx, name: string): Promise<unknown> {
  return sent(tx.execute(sql`select pg_advisory_xact_lock_shared(hashtext(${name}))`))
}

/** Shares all of these if nobody holds one; whether it does. Waits for nobody. */
export async function tryToShare(tx: Tx, names: readonly string[]): Promise<boolean> {
  const tries = names.map((name) => sql`pg_try_advisory_xact_lock_shared(hashtext(${name}))`)
  const { rows } = await tx.execute<{ shared: boolean }>(
    sql`select ${sql.join(tries, sql` and `)} as shared`,
  )
  return rows[0]?.shared ?? false
}

/** Holds the lock if nobody does; whether it does. Waits for nobody. */
export async function tryToHold(tx: Tx, name: string): Promise<boolean> {
  const { rows } = await tx.execute<{ held: boolean }>(
    sql`select pg_try_advisory_xact_lock(hashtext(${name})) as held`,
  )
  return rows[0]?.held ?? false
}
