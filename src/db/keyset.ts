import { type SQL, sql } from 'drizzle-orm'
import { type Fault, wrongCursor } from '../errors.ts'

/** One column of an order, and the type its cursor value is cast to. */
export type SortColumn = { column: SQL; type: 'text' | 'integer' | 'real' | 'timestamptz' }

/** What PostgreSQL prints for these types, and so what a cursor may hold. */
const PRINTED = {
  text: /^/,
  integer: /^-?\d{1,9}$/,
  // The shortest that reads back as the same float4.
  real: /^\d{1,3}(?:\.\d{1,12})?(?:e-[0-2]\d)?$/,
  timestamptz: /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,6})?[+-](?:0\d|1[0-5])(?::[0-5]\d)?$/,
}

/** Can it be what PostgreSQL printed? What it cannot read, such as 31 February, is an error there. */
function isPrinted(type: SortColumn['type'], value: string): boolean {
  const match = PRINTED[type].exec(value)
  if (type !== 'timestamptz') return match !== null
  if (value === 'infinity') return true
  const [, date = '', time = ''] = match ?? []
  const iso = `${date}T${time}.000Z`
  const instant = new Date(iso)
  return date >= '0001' && !Number.isNaN(instant.getTime()) && instant.toISOString() === iso
}

/** An order over rows: its columns, then the id, all in one direction, so that one index serves. */
export type Order = { columns: SortColumn[]; id: SQL; descending: boolean }

/** `ORDER BY` of an order. */
export function orderBy({ columns, id, descending }: Order): SQL {
  const direction = descending ? sql`desc` : sql`asc`
  const parts = [...columns.map((c) => c.column), id].map((column) => sql`${column} ${direction}`)
  return sql.join(parts, sql`, `)
}

/** `invalid_cursor`: its values are not those of the order. */
export function damaged(): Fault {
  return wrongCursor('is damaged')
}

/**
 * The condition that a row stands after a position. A row comparison, which an index on the same
 * columns answers by seeking: page 400 costs what page 1 costs. Throws `invalid_cursor` for values
 * that are not of the columns' types: a cursor is anybody's to write.
 */
export function after(order: Order, position: { values: string[]; id: string }): SQL {
  const fits = order.columns.every((c, i) => isPrinted(c.type, position.values[i] ?? ''))
  if (!fits || position.values.length !== order.columns.length) {
    throw damaged()
  }
  const left = sql.join([...order.columns.map((c) => c.column), order.id], sql`, `)
  const right = sql.join(
    [
      ...order.columns.map((c, i) => sql`${position.values[i]}::${sql.raw(c.type)}`),
      sql`${position.id}::uuid`,
    ],
    sql`, `,
  )
  return sql`(${left}) ${order.descending ? sql`<` : sql`>`} (${right})`
}

/**
 * The sort values of a row, from which the next cursor is made: an array of text, as the text of a JSON
 * array. `more` gives further values.
 */
export function sortKey(order: Order, more?: SQL): SQL {
  const values = sql.join(
    order.columns.map((c) => sql`${c.column}::text`),
    sql`, `,
  )
  return more
    ? sql`to_json(array[${values}] || ${more})::text`
    : sql`to_json(array[${values}])::text`
}
