import { missing } from '../errors.ts'
import { pick } from '../fields.ts'
import { addressed, addressOf, resolveFilters } from '../http/addressing.ts'
import type { App, Services } from '../http/app.ts'
import { readingOf } from '../http/auth.ts'
import { sendRead } from '../http/caching.ts'
import { reassignment } from '../http/item.ts'
import { sendPage, startOf } from '../http/paging.ts'
import { resourceWrites } from '../http/resource.ts'
import { createCategory, deleteCategory, updateCategory } from './commands.ts'
import { presentCategory } from './present.ts'
import { findCategory, listCategories } from './queries.ts'
import {
  Category,
  CategoryCreate,
  CategoryListQuery,
  CategoryPage,
  CategoryPatch,
  CategoryQuery,
} from './schema.ts'

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
      config: { throws: ['not_found', 'gone', 'legally_removed'], redirects: true },
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
  resourceWrites(app, db, {
    kind: 'Category',
    tag: 'Categories',
    path: '/categories',
    params,
    shown: Category,
    query: CategoryQuery,
    async show({ tx }, id, query) {
      const row = await findCategory({ db: tx, schema: 'editor' }, id)
      if (!row) throw missing('category')
      return {
        body: pick(presentCategory(row), query.fields),
        version: row.version,
        address: row.slug,
      }
    },
    create: {
      summary: 'Create a category',
      description: 'At the end of its siblings, unless a position is given.',
      throws: ['slug_taken', 'unknown_reference'],
      example: { name: 'Regatta', description: 'The summer races.' },
      body: CategoryCreate,
      run: createCategory,
    },
    update: {
      summary: 'Change a category',
      description:
        'A JSON merge patch, with the ETag of what you read in If-Match. `parent` moves it with all below it, `position` re-orders it among its siblings.',
      throws: ['slug_taken', 'unknown_reference'],
      example: { description: 'The port and its people.' },
      body: CategoryPatch,
      run: updateCategory,
    },
    remove: {
      summary: 'Delete or merge a category',
      description:
        'Refused with 409 and the references while articles or categories refer to it, unless `reassignTo` names the category that takes its place everywhere.',
      throws: ['in_use', 'rule_broken'],
      params: addressOf('night-sky'),
      query: reassignment('environment'),
      run: (ctx, name, expected, { reassignTo }) => deleteCategory(ctx, name, expected, reassignTo),
    },
  })
}
