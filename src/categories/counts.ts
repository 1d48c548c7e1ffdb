import { sql } from 'drizzle-orm'
import type { Database } from '../db/client.ts'

/**
 * Adds what writes have noted of their articles to the counts of categories. Answers do not wait for it: they add
 * what is noted themselves. Of several instances one does it at a time.
 */
export async function addCategoryCounts(db: Database): Promise<void> {
  await db.editor.execute(sql`select public.add_category_counts()`)
}
