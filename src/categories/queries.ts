import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { type Listing, listRows } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { anyOrNone, array, type Resolved } from '../db/where.ts'
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

/** A page of categories. */
export function listCategories(
  reading: Reading,
  query: CategoryListQuery,
  page: Listing,
  parent: Resolved | undefined,
) {
  const { column, type, descending } = ORDERS[query.sort]
  return listRows<CategoryRow>(reading, {
    from: sql`${view(reading.schema, 'categories')} c`,
    select: sql`c.*`,
    where: [
      query.q && sql`to_tsvector('simple', c.name) @@ websearch_to_tsquery('simple', ${query.q})`,
      anyOrNone(sql`c.parent_id`, parent, 'uuid'),
    ],
    order: { columns: [{ column, type }], id: sql`c.id`, descending },
    page,
  })
}

/** These categories and all below them, as a subquery of ids: a category's lists include them. */
export function withDescendants({ schema }: Pick<Reading, 'schema'>, ids: readonly string[]): SQL {
  const categories = view(schema, 'categories')
  return sql`(with recursive below (id) as (
    select id from ${categories} where id = any(${array(ids, 'uuid')})
    union select c.id from ${categories} c join below b on c.parent_id = b.id
  ) select id from below)`
}
