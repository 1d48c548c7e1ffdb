import { sql } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'

/** How long what is finished can be looked up and delivered again, in days. */
const KEPT = 30

/** Forgets deliveries that are finished for longer than that; at most 10,000, the rest next time. */
export async function forgetOldDeliveries(db: Executor): Promise<void> {
  await db.execute(sql`
    delete from deliveries where id in (
      select id from deliveries where finished_at < now() - make_interval(days => ${KEPT}::int)
      order by finished_at limit 10000)`)
}
