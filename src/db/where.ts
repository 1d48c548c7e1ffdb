import { is, SQL, sql } from 'drizzle-orm'

/** Ids that are known, or the one that the statement finds out itself (`LEAD` of slugs.ts). */
export type Ids = readonly string[] | SQL

/** A filter: rows must have any of these and none of those. Ids, once slugs are resolved. */
export type Resolved = { any: Ids; none: readonly string[] }

/** Whether exactly one is wanted. */
export function isOne(ids: Ids): boolean {
  return is(ids, SQL) || ids.length === 1
}

/** Whether none are named. */
export function isNone(ids: Ids): boolean {
  return !is(ids, SQL) && ids.length === 0
}

/** Values as one array parameter, so that the statement's text does not depend on their number. */
export function array(values: readonly string[], type: 'text' | 'uuid' = 'text'): SQL {
  return sql`${sql.param([...values])}::${sql.raw(type)}[]`
}

/**
 * `column` is one of these. A single one is compared: an equality tells the planner that an index which
 * begins with the column is in order of its next one, and how few rows there are.
 */
export function oneOf(column: SQL, values: Ids, type: 'text' | 'uuid' = 'text'): SQL {
  if (is(values, SQL)) return sql`${column} = ${values}`
  const [value] = values
  if (value !== undefined && values.length === 1) return sql`${column} = ${value}::${sql.raw(type)}`
  return sql`${column} = any(${array(values, type)})`
}

/**
 * Marks a condition of which the value decides how it is best answered: a statement with it takes no
 * name (prepared.ts), so that it is planned with its values. Named, it would soon be planned for any: then
 * "updated since a minute ago" walks all articles by date.
 */
export const ANEW = '/* planned anew */'
export const plannedAnew: SQL = sql.raw(ANEW)

/**
 * The same as {@link anyOrNone} for a column that is never null and words out of a short list. They stand in
 * the text, so that an index on the seldom ones can be used; throws for what is no plain word.
 */
export function wordsOrNone(
  column: SQL,
  filter: { any: readonly string[]; none: readonly string[] } | undefined,
): SQL | undefined {
  if (!filter) return undefined
  const list = (words: readonly string[]) => {
    if (!words.every((word) => /^[a-z]+$/.test(word))) throw new Error(`Not plain: ${words}`)
    return sql.raw(words.map((word) => `'${word}'`).join(', '))
  }
  const parts = []
  if (filter.any.length > 0) parts.push(sql`${column} in (${list(filter.any)})`)
  if (filter.none.length > 0) parts.push(sql`${column} not in (${list(filter.none)})`)
  return sql.join(parts, sql` and `)
}

/** `column` is any of the one and none of the other; undefined when nothing is asked. */
export function anyOrNone(
  column: SQL,
  filter: Resolved | undefined,
  type: 'text' | 'uuid' = 'text',
): SQL | undefined {
  if (!filter) return undefined
  const parts = []
  if (!isNone(filter.any)) parts.push(oneOf(column, filter.any, type))
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
export function bothWays<T extends Ids>(
  filter: { any: T; none: readonly string[] } | undefined,
  condition: (values: T | readonly string[]) => SQL,
): SQL | undefined {
  if (!filter) return undefined
  const parts = []
  if (!isNone(filter.any)) parts.push(condition(filter.any))
  if (filter.none.length > 0) parts.push(sql`(${condition(filter.none)}) is not true`)
  return sql.join(parts, sql` and `)
}

/** All conditions that are there, joined by AND. */
export function all(conditions: (SQL | undefined | '' | false)[]): SQL {
  const given = conditions.filter((c) => c !== undefined && c !== '' && c !== false)
  return given.length === 0 ? sql`true` : sql.join(given, sql` and `)
}
