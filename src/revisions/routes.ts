import { type ArticleQuery, KEPT_INCLUDES, KeptQuery } from '../articles/parameters.ts'
import { finishKept } from '../articles/present.ts'
import type { Article } from '../articles/schema.ts'
import { articleIn, asked, params } from '../articles/shape.ts'
import { missing } from '../errors.ts'
import type { App, Services } from '../http/app.ts'
import { sendRead } from '../http/caching.ts'
import { pagesOf, sendPage } from '../http/paging.ts'
import { diffArticles } from './diff.ts'
import { presentRevision } from './present.ts'
import { listRevisions, showRevision } from './queries.ts'
import {
  Diff,
  DiffQuery,
  RevisionListQuery,
  RevisionNumber,
  RevisionPage,
  WholeRevision,
} from './schema.ts'

const tags = ['Revisions']
const scope = 'drafts:read'

/** What an article was, for editors. */
export function revisionReads(app: App, { config, db }: Services): void {
  const shapeOf = (query: ArticleQuery) => asked(query, config, 'editor', ['html'])

  app.get(
    '/articles/:idOrSlug/revisions',
    {
      schema: {
        operationId: 'listRevisions',
        tags,
        summary: 'List the revisions of an article',
        description: 'Newest first: who made each version, when and why.',
        params,
        querystring: RevisionListQuery,
        response: { 200: RevisionPage },
      },
      config: { scope, throws: ['not_found'] },
    },
    async (request, reply) => {
      const id = await articleIn(db.editor, request.params.idOrSlug)
      const pages = pagesOf(request.url, config.publicUrl, request.query)
      const { rows, next } = await listRevisions(db.editor, id, pages)
      return sendPage(request, reply, pages, rows.map(presentRevision), next)
    },
  )

  app.get(
    '/articles/:idOrSlug/revisions/:n',
    {
      schema: {
        operationId: 'getRevision',
        tags,
        summary: 'One revision',
        description:
          'With the article as it was, its sources and categories as they were called then.',
        params: params.extend({ n: RevisionNumber }),
        querystring: KeptQuery,
        response: { 200: WholeRevision },
      },
      config: { scope, throws: ['not_found'] },
    },
    async (request, reply) => {
      const id = await articleIn(db.editor, request.params.idOrSlug)
      const which = { version: request.params.n }
      const revision = await showRevision(db.editor, id, which, shapeOf(request.query))
      if (!revision) throw missing('revision')
      const article = finishKept(revision.article, revision.blocks)
      return sendRead(request, reply, { ...presentRevision(revision), article }, revision.version)
    },
  )

  app.get(
    '/articles/:idOrSlug/diff',
    {
      schema: {
        operationId: 'diffRevisions',
        tags,
        summary: 'What changed between two revisions',
        description: 'By member, by block, and in a changed block by word.',
        params,
        querystring: DiffQuery,
        response: { 200: Diff },
      },
      config: { scope, throws: ['not_found'] },
    },
    async (request, reply) => {
      const { from, to } = request.query
      const id = await articleIn(db.editor, request.params.idOrSlug)
      const shape = { ...shapeOf({}), formats: ['blocks'], include: KEPT_INCLUDES }
      const [before, after] = await Promise.all(
        [from, to].map((version) => showRevision(db.editor, id, { version }, shape)),
      )
      if (!before || !after) throw missing('revision')
      const [was, is] = [before, after].map(({ article, blocks }) => finishKept(article, blocks))
      return sendRead(request, reply, diffArticles(was as Article, is as Article, { from, to }))
    },
  )
}
