import { sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { all } from '../db/where.ts'
import {
  BY_LANGUAGE,
  BY_MONTH,
  byCategory,
  byName,
  byValue,
  countFacets,
} from '../search/facets.ts'
import type { Found } from './queries.ts'
import type { QuoteFacets } from './schema.ts'

/** How many quotes there are by each of `facets`. */
export function countQuoteFacets(
  reading: Reading,
  { tables, from, where }: Pick<Found, 'tables' | 'from' | 'where'>,
  facets: readonly (keyof QuoteFacets)[],
  most: number,
): Promise<QuoteFacets> {
  const rows = sql`
    select q.id, q.article_id, q.search_language as language, q.dated_at, q.kind,
      q.speaker_id, q.speaker_slug, q.speaker_name
    from ${from} where ${all(where)}`
  const by = {
    speaker: byName(sql`
      join lateral (values (m.speaker_id, m.speaker_slug, m.speaker_name)) n (id, slug, name)
      on n.id is not null`),
    category: byCategory(reading),
    kind: byValue(sql`m.kind`),
    language: BY_LANGUAGE,
    month: BY_MONTH,
  }
  return countFacets(reading, { tables, rows }, facets, by, most)
}
