import { z } from 'zod'
import { IdOrSlug, pick } from '../fields.ts'
import { addressed, addressOf, resolveFilters } from '../http/addressing.ts'
import type { App, Services } from '../http/app.ts'
import { readingOf } from '../http/auth.ts'
import { requireIfMatch, sendRead } from '../http/caching.ts'
import { sendPage, startOf } from '../http/paging.ts'
import { type Written, write } from '../http/writing.ts'
import { missing } from '../errors.ts'
import type { Writing } from '../db/client.ts'
import { createSource, deleteSource, updateSource } from './commands.ts'
import { presentSource } from './present.ts'
import { findSource, listSources } from './queries.ts'
import { Source, SourceCreate, SourceListQuery, SourcePage, SourcePatch, SourceQuery } from './schema.ts'

const tags = ['Sources']
const params = addressOf('tidewater-harbour-authority')

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
      const data = page.rows.map((row) => pick(presentSource(row), query.fields))
      return sendPage(request, reply, config.publicUrl, query.limit, data, page.next)
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
      config: { throws: ['not_found'], redirects: true },
    },
    async (request, reply) => {
      const reading = readingOf(request, db)
      const id = await addressed(request, reply, reading, 'source', request.params.idOrSlug)
      if (id === undefined) return reply
      const row = await findSource(reading, id)
      if (!row) throw missing('source')
      return sendRead(request, reply, pick(presentSource(row), request.query.fields), row.version)
    },
  )
}

/** Writes of sources. */
export function sourceWrites(app: App, { db }: Services): void {
  app.post(
    '/sources',
    {
      schema: {
        operationId: 'createSource',
        tags,
        summary: 'Create a source',
        description: 'An anonymous source has a public label and nothing that could identify it.',
        body: SourceCreate,
        response: { 201: Source },
      },
      config: {
        scope: 'content:write',
        throws: ['slug_taken', 'unknown_reference'],
        example: { kind: 'person', name: 'Ines Varga', title: 'Marine biologist' },
      },
    },
    (request, reply) =>
      write(db, request, reply, async (ctx) => answer(ctx, 201, await createSource(ctx, request.body))),
  )

  app.patch(
    '/sources/:idOrSlug',
    {
      schema: {
        operationId: 'updateSource',
        tags,
        summary: 'Change a source',
        description: 'A JSON merge patch, with the ETag of what you read in If-Match.',
        params,
        body: SourcePatch,
        response: { 200: Source },
      },
      config: {
        scope: 'content:write',
        ifMatch: true,
        throws: ['not_found', 'slug_taken', 'unknown_reference', 'version_required', 'version_stale'],
        example: { description: 'Runs the port and its ferries.' },
      },
    },
    (request, reply) =>
      write(db, request, reply, async (ctx) => {
        const expected = requireIfMatch(request)
        return answer(ctx, 200, await updateSource(ctx, request.params.idOrSlug, request.body, expected))
      }),
  )

  app.delete(
    '/sources/:idOrSlug',
    {
      schema: {
        operationId: 'deleteSource',
        tags,
        summary: 'Delete or merge a source',
        description:
          'Refused with 409 and the references while articles, quotes or sources refer to it, unless `reassignTo` names the source that takes its place everywhere.',
        params,
        querystring: z.strictObject({
          reassignTo: IdOrSlug.optional().meta({ description: 'Id or slug of the source that takes its place.' }),
        }),
        response: { 204: z.null().meta({ description: 'Deleted.' }) },
      },
      config: {
        scope: 'content:write',
        ifMatch: true,
        throws: ['not_found', 'in_use', 'rule_broken', 'version_required', 'version_stale'],
      },
    },
    (request, reply) =>
      write(db, request, reply, async (ctx) => {
        const expected = requireIfMatch(request)
        await deleteSource(ctx, request.params.idOrSlug, expected, request.query.reassignTo)
        return { status: 204 }
      }),
  )
}

async function answer({ tx }: Writing, status: 200 | 201, id: string): Promise<Written> {
  const row = await findSource({ db: tx, schema: 'editor' }, id)
  if (!row) throw missing('source')
  const location = status === 201 ? { location: `/v1/sources/${row.slug}` } : {}
  return { status, body: presentSource(row), version: row.version, ...location }
}
