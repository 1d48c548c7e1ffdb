import { sql } from 'drizzle-orm'
import type { Database } from '../db/client.ts'

/**
 * Adds what writes have noted of their quotes to the counts of speakers, by which `sort=-quoteCount` walks.
 * Answers do not wait for it: they add what is noted themselves. Of several instances one does it at a time.
 */
export async function addQuoteCounts(db: Database): Promise<void> {
  await db.editor.execute(sql`select public.add_quote_counts()`)
}
