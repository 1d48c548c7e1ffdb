import { POINT, type Point } from '../db/point.ts'

/** What the listening connection is asked again and again. */
export type Beat = Point & {
  now: number
  next: number | null
  /** Of the primary; it counts failovers. */
  timeline: number
}

/**
 * The database's clock, and the next instant at which a published article becomes visible or ceases
 * to be; both in ms since 1970. Each of the three is one look into its partial index, so that it can
 * be asked several times a second.
 */
export const BEAT = {
  name: 'beat',
  text: `
    select extract(epoch from now())::float8 * 1000 as now, extract(epoch from least(
      (select min(publish_at) from public.articles where status = 'published' and publish_at > now()),
      (select min(embargo_until) from public.articles where status = 'published' and embargo_until > now()),
      (select min(expires_at) from public.articles where status = 'published' and expires_at > now())
    ))::float8 * 1000 as next,
    ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int as timeline,
    ${POINT}`,
} as const
