import { missing } from '../errors.ts'
import { pick } from '../fields.ts'
import { addressed, addressOf, resolveFilters } from '../http/addressing.ts'
import type { App, Services } from '../http/app.ts'
import { readingOf } from '../http/auth.ts'
import { sendRead } from '../http/caching.ts'
import { reassignment } from '../http/item.ts'
import { sendPage, startOf } from '../http/paging.ts'
import { resourceWrites } from '../http/resource.ts'
import { createSource, deleteSource, updateSource } from './commands.ts'
import { presentCounts, presentSource } from './present.ts'
import { findSource, listSources } from './queries.ts'
import {
  Source,
  SourceCreate,
  SourceListQuery,
  SourcePage,
  SourcePatch,
  SourceQuery,
} from './schema.ts'

const tags = ['Sources']
const params = addressOf('marlhythe-harbour-trust')

/** Reads of sources: whoever asks, in that audience's view. */
export function sourceReads(app: App, { config, db }: Services): void {
  app.get(
    '/sources',
    {
      schema: {
        operationId: 'listSources',
        tags,
        summary: 'List sources',
        description: 'Sources that a visible article names or quotes; to an editor, all.',
        querystring: SourceListQuery,
        response: { 200: SourcePage },
      },
    },
    async (request, reply) => {
      const reading = readingOf(request, db)
      const { query } = request
      const { organization } = await resolveFilters(reading, {
        organization: ['source', query.organization],
      })
      const page = await listSources(reading, query, startOf(request, query), organization)
      const data = page.rows.map((row) => ({
        ...pick(presentSource(row), query.fields),
        ...presentCounts(row),
      }))
      return sendPage(request, reply, config.publicUrl, query.limit, data, page.next, {
        count: page.count,
      })
    },
  )

  app.get(
    '/sources/:idOrSlug',
    {
      schema: {
        operationId: 'getSource',
        tags,
        summary: 'One source',
        description: 'By id or slug. A slug it once had leads to it with 301.',
        params,
        querystring: SourceQuery,
        response: { 200: Source },
      },
      config: { throws: ['not_found', 'gone', 'legally_removed'], redirects: true },
    },
    async (request, reply) => {
      const reading = readingOf(request, db)
      const id = await addressed(request, reply, reading, 'source', request.params.idOrSlug)
      if (id === undefined) return reply
      const row = await findSource(reading, id)
      if (!row) throw missing('source')
      const shown = pick(presentSource(row), request.query.fields)
      return sendRead(request, reply, shown, row.version, row.updated_at)
    },
  )
}

/** Writes of sources. */
export function sourceWrites(app: App, { db }: Services): void {
  resourceWrites(app, db, {
    kind: 'Source',
    tag: 'Sources',
    path: '/sources',
    params,
    shown: Source,
    query: SourceQuery,
    async show({ tx }, id, query) {
      const row = await findSource({ db: tx, schema: 'editor' }, id)
      if (!row) throw missing('source')
      return {
        body: pick(presentSource(row), query.fields),
        version: row.version,
        address: row.slug,
      }
    },
    create: {
      summary: 'Create a source',
      description: 'An anonymous source has a public label and nothing that could identify it.',
      throws: ['slug_taken', 'unknown_reference'],
      example: { kind: 'person', name: 'Ines Varga', title: 'Marine biologist' },
      body: SourceCreate,
      run: createSource,
    },
    update: {
      summary: 'Change a source',
      description: 'A JSON merge patch, with the ETag of what you read in If-Match.',
      throws: ['slug_taken', 'unknown_reference'],
      example: { description: 'Looks after the port and its lights.' },
      body: SourcePatch,
      run: updateSource,
    },
    remove: {
      summary: 'Delete or merge a source',
      description:
        'Refused with 409 and the references while articles, quotes or sources refer to it, unless `reassignTo` names the source that takes its place everywhere.',
      throws: ['in_use', 'rule_broken'],
      params: addressOf('ropewalk-pupil-council'),
      query: reassignment('ropewalk-school'),
      run: (ctx, name, expected, { reassignTo }) => deleteSource(ctx, name, expected, reassignTo),
    },
  })
}
