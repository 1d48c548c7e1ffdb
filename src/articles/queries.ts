import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { type Members, milliseconds, selected } from '../db/json.ts'
import { after, damaged, type Order, orderBy } from '../db/keyset.ts'
import { countRows, type Listing, listObjects } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { all, literal } from '../db/where.ts'
import { UUID } from '../fields.ts'
import {
  firstOf,
  matches,
  rankedWordsOf,
  searching,
  suggest,
  type Words,
} from '../search/queries.ts'
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
  const listed = listedArticles(reading, named)
  return {
    lead,
    tables: words ? searching(reading, words) : [],
    from: listed.from,
    where: [...listed.where, ...filters(reading, query)],
    words,
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
  const count = await countArticles(reading, findArticles(reading, { ...query, q }, named))
  return count > 0 ? q : undefined
}

/** A page of articles, as one row of objects. */
export function listArticles(
  reading: Pick<Reading, 'schema'>,
  found: Found,
  sort: ArticleListQuery['sort'],
  page: Listing,
  members: Members,
  /** How many matches are ranked at most, the newest. */
  ranked: number,
): SQL {
  if (sort === 'relevance') return listByRelevance(reading, found, page, members, ranked)
  const { column, type, descending } = ORDERS[sort]
  const order: Order = { columns: [{ column, type }], id: sql`a.id`, descending }
  const { lead, from, where, tables } = found
  if (!found.words)
    return listObjects({ alias: 'a', lead, tables, from, where, order, page, members })
  const named: Order = { columns: [{ column: sql`place`, type }], id: sql`id`, descending }
  const first = firstOf('first', {
    from,
    key: sql`a.id, ${column} as place`,
    vector: sql`a.search`,
    where: all([...where, page.from && after(order, page.from)]),
    order: orderBy(order),
    orderByName: orderBy(named),
    limit: page.limit + 1,
  })
  const shown: Order = { columns: [{ column: sql`f.place`, type }], id: sql`f.id`, descending }
  return load(reading, found, first, shown, page, members)
}

/** The newest match of those that are ranked; ids and dates of all others lie before it. */
const NEWEST: Order = {
  columns: [{ column: sql`a.listed_at`, type: 'timestamptz' }],
  id: sql`a.id`,
  descending: true,
}
/** Where they end when all are ranked: before everything, for no date lies before the year 1. */
const EARLIEST = '0001-01-01 00:00:00+00'
const NOBODY = '00000000-0000-0000-0000-000000000000'

/**
 * A page of articles by rank, then date. A rank is of the row alone (float4, printed so that it reads
 * back the same), so a place in this order stays. Of many matches only the newest are ranked; the
 * cursor carries where those end, or what is published meanwhile would push others out.
 */
function listByRelevance(
  reading: Pick<Reading, 'schema'>,
  found: Found,
  page: Listing,
  members: Members,
  most: number,
): SQL {
  const { from } = found
  const { from: start } = page
  const [rank = '', listed = '', endAt = '', endId = ''] = start?.values ?? []
  const end = start && sql`not (${after(NEWEST, { values: [endAt], id: idOf(endId) })})`
  const tables = firstOf('newest', {
    from,
    key: sql`a.id, a.listed_at`,
    vector: sql`a.search`,
    where: all([...found.where, end]),
    order: orderBy(NEWEST),
    orderByName: sql`listed_at desc, id desc`,
    // After the first page also what has come since.
    limit: start ? 2 * most : most,
  })
  const order: Order = {
    columns: [
      { column: sql`f.rank`, type: 'real' },
      { column: sql`f.listed_at`, type: 'timestamptz' },
    ],
    id: sql`f.id`,
    descending: true,
  }
  const ranked = [
    // A sub-select, or expecting 5,000 the planner would read all articles to join them.
    sql`ranked as materialized (
      select n.id, n.listed_at, (
        select ts_rank(a.search, ${rankedWordsOf(sql`a.language`)})
        from ${view(reading.schema, 'articles')} a where a.id = n.id) as rank
      from newest n)`,
    sql`first as (
      select f.* from ranked f
      where ${start ? after(order, { values: [rank, listed], id: start.id }) : sql`true`}
      order by ${orderBy(order)} limit ${literal(page.limit + 1)})`,
    sql`farthest as (
      select listed_at, id from newest where (select count(*) from newest) >= ${literal(most)}
      order by listed_at, id limit 1)`,
  ]
  // Where the ranked ones end is said by the first page and handed on.
  const ends = start
    ? [sql`${endAt}::text`, sql`${endId}::text`]
    : [
        sql`coalesce((select listed_at::text from farthest), ${EARLIEST})`,
        sql`coalesce((select id::text from farthest), ${NOBODY})`,
      ]
  return load(reading, found, [...tables, ...ranked], order, page, members, ends)
}

/** What the skeleton `first` names, as objects, in its order. */
function load(
  reading: Pick<Reading, 'schema'>,
  { lead, tables }: Found,
  skeleton: readonly SQL[],
  order: Order,
  { limit }: Listing,
  members: Members,
  more: readonly SQL[] = [],
): SQL {
  const from = sql`first f join ${view(reading.schema, 'articles')} a on a.id = f.id`
  // The skeleton begins where the page does.
  const page = { limit, from: undefined }
  return listObjects({
    ...{ alias: 'a', lead, tables: [...tables, ...skeleton] },
    ...{ from, where: [], order, page, members, more },
  })
}

/** An id out of a cursor. Throws `invalid_cursor`. */
function idOf(value: string): string {
  if (!UUID.test(value)) throw damaged()
  return value
}
