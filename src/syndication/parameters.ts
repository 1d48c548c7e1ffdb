import { z } from 'zod'
import { ArticleListQuery } from '../articles/parameters.ts'
import { Fault } from '../errors.ts'
import { IdOrSlug } from '../fields.ts'
import { choice, filter, windows } from '../http/parameters.ts'
import { didYouMean } from '../nearest.ts'
import { QuoteListQuery } from '../quotes/schema.ts'
import { FEED_SUFFIXES } from './formats.ts'

/* What can be asked of feeds, sitemaps and formats: the parameters of the lists that make sense there. */

/**
 * What the ending of an address names. Throws `not_found`, with those that there are: an unknown one is
 * no bad parameter, there is just nothing.
 */
export function endingIn<T extends object>(known: T, given: string): keyof T & string {
  if (Object.hasOwn(known, given)) return given as keyof T & string
  const names = Object.keys(known)
  throw new Fault(
    'not_found',
    `There is no format ${JSON.stringify(given.slice(0, 60))} here; there are ${names.join(', ')}${didYouMean(given, names)}`,
  )
}

const suffix = z.string().meta({
  description: 'The format.',
  override: { type: 'string', enum: Object.keys(FEED_SUFFIXES) },
  param: { example: 'rss' },
})

export const LatestParams = z.object({ suffix })
export const CategoryParams = z.object({
  category: IdOrSlug.meta({
    description: 'Id or slug. A slug it once had answers 301.',
    param: { example: 'harbour' },
  }),
  suffix,
})
export const SpeakerParams = z.object({
  speaker: IdOrSlug.meta({
    description: 'Id or slug of a source. A slug it once had answers 301.',
    param: { example: 'delphine-orrock' },
  }),
  suffix,
})
const articles = ArticleListQuery.shape
const quotes = QuoteListQuery.shape

const within = {
  source: articles.source,
  speaker: articles.speaker,
  language: articles.language,
}
const articleFeed = {
  q: articles.q,
  ...within,
  ids: articles.ids,
  publishedAfter: articles.publishedAfter,
  publishedBefore: articles.publishedBefore,
  updatedAfter: articles.updatedAfter,
  sort: choice(['-publishedAt', '-updatedAt'], '-publishedAt', 'The order.'),
  limit: articles.limit,
  cursor: articles.cursor.meta({ description: 'As the link `next` of the page before has it.' }),
}
const ordered = (query: object, ctx: z.RefinementCtx) =>
  windows(query as Record<string, unknown>, ctx, [
    ['publishedAfter', 'publishedBefore'],
    ['saidAfter', 'saidBefore'],
  ])

export const CategoryFeedQuery = z.strictObject(articleFeed).superRefine(ordered)
export const LatestFeedQuery = z
  .strictObject({ category: articles.category, ...articleFeed })
  .superRefine(ordered)

/** What a reader of the list of articles would find in the feed with the same parameters. */
export const FEED_FILTERS = Object.keys(LatestFeedQuery.shape).filter(
  (name) => !['sort', 'limit', 'cursor'].includes(name),
)

export const QuotesFeedQuery = z
  .strictObject({
    q: quotes.q,
    ids: quotes.ids,
    article: quotes.article,
    source: quotes.source,
    category: quotes.category,
    language: quotes.language,
    saidAfter: quotes.saidAfter,
    saidBefore: quotes.saidBefore,
    kind: quotes.kind,
    state: filter('In these states.', 'verified', ['verified', 'altered', 'ambiguous', 'orphaned']),
    sort: choice(
      ['-saidAt', '-createdAt'],
      '-saidAt',
      'The order. Where `saidAt` is unknown, the date of the article counts.',
    ),
    limit: quotes.limit,
    cursor: articleFeed.cursor,
  })
  .superRefine(ordered)

const section = { category: articles.category, ...within }
export const SitemapQuery = z.strictObject({ ...section, cursor: articleFeed.cursor })
export const SitemapIndexQuery = z.strictObject(section)
