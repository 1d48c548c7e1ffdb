import { type SQL, sql } from 'drizzle-orm'
import type { Executor, Reading } from '../db/client.ts'
import { type Members, milliseconds, pickMembers, selected } from '../db/json.ts'
import type { Order } from '../db/keyset.ts'
import { countRows, type Listing, listObjects } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { all, anyOrNone, array, bothWays, type Resolved } from '../db/where.ts'
import { matchesName, nameRelevance, suggestName } from '../search/names.ts'
import { CATEGORY } from './members.ts'
import type { Category, CategoryListQuery } from './schema.ts'

const ORDERS = {
  name: { column: sql`c.name`, type: 'text', descending: false },
  '-name': { column: sql`c.name`, type: 'text', descending: true },
  position: { column: sql`c.position`, type: 'integer', descending: false },
  createdAt: { column: sql`c.created_at`, type: 'timestamptz', descending: false },
  '-createdAt': { column: sql`c.created_at`, type: 'timestamptz', descending: true },
} as const

/** The category under an id, or a slug of today, as an object with what is told of it. */
export function findCategory(
  { schema }: Pick<Reading, 'schema'>,
  name: SQL,
  isId: boolean,
  members: Members,
): SQL {
  return sql`
    select row_to_json(o)::text as data, c.id, c.version, c.slug,
      ${milliseconds(sql`c.updated_at`)} as modified
    from ${view(schema, 'categories')} c cross join lateral (select ${selected(members)}) o
    where ${isId ? sql`c.id = ${name}::uuid` : sql`c.slug = ${name}`}`
}

/** The members of a category: those that were asked for, and its count. */
export function categoryMembers(
  { schema }: Pick<Reading, 'schema'>,
  { fields, include }: Pick<CategoryListQuery, 'fields' | 'include'>,
): Members {
  const members = pickMembers(CATEGORY, fields)
  if (!include?.includes('counts')) return members
  // Made for the rows of the page only; listings hold those below too, each article once.
  const articleCount = sql`coalesce((select l.articles from ${view(schema, 'listed_counts')} l
    where l.kind = 'category' and l.resource_id = c.id), 0)::integer`
  return { ...members, articleCount }
}

/** The rows of a list: where `c` is from, and the conditions on it. */
type Found = { lead: SQL | undefined; from: SQL; where: (SQL | undefined | '')[] }

/** Which categories a list is about. */
export function findCategories(
  { schema }: Pick<Reading, 'schema'>,
  query: CategoryListQuery,
  parent: Resolved | undefined,
  lead?: SQL,
): Found {
  return {
    lead,
    from: sql`${view(schema, 'categories')} c`,
    where: [
      query.q && matchesName(sql`c.name`, query.q),
      query.ids && sql`c.id = any(${array(query.ids, 'uuid')})`,
      anyOrNone(sql`c.parent_id`, parent, 'uuid'),
    ],
  }
}

/** A page of categories, as one row of objects. */
export function listCategories(
  { lead, from, where }: Found,
  query: CategoryListQuery,
  page: Listing,
  members: Members,
): SQL {
  return listObjects({ alias: 'c', lead, from, where, order: orderOf(query), page, members })
}

function orderOf({ sort, q }: CategoryListQuery): Order {
  const id = sql`c.id`
  if (sort === 'relevance') {
    const column = nameRelevance(sql`c.name`, q ?? '')
    return { columns: [{ column, type: 'integer' }], id, descending: true }
  }
  const { column, type, descending } = ORDERS[sort]
  return { columns: [{ column, type }], id, descending }
}

/** A name that was probably meant, when it finds categories where `q` finds none. */
export async function betterName(
  reading: Reading,
  query: CategoryListQuery,
  parent: Resolved | undefined,
) {
  const q = await suggestName(reading, 'category', query.q ?? '')
  if (q === undefined) return undefined
  const count = await countRows(reading, findCategories(reading, { ...query, q }, parent))
  return count > 0 ? q : undefined
}

/** A category of a tree, as an object, and where it hangs. */
export type Leaf = { id: string; parent_id: string | null; category: Category }

/**
 * All categories, or those below some and not below others, siblings by position. One statement, and
 * one pass over the listings for all counts.
 */
export async function listTree(
  reading: Reading,
  { fields, include }: Pick<CategoryListQuery, 'fields' | 'include'>,
  parent: { any: readonly string[]; none: readonly string[] } | undefined,
): Promise<Leaf[]> {
  const { db, schema } = reading
  const within = bothWays(
    parent,
    (ids) => sql`(c.id in ${withDescendants(reading, ids)} and c.id <> all(${array(ids, 'uuid')}))`,
  )
  const counted = include?.includes('counts')
  const members = {
    ...pickMembers(CATEGORY, fields),
    ...(counted && { articleCount: sql`coalesce(n.articles, 0)::integer` }),
  }
  const { rows } = await db.execute<Leaf>(sql`
    select c.id, c.parent_id, (
      select row_to_json(o) from (select ${selected(members)}) o) as category
    from ${view(schema, 'categories')} c
    ${
      counted
        ? sql`left join ${view(schema, 'listed_counts')} n
            on n.kind = 'category' and n.resource_id = c.id`
        : sql``
    }
    where ${all([within])} order by c.position, c.id`)
  return rows
}

/** These categories and all below them, as a subquery of ids: a category's lists include them. */
export function withDescendants({ schema }: Pick<Reading, 'schema'>, ids: readonly string[]): SQL {
  const categories = view(schema, 'categories')
  return sql`(with recursive below (id) as (
    select id from ${categories} where id = any(${array(ids, 'uuid')})
    union select c.id from ${categories} c join below b on c.parent_id = b.id
  ) select id from below)`
}

/** A category among these, and one that it is in: itself, its parent, and so on. */
export type Ancestor = { of: string; id: string }

/** What these categories are in, themselves included. */
export async function findAncestors(db: Executor, ids: readonly string[]): Promise<Ancestor[]> {
  if (ids.length === 0) return []
  const { rows } = await db.execute<Ancestor>(sql`
    select c.id as of, up.id from unnest(${array(ids, 'uuid')}) c (id),
      public.categories_above(c.id) up`)
  return rows
}
