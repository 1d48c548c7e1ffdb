import { z } from 'zod'
import { demandOfReader } from '../actor.ts'
import type { Config } from '../config.ts'
import type { Writing } from '../db/client.ts'
import { missing } from '../errors.ts'
import { addressed, addressOf, resolveFilters } from '../http/addressing.ts'
import type { App, Services } from '../http/app.ts'
import { isEditor, readingOf } from '../http/auth.ts'
import { sendRead } from '../http/caching.ts'
import { Nothing } from '../http/item.ts'
import { sendPage, startOf } from '../http/paging.ts'
import { resourceVerb, resourceWrites } from '../http/resource.ts'
import { createArticle, deleteArticle, updateArticle } from './commands.ts'
import { publishArticle, unpublishArticle } from './lifecycle.ts'
import { presentArticle, type Shape } from './present.ts'
import { findArticle, listArticles, type Wanted } from './queries.ts'
import {
  Article,
  ArticleCreate,
  ArticleListQuery,
  ArticlePage,
  ArticlePatch,
  ArticleQuery,
  EDITOR_FIELDS,
  Publication,
} from './schema.ts'

const tags = ['Articles']
const params = addressOf('council-adopts-sea-wall-levy')

/** What is loaded, and how it is shown, out of what was asked for. */
function asked(
  query: ArticleQuery,
  config: Config,
  editor: boolean,
  fallback: readonly string[],
): Wanted & Shape {
  const { body = fallback, fields, include = [] } = query
  const formats = fields && !fields.includes('body') && query.body === undefined ? [] : body
  return {
    articleUrl: config.articleUrl ?? `${config.publicUrl}/v1/articles/{slug}`,
    formats: formats.filter((format) => format !== 'none'),
    // Asking for a format of the body is asking for the body.
    fields: fields && query.body && !fields.includes('body') ? [...fields, 'body'] : fields,
    include,
    editor,
  }
}

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
        description: 'Visible ones, newest first; to an editor, all but the killed.',
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
      const shape = asked(query, config, isEditor(request), [])
      const page = await listArticles(reading, query, startOf(request, query), named, shape)
      const data = page.rows.map((row) => presentArticle(row, shape))
      return sendPage(request, reply, config.publicUrl, query.limit, data, page.next)
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
        querystring: ArticleQuery,
        response: { 200: Article },
      },
      config: { throws: ['not_found'], redirects: true },
    },
    async (request, reply) => {
      demandEditorFields(request.actor, request.query.fields)
      const reading = readingOf(request, db)
      const id = await addressed(request, reply, reading, 'article', request.params.idOrSlug)
      if (id === undefined) return reply
      const shape = asked(request.query, config, isEditor(request), ['html'])
      const row = await findArticle(reading, id, shape)
      if (!row) throw missing('article')
      return sendRead(request, reply, presentArticle(row, shape), row.version)
    },
  )
}

/** Writes of articles. */
export function articleWrites(app: App, { config, db }: Services): void {
  const resource = {
    kind: 'Article',
    tag: 'Articles',
    path: '/articles',
    params,
    shown: Article,
    query: ArticleQuery,
    async show({ tx }: Writing, id: string, query: ArticleQuery) {
      const shape = asked(query, config, true, ['html'])
      const row = await findArticle({ db: tx, schema: 'editor' }, id, shape)
      if (!row) throw missing('article')
      return { body: presentArticle(row, shape), version: row.version, address: row.slug }
    },
  }
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
      throws: ['slug_taken', 'unknown_reference'],
      example: { summary: 'What was decided, and when it starts.' },
      body: ArticlePatch,
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
  resourceVerb(app, db, resource, {
    name: 'publish',
    scope: 'content:publish',
    summary: 'Publish an article',
    description:
      'Now or later; on a published one, sets its times. Needs a headline and a body, nothing else.',
    throws: ['wrong_state'],
    body: Publication,
    run: publishArticle,
  })
  resourceVerb(app, db, resource, {
    name: 'unpublish',
    scope: 'content:publish',
    summary: 'Take an article back',
    description: 'Readers get 404; publishing again brings it back.',
    throws: ['wrong_state'],
    body: Nothing,
    run: (ctx, name, _input, expected) => unpublishArticle(ctx, name, expected),
  })
}
