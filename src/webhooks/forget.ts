import { sql } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'

/** How long what is finished can be looked up and delivered again, in days. */
const KEPT = 30

/** How many are deleted in one statement: no lock is held for long. */
const BATCH = 10_000

/** Forgets all deliveries that are finished for longer than that. */
export async function forgetOldDeliveries(db: Executor): Promise<void> {
  for (let deleted = BATCH; deleted === BATCH; ) {
    const { rowCount } = await db.execute(sql`
      delete from deliveries where id in (
        select id from deliveries where finished_at < now() - make_interval(days => ${KEPT}::int)
        order by finished_at limit ${BATCH}::int)`)
    deleted = rowCount ?? 0
  }
}
