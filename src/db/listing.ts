import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from './client.ts'
import { after, type Order, orderBy, sortKey } from './keyset.ts'
import { all, literal } from './where.ts'

/** Which page: how many rows at most, and after which position. */
export type Listing = { limit: number; from: { values: string[]; id: string } | undefined }

/** A list: what is selected, from where, which rows, in which order. */
export type List = {
  select: SQL
  from: SQL
  where: (SQL | undefined | '' | false)[]
  order: Order
  page: Listing
}

/** A row with its place as the text of a JSON array: only the last one's is ever read. */
export type Keyed<T> = T & { sort_key: string }

/** Rows in keyset order, and the position of the last one when there are more. */
export async function listRows<T extends { id: string }>({ db }: Reading, list: List) {
  const { order, page } = list
  const where = all([...list.where, page.from && after(order, page.from)])
  const { rows } = await db.execute<Keyed<T>>(sql`
    select ${list.select}, ${sortKey(order)} as sort_key
    from ${list.from} where ${where} order by ${orderBy(order)} limit ${literal(page.limit + 1)}`)
  return pageOf(rows, page)
}

/** One row more than asked for tells whether there is a next page; its place is the last one's. */
export function pageOf<T extends { id: string }>(rows: readonly Keyed<T>[], { limit }: Listing) {
  const more = rows.length > limit
  const shown = more ? rows.slice(0, limit) : rows
  const last = shown.at(-1)
  const next =
    more && last ? { values: JSON.parse(last.sort_key) as string[], id: last.id } : undefined
  return { rows: shown as readonly T[], next }
}

/** Common table expressions in front of a statement; nothing when there are none. */
export function withTables(tables: readonly SQL[]): SQL {
  return tables.length === 0 ? sql`` : sql`with recursive ${sql.join([...tables], sql`, `)}`
}

/** How many rows a list has on all its pages. */
export async function countRows(
  { db }: Reading,
  { from, where }: Pick<List, 'from' | 'where'>,
  tables: readonly SQL[] = [],
): Promise<number> {
  const { rows } = await db.execute<{ count: string }>(
    sql`${withTables(tables)} select count(*) as count from ${from} where ${all(where)}`,
  )
  return Number(rows[0]?.count)
}
