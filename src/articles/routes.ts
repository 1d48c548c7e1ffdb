import { z } from 'zod'
import { demandOfReader } from '../actor.ts'
import { absence } from '../db/gone.ts'
import { missing } from '../errors.ts'
import { addressed, addressOf, resolveFilters } from '../http/addressing.ts'
import type { App, Services } from '../http/app.ts'
import { isEditor, readingOf } from '../http/auth.ts'
import { noteRead, sendRead } from '../http/caching.ts'
import { sendPage, startOf } from '../http/paging.ts'
import { resourceWrites } from '../http/resource.ts'
import { findRevisionAsOf } from '../revisions/queries.ts'
import { FACET_VALUES } from '../search/schema.ts'
import { createArticle, deleteArticle, updateArticle } from './commands.ts'
import { countArticleFacets } from './facets.ts'
import {
  ArticleListQuery,
  ArticleWriteQuery,
  EDITOR_FIELDS,
  RANKED,
  RevisionQuery,
} from './parameters.ts'
import { type ArticleRow, presentArticle } from './present.ts'
import {
  articleSet,
  betterWords,
  countArticles,
  findArticle,
  findArticles,
  listArticles,
} from './queries.ts'
import { Article, ArticleCreate, ArticlePage, ArticlePatch } from './schema.ts'
import { articleResource, asked, included, params } from './shape.ts'

const tags = ['Articles']

/** Reads of articles: whoever asks, in that audience's view. */
export function articleReads(app: App, { config, db }: Services): void {
  const demandEditorFields = (
    actor: Parameters<typeof demandOfReader>[0],
    fields: readonly string[] = [],
  ) => {
    const editorial = fields.filter((field) => (EDITOR_FIELDS as readonly string[]).includes(field))
    if (editorial.length > 0)
      demandOfReader(actor, 'drafts:read', `Asking for ${editorial.join(', ')} in fields`)
  }

  app.get(
    '/articles',
    {
      schema: {
        operationId: 'listArticles',
        tags,
        summary: 'List articles',
        description:
          'Visible ones, newest first; to an editor, all but the killed. A query that finds nothing may come with `meta.didYouMean`.',
        querystring: ArticleListQuery,
        response: { 200: ArticlePage },
      },
    },
    async (request, reply) => {
      const { query } = request
      if (query.status) demandOfReader(request.actor, 'drafts:read', 'Asking for a status')
      demandEditorFields(request.actor, query.fields)
      const reading = readingOf(request, db)
      const named = await resolveFilters(reading, {
        category: ['category', query.category],
        source: ['source', query.source],
        speaker: ['source', query.speaker],
      })
      noteRead(request, { resolved: named })
      const found = findArticles(reading, query, named)
      const shape = asked(query, config, isEditor(request), [])
      const wanted = { ...shape, highlight: query.highlight }
      const [page, count, facets] = await Promise.all([
        listArticles(reading, found, query.sort, startOf(request, query), wanted, RANKED),
        query.count && countArticles(reading, found),
        query.facets && countArticleFacets(reading, articleSet(found), query.facets, FACET_VALUES),
      ])
      const nothing = page.rows.length === 0 && query.cursor === undefined
      const didYouMean = nothing ? await betterWords(reading, query, named) : undefined
      const data = page.rows.map((row) => presentArticle(row, shape))
      const meta = { count, facets, didYouMean }
      return sendPage(request, reply, config.publicUrl, query.limit, data, page.next, meta)
    },
  )

  app.get(
    '/articles/:idOrSlug',
    {
      schema: {
        operationId: 'getArticle',
        tags,
        summary: 'One article',
        description: 'By id or slug. A slug it once had leads to it with 301.',
        params,
        querystring: RevisionQuery,
        response: { 200: Article },
      },
      config: { throws: ['not_found', 'gone', 'legally_removed'], redirects: true },
    },
    async (request, reply) => {
      const { asOf } = request.query
      if (asOf !== undefined) demandOfReader(request.actor, 'drafts:read', 'Asking for asOf')
      demandEditorFields(request.actor, request.query.fields)
      const reading = readingOf(request, db)
      const shape = asked(request.query, config, isEditor(request), ['html'])
      const send = (row: ArticleRow) =>
        sendRead(request, reply, presentArticle(row, shape), row.version, row.updated_at)
      const { idOrSlug } = request.params
      // Nearly all ask by an id or a slug of today: one statement.
      const today = asOf === undefined && (await findArticle(reading, idOrSlug, shape))
      if (today) return send(today)
      const id = await addressed(request, reply, reading, 'article', idOrSlug)
      if (id === undefined) return reply
      if (asOf === undefined) {
        const row = await findArticle(reading, id, shape)
        if (!row) throw await absence(reading, 'article', id)
        return send(row)
      }
      const then = await findRevisionAsOf(db.editor, id, asOf)
      if (!then) throw missing('article')
      return send(included(then.content, shape.include))
    },
  )
}

/** Writes of articles. */
export function articleWrites(app: App, { config, db }: Services): void {
  const resource = articleResource(config)
  resourceWrites(app, db, {
    ...resource,
    create: {
      summary: 'Create an article',
      description: 'A draft; anything may be missing yet. Its quotes are tied to its text.',
      throws: ['slug_taken', 'unknown_reference', 'origin_taken'],
      example: {
        headline: 'Ferry timetable changes on Monday',
        body: {
          markdown:
            'The first boat leaves at **5.40**.\n\n“We listened,” the harbour authority said.',
        },
        categories: ['harbour'],
        quotes: [{ text: 'We listened', kind: 'direct' }],
      },
      body: ArticleCreate,
      run: createArticle,
    },
    update: {
      summary: 'Change an article',
      description:
        'A JSON merge patch, with the ETag of what you read in If-Match. On a published article it is live with its answer and needs `content:publish` too.',
      throws: ['slug_taken', 'unknown_reference', 'quote_altered', 'wrong_state'],
      example: { summary: 'What was decided, and when it starts.' },
      body: ArticlePatch,
      query: ArticleWriteQuery,
      run: updateArticle,
    },
    remove: {
      summary: 'Delete an article',
      description: 'One that was never visible; otherwise unpublish it.',
      throws: ['was_visible'],
      params: addressOf('dredging-contract-questions'),
      query: z.strictObject({}),
      run: (ctx, name, expected) => deleteArticle(ctx, name, expected),
    },
  })
}
