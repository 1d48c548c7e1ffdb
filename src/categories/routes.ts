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
import { createCategory, deleteCategory, updateCategory } from './commands.ts'
import { presentCategory } from './present.ts'
import { findCategory, listCategories } from './queries.ts'
import { Category, CategoryCreate, CategoryListQuery, CategoryPage, CategoryPatch, CategoryQuery } from './schema.ts'

const tags = ['Categories']
const params = addressOf('harbour')

/** Reads of categories: whoever asks, in that audience's view. */
export function categoryReads(app: App, { config, db }: Services): void {
  app.get(
    '/categories',
    {
      schema: {
        operationId: 'listCategories',
        tags,
        summary: 'List categories',
        description: 'Categories with a visible article in them or below them; to an editor, all.',
        querystring: CategoryListQuery,
        response: { 200: CategoryPage },
      },
    },
    async (request, reply) => {
      const reading = readingOf(request, db)
      const { query } = request
      const { parent } = await resolveFilters(reading, {
        parent: ['category', query.parent],
      })
      const page = await listCategories(reading, query, startOf(request, query), parent)
      const data = page.rows.map((row) => pick(presentCategory(row), query.fields))
      return sendPage(request, reply, config.publicUrl, query.limit, data, page.next)
    },
  )

  app.get(
    '/categories/:idOrSlug',
    {
      schema: {
        operationId: 'getCategory',
        tags,
        summary: 'One category',
        description: 'By id or slug. A slug it once had leads to it with 301.',
        params,
        querystring: CategoryQuery,
        response: { 200: Category },
      },
      config: { throws: ['not_found'], redirects: true },
    },
    async (request, reply) => {
      const reading = readingOf(request, db)
      const id = await addressed(request, reply, reading, 'category', request.params.idOrSlug)
      if (id === undefined) return reply
      const row = await findCategory(reading, id)
      if (!row) throw missing('category')
      return sendRead(request, reply, pick(presentCategory(row), request.query.fields), row.version)
    },
  )
}

/** Writes of categories. */
export function categoryWrites(app: App, { db }: Services): void {
  app.post(
    '/categories',
    {
      schema: {
        operationId: 'createCategory',
        tags,
        summary: 'Create a category',
        description: 'At the end of its siblings, unless a position is given.',
        body: CategoryCreate,
        response: { 201: Category },
      },
      config: {
        scope: 'content:write',
        throws: ['slug_taken', 'unknown_reference'],
        example: { name: 'Regatta', description: 'The summer races.' },
      },
    },
    (request, reply) =>
      write(db, request, reply, async (ctx) => answer(ctx, 201, await createCategory(ctx, request.body))),
  )

  app.patch(
    '/categories/:idOrSlug',
    {
      schema: {
        operationId: 'updateCategory',
        tags,
        summary: 'Change a category',
        description: 'A JSON merge patch, with the ETag of what you read in If-Match. `parent` moves it with all below it, `position` re-orders it among its siblings.',
        params,
        body: CategoryPatch,
        response: { 200: Category },
      },
      config: {
        scope: 'content:write',
        ifMatch: true,
        throws: ['not_found', 'slug_taken', 'unknown_reference', 'version_required', 'version_stale'],
        example: { description: 'The port and its people.' },
      },
    },
    (request, reply) =>
      write(db, request, reply, async (ctx) => {
        const expected = requireIfMatch(request)
        return answer(ctx, 200, await updateCategory(ctx, request.params.idOrSlug, request.body, expected))
      }),
  )

  app.delete(
    '/categories/:idOrSlug',
    {
      schema: {
        operationId: 'deleteCategory',
        tags,
        summary: 'Delete or merge a category',
        description:
          'Refused with 409 and the references while articles or categories refer to it, unless `reassignTo` names the category that takes its place everywhere.',
        params,
        querystring: z.strictObject({
          reassignTo: IdOrSlug.optional().meta({ description: 'Id or slug of the category that takes its place.' }),
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
        await deleteCategory(ctx, request.params.idOrSlug, expected, request.query.reassignTo)
        return { status: 204 }
      }),
  )
}

async function answer({ tx }: Writing, status: 200 | 201, id: string): Promise<Written> {
  const row = await findCategory({ db: tx, schema: 'editor' }, id)
  if (!row) throw missing('category')
  const location = status === 201 ? { location: `/v1/categories/${row.slug}` } : {}
  return { status, body: presentCategory(row), version: row.version, ...location }
}
