import type pg from 'pg'

/**
 * How far the primary was at some moment: the end of its WAL in bytes (exact in a number up to 9 PB), and
 * its clock after that, in ms since 1970. Whatever was committed before is within both.
 */
export type Point = { lsn: number; clock: number }

/**
 * What a replica must have come to, on which timeline of the primary's (it counts failovers), and before
 * which instant of the primary's clock its answer holds: then time changes what readers see.
 */
export type Horizon = Point & { timeline: number; until: number }

/**
 * The members of a {@link Point}, to be selected at the primary. Not the end of what is flushed, which may
 * be before a commit where `synchronous_commit` is off. Both null on a standby.
 */
export const POINT = `
  case when not pg_is_in_recovery() then (pg_current_wal_insert_lsn() - '0/0')::float8 end as lsn,
  extract(epoch from clock_timestamp())::float8 * 1000 as clock`

/** What follows a COMMIT, so that the commit is within it. */
export const AFTER_COMMIT = { text: `select ${POINT}` } as const

/** The later of each of the two. */
export function later<P extends Point>(a: P, b: Point | undefined): P {
  return b ? { ...a, lsn: Math.max(a.lsn, b.lsn), clock: Math.max(a.clock, b.clock) } : a
}

/** The point in what {@link AFTER_COMMIT} was answered; undefined when it failed, as on a lost connection. */
export async function pointOf(asked: Promise<pg.QueryResult>): Promise<Point | undefined> {
  const { rows } = await asked.catch(() => ({ rows: [] }))
  const [row] = rows as (Omit<Point, 'lsn'> & { lsn: number | null })[]
  return row && row.lsn !== null ? { lsn: row.lsn, clock: row.clock } : undefined
}
