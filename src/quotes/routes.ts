import { z } from 'zod'
import { demandOfReader } from '../actor.ts'
import type { Reading } from '../db/client.ts'
import { absence } from '../db/gone.ts'
import type { App, Services } from '../http/app.ts'
import { readingOf } from '../http/auth.ts'
import { sendShown } from '../http/caching.ts'
import { Nothing } from '../http/item.ts'
import { pagesOf } from '../http/paging.ts'
import {
  type ItemRead,
  isCounted,
  isFirst,
  sendItem,
  sendList,
  shownToWriter,
} from '../http/reading.ts'
import { resourceVerb, resourceWrites } from '../http/resource.ts'
import { FACET_VALUES } from '../search/schema.ts'
import { confirmQuote, createQuote, deleteQuote, dismissQuote, updateQuote } from './commands.ts'
import { countQuoteFacets } from './facets.ts'
import { shownQuote } from './members.ts'
import { finishedQuotes } from './present.ts'
import {
  betterWords,
  countQuotes,
  type Found,
  findQuote,
  findQuotes,
  listQuotes,
  markedText,
  quoteSet,
} from './queries.ts'
import {
  Quote,
  QuoteCreate,
  QuoteListQuery,
  QuotePage,
  QuoteParams,
  QuotePatch,
  QuoteQuery,
  QuoteWriteQuery,
  RANKED,
  SimilarQuery,
} from './schema.ts'
import { listSimilar } from './similar.ts'

const tags = ['Quotes']

/** Reads of quotes: visible with their article, unless suggested. */
export function quoteReads(app: App, { config, db }: Services): void {
  app.get(
    '/quotes',
    {
      schema: {
        operationId: 'listQuotes',
        tags,
        summary: 'List quotes',
        description:
          'Of visible articles; to an editor, of all, and suggested ones too. A query that finds nothing may come with `meta.didYouMean`.',
        querystring: QuoteListQuery,
        response: { 200: QuotePage },
      },
    },
    async (request, reply) => {
      const reading = readingOf(request, db)
      const { query } = request
      const states = [...(query.state?.any ?? []), ...(query.state?.none ?? [])]
      if (states.includes('suggested'))
        demandOfReader(request.actor, 'drafts:read', 'Asking for suggested quotes')
      const shown = shownQuote(reading, query)
      const members = query.highlight ? { ...shown, marked: markedText() } : shown
      return sendList(request, reply, reading, {
        filters: {
          article: ['article', query.article],
          speaker: ['source', query.speaker],
          source: ['source', query.source],
          category: ['category', query.category],
        },
        pagesAt: (url) => pagesOf(url, config.publicUrl, query),
        statement: ({ named, lead }, page) => {
          const found = findQuotes(reading, query, named, lead)
          return listQuotes(found, query.sort, page, members, RANKED)
        },
        members: [...Object.keys(shown), ...(query.highlight ? ['highlight'] : [])],
        ...(query.highlight && { finish: finishedQuotes }),
        counted: isCounted(query)
          ? (named) => countBeside(reading, query, findQuotes(reading, query, named))
          : undefined,
        meant: isFirst(query) ? (named) => betterWords(reading, query, named) : undefined,
      })
    },
  )

  app.get(
    '/quotes/:id',
    {
      schema: {
        operationId: 'getQuote',
        tags,
        summary: 'One quote',
        description: 'By id.',
        params: QuoteParams,
        querystring: QuoteQuery,
        response: { 200: Quote },
      },
      config: { throws: ['not_found', 'gone', 'legally_removed'] },
    },
    async (request, reply) => {
      const reading = readingOf(request, db)
      const { params, query } = request
      return sendItem(request, reply, reading, quoteItem(reading, params.id, query))
    },
  )

  app.get(
    '/quotes/:id/similar',
    {
      schema: {
        operationId: 'listSimilarQuotes',
        tags,
        summary: 'Other appearances of a quote',
        description:
          'By likeness of the words, most alike first, so that variants can be compared.',
        params: QuoteParams,
        querystring: SimilarQuery,
        response: { 200: QuotePage },
      },
      config: { throws: ['not_found', 'gone', 'legally_removed'] },
    },
    async (request, reply) => {
      const reading = readingOf(request, db)
      const { query, params } = request
      const members = shownQuote(reading, query)
      const data = await listSimilar(reading, params.id, query.limit, members)
      if (data === undefined) throw await absence(reading, 'quote', params.id)
      const pages = pagesOf(request.url, config.publicUrl, query)
      return sendShown(request, reply, {
        ...pages.body(data, undefined),
        ...{ members: Object.keys(members), objects: () => JSON.parse(`[${data}]`) },
      })
    },
  )
}

/** What was asked for beside a list: how many there are on all pages, and by what. */
async function countBeside(reading: Reading, { count, facets }: QuoteListQuery, found: Found) {
  const [counted, by] = await Promise.all([
    count && countQuotes(reading, found),
    facets && countQuoteFacets(reading, quoteSet(found), facets, FACET_VALUES),
  ])
  return { count: counted, facets: by }
}

/** One quote, by id, in this audience's view. */
function quoteItem(reading: Pick<Reading, 'schema'>, name: string, query: QuoteQuery): ItemRead {
  const members = shownQuote(reading, query)
  return {
    ...{ kind: 'quote', name },
    statement: (id) => findQuote(reading, id, members),
    members: Object.keys(members),
  }
}

const resource = {
  kind: 'Quote',
  tag: 'Quotes',
  path: '/quotes',
  params: QuoteParams,
  shown: Quote,
  query: QuoteQuery,
  show: shownToWriter((id, query) => quoteItem({ schema: 'editor' }, id, query)),
} satisfies Partial<
  Parameters<typeof resourceWrites<z.ZodType, z.ZodType, typeof QuoteQuery, z.ZodType>>[2]
>

/** Writes of quotes; each makes a new version of the article. */
export function quoteWrites(app: App, { db }: Services): void {
  resourceWrites(app, db, {
    ...resource,
    create: {
      summary: 'Add a quote to an article',
      description: 'Looked for in the text of the article unless `spans` say where it stands.',
      throws: ['unknown_reference', 'wrong_state'],
      example: {
        article: 'council-adopts-sea-wall-levy',
        kind: 'paraphrase',
        text: 'The levy will be reviewed after three years.',
      },
      body: QuoteCreate,
      run: createQuote,
    },
    update: {
      summary: 'Change a quote',
      description: 'A JSON merge patch. New words are looked for in the text again.',
      throws: ['unknown_reference', 'quote_altered', 'wrong_state'],
      example: { occasion: 'At the harbour meeting' },
      body: QuotePatch,
      query: QuoteWriteQuery,
      run: (ctx, id, patch, expected, { onQuoteChange }) =>
        updateQuote(ctx, id, patch, expected, onQuoteChange),
    },
    remove: {
      summary: 'Remove a quote',
      description: 'The text of the article stays as it is.',
      throws: ['wrong_state'],
      query: z.strictObject({}),
      run: (ctx, id, expected) => deleteQuote(ctx, id, expected),
    },
  })
  resourceVerb(app, db, resource, {
    name: 'confirm',
    scope: 'content:write',
    summary: 'Confirm a suggested quote',
    description: 'From now on it is verified like any other, and readers see it.',
    throws: ['wrong_state'],
    body: Nothing,
    run: (ctx, id, _input, expected) => confirmQuote(ctx, id, expected),
  })
  resourceVerb(app, db, resource, {
    name: 'dismiss',
    scope: 'content:write',
    summary: 'Dismiss a suggested quote',
    description: 'It was no quote: it goes, and the text stays as it is.',
    throws: ['wrong_state'],
    body: Nothing,
    leavesNothing: true,
    run: async (ctx, id, _input, expected) => {
      await dismissQuote(ctx, id, expected)
      return undefined
    },
  })
}
