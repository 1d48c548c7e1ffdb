import { type SQL, sql } from 'drizzle-orm'
import { CATEGORY } from '../categories/members.ts'
import { CORRECTION } from '../corrections/members.ts'
import type { Reading } from '../db/client.ts'
import { arrayOf, instant, type Members, pickMembers } from '../db/json.ts'
import type { ReaderSchema } from '../db/roles.ts'
import { view } from '../db/slugs.ts'
import { shownQuote } from '../quotes/members.ts'
import type { QuoteQuery } from '../quotes/schema.ts'
import { marked } from '../search/queries.ts'
import { SOURCE_OF_ARTICLE } from '../sources/members.ts'
import { addressOf } from './address.ts'
import { firstCategory, relatedTo } from './related.ts'

/** How an article is shown: its page's address, the formats of its body, what is included, to whom. */
export type Shape = {
  articleUrl: string
  /** Formats of the body; none leaves it out. */
  formats: readonly string[]
  include: readonly string[]
  highlight?: boolean | undefined
  audience: ReaderSchema
  fields: readonly string[] | undefined
  /** Members of what is included, by kind. */
  fieldsOf?: Readonly<Record<string, readonly string[] | undefined>>
}

/** Where what belongs to an article is read: each as rows with their alias, in their order. */
export type Belongings = Pick<Reading, 'schema'> & {
  /** `c` */
  categories: SQL
  /** `s` */
  sources: SQL
  /** `q` */
  quotes: SQL
  /** `c` */
  corrections: SQL
  /** The slug of the first category, a value. */
  categorySlug: SQL
  /** The articles it is like, a value; absent where that is not known. */
  related?: () => SQL
}

/** What belongs to the article `a` in this audience's view. */
export function belongings(reading: Pick<Reading, 'schema'>, { articleUrl, fieldsOf }: Shape) {
  const { schema } = reading
  const rows = (name: string, alias: string, order: string) => sql`
    (select * from ${view(schema, name)} x where x.article_id = a.id
     order by x.${sql.raw(order)}) ${sql.raw(alias)}`
  return {
    schema,
    categories: rows('article_categories', 'c', 'place'),
    sources: rows('article_sources', 's', 'place'),
    quotes: rows('quotes', 'q', 'position'),
    corrections: rows('corrections', 'c', 'at, x.id'),
    categorySlug: firstCategory(reading, 'a'),
    related: () => relatedTo(reading, articleUrl, fieldsOf?.related),
  } satisfies Belongings
}

/** An article as it is shown, out of a row `a` of the view `articles`: nothing that was not asked for. */
export function articleMembers(of: Belongings, shape: Shape): Members {
  const { include, fieldsOf = {} } = shape
  const members: Members = {
    id: sql`a.id`,
    version: sql`a.version`,
    slug: sql`a.slug`,
    url: addressOf(shape.articleUrl, 'a', of.categorySlug),
    headline: sql`a.headline`,
    summary: sql`a.summary`,
    byline: sql`a.byline`,
    language: sql`a.language`,
    leadImage: sql`a.lead_image`,
    ...(shape.formats.length > 0 && { body: body(shape.formats) }),
    origin: sql`case when a.origin_id is not null then json_strip_nulls(json_build_object(
      'system', a.origin_system, 'id', a.origin_id, 'url', a.origin_url)) end`,
    publishedAt: instant(sql`a.published_at`),
    updatedAt: instant(sql`a.updated_at`),
    // Whoever may read before an embargo ends has to know when it does.
    ...(shape.audience === 'partner' && {
      embargoUntil: instant(sql`case when a.embargo_until > now() then a.embargo_until end`),
    }),
    ...(shape.audience === 'editor' && {
      status: sql`a.status`,
      publishAt: instant(sql`a.publish_at`),
      embargoUntil: instant(sql`a.embargo_until`),
      expiresAt: instant(sql`a.expires_at`),
      createdAt: instant(sql`a.created_at`),
    }),
  }
  const included = {
    categories: () => arrayOf(of.categories, pickMembers(CATEGORY, fieldsOf.categories)),
    sources: () => arrayOf(of.sources, pickMembers(SOURCE_OF_ARTICLE, fieldsOf.sources)),
    quotes: () =>
      arrayOf(of.quotes, shownQuote(of, { fields: fieldsOf.quotes as QuoteQuery['fields'] })),
    corrections: () => arrayOf(of.corrections, pickMembers(CORRECTION, fieldsOf.corrections)),
    related: () => of.related?.(),
  }
  const others = Object.entries(included).flatMap(([name, rows]) => {
    const value = include.includes(name) ? rows() : undefined
    return value ? [[name, value] as const] : []
  })
  return {
    ...pickMembers(members, shape.fields),
    ...Object.fromEntries(others),
    ...(shape.highlight && { highlight: highlight() }),
  }
}

/** Markdown is made of the blocks, in present.ts. */
function body(formats: readonly string[]): SQL {
  const columns = {
    html: sql`a.body_html`,
    text: sql`a.plain_text`,
    markdown: sql`a.body`,
    blocks: sql`a.body`,
  }
  const parts = Object.entries(columns)
    .filter(([format]) => formats.includes(format))
    .map(([format, column]) => sql`${sql.raw(`'${format}'`)}, ${column}`)
  return sql`json_build_object(${sql.join(parts, sql`, `)})`
}

/** The texts with their marks, of which present.ts makes HTML. */
function highlight(): SQL {
  const text = (column: string, how: 'whole' | 'parts') =>
    sql`${sql.raw(`'${column}'`)}, ${marked(sql.raw(`a.${column}`), sql`a.language`, how)}`
  return sql`json_build_object(${text('headline', 'whole')}, ${text('summary', 'whole')}, ${text('plain_text', 'parts')})`
}
