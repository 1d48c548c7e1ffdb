import { sql } from 'drizzle-orm'
import { CORRECTION } from '../corrections/members.ts'
import type { Reading } from '../db/client.ts'
import { arrayOf, instant, type Members, pickMembers, reference, selected } from '../db/json.ts'
import { view } from '../db/slugs.ts'
import { SOURCE } from '../sources/members.ts'
import type { QuoteQuery } from './schema.ts'

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

/** A quote of this audience's view, with what was asked for. */
export function shownQuote(
  reading: Pick<Reading, 'schema'>,
  { fields, include, 'fields[speaker]': ofSpeaker }: QuoteQuery,
): Members {
  const members = pickMembers(quoteMembers(reading), fields)
  if (!include?.includes('speaker')) return members
  const speaker = sql`(select row_to_json(o) from ${view(reading.schema, 'sources')} s
    cross join lateral (select ${selected(pickMembers(SOURCE, ofSpeaker))}) o
    where s.id = q.speaker_id)`
  return { ...members, speaker }
}
