import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { view } from '../db/slugs.ts'
import { all } from '../db/where.ts'
import { BY_LANGUAGE, BY_MONTH, byCategory, byName, countFacets } from '../search/facets.ts'
import type { ArticleFacets } from './schema.ts'

type Found = { tables: readonly SQL[]; from: SQL; where: SQL[] }

/** How many articles there are by each of `facets`. */
export function countArticleFacets(
  reading: Reading,
  { tables, from, where }: Found,
  facets: readonly (keyof ArticleFacets)[],
  most: number,
): Promise<ArticleFacets> {
  const rows = sql`
    select a.id, a.id as article_id, a.language, a.listed_at as dated_at
    from ${from} where ${all(where)}`
  const by = {
    category: byCategory(reading),
    source: byName(sql`join ${view(reading.schema, 'article_sources')} n on n.article_id = m.id`),
    speaker: byName(sql`join (
        select article_id, speaker_id as id, speaker_slug as slug, speaker_name as name
        from ${view(reading.schema, 'quotes')} where speaker_id is not null
      ) n on n.article_id = m.id`),
    language: BY_LANGUAGE,
    month: BY_MONTH,
  }
  return countFacets(reading, { tables, rows }, facets, by, most)
}
