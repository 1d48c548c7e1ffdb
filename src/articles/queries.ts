import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { type Members, milliseconds, selected } from '../db/json.ts'
import type { Order } from '../db/keyset.ts'
import { countRows, FIRST, type Listed, type Listing, listObjects } from '../db/listing.ts'
import { inOrder, listSkeleton } from '../db/skeleton.ts'
import { view } from '../db/slugs.ts'
import {
  matches,
  rankedWordsOf,
  searching,
  suggest,
  type Words,
  waysOf,
} from '../search/queries.ts'
import { byRank } from '../search/ranked.ts'
import { filters } from './filters.ts'
import type { ArticleListQuery } from './parameters.ts'
import { firstCategory } from './related.ts'
import { listedArticles, type Named } from './skeleton.ts'

const ORDERS = {
  '-publishedAt': { column: sql`a.listed_at`, type: 'timestamptz', descending: true },
  publishedAt: { column: sql`a.listed_at`, type: 'timestamptz', descending: false },
  '-updatedAt': { column: sql`a.updated_at`, type: 'timestamptz', descending: true },
  headline: { column: sql`coalesce(a.headline, '')`, type: 'text', descending: false },
} as const

/** The lists of what belongs to an article, each under the name of its view, with its order. */
const BELONGINGS = {
  categories: ['article_categories', 'place'],
  sources: ['article_sources', 'place'],
  quotes: ['quotes', 'position'],
  corrections: ['corrections', 'at'],
} as const
export type Belonging = keyof typeof BELONGINGS

/**
 * Whole articles as revisions keep them, under the condition: rows of the editors' view with all that
 * belongs to them, but the HTML and the plain text, which the blocks give again. Lists that are known to
 * be `empty` are not looked for.
 */
export function snapshot(where: SQL, empty: readonly Belonging[] = []): SQL {
  const lists = Object.entries(BELONGINGS).map(([name, [rows, order]]) => {
    if (empty.includes(name as Belonging)) return sql`'[]'::json as ${sql.identifier(name)}`
    return sql`(select coalesce(json_agg(x order by x.${sql.raw(order)}), '[]')
      from ${view('editor', rows)} x where x.article_id = a.id) as ${sql.identifier(name)}`
  })
  return sql`
    select a.id, a.version, a.slug, a.status, a.headline, a.summary, a.byline, a.language, a.lead_image,
      a.origin_system, a.origin_id, a.origin_url, a.publish_at, a.embargo_until, a.expires_at,
      a.published_at, a.created_at, a.updated_at,
      ${firstCategory({ schema: 'editor' }, 'a')} as category_slug, a.body,
      ${sql.join(lists, sql`, `)}
    from editor.articles a where ${where}`
}

/** The article that fits a condition on `a`, as an object with what is told of it: one statement. */
export function findArticle(reading: Pick<Reading, 'schema'>, named: SQL, members: Members): SQL {
  return sql`
    select row_to_json(o)::text as data, a.id, a.version, a.slug,
      ${milliseconds(sql`a.updated_at`)} as modified
    from ${view(reading.schema, 'articles')} a cross join lateral (select ${selected(members)}) o
    where ${named}`
}

/** The condition that an article has this id, or this slug today. */
export function isNamed(name: SQL, isId: boolean): SQL {
  return isId ? sql`a.id = ${name}::uuid` : sql`a.slug = ${name}`
}

/** The rows of a list: the tables of its search in front, where `a` is from, the conditions on it. */
export type Found = {
  lead?: SQL | undefined
  tables: SQL[]
  from: SQL
  where: SQL[]
  /** The same for whoever walks all articles in an order, and asks each. */
  walk?: { from: SQL; where: SQL[] } | undefined
  words: Words | undefined
}

/** Which articles a list is about. */
export function findArticles(
  reading: Pick<Reading, 'schema'>,
  query: ArticleListQuery,
  named: Named,
  lead?: SQL,
): Found {
  const languages = query.language?.any.length ? query.language.any : undefined
  const words = query.q === undefined ? undefined : { q: query.q, languages }
  const byChange = query.sort === '-updatedAt'
  const { from, where, walk } = listedArticles(reading, named, { byChange })
  const more = filters(reading, query)
  return {
    ...{ lead, tables: words ? searching(reading, words) : [], words },
    ...{ from, where: [...where, ...more] },
    walk: walk && { from: walk.from, where: [...walk.where, ...more] },
  }
}

/** The articles of a list for whoever counts them: its words are a condition like any other. */
export function articleSet({ tables, from, where, words }: Found) {
  return { tables, from, where: words ? [matches(sql`a.search`), ...where] : where }
}

/** How many articles there are on all pages of a list. */
export function countArticles(reading: Reading, found: Found): Promise<number> {
  const { tables, from, where } = articleSet(found)
  return countRows(reading, { from, where }, tables)
}

/** Words that were probably meant, when they find something where those of `query` find nothing. */
export async function betterWords(reading: Reading, query: ArticleListQuery, named: Named) {
  if (query.q === undefined) return undefined
  const q = await suggest(reading, query.q)
  if (q === undefined) return undefined
  const found = findArticles(reading, { ...query, q }, named)
  const first = listArticles(reading, found, '-publishedAt', FIRST, { id: sql`a.id` }, 0)
  const { rows } = await reading.db.execute<Listed>(first)
  return rows[0]?.data ? q : undefined
}

/** A page of articles, as one row of objects. */
export function listArticles(
  reading: Pick<Reading, 'schema'>,
  { lead, tables, from, where, walk, words }: Found,
  sort: ArticleListQuery['sort'],
  page: Listing,
  members: Members,
  /** How many matches are ranked at most, the newest. */
  most: number,
): SQL {
  const searched = { texts: 'articles', alias: 'a', from, where } as const
  const articles = sql`${view(reading.schema, 'articles')} a`
  const shown = { alias: 'a', lead, tables, page, members }
  if (sort === 'relevance') {
    const rank = sql`(select ts_rank(a.search, ${rankedWordsOf(sql`a.language`)})
      from ${articles} where a.id = n.id)`
    const skeleton = byRank(searched, { date: 'listed_at', rank, most }, page)
    return listSkeleton(skeleton, { ...shown, from: articles })
  }
  const { column, type, descending } = ORDERS[sort]
  const order: Order = { columns: [{ column, type }], id: sql`a.id`, descending }
  const listed = walk && { few: { from, where }, walk, table: 'articles' as const, dear: 3 }
  // Listings are in order of date: then theirs is the one way.
  const ways = words ? waysOf(searched) : /^-?publishedAt$/.test(sort) ? undefined : listed
  return ways
    ? listSkeleton(inOrder(ways, order, page), { ...shown, from: articles })
    : listObjects({ ...shown, from, where, order })
}
