import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { view } from '../db/slugs.ts'
import { bothWays, isNone, isOne, oneOf, type Resolved } from '../db/where.ts'

/*
 * Which articles a category, a source or a speaker lists. A category's lists include what is filed
 * below it: `article_listings` holds a row for every category above an article, so that no question
 * has to climb the tree.
 */

/** What can list articles. The narrowest first: a speaker has fewer than a category. */
const LISTING_KINDS = ['speaker', 'source', 'category'] as const
export type ListingKind = (typeof LISTING_KINDS)[number]

/** Resolved filters of the list, by id. */
export type Named = Record<ListingKind, Resolved | undefined>

/**
 * Where articles come from, and the conditions of the filters by listing. One category, source or
 * speaker is asked for most: then its own index gives its articles in order of date, and a page ends
 * after as many entries as it has rows. For any of several, and for none-of, each article is looked
 * up under them by its id.
 */
export function listedArticles(
  reading: Pick<Reading, 'schema'>,
  named: Named,
): { from: SQL; where: SQL[] } {
  const leading = LISTING_KINDS.find((kind) => named[kind] && isOne(named[kind].any))
  const ids = leading && named[leading]?.any
  const conditions = LISTING_KINDS.map((kind) => {
    const filter = named[kind]
    const rest = kind === leading && filter ? { any: [], none: filter.none } : filter
    return listedUnder(reading, kind, sql`a.id`, rest)
  }).filter((condition) => condition !== undefined)
  if (leading === undefined || ids === undefined) {
    return { from: sql`${view(reading.schema, 'articles')} a`, where: conditions }
  }
  return {
    from: sql`${view(reading.schema, 'listed_articles')} a`,
    where: [
      sql`a.listing_kind = ${sql.raw(`'${leading}'`)}`,
      oneOf(sql`a.listing_id`, ids, 'uuid'),
      ...conditions,
    ],
  }
}

/** The condition that an article is listed under any of these and none of those. */
export function listedUnder(
  { schema }: Pick<Reading, 'schema'>,
  kind: ListingKind,
  article: SQL,
  filter: Resolved | undefined,
): SQL | undefined {
  if (filter && isNone(filter.any) && filter.none.length === 0) return undefined
  return bothWays(
    filter,
    (ids) => sql`exists (
      select from ${view(schema, 'article_listings')} l
      where l.article_id = ${article} and l.kind = ${sql.raw(`'${kind}'`)}
        and ${oneOf(sql`l.resource_id`, ids, 'uuid')})`,
  )
}
