import { z } from 'zod'
import { demandOfReader } from '../actor.ts'
import type { Reading } from '../db/client.ts'
import { missing } from '../errors.ts'
import { addressed, addressOf } from '../http/addressing.ts'
import type { App, Services } from '../http/app.ts'
import { readingOf } from '../http/auth.ts'
import { sendRead } from '../http/caching.ts'
import { ARTICLE_LIMIT } from '../http/json.ts'
import { pagesOf } from '../http/paging.ts'
import { isCounted, isFirst, sendItem, sendList } from '../http/reading.ts'
import { resourceWrites } from '../http/resource.ts'
import { showRevision } from '../revisions/queries.ts'
import { FACET_VALUES } from '../search/schema.ts'
import { alternatesFor } from '../syndication/autodiscovery.ts'
import { createArticle, deleteArticle, updateArticle } from './commands.ts'
import { countArticleFacets } from './facets.ts'
import { articleMembers, belongings } from './members.ts'
import {
  ArticleListQuery,
  ArticleWriteQuery,
  EDITOR_FIELDS,
  RANKED,
  RevisionQuery,
} from './parameters.ts'
import { finished, finishKept } from './present.ts'
import {
  articleSet,
  betterWords,
  countArticles,
  type Found,
  findArticles,
  listArticles,
} from './queries.ts'
import { Article, ArticleCreate, ArticlePage, ArticlePatch } from './schema.ts'
import { articleItem, articleResource, asked, params } from './shape.ts'

const tags = ['Articles']

/** Reads of articles: whoever asks, in that audience's view. */
export function articleReads(app: App, { config, db }: Services): void {
  const alternates = alternatesFor(config.publicUrl)
  const demandEditorFields = (
    actor: Parameters<typeof demandOfReader>[0],
    fields: readonly string[] = [],
  ) => {
    const told: readonly string[] = actor?.partnerId === undefined ? [] : ['embargoUntil']
    const editorial = fields.filter(
      (field) => (EDITOR_FIELDS as readonly string[]).includes(field) && !told.includes(field),
    )
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
      config: { gives: 'list' },
    },
    async (request, reply) => {
      const { query } = request
      if (query.status) demandOfReader(request.actor, 'drafts:read', 'Asking for a status')
      demandEditorFields(request.actor, query.fields)
      const reading = readingOf(request, db)
      const shape = asked(query, config, reading.schema, [])
      const members = articleMembers(belongings(reading, shape), shape)
      return sendList(request, reply, reading, {
        filters: {
          category: ['category', query.category],
          source: ['source', query.source],
          speaker: ['source', query.speaker],
        },
        pagesAt: (url) => pagesOf(url, config.publicUrl, query),
        statement: ({ named, lead }, page) => {
          const found = findArticles(reading, query, named, lead)
          return listArticles(reading, found, query.sort, page, members, RANKED)
        },
        members: Object.keys(members),
        finish: (objects) => finished(objects, shape),
        alternates: alternates(reading)?.articles,
        counted: isCounted(query)
          ? (named) => countBeside(reading, query, findArticles(reading, query, named))
          : undefined,
        meant: isFirst(query) ? (named) => betterWords(reading, query, named) : undefined,
      })
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
      config: { gives: 'item', throws: ['not_found', 'gone', 'legally_removed'], redirects: true },
    },
    async (request, reply) => {
      const { params, query } = request
      if (query.asOf !== undefined) demandOfReader(request.actor, 'drafts:read', 'Asking for asOf')
      demandEditorFields(request.actor, query.fields)
      const reading = readingOf(request, db)
      const shape = asked(query, config, reading.schema, ['html'])
      if (query.asOf === undefined) {
        const item = articleItem(reading, params.idOrSlug, shape)
        return sendItem(request, reply, reading, {
          ...item,
          alternates: alternates(reading)?.article,
        })
      }
      const id = await addressed(request, reply, reading, 'article', params.idOrSlug)
      if (id === undefined) return reply
      const then = await showRevision(db.editor, id, { at: query.asOf }, shape)
      if (!then) throw missing('article')
      return sendRead(request, reply, finishKept(then.article, then.blocks), then.version)
    },
  )
}

/** What was asked for beside a list: how many there are on all pages, and by what. */
async function countBeside(reading: Reading, { count, facets }: ArticleListQuery, found: Found) {
  const [counted, by] = await Promise.all([
    count && countArticles(reading, found),
    facets && countArticleFacets(reading, articleSet(found), facets, FACET_VALUES),
  ])
  return { count: counted, facets: by }
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
      bodyLimit: ARTICLE_LIMIT,
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
      bodyLimit: ARTICLE_LIMIT,
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
