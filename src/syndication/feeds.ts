import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify'
import { absence } from '../db/gone.ts'
import { addressed, resolveFilters } from '../http/addressing.ts'
import type { App, Services } from '../http/app.ts'
import { type Read, sendShown } from '../http/caching.ts'
import { type Pages, pagesOf } from '../http/paging.ts'
import { splitUrl } from '../http/url.ts'
import { uriOf } from './address.ts'
import { atom } from './atom.ts'
import { FEED_SUFFIXES, type FeedSuffix } from './formats.ts'
import { jsonFeed } from './json-feed.ts'
import {
  type Include,
  loadArticles,
  loadCategory,
  loadQuotes,
  loadSource,
  publicationOf,
  readingIn,
} from './load.ts'
import { type Entry, type Feed, quoteEntry, type Removal, storyEntry } from './model.ts'
import {
  CategoryFeedQuery,
  CategoryParams,
  endingIn,
  LatestFeedQuery,
  LatestParams,
  QuotesFeedQuery,
  SpeakerParams,
} from './parameters.ts'
import { latestRemovals } from './queries.ts'
import { rss } from './rss.ts'
import { Document, JsonFeed } from './schema.ts'

/** How a feed is put into each format, and what articles bring along for it beside their text. */
const WRITERS: Record<FeedSuffix, { include: Include[]; write(feed: Feed): string }> = {
  rss: { include: ['categories', 'sources', 'corrections'], write: rss },
  atom: { include: ['categories', 'sources', 'corrections'], write: atom },
  json: {
    include: ['categories', 'sources', 'quotes', 'corrections'],
    write: (feed) => JSON.stringify(jsonFeed(feed)),
  },
}

const about = {
  tags: ['Formats'],
  response: { 200: Document },
}
const config = {
  media: {
    [FEED_SUFFIXES.rss.type]: Document,
    [FEED_SUFFIXES.atom.type]: Document,
    [FEED_SUFFIXES.json.type]: JsonFeed,
  },
}
/** Of a feed that is of something. */
const ofOne: FastifyContextConfig = {
  ...config,
  throws: ['not_found', 'gone', 'legally_removed', 'forbidden'],
  redirects: true,
}
const WHAT =
  'RSS 2.0, Atom or JSON Feed 1.1, with whole texts and what is gone, paged by links. What a partner is entitled to, to its key; to whoever else, what readers see.'

/** One filter by one id. */
const only = (id: string) => ({ any: [id], none: [] })

/** What of a feed is of its own. */
type Made = Pick<Feed, 'title' | 'description' | 'entries' | 'removals' | 'notices'>

/** Feeds of articles and of quotes. */
export function newsFeedReads(app: App, { config: settings, db }: Services): void {
  const publication = publicationOf(settings)

  /** Sends a page of a feed in the format that its address ends with. */
  const send = (
    request: FastifyRequest,
    reply: FastifyReply,
    suffix: FeedSuffix,
    made: Made,
    next: string | undefined,
    read: Read,
  ) => {
    const { type } = FEED_SUFFIXES[suffix]
    const { url } = request
    const feed: Feed = {
      ...made,
      publication,
      type,
      self: uriOf(publication.api + url),
      first: uriOf(publication.api + firstOf(url)),
      next,
    }
    const body = WRITERS[suffix].write(feed)
    return sendShown(request, reply, { ...read, body, type, link: linksOf(feed) })
  }
  const pagesAt = (url: string, query: Parameters<typeof pagesOf>[2]) =>
    pagesOf(url, publication.api, query)
  const after = (pages: Pages, next: Pages['from']) => next && pages.after(next).url

  app.get(
    '/feeds/latest.:suffix',
    {
      schema: {
        ...about,
        operationId: 'getLatestFeed',
        summary: 'A feed of the latest articles',
        description: `${WHAT} With the parameters of the list of articles, a feed of just those.`,
        params: LatestParams,
        querystring: LatestFeedQuery,
      },
      config: { ...config, gives: 'feed', throws: ['not_found', 'forbidden'] },
    },
    async (request, reply) => {
      const suffix = endingIn(FEED_SUFFIXES, request.params.suffix)
      const { query, url } = request
      const pages = pagesAt(url, query)
      const reading = await readingIn(FEED_SUFFIXES[suffix].format, request, db)
      const named = await resolveFilters(reading, {
        category: ['category', query.category],
        source: ['source', query.source],
        speaker: ['source', query.speaker],
      })
      const { include } = WRITERS[suffix]
      const [{ objects, members, next }, removals] = await Promise.all([
        loadArticles(reading, settings, { query, named }, pages, { body: ['html'], include }),
        query.cursor === undefined ? latestRemovals(reading, 'article') : [],
      ])
      const entries = objects.map(storyEntry)
      // Whose the removed ones were is not known any more: only the feed of everything tells people.
      const notices = isWhole(query) ? noticesAmong(removals, entries, next !== undefined) : []
      const { name } = publication
      const made = { title: name, description: `The latest of ${name}`, entries, removals, notices }
      return send(request, reply, suffix, made, after(pages, next), {
        ...{ members, objects: () => objects, resolved: named, around: {} },
        removed: removals.map(({ id }) => id),
      })
    },
  )

  app.get(
    '/feeds/categories/:category.:suffix',
    {
      schema: {
        ...about,
        operationId: 'getCategoryFeed',
        summary: 'A feed of a category',
        description: `The latest articles in it or below it: ${WHAT}`,
        params: CategoryParams,
        querystring: CategoryFeedQuery,
      },
      config: { ...ofOne, gives: 'feed' },
    },
    async (request, reply) => {
      const suffix = endingIn(FEED_SUFFIXES, request.params.suffix)
      const { query, params, url } = request
      const pages = pagesAt(url, query)
      const reading = await readingIn(FEED_SUFFIXES[suffix].format, request, db)
      const id = await addressed(request, reply, reading, 'category', params.category)
      if (id === undefined) return reply
      const filters = await resolveFilters(reading, {
        source: ['source', query.source],
        speaker: ['source', query.speaker],
      })
      const named = { ...filters, category: only(id) }
      const { include } = WRITERS[suffix]
      const [category, { objects, members, next }, removals] = await Promise.all([
        loadCategory(reading, id),
        loadArticles(reading, settings, { query, named }, pages, { body: ['html'], include }),
        query.cursor === undefined ? latestRemovals(reading, 'article') : [],
      ])
      if (!category) throw await absence(reading, 'category', id)
      const title = `${publication.name}: ${category.name}`
      const made = {
        title,
        description: category.description || title,
        entries: objects.map(storyEntry),
        removals,
        notices: [],
      }
      return send(request, reply, suffix, made, after(pages, next), {
        ...{ members, objects: () => objects, around: { category } },
        removed: removals.map(({ id }) => id),
        ...{ resolved: named, asked: { ...query, category: only(id) } },
      })
    },
  )

  app.get(
    '/feeds/quotes/:speaker.:suffix',
    {
      schema: {
        ...about,
        operationId: 'getQuotesFeed',
        summary: 'A feed of what somebody said',
        description: `The latest quotes of a speaker, each linked to the article that prints it: ${WHAT}`,
        params: SpeakerParams,
        querystring: QuotesFeedQuery,
      },
      config: ofOne,
    },
    async (request, reply) => {
      const suffix = endingIn(FEED_SUFFIXES, request.params.suffix)
      const { query, params, url } = request
      const pages = pagesAt(url, query)
      const reading = await readingIn(FEED_SUFFIXES[suffix].format, request, db)
      const id = await addressed(request, reply, reading, 'source', params.speaker)
      if (id === undefined) return reply
      const filters = await resolveFilters(reading, {
        article: ['article', query.article],
        source: ['source', query.source],
        category: ['category', query.category],
      })
      const named = { ...filters, speaker: only(id) }
      const asked = { ...query, speaker: undefined }
      const [source, { objects, members, articles, next }, removals] = await Promise.all([
        loadSource(reading, id),
        loadQuotes(reading, settings, asked, named, pages),
        query.cursor === undefined ? latestRemovals(reading, 'quote') : [],
      ])
      if (!source) throw await absence(reading, 'source', id)
      const title = `${publication.name}: ${source.name}`
      const made = {
        title,
        description: source.title ? `${source.name}, ${source.title}` : title,
        entries: objects.flatMap((quote) => {
          const article = articles.get(quote.article?.id ?? '')
          return article ? [quoteEntry(quote, article)] : []
        }),
        removals,
        notices: [],
      }
      return send(request, reply, suffix, made, after(pages, next), {
        ...{ members, objects: () => objects },
        around: { source, articles: [...articles.values()] },
        ...{ resolved: named, asked: { ...query, speaker: only(id) } },
      })
    },
  )
}

/** Nothing is asked for but a page of everything. */
function isWhole(query: object): boolean {
  return Object.entries(query).every(
    ([name, value]) => value === undefined || ['limit', 'sort'].includes(name),
  )
}

/**
 * The removals with a notice that are as new as the entries of the page: like these, they move on when
 * others follow.
 */
function noticesAmong(
  removals: readonly Removal[],
  entries: readonly Entry[],
  more: boolean,
): Removal[] {
  const times = entries.map(({ published }) => published)
  const oldest = more ? times.reduce((a, b) => (a < b ? a : b)) : ''
  return removals.filter(({ notice, since }) => notice !== null && since >= oldest)
}

/** The URL of the first page. */
function firstOf(url: string): string {
  const { path, query } = splitUrl(url)
  const params = new URLSearchParams(query)
  if (!params.has('cursor')) return url
  params.delete('cursor')
  return params.size > 0 ? `${path}?${params}` : path
}

/** The links of a feed, for those that read headers only (WebSub section 4, RFC 5005). */
function linksOf({ self, next, type, publication }: Feed): string {
  const links = [`<${self}>; rel="self"; type="${type}"`]
  if (next !== undefined) links.push(`<${next}>; rel="next"`)
  if (publication.hub !== undefined) links.push(`<${publication.hub}>; rel="hub"`)
  return links.join(', ')
}
