import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { after, damaged, type Order, orderBy, sortKey } from '../db/keyset.ts'
import { countRows, type Keyed, type Listing, listRows, pageOf, withTables } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { all, literal } from '../db/where.ts'
import { UUID } from '../fields.ts'
import {
  firstOf,
  marked,
  matches,
  rankedWordsOf,
  searching,
  suggest,
  type Words,
} from '../search/queries.ts'
import { filters } from './filters.ts'
import type { ArticleListQuery } from './parameters.ts'
import type { ArticleRow } from './present.ts'
import { relatedTo } from './related.ts'
import { listedArticles, type Named } from './skeleton.ts'

const ORDERS = {
  '-publishedAt': { column: sql`a.listed_at`, type: 'timestamptz', descending: true },
  publishedAt: { column: sql`a.listed_at`, type: 'timestamptz', descending: false },
  '-updatedAt': { column: sql`a.updated_at`, type: 'timestamptz', descending: true },
  headline: { column: sql`coalesce(a.headline, '')`, type: 'text', descending: false },
} as const

/** What is brought along: body formats, included kinds, and where the words of a search stand. */
export type Wanted = {
  formats: readonly string[]
  include: readonly string[]
  highlight?: boolean | undefined
  /** The slug of the first category, where addresses have it: half the time of a list. */
  categorySlug: boolean
}

/** The columns of a load: one statement brings the articles with all that was asked for. */
function columns(
  { schema }: Pick<Reading, 'schema'>,
  { formats, include, highlight, categorySlug }: Wanted,
): SQL {
  const wants = (...names: string[]) => names.some((name) => formats.includes(name))
  const list = (name: string, order: string) => sql`
    (select coalesce(json_agg(x order by x.${sql.raw(order)}), '[]')
     from ${view(schema, name)} x where x.article_id = a.id)`
  return sql.join(
    [
      sql`a.id, a.version, a.slug, a.status, a.headline, a.summary, a.byline, a.language, a.lead_image,
        a.origin_system, a.origin_id, a.origin_url, a.publish_at, a.embargo_until, a.expires_at,
        a.published_at, a.created_at, a.updated_at`,
      categorySlug &&
        sql`(select x.slug from ${view(schema, 'article_categories')} x
           where x.article_id = a.id order by x.place limit 1) as category_slug`,
      wants('html') && sql`a.body_html`,
      wants('text') && sql`a.plain_text`,
      wants('markdown', 'blocks') && sql`a.body`,
      include.includes('categories') && sql`${list('article_categories', 'place')} as categories`,
      include.includes('sources') && sql`${list('article_sources', 'place')} as sources`,
      include.includes('quotes') && sql`${list('quotes', 'position')} as quotes`,
      include.includes('corrections') && sql`${list('corrections', 'at')} as corrections`,
      include.includes('related') && sql`${relatedTo({ schema })} as related`,
      highlight &&
        sql`${marked(sql`a.headline`, sql`a.language`, 'whole')} as marked_headline,
          ${marked(sql`a.summary`, sql`a.language`, 'whole')} as marked_summary,
          ${marked(sql`a.plain_text`, sql`a.language`, 'parts')} as marked_body`,
    ].filter((part) => part !== false && part !== undefined),
    sql`, `,
  )
}

/**
 * Whole articles, as revisions keep them: all that a load can bring, but the HTML and the plain text,
 * which the blocks give again.
 */
export function snapshot(where: SQL): SQL {
  const all = {
    formats: ['blocks'],
    include: ['categories', 'sources', 'quotes', 'corrections'],
    categorySlug: true,
  }
  return sql`select ${columns({ schema: 'editor' }, all)} from editor.articles a where ${where}`
}

/** One article by its id or its slug of today, or undefined. */
export async function findArticle(reading: Reading, name: string, wanted: Wanted) {
  const named = UUID.test(name) ? sql`a.id = ${name}::uuid` : sql`a.slug = ${name}`
  const { rows } = await reading.db.execute<ArticleRow>(sql`
    select ${columns(reading, wanted)} from ${view(reading.schema, 'articles')} a where ${named}`)
  return rows[0]
}

/** The rows of a list: the tables of its search in front, where `a` is from, the conditions on it. */
export type Found = { tables: SQL[]; from: SQL; where: SQL[]; words: Words | undefined }

/** Which articles a list is about. */
export function findArticles(reading: Reading, query: ArticleListQuery, named: Named): Found {
  const languages = query.language?.any.length ? query.language.any : undefined
  const words = query.q === undefined ? undefined : { q: query.q, languages }
  const listed = listedArticles(reading, named)
  return {
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

/** A page of articles. */
export function listArticles(
  reading: Reading,
  found: Found,
  sort: ArticleListQuery['sort'],
  page: Listing,
  wanted: Wanted,
  /** How many matches are ranked at most, the newest. */
  ranked: number,
) {
  if (sort === 'relevance') return listByRelevance(reading, found, page, wanted, ranked)
  const { column, type, descending } = ORDERS[sort]
  const order: Order = { columns: [{ column, type }], id: sql`a.id`, descending }
  const { from } = found
  if (!found.words) {
    const select = columns(reading, wanted)
    return listRows<ArticleRow>(reading, { select, from, where: found.where, order, page })
  }
  const named: Order = { columns: [{ column: sql`place`, type }], id: sql`id`, descending }
  const tables = firstOf('first', {
    from,
    key: sql`a.id, ${column} as place`,
    vector: sql`a.search`,
    where: all([...found.where, page.from && after(order, page.from)]),
    order: orderBy(order),
    orderByName: orderBy(named),
    limit: page.limit + 1,
  })
  const shown: Order = { columns: [{ column: sql`f.place`, type }], id: sql`f.id`, descending }
  return load(reading, [...found.tables, ...tables], sql`first f`, shown, page, wanted)
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
async function listByRelevance(
  reading: Reading,
  found: Found,
  page: Listing,
  wanted: Wanted,
  most: number,
) {
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
  const { rows, next } = await load(
    reading,
    [...found.tables, ...tables, ...ranked],
    sql`first f`,
    order,
    page,
    wanted,
    start
      ? undefined
      : sql`array[coalesce((select listed_at::text from farthest), ${EARLIEST}),
      coalesce((select id::text from farthest), ${NOBODY})]`,
  )
  // Where the ranked ones end is said by the first page and handed on.
  const values = next && [...next.values, ...(start ? [endAt, endId] : [])]
  return { rows, next: next && values && { values, id: next.id } }
}

/** The rows that a skeleton names, with all that was asked for, in its order. */
async function load(
  reading: Reading,
  tables: readonly SQL[],
  skeleton: SQL,
  order: Order,
  page: Listing,
  wanted: Wanted,
  more?: SQL,
) {
  const { rows } = await reading.db.execute<Keyed<ArticleRow>>(sql`
    ${withTables(tables)}
    select ${columns(reading, wanted)}, ${sortKey(order, more)} as sort_key
    from ${skeleton} join ${view(reading.schema, 'articles')} a on a.id = f.id
    order by ${orderBy(order)}`)
  return pageOf<ArticleRow>(rows, page)
}

/** An id out of a cursor. Throws `invalid_cursor`. */
function idOf(value: string): string {
  if (!UUID.test(value)) throw damaged()
  return value
}
