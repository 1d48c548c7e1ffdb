import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { view } from '../db/slugs.ts'
import { all, type Ids, isNone, isOne, oneOf, type Resolved } from '../db/where.ts'

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

/** Rows: where they are from, and the conditions on them. */
type Rows = { from: SQL; where: SQL[] }

/**
 * Where articles come from, and the conditions of the filters by listing. One category, source or
 * speaker is asked for most: then its own index gives its articles in order of date, and a page ends
 * after as many entries as it has rows; `walk` is for other orders, in which each article is asked
 * whether it is listed there. For any of several, and for none-of, each article is looked up under
 * them by its id. `byChange`: the walk is in the order of their last changes.
 */
export function listedArticles(
  reading: Pick<Reading, 'schema'>,
  named: Named,
  { byChange }: { byChange: boolean },
): Rows & { walk?: Rows } {
  const inOrder = byChange && reading.schema === 'partner' ? 'changed_articles' : 'articles'
  const articles = sql`${view(reading.schema, inOrder)} a`
  const leading = LISTING_KINDS.find((kind) => named[kind] && isOne(named[kind].any))
  const ids = leading && named[leading]?.any
  const conditions = LISTING_KINDS.map((kind) => {
    const filter = named[kind]
    const rest = kind === leading && filter ? { any: [], none: filter.none } : filter
    return listedUnder(reading, kind, sql`a.id`, rest)
  }).filter((condition) => condition !== undefined)
  if (leading === undefined || ids === undefined) return { from: articles, where: conditions }
  const asked = sql`(select true ${listings(reading, leading, sql`a.id`, ids)} limit 1)`
  return {
    from: sql`${view(reading.schema, 'listed_articles')} a`,
    where: [
      sql`a.listing_kind = ${sql.raw(`'${leading}'`)}`,
      oneOf(sql`a.listing_id`, ids, 'uuid'),
      ...conditions,
    ],
    walk: { from: articles, where: [asked, ...conditions] },
  }
}

/** The entries of an article in the listings of any of these. */
function listings(
  { schema }: Pick<Reading, 'schema'>,
  kind: ListingKind,
  article: SQL,
  ids: Ids,
): SQL {
  return sql`from ${view(schema, 'article_listings')} l
    where l.article_id = ${article} and l.kind = ${sql.raw(`'${kind}'`)}
      and ${oneOf(sql`l.resource_id`, ids, 'uuid')}`
}

/** The condition that an article is listed under any of these and none of those. */
export function listedUnder(
  reading: Pick<Reading, 'schema'>,
  kind: ListingKind,
  article: SQL,
  filter: Resolved | undefined,
): SQL | undefined {
  if (!filter || (isNone(filter.any) && filter.none.length === 0)) return undefined
  return all([
    !isNone(filter.any) && sql`exists (select ${listings(reading, kind, article, filter.any)})`,
    // With LIMIT it is asked of each row; EXISTS may be answered by a table of all that is listed there,
    // which for the largest of eighty categories took 320 ms at 200,000 articles.
    filter.none.length > 0 &&
      sql`(select true ${listings(reading, kind, article, filter.none)} limit 1) is null`,
  ])
}

/** What is printed by the articles of one category or source, in the two ways to it. */
export function printedUnder(
  reading: Pick<Reading, 'schema'>,
  kind: ListingKind,
  ids: Ids,
  printed: { from: SQL; article: SQL },
): { few: Rows; walk: Rows } {
  const { from, article } = printed
  const listed = sql`${view(reading.schema, 'article_listings')} l join ${from} on ${article} = l.article_id`
  return {
    few: {
      from: listed,
      where: [sql`l.kind = ${sql.raw(`'${kind}'`)}`, oneOf(sql`l.resource_id`, ids, 'uuid')],
    },
    walk: {
      from,
      where: [sql`(select true ${listings(reading, kind, article, ids)} limit 1)`],
    },
  }
}
