import { type SQL, sql } from 'drizzle-orm'
import type { Executor, Reading } from '../db/client.ts'
import { countRows, type Listing, listRows } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { all, anyOrNone, array, bothWays, type Resolved } from '../db/where.ts'
import { matchesName } from '../search/names.ts'
import type { CategoryRow } from './present.ts'
import type { CategoryListQuery } from './schema.ts'

const ORDERS = {
  name: { column: sql`c.name`, type: 'text', descending: false },
  '-name': { column: sql`c.name`, type: 'text', descending: true },
  position: { column: sql`c.position`, type: 'integer', descending: false },
  createdAt: { column: sql`c.created_at`, type: 'timestamptz', descending: false },
  '-createdAt': { column: sql`c.created_at`, type: 'timestamptz', descending: true },
} as const

/** One category by id, or undefined. */
export async function findCategory({ db, schema }: Reading, id: string) {
  const { rows } = await db.execute<CategoryRow>(
    sql`select * from ${view(schema, 'categories')} where id = ${id}`,
  )
  return rows[0]
}

/** A page of categories, and how many there are on all pages if that is asked. */
export async function listCategories(
  reading: Reading,
  query: CategoryListQuery,
  page: Listing,
  parent: Resolved | undefined,
) {
  const { column, type, descending } = ORDERS[query.sort]
  const list = {
    from: sql`${view(reading.schema, 'categories')} c`,
    select: query.include?.includes('counts') ? sql`c.*, ${articleCount(reading)}` : sql`c.*`,
    where: [
      query.q && matchesName(sql`c.name`, query.q),
      query.ids && sql`c.id = any(${array(query.ids, 'uuid')})`,
      anyOrNone(sql`c.parent_id`, parent, 'uuid'),
    ],
    order: { columns: [{ column, type }], id: sql`c.id`, descending },
    page,
  }
  const [listed, count] = await Promise.all([
    listRows<CategoryRow>(reading, list),
    query.count && countRows(reading, list),
  ])
  return { ...listed, count }
}

/** Made for the rows of the page only; listings hold those below too, each article once. */
const articleCount = ({ schema }: Reading) => sql`
  (select count(*)::integer from ${view(schema, 'article_listings')} l
   where l.kind = 'category' and l.resource_id = c.id) as article_count`

/**
 * All categories, or those below some and not below others, siblings by position. One statement, and
 * one pass over the listings for all counts.
 */
export async function listTree(
  reading: Reading,
  { include }: Pick<CategoryListQuery, 'include'>,
  parent: Resolved | undefined,
) {
  const { db, schema } = reading
  const within = bothWays(
    parent,
    (ids) => sql`(c.id in ${withDescendants(reading, ids)} and c.id <> all(${array(ids, 'uuid')}))`,
  )
  const counted = include?.includes('counts')
  const { rows } = await db.execute<CategoryRow>(sql`
    select c.* ${counted ? sql`, coalesce(n.articles, 0) as article_count` : sql``}
    from ${view(schema, 'categories')} c
    ${
      counted
        ? sql`left join (
            select l.resource_id, count(*)::integer as articles
            from ${view(schema, 'article_listings')} l where l.kind = 'category'
            group by l.resource_id) n on n.resource_id = c.id`
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
