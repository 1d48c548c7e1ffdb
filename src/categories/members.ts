import { sql } from 'drizzle-orm'
import { instant, type Members, reference } from '../db/json.ts'

/** A category as its readers get it, out of a row `c` of the views `categories` and `article_categories`. */
export const CATEGORY: Members = {
  id: sql`c.id`,
  version: sql`c.version`,
  slug: sql`c.slug`,
  name: sql`c.name`,
  description: sql`c.description`,
  position: sql`c.position`,
  parent: reference('c', 'parent'),
  createdAt: instant(sql`c.created_at`),
  updatedAt: instant(sql`c.updated_at`),
}
