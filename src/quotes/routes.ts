import { z } from 'zod'
import { demandOfReader } from '../actor.ts'
import { absence } from '../db/gone.ts'
import { countRows } from '../db/listing.ts'
import { missing } from '../errors.ts'
import { pick } from '../fields.ts'
import { resolveFilters } from '../http/addressing.ts'
import type { App, Services } from '../http/app.ts'
import { readingOf } from '../http/auth.ts'
import { noteRead, sendRead } from '../http/caching.ts'
import { Nothing } from '../http/item.ts'
import { sendPage, startOf } from '../http/paging.ts'
import { resourceVerb, resourceWrites } from '../http/resource.ts'
import { FACET_VALUES } from '../search/schema.ts'
import { confirmQuote, createQuote, deleteQuote, dismissQuote, updateQuote } from './commands.ts'
import { countQuoteFacets } from './facets.ts'
import { presentFound, presentQuote } from './present.ts'
import { betterWords, findQuote, findQuotes, listQuotes, listSimilar } from './queries.ts'
import {
  Quote,
  QuoteCreate,
  QuoteListQuery,
  QuotePage,
  QuoteParams,
  QuotePatch,
  QuoteQuery,
  QuoteWriteQuery,
  SimilarQuery,
} from './schema.ts'

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
      const named = await resolveFilters(reading, {
        article: ['article', query.article],
        speaker: ['source', query.speaker],
        source: ['source', query.source],
        category: ['category', query.category],
      })
      noteRead(request, { resolved: named })
      const found = findQuotes(reading, query, named)
      const [page, count, facets] = await Promise.all([
        listQuotes(reading, found, query, startOf(request, query)),
        query.count && countRows(reading, found),
        query.facets && countQuoteFacets(reading, found, query.facets, FACET_VALUES),
      ])
      const nothing = page.rows.length === 0 && query.cursor === undefined
      const didYouMean = nothing ? await betterWords(reading, query, named) : undefined
      const data = page.rows.map((row) => presentFound(row, query.fields))
      const meta = { count, facets, didYouMean }
      return sendPage(request, reply, config.publicUrl, query.limit, data, page.next, meta)
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
      const row = await findQuote(reading, request.params.id)
      if (!row) throw await absence(reading, 'quote', request.params.id)
      noteRead(request, { about: { kind: 'article', id: row.article_id } })
      return sendRead(request, reply, pick(presentQuote(row), request.query.fields), row.version)
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
      const quote = await findQuote(reading, params.id)
      if (!quote) throw await absence(reading, 'quote', params.id)
      const rows = await listSimilar(reading, quote, query.limit)
      const data = rows.map((row) => pick(presentQuote(row), query.fields))
      return sendPage(request, reply, config.publicUrl, query.limit, data, undefined)
    },
  )
}

const resource = {
  kind: 'Quote',
  tag: 'Quotes',
  path: '/quotes',
  params: QuoteParams,
  shown: Quote,
  query: QuoteQuery,
  async show({ tx }, id, query) {
    const row = await findQuote({ db: tx, schema: 'editor' }, id)
    if (!row) throw missing('quote')
    return { body: pick(presentQuote(row), query.fields), version: row.version, address: row.id }
  },
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
