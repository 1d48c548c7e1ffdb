import { z } from 'zod'
import { missing } from '../errors.ts'
import type { App, Services } from '../http/app.ts'
import { sendRead } from '../http/caching.ts'
import { pagesOf, sendPage } from '../http/paging.ts'
import { write } from '../http/writing.ts'
import { createKey, revokeKey } from './commands.ts'
import { presentKey } from './present.ts'
import { findKeyById, listKeys } from './queries.ts'
import {
  ApiKey,
  ApiKeyCreate,
  ApiKeyListQuery,
  ApiKeyPage,
  ApiKeyParams,
  NewApiKey,
} from './schema.ts'

const tags = ['Keys']

/** API keys over HTTP, for `admin`. */
export function keyRoutes(app: App, { config, db }: Services): void {
  app.get(
    '/keys',
    {
      schema: {
        operationId: 'listKeys',
        tags,
        summary: 'List keys',
        description: 'Newest first, with revoked and expired ones.',
        querystring: ApiKeyListQuery,
        response: { 200: ApiKeyPage },
      },
      config: { scope: 'admin' },
    },
    async (request, reply) => {
      const pages = pagesOf(request.url, config.publicUrl, request.query)
      const { rows, next } = await listKeys(db.editor, pages)
      return sendPage(request, reply, pages, rows.map(presentKey), next)
    },
  )

  app.get(
    '/keys/:id',
    {
      schema: {
        operationId: 'getKey',
        tags,
        summary: 'One key',
        description: 'Without its secret, which nobody has but its holder.',
        params: ApiKeyParams,
        response: { 200: ApiKey },
      },
      config: { scope: 'admin', throws: ['not_found'] },
    },
    async (request, reply) => {
      const row = await findKeyById(db.editor, request.params.id)
      if (!row) throw missing('key')
      return sendRead(request, reply, presentKey(row))
    },
  )

  app.post(
    '/keys',
    {
      schema: {
        operationId: 'createKey',
        tags,
        summary: 'Make a key',
        description: 'The answer holds the key, this once.',
        body: ApiKeyCreate,
        response: { 201: NewApiKey },
      },
      config: {
        scope: 'admin',
        untagged: true,
        secret: true,
        throws: ['unknown_reference', 'wrong_state'],
        example: { name: 'Front end', scopes: ['read'] },
      },
    },
    (request, reply) =>
      write(db, request, reply, async (ctx) => {
        const { id, key } = await createKey(ctx, request.body)
        const row = await findKeyById(ctx.tx, id)
        if (!row) throw missing('key')
        const body = JSON.stringify({ ...presentKey(row), key })
        return { status: 201, path: '/v1/keys', shown: Promise.resolve({ body, address: id }) }
      }),
  )

  app.delete(
    '/keys/:id',
    {
      schema: {
        operationId: 'revokeKey',
        tags,
        summary: 'Revoke a key',
        description: 'At once and for good; the key stays in the list.',
        params: ApiKeyParams,
        response: { 204: z.null() },
      },
      config: { scope: 'admin', throws: ['not_found'] },
    },
    (request, reply) =>
      write(db, request, reply, async (ctx) => {
        await revokeKey(ctx, request.params.id)
        return { status: 204 }
      }),
  )
}
