import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from './client.ts'
import { after, type Order, orderBy, sortKey } from './keyset.ts'
import { all } from './where.ts'

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

/** Rows in keyset order, and the position of the last one when there are more. */
export async function listRows<T extends { id: string }>({ db }: Reading, list: List) {
  const { order, page } = list
  const where = all([...list.where, page.from && after(order, page.from)])
  // One row more than asked for tells whether there is a next page.
  const { rows } = await db.execute<T & { sort_key: string[] }>(sql`
    select ${list.select}, ${sortKey(order)} as sort_key
    from ${list.from} where ${where} order by ${orderBy(order)} limit ${page.limit + 1}`)
  const more = rows.length > page.limit
  const shown = more ? rows.slice(0, page.limit) : rows
  const last = shown.at(-1)
  const next = more && last ? { values: last.sort_key, id: last.id } : undefined
  return { rows: shown as T[], next }
}
