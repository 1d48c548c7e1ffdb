import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Reading } from '../db/client.ts'
import { countRows } from '../db/listing.ts'
import { Fault } from '../errors.ts'
import { addressOf, resolveFilters } from '../http/addressing.ts'
import type { App, Services } from '../http/app.ts'
import { readingOf } from '../http/auth.ts'
import { sendShown } from '../http/caching.ts'
import { reassignment } from '../http/item.ts'
import { pagesOf } from '../http/paging.ts'
import {
  type ItemRead,
  isCounted,
  isFirst,
  sendItem,
  sendList,
  shownToWriter,
} from '../http/reading.ts'
import { resourceWrites } from '../http/resource.ts'
import { splitUrl } from '../http/url.ts'
import { alternatesFor } from '../syndication/autodiscovery.ts'
import { createCategory, deleteCategory, updateCategory } from './commands.ts'
import { presentTree } from './present.ts'
import {
  betterName,
  categoryMembers,
  findCategories,
  findCategory,
  listCategories,
  listTree,
} from './queries.ts'
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
  const alternates = alternatesFor(config.publicUrl)
  app.get(
    '/categories',
    {
      schema: {
        operationId: 'listCategories',
        tags,
        summary: 'List categories',
        description:
          'Categories with a visible article in them or below them; to an editor, all. In pages, or with `tree=true` as one tree. A `q` that finds nothing may come with `meta.didYouMean`.',
        querystring: CategoryListQuery,
        response: { 200: z.union([CategoryPage, CategoryTree]) },
      },
    },
    async (request, reply) => {
      const reading = readingOf(request, db)
      const { query } = request
      const filters = { parent: ['category', query.parent] } as const
      if (query.tree) {
        demandNothingOfLists(request)
        const named = await resolveFilters(reading, filters)
        const data = presentTree(await listTree(reading, query, named.parent))
        const members = [...Object.keys(categoryMembers(reading, query)), 'children']
        const shown = { body: JSON.stringify({ data }), members, resolved: named }
        return sendShown(request, reply, { ...shown, objects: () => data })
      }
      const members = categoryMembers(reading, query)
      return sendList(request, reply, reading, {
        filters,
        pagesAt: (url) => pagesOf(url, config.publicUrl, query),
        statement: ({ named, lead }, page) => {
          const found = findCategories(reading, query, named.parent, lead)
          return listCategories(found, query, page, members)
        },
        members: Object.keys(members),
        counted: isCounted(query)
          ? async ({ parent }) => ({
              count: await countRows(reading, findCategories(reading, query, parent)),
            })
          : undefined,
        meant: isFirst(query) ? ({ parent }) => betterName(reading, query, parent) : undefined,
      })
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
      const { params, query } = request
      return sendItem(request, reply, reading, {
        ...categoryItem(reading, params.idOrSlug, query),
        alternates: alternates(reading)?.category,
      })
    },
  )
}

/** One category, by id or slug, in this audience's view. */
function categoryItem(
  reading: Pick<Reading, 'schema'>,
  name: string,
  query: CategoryQuery,
): ItemRead {
  const members = categoryMembers(reading, query)
  return {
    ...{ kind: 'category', name },
    statement: (named, isId) => findCategory(reading, named, isId, members),
    members: Object.keys(members),
  }
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
    show: shownToWriter((id, query) => categoryItem({ schema: 'editor' }, id, query)),
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
