import { type SQL, sql } from 'drizzle-orm'
import { after, damaged, type Order, orderBy } from '../db/keyset.ts'
import type { Listing } from '../db/listing.ts'
import { firstOf, type Skeleton } from '../db/skeleton.ts'
import { literal } from '../db/where.ts'
import { UUID } from '../fields.ts'
import { type Searched, waysOf } from './queries.ts'

/** Where those that are ranked end when all are: before everything, for no date lies before the year 1. */
const EARLIEST = '0001-01-01 00:00:00+00'
const NOBODY = '00000000-0000-0000-0000-000000000000'

/** How rows are ranked. */
export type Ranking = {
  /** The column of its date. */
  date: string
  /** The rank of the row whose id is `n.id`: of the row alone, as a float4. */
  rank: SQL
  /** How many matches are ranked at most, the newest. */
  most: number
}

/**
 * The page of a search by rank, then date. A rank is of the row alone (float4, printed so that it reads
 * back the same), so a place in this order stays. Of many matches only the newest are ranked; the
 * cursor carries where those end, or what is published meanwhile would push others out. Throws
 * `invalid_cursor`.
 */
export function byRank(searched: Searched, { date, rank, most }: Ranking, page: Listing): Skeleton {
  const { alias, where } = searched
  const { from: start } = page
  const [ranked = '', dated = '', endAt = '', endId = ''] = start?.values ?? []
  const [id, at] = [sql.raw(`${alias}.id`), sql.raw(`${alias}.${date}`)]
  const newest: Order = { columns: [{ column: at, type: 'timestamptz' }], id, descending: true }
  const end = start && sql`not (${after(newest, { values: [endAt], id: idOf(endId) })})`
  const tables = firstOf('newest', waysOf({ ...searched, where: [...where, end] }), {
    key: sql`${id}, ${at} as dated`,
    order: orderBy(newest),
    orderByName: sql`dated desc, id desc`,
    // After the first page also what has come since.
    limit: start ? 2 * most : most,
  })
  const order: Order = {
    columns: [
      { column: sql`f.rank`, type: 'real' },
      { column: sql`f.dated`, type: 'timestamptz' },
    ],
    id: sql`f.id`,
    descending: true,
  }
  return {
    tables: [
      ...tables,
      // A sub-select, or expecting 5,000 the planner would read all rows to join them.
      sql`ranked as materialized (select n.id, n.dated, ${rank} as rank from newest n)`,
      sql`first as (
        select f.* from ranked f
        where ${start ? after(order, { values: [ranked, dated], id: start.id }) : sql`true`}
        order by ${orderBy(order)} limit ${literal(page.limit + 1)})`,
      sql`farthest as (
        select dated, id from newest where (select count(*) from newest) >= ${literal(most)}
        order by dated, id limit 1)`,
    ],
    order,
    // Where the ranked ones end is said by the first page and handed on.
    ends: start
      ? [sql`${endAt}::text`, sql`${endId}::text`]
      : [
          sql`coalesce((select dated::text from farthest), ${EARLIEST})`,
          sql`coalesce((select id::text from farthest), ${NOBODY})`,
        ],
  }
}

/** An id out of a cursor. Throws `invalid_cursor`. */
function idOf(value: string): string {
  if (!UUID.test(value)) throw damaged()
  return value
}
