import type { FastifyRequest } from 'fastify'
import { articleMembers, belongings } from '../articles/members.ts'
import { type ArticleListQuery, type ArticleQuery, RANKED } from '../articles/parameters.ts'
import { finished } from '../articles/present.ts'
import { findArticles, listArticles } from '../articles/queries.ts'
import type { Article } from '../articles/schema.ts'
import { articleItem, asked } from '../articles/shape.ts'
import type { Named } from '../articles/skeleton.ts'
import { categoryMembers, findCategory } from '../categories/queries.ts'
import type { Category } from '../categories/schema.ts'
import type { Config } from '../config.ts'
import type { Database, Reading } from '../db/client.ts'
import { type Listed, type Listing, pageOfObjects } from '../db/listing.ts'
import { carryOut, type Query } from '../db/statement.ts'
import { Fault } from '../errors.ts'
import { syndicatedReading } from '../http/auth.ts'
import type { FoundItem, ItemRead } from '../http/reading.ts'
import { shownQuote } from '../quotes/members.ts'
import { findQuotes, listQuotes } from '../quotes/queries.ts'
import type { Quote, QuoteListQuery } from '../quotes/schema.ts'
import { findSource, sourceMembers } from '../sources/queries.ts'
import type { Source } from '../sources/schema.ts'
import type { Format } from './formats.ts'
import { type Publication, type Speaker, type Story, storyOf } from './model.ts'
import { entitledFormats, speakersOf } from './queries.ts'

/* The one place where formats meet how things are loaded: public shapes come out. */

const WHOLE = ['categories', 'sources', 'quotes', 'corrections'] as const
export type Include = (typeof WHOLE)[number]
export type BodyFormat = 'html' | 'text' | 'markdown'

/** The only format with a word for an embargo. */
const EARLY: Format = 'ninjs'

/**
 * Where a format looks: a partner is shown what it may have, whoever else asks what readers see. Most
 * formats have no word for what is not published, and a feed that an editor's key was put into goes on
 * to others. Throws `forbidden` when the partner may not have the format.
 */
export async function readingIn(
  format: Format,
  request: FastifyRequest,
  db: Database,
): Promise<Reading> {
  const reading = syndicatedReading(request, db, format === EARLY)
  if (reading.schema !== 'partner') return reading
  const formats = await entitledFormats(reading)
  if (formats && !formats.includes(format)) {
    throw new Fault(
      'forbidden',
      `This is the format ${format}; you may have JSON and ${formats.join(', ')}.`,
    )
  }
  return reading
}

/** Who publishes, out of the settings. */
export function publicationOf(config: Config): Publication {
  const { publicationName: name, publicUrl: api, articleUrl, websubHub: hub } = config
  // Without a front end the reference is the one page that there is.
  const home = articleUrl === undefined ? `${api}/docs` : `${new URL(articleUrl).origin}/`
  return { name, api, hub, home }
}

/** What is loaded and how it is shown. Without a front end, an article's page is its own in HTML. */
function shapeOf(
  { schema }: Reading,
  config: Config,
  { body, include }: { body: readonly BodyFormat[]; include: readonly Include[] },
) {
  const { publicUrl, articleUrl = `${publicUrl}/v1/articles/{slug}.html` } = config
  const query = { body: body.length > 0 ? body : ['none'], include } as ArticleQuery
  return asked(query, { ...config, articleUrl }, schema, [])
}

/** One article with all that belongs to it, by id or slug, put into a format. */
export function storyItem(
  reading: Reading,
  config: Config,
  name: string,
  format: { type: string; body: readonly BodyFormat[]; write(story: Story): string },
): ItemRead {
  const shape = shapeOf(reading, config, { body: format.body, include: WHOLE })
  return {
    ...articleItem(reading, name, shape, { speakers: speakersOf(reading) }),
    format: {
      type: format.type,
      write(object) {
        const { speakers, ...article } = JSON.parse(object) as Article & { speakers: Speaker[] }
        return format.write(storyOf(article, speakers))
      },
    },
  }
}

const DEFAULT_SORT = '-publishedAt'

/** Which articles: filters by what they name, and the other parameters of the list. */
export type Asked = { query: Partial<ArticleListQuery>; named: Named }

/** The conditions of a list of articles. */
export function articlesOf(reading: Reading, { query, named }: Asked) {
  const asked = { sort: DEFAULT_SORT, ...query } as ArticleListQuery
  return findArticles(reading, asked, named)
}

/** A page of objects: the names of their members, and where the next one begins. */
type Loaded<T> = { objects: T[]; members: string[]; next: Listing['from'] }

/** A page of articles. */
export async function loadArticles(
  reading: Reading,
  config: Config,
  asked: Asked,
  page: Listing,
  shown: { body: readonly BodyFormat[]; include: readonly Include[] },
): Promise<Loaded<Article>> {
  const shape = shapeOf(reading, config, shown)
  const members = articleMembers(belongings(reading, shape), shape)
  const { sort = DEFAULT_SORT } = asked.query
  const statement = listArticles(reading, articlesOf(reading, asked), sort, page, members, RANKED)
  const { data, next } = await pageOf(reading, statement, page)
  const objects = JSON.parse(`[${finished(data, shape)}]`)
  return { objects, members: Object.keys(members), next }
}

/** A page of quotes, each with the article that prints it. */
export async function loadQuotes(
  reading: Reading,
  config: Config,
  query: QuoteListQuery,
  named: Parameters<typeof findQuotes>[2],
  page: Listing,
): Promise<Loaded<Quote> & { articles: Map<string, Article> }> {
  const members = shownQuote(reading, {})
  const found = findQuotes(reading, query, named)
  const statement = listQuotes(found, query.sort, page, members, RANKED)
  const { data, next } = await pageOf(reading, statement, page)
  const quotes = JSON.parse(`[${data}]`) as Quote[]
  const printed = await loadPrinting(reading, config, quotes)
  const articles = new Map(printed.map((article) => [article.id, article]))
  // One that has vanished between the two statements took its quotes along.
  const objects = quotes.filter(({ article }) => article && articles.has(article.id))
  return { objects, members: Object.keys(members), next, articles }
}

/** The articles that print these quotes. */
async function loadPrinting(reading: Reading, config: Config, quotes: Quote[]): Promise<Article[]> {
  const ids = [...new Set(quotes.flatMap(({ article }) => article?.id ?? []))]
  if (ids.length === 0) return []
  const asked = {
    query: { ids },
    named: { category: undefined, source: undefined, speaker: undefined },
  }
  const page = { limit: ids.length, from: undefined }
  const shown = { body: [], include: ['categories'] } as const
  return (await loadArticles(reading, config, asked, page, shown)).objects
}

async function pageOf({ db }: Reading, statement: Query, page: Listing) {
  const { rows } = await db.execute<Listed>(statement)
  return pageOfObjects(rows[0] as Listed, page)
}

/** What a feed says of the category that it is of; undefined when it is not there. */
export function loadCategory(reading: Reading, id: string) {
  const members = categoryMembers(reading, {
    fields: ['id', 'slug', 'name', 'description'],
    include: undefined,
  })
  return loadOne<Category>(reading, id, (name) => findCategory(reading, name, true, members))
}

/** What a feed says of the source that it is of; undefined when it is not there. */
export function loadSource(reading: Reading, id: string) {
  const members = sourceMembers(reading, {
    fields: ['id', 'slug', 'name', 'title'],
    include: undefined,
  })
  return loadOne<Source>(reading, id, (name) => findSource(reading, name, true, members))
}

function loadOne<T>({ db }: Reading, id: string, statement: (name: Query) => Query) {
  const plan = { statement, shown: ({ data }: FoundItem) => JSON.parse(data) as T }
  return carryOut(db, plan, id, '')
}
