import { sql } from 'drizzle-orm'
import { instant, type Members } from '../db/json.ts'

/** A correction as its readers get it, out of a row `c` of the view `corrections`. */
export const CORRECTION: Members = {
  id: sql`c.id`,
  kind: sql`c.kind`,
  text: sql`c.text`,
  at: instant(sql`c.at`),
  fromVersion: sql`c.from_version`,
  toVersion: sql`c.to_version`,
  block: sql`c.block`,
  quote: sql`c.quote_id`,
}
