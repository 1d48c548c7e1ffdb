import { type SQL, sql } from 'drizzle-orm'

/** A filter: rows must have any of these and none of those. Ids, once slugs are resolved. */
export type Resolved = { any: readonly string[]; none: readonly string[] }

/** Values as one array parameter, so that the statement's text does not depend on their number. */
export function array(values: readonly string[], type: 'text' | 'uuid' = 'text'): SQL {
  return sql`${sql.param([...values])}::${sql.raw(type)}[]`
}

/**
 * `column` is one of these. A single one is compared: an equality tells the planner that an index which
 * begins with the column is in order of its next one, and how few rows there are.
 */
export function oneOf(column: SQL, values: readonly string[], type: 'text' | 'uuid' = 'text'): SQL {
  const [value] = values
  if (value !== undefined && values.length === 1) return sql`${column} = ${value}::${sql.raw(type)}`
  return sql`${column} = any(${array(values, type)})`
}

/** `column` is any of the one and none of the other; undefined when nothing is asked. */
export function anyOrNone(
  column: SQL,
  filter: Resolved | undefined,
  type: 'text' | 'uuid' = 'text',
): SQL | undefined {
  if (!filter) return undefined
  const parts = []
  if (filter.any.length > 0) parts.push(oneOf(column, filter.any, type))
  if (filter.none.length > 0) {
    parts.push(sql`(${column} is null or ${column} <> all(${array(filter.none, type)}))`)
  }
  return sql.join(parts, sql` and `)
}

/**
 * A number that stands in the text of a statement: of a LIMIT that is a parameter PostgreSQL expects a
 * tenth of all rows, and so would plan a prepared statement anew for each call.
 */
export function literal(count: number): SQL {
  return sql.raw(String(Math.trunc(count)))
}

/** A condition on values, for any of the one and, denied, for none of the other. */
export function bothWays(
  filter: Resolved | undefined,
  condition: (values: readonly string[]) => SQL,
): SQL | undefined {
  if (!filter) return undefined
  const parts = []
  if (filter.any.length > 0) parts.push(condition(filter.any))
  if (filter.none.length > 0) parts.push(sql`(${condition(filter.none)}) is not true`)
  return sql.join(parts, sql` and `)
}

/** All conditions that are there, joined by AND. */
export function all(conditions: (SQL | undefined | '' | false)[]): SQL {
  const given = conditions.filter((c) => c !== undefined && c !== '' && c !== false)
  return given.length === 0 ? sql`true` : sql.join(given, sql` and `)
}
