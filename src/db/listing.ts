import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from './client.ts'
import { type Members, selected } from './json.ts'
import { after, type Order, orderBy, sortKey } from './keyset.ts'
import { LEAD } from './slugs.ts'
import { all, literal } from './where.ts'

/** Which page: how many rows at most, and after which position. */
export type Listing = { limit: number; from: { values: string[]; id: string } | undefined }

/** The page for whoever asks only whether there is anything. */
export const FIRST: Listing = { limit: 1, from: undefined }

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

/** A page as the text of its objects, with what the next one begins after. */
export type Listed = {
  /** The objects, with {@link BETWEEN} between them; null when there are none. */
  data: string | null
  /** What the name of a filter leads to, where the statement finds it out. */
  lead?: string | null
  [place: `last_${number}`]: string | null
}

/**
 * Stands between the objects of a page and nowhere else: in JSON a line break is written `\\n`, and what
 * json_agg makes within an object has a space before it.
 */
const BETWEEN = ',\n'

/** A list whose rows become objects: where they are from, under which alias, with which members. */
export type ObjectList = {
  alias: string
  /** The table of {@link LEAD}, where a filter needs it. */
  lead?: SQL | undefined
  tables?: readonly SQL[]
  from: SQL
  where: readonly (SQL | undefined | '' | false)[]
  order: Order
  members: Members
  page: Listing
  /** Further values of the place where the page ends. */
  more?: readonly SQL[]
}

/**
 * A page as one row: its objects as text, and the sort values of its last one. Only the rows of the page
 * are made objects; the order of the rows under `limit` is that in which they are put together.
 */
export function listObjects(list: ObjectList): SQL {
  const { alias, lead, order, members, page, tables = [], more = [] } = list
  const where = all([...list.where, page.from && after(order, page.from)])
  const table = sql.raw(alias)
  const last = (column: SQL) => sql`(array_agg(${column}))[${literal(page.limit)}]::text`
  const keys = order.columns.map((_, i) => sql.raw(`${alias}.key_${i}`))
  const ends = [...keys.map(last), ...more].map(
    (value, i) => sql`${value} as ${sql.raw(`last_${i}`)}`,
  )
  return sql`${withTables(lead ? [lead, ...tables] : tables)}
    select string_agg(row_to_json(o)::text, E',\n') as data, ${sql.join(ends, sql`, `)}
      ${lead ? sql`, ${LEAD}::text as lead` : sql``}
    from (
      select ${table}.*, ${sql.join(
        order.columns.map(({ column }, i) => sql`${column} as ${sql.raw(`key_${i}`)}`),
        sql`, `,
      )}
      from ${list.from} where ${where} order by ${orderBy(order)} limit ${literal(page.limit + 1)}
    ) ${table} cross join lateral (select ${selected(members)}) o`
}

/** The objects of a page as a JSON array without its brackets, and where the next page begins. */
export function pageOfObjects(row: Listed, { limit }: Listing) {
  const { data } = row
  if (data === null) return { data: '', next: undefined }
  // Where the last object of the page begins, and where one more would.
  let [start, end] = [0, data.indexOf(BETWEEN)]
  for (let n = 1; n < limit && end !== -1; n++) {
    start = end + BETWEEN.length
    end = data.indexOf(BETWEEN, start)
  }
  if (end === -1) return { data, next: undefined }
  const values: string[] = []
  for (let i = 0; `last_${i}` in row; i++) values.push(row[`last_${i}`] ?? '')
  return { data: data.slice(0, end), next: { values, id: idOf(data, start) } }
}

/** The id of the object that begins there: it is the first member of every one. */
function idOf(data: string, start: number): string {
  const at = start + '{"id":"'.length
  return data.slice(at, at + 36)
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
