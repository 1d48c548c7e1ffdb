import { type ArticleQuery, INCLUDES, KeptQuery } from '../articles/parameters.ts'
import { presentArticle } from '../articles/present.ts'
import { articleIn, asked, included, params } from '../articles/shape.ts'
import { missing } from '../errors.ts'
import type { App, Services } from '../http/app.ts'
import { sendRead } from '../http/caching.ts'
import { sendPage, startOf } from '../http/paging.ts'
import { diffArticles } from './diff.ts'
import { presentRevision } from './present.ts'
import { findRevision, listRevisions } from './queries.ts'
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
  const shapeOf = (query: ArticleQuery) => asked(query, config, true, ['html'])

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
      const page = await listRevisions(db.editor, id, startOf(request, request.query))
      const data = page.rows.map(presentRevision)
      return sendPage(request, reply, config.publicUrl, request.query.limit, data, page.next)
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
      const revision = await findRevision(db.editor, id, request.params.n)
      if (!revision) throw missing('revision')
      const shape = shapeOf(request.query)
      const article = presentArticle(included(revision.content, shape.include), shape)
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
      const [before, after] = await Promise.all([
        findRevision(db.editor, id, from),
        findRevision(db.editor, id, to),
      ])
      if (!before || !after) throw missing('revision')
      const shape = { ...shapeOf({}), formats: ['blocks'], include: [...INCLUDES] }
      const show = (content: typeof before.content) => presentArticle(content, shape)
      return sendRead(
        request,
        reply,
        diffArticles(show(before.content), show(after.content), { from, to }),
      )
    },
  )
}
