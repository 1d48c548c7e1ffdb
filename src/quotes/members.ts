import { sql } from 'drizzle-orm'
import { CORRECTION } from '../corrections/members.ts'
import type { Reading } from '../db/client.ts'
import { arrayOf, instant, type Members, pickMembers, reference } from '../db/json.ts'
import { view } from '../db/slugs.ts'

/**
 * A quote as its readers get it, out of a row `q` of the views `quotes` and `searched_quotes`, whose
 * column `corrections` holds its corrections as rows of the view `corrections`.
 */
export function quoteMembers({ schema }: Pick<Reading, 'schema'>): Members {
  const corrections = sql`json_populate_recordset(
    null::${view(schema, 'corrections')}, q.corrections) c`
  return {
    id: sql`q.id`,
    version: sql`q.version`,
    article: sql`json_build_object(
      'id', q.article_id, 'slug', q.article_slug, 'headline', q.article_headline)`,
    kind: sql`q.kind`,
    text: sql`q.text`,
    language: sql`q.language`,
    original: sql`case when q.original_text is not null then json_build_object(
      'text', q.original_text, 'language', q.original_language) end`,
    speaker: reference('q', 'speaker'),
    cue: sql`q.cue`,
    saidAt: instant(sql`q.said_at`),
    occasion: sql`q.occasion`,
    state: sql`q.state`,
    spans: sql`q.spans`,
    // Nearly all have none.
    corrections: sql`case when q.corrections::text = '[]' then json '[]'
      else ${arrayOf(corrections, CORRECTION)} end`,
    createdAt: instant(sql`q.created_at`),
    updatedAt: instant(sql`q.updated_at`),
  }
}

/** A quote of this audience's view, with the members that were asked for. */
export function shownQuote(
  reading: Pick<Reading, 'schema'>,
  fields: readonly string[] | undefined,
): Members {
  return pickMembers(quoteMembers(reading), fields)
}
