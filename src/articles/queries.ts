import { type SQL, sql } from 'drizzle-orm'
import { withDescendants } from '../categories/queries.ts'
import type { Reading } from '../db/client.ts'
import { type Listing, listRows } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { array, type Resolved } from '../db/where.ts'
import type { Filter } from '../http/parameters.ts'
import { matchesWords } from '../search/configurations.ts'
import type { ArticleRow } from './present.ts'
import type { ArticleListQuery } from './schema.ts'

const ORDERS = {
  '-publishedAt': { column: sql`a.listed_at`, type: 'timestamptz', descending: true },
  publishedAt: { column: sql`a.listed_at`, type: 'timestamptz', descending: false },
  '-updatedAt': { column: sql`a.updated_at`, type: 'timestamptz', descending: true },
  headline: { column: sql`coalesce(a.headline, '')`, type: 'text', descending: false },
} as const

/** What is brought along: body formats and included kinds. */
export type Wanted = { formats: readonly string[]; include: readonly string[] }

/** The columns of a load: one statement brings the articles with all that was asked for. */
function columns({ schema }: Pick<Reading, 'schema'>, { formats, include }: Wanted): SQL {
  const wants = (...names: string[]) => names.some((name) => formats.includes(name))
  const list = (name: string, order: string) => sql`
    (select coalesce(json_agg(x order by x.${sql.raw(order)}), '[]')
     from ${view(schema, name)} x where x.article_id = a.id)`
  return sql.join(
    [
      sql`a.id, a.version, a.slug, a.status, a.headline, a.summary, a.byline, a.language, a.lead_image,
        a.origin_system, a.origin_id, a.origin_url, a.publish_at, a.embargo_until, a.expires_at,
        a.published_at, a.created_at, a.updated_at`,
      sql`(select x.slug from ${view(schema, 'article_categories')} x
           where x.article_id = a.id order by x.place limit 1) as category_slug`,
      wants('html') && sql`a.body_html`,
      wants('text') && sql`a.plain_text`,
      wants('markdown', 'blocks') && sql`a.body`,
      include.includes('categories') && sql`${list('article_categories', 'place')} as categories`,
      include.includes('sources') && sql`${list('article_sources', 'place')} as sources`,
      include.includes('quotes') && sql`${list('quotes', 'position')} as quotes`,
      include.includes('corrections') && sql`${list('corrections', 'at')} as corrections`,
    ].filter((part) => part !== false),
    sql`, `,
  )
}

/**
 * Whole articles, as revisions keep them: all that a load can bring, but the HTML and the plain text,
 * which the blocks give again.
 */
export function snapshot(where: SQL): SQL {
  const all = { formats: ['blocks'], include: ['categories', 'sources', 'quotes', 'corrections'] }
  return sql`select ${columns({ schema: 'editor' }, all)} from editor.articles a where ${where}`
}

/** One article by id, or undefined. */
export async function findArticle(reading: Reading, id: string, wanted: Wanted) {
  const { rows } = await reading.db.execute<ArticleRow>(sql`
    select ${columns(reading, wanted)} from ${view(reading.schema, 'articles')} a where a.id = ${id}`)
  return rows[0]
}

/** Resolved filters of the list, by id. */
export type Named = Record<'category' | 'source' | 'speaker', Resolved | undefined>

/** A page of articles. */
export function listArticles(
  reading: Reading,
  query: ArticleListQuery,
  page: Listing,
  named: Named,
  wanted: Wanted,
) {
  const { column, type, descending } = ORDERS[query.sort]
  return listRows<ArticleRow>(reading, {
    select: columns(reading, wanted),
    from: sql`${view(reading.schema, 'articles')} a`,
    where: [
      query.q && matchesWords(sql`a.search`, sql`a.language`, query.q),
      inCategories(reading, named.category),
      related(reading, 'article_sources', 'id', named.source),
      related(reading, 'quotes', 'speaker_id', named.speaker),
      inLanguages(query.language),
      reading.schema === 'editor' && inStatus(query.status),
    ],
    order: { columns: [{ column, type }], id: sql`a.id`, descending },
    page,
  })
}

function inCategories(reading: Reading, filter: Resolved | undefined): SQL | undefined {
  const within = (ids: readonly string[]) => sql`exists (
    select from ${view(reading.schema, 'article_categories')} x
    where x.article_id = a.id and x.id in ${withDescendants(reading, ids)})`
  return bothWays(filter, within)
}

function related({ schema }: Reading, name: string, column: string, filter: Resolved | undefined) {
  return bothWays(
    filter,
    (ids) => sql`exists (select from ${view(schema, name)} x
      where x.article_id = a.id and x.${sql.raw(column)} = any(${array(ids, 'uuid')}))`,
  )
}

function bothWays(
  filter: Resolved | undefined,
  condition: (values: readonly string[]) => SQL,
): SQL | undefined {
  if (!filter) return undefined
  const parts = []
  if (filter.any.length > 0) parts.push(condition(filter.any))
  if (filter.none.length > 0) parts.push(sql`(${condition(filter.none)}) is not true`)
  return sql.join(parts, sql` and `)
}

/** `en` is any English, `en-GB` that of Britain: basic filtering of RFC 4647. */
function inLanguages(filter: Filter | undefined): SQL | undefined {
  return bothWays(filter, (tags) => {
    const ranges = tags.map((tag) => {
      const escaped = tag.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')
      return sql`lower(a.language) = ${tag.toLowerCase()} or lower(a.language) like ${`${escaped}-%`}`
    })
    return sql`(${sql.join(ranges, sql` or `)})`
  })
}

/** What each value of `status` means; times are read against the database's clock. */
const STATUS: Record<string, SQL> = {
  draft: sql`a.status = 'draft'`,
  published: sql`a.status = 'published'`,
  unpublished: sql`a.status = 'unpublished'`,
  killed: sql`a.status = 'killed'`,
  scheduled: sql`(a.status = 'published' and a.publish_at > now())`,
  embargoed: sql`(a.status = 'published' and a.embargo_until > now())`,
  expired: sql`(a.status = 'published' and a.expires_at <= now())`,
}

/** Killed articles come only when they are asked for. */
function inStatus(filter: Filter | undefined): SQL {
  const of = (values: readonly string[]) =>
    sql`(${sql.join(
      values.flatMap((value) => STATUS[value] ?? []),
      sql` or `,
    )})`
  const asked = bothWays(filter, of)
  return filter?.any.includes('killed')
    ? (asked ?? sql`true`)
    : sql`a.status <> 'killed' and ${asked ?? sql`true`}`
}
