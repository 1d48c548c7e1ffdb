import { sql } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { driverError } from '../db/sqlstate.ts'
import { transaction } from '../db/transaction.ts'

/** Rows of the ledger in one transaction; fewer where they take so long that others would wait for its locks. */
const PORTIONS = [500, 50, 5]
/** How long a transaction may take, in ms; the smallest as long as any statement. */
const LONGEST = 2000
/** How long portions of one size follow each other, in ms, before it is looked what else there is to do. */
const TURN = 1000
/** SQLSTATEs of a statement that took too long, or that waited too long for a lock: of fewer rows it may not. */
const TOO_LONG = new Set(['57014', '55P03'])

/**
 * Follows the ledger, and tells in rows of its own what those who wrote it could not know: who came to see a
 * source or category before its change was committed, what left after its time had come, whose organization came
 * into view or left it (migrations/0029_follow_changes.sql). Rejects when somebody holds a row that it tells of for
 * longer than a lock is waited for: nothing is told then, and the next time it is.
 */
export async function followChanges(db: Database): Promise<void> {
  for (const most of PORTIONS) {
    const isLast = most === PORTIONS.at(-1)
    const end = performance.now() + TURN
    try {
      while ((await followPortion(db, most, isLast)) && performance.now() < end);
      return
    } catch (error) {
      if (isLast || !TOO_LONG.has(driverError(error)?.code ?? '')) throw error
    }
  }
}

/** Whether there may be more. */
function followPortion(db: Database, most: number, isLast: boolean): Promise<boolean> {
  return transaction(db, async (tx) => {
    if (!isLast)
      await tx.execute(sql`select set_config('statement_timeout', ${String(LONGEST)}, true)`)
    const { rows } = await tx.execute<{ more: boolean }>(
      sql`select public.follow_changes(${most}) as more`,
    )
    return rows[0]?.more ?? false
  })
}
