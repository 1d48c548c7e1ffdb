import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Fault, missing } from '../errors.ts'
import { pick } from '../fields.ts'
import { addressed, addressOf, resolveFilters } from '../http/addressing.ts'
import type { App, Services } from '../http/app.ts'
import { readingOf } from '../http/auth.ts'
import { sendRead } from '../http/caching.ts'
import { reassignment } from '../http/item.ts'
import { sendPage, startOf } from '../http/paging.ts'
import { resourceWrites } from '../http/resource.ts'
import { splitUrl } from '../http/url.ts'
import { createCategory, deleteCategory, updateCategory } from './commands.ts'
import { type CategoryRow, presentCategory, presentCount, presentTree } from './present.ts'
import { findCategory, listCategories, listTree } from './queries.ts'
import {
  Category,
  CategoryCreate,
  CategoryListQuery,
  CategoryPage,
  CategoryPatch,
  CategoryQuery,
  CategoryTree,
  NOT_WITH_TREE,
} from './schema.ts'

const tags = ['Categories']
const params = addressOf('harbour')

/** Throws `invalid_request` with every parameter that makes sense for a list only. */
function demandNothingOfLists(request: FastifyRequest): void {
  const given = new URLSearchParams(splitUrl(request.url).query)
  const errors = NOT_WITH_TREE.filter((name) => given.has(name)).map((parameter) => {
    return { parameter, message: 'does not go with tree=true: the tree comes whole' }
  })
  if (errors.length > 0) {
    throw new Fault('invalid_request', 'The request asks for a list and for a tree.', { errors })
  }
}

/** Reads of categories: whoever asks, in that audience's view. */
export function categoryReads(app: App, { config, db }: Services): void {
  app.get(
    '/categories',
    {
      schema: {
        operationId: 'listCategories',
        tags,
        summary: 'List categories',
        description:
          'Categories with a visible article in them or below them; to an editor, all. In pages, or with `tree=true` as one tree.',
        querystring: CategoryListQuery,
        response: { 200: z.union([CategoryPage, CategoryTree]) },
      },
    },
    async (request, reply) => {
      const reading = readingOf(request, db)
      const { query } = request
      const { parent } = await resolveFilters(reading, {
        parent: ['category', query.parent],
      })
      const present = (row: CategoryRow) => ({
        ...pick(presentCategory(row), query.fields),
        ...presentCount(row),
      })
      if (query.tree) {
        demandNothingOfLists(request)
        const rows = await listTree(reading, query, parent)
        return sendRead(request, reply, { data: presentTree(rows, present) })
      }
      const page = await listCategories(reading, query, startOf(request, query), parent)
      return sendPage(
        request,
        reply,
        config.publicUrl,
        query.limit,
        page.rows.map(present),
        page.next,
        { count: page.count },
      )
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
      const shown = pick(presentCategory(row), request.query.fields)
      return sendRead(request, reply, shown, row.version, row.updated_at)
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
