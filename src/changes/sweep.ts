import type { Database } from '../db/client.ts'
import { SWEEP, tryToHold } from '../db/locks.ts'
import { transaction } from '../db/transaction.ts'
import { announce } from './announce.ts'
import { numberChanges } from './queries.ts'

/** At most so many articles in one transaction; the rest comes with the next sweep. */
const BATCH = 1000

/**
 * Announces what time has changed, in one transaction. What readers see does not wait for it. One sweep
 * at a time on a database; how many rows there are of it.
 */
export async function sweep(db: Database): Promise<number> {
  const announced = await transaction(db, async (tx) =>
    (await tryToHold(tx, SWEEP)) ? announce(tx, { limit: BATCH }) : 0,
  )
  // So that the backlog stays small when nobody reads the ledger.
  await numberChanges(db.editor)
  return announced
}
