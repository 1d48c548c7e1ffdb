import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { withTables } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { literal } from '../db/where.ts'

/**
 * The rows that are counted: a SELECT of `id` and what their facets need, such as `article_id`,
 * `language` and `dated_at` (infinite: no date), with the tables in front of it.
 */
export type Counted = { tables: readonly SQL[]; rows: SQL }

/** Who or what is named, the most frequent first; `names` joins them as `n` to the rows `m`. */
export const byName = (names: SQL) => sql`
  select n.id, n.slug, n.name, count(distinct m.id)::int as count from matched m ${names}
  group by n.id, n.slug, n.name order by count desc, n.name, n.id`

/** The categories of the articles, and those above them. */
export const byCategory = ({ schema }: Reading) =>
  byName(sql`join ${view(schema, 'article_categories')} x on x.article_id = m.article_id
    join above u on u.id = x.id join ${view(schema, 'categories')} n on n.id = u.ancestor`)

/** The values of a column, the most frequent first. */
export const byValue = (column: SQL) => sql`
  select ${column} as value, count(*)::int as count from matched m
  group by 1 order by count desc, value`

/** Languages; en-GB is English too: the filter language=en finds it. */
export const BY_LANGUAGE = sql`
  select array_to_string((string_to_array(m.language, '-'))[1:n], '-') as value, count(*)::int as count
  from matched m, generate_series(1, cardinality(string_to_array(m.language, '-'))) n
  group by 1 order by count desc, value`

/** Months in UTC, the latest first. */
export const BY_MONTH = sql`
  select to_char(m.dated_at at time zone 'UTC', 'YYYY-MM') as value, count(*)::int as count
  from matched m where isfinite(m.dated_at)
  group by 1 order by value desc`

/** Counts of the rows by each of `facets`; one statement for all of them, in one snapshot. */
export async function countFacets<F extends string, T extends Partial<Record<F, unknown>>>(
  { db, schema }: Reading,
  { tables, rows: counted }: Counted,
  facets: readonly F[],
  by: Readonly<Record<F, SQL>>,
  most: number,
): Promise<T> {
  const columns = facets.map(
    (facet) => sql`(select coalesce(json_agg(f), '[]')
      from (${by[facet]} limit ${literal(most)}) f) as ${sql.identifier(facet)}`,
  )
  const { rows } = await db.execute<T & Record<string, unknown>>(
    sql`${withTables([
      ...tables,
      // Each category with itself and all above it.
      sql`above (id, ancestor) as (
      select c.id, c.id from ${view(schema, 'categories')} c
      union select u.id, c.parent_id from above u
      join ${view(schema, 'categories')} c on c.id = u.ancestor where c.parent_id is not null)`,
      sql`matched as materialized (${counted})`,
    ])} select ${sql.join(columns, sql`, `)}`,
  )
  return rows[0] as T
}
