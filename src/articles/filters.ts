import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { view } from '../db/slugs.ts'
import { all, array, plannedAnew } from '../db/where.ts'
import type { Filter } from '../http/parameters.ts'
import { inLanguages } from '../search/queries.ts'
import type { ArticleListQuery } from './parameters.ts'

/** What is asked of the articles `a`, but for the words of `q` and what lists them. */
export function filters(reading: Pick<Reading, 'schema'>, query: ArticleListQuery): SQL[] {
  const { language, ids, publishedAfter, publishedBefore, updatedAfter } = query
  // By its own order a window is a walk from its end, whatever its instants.
  const anew = /^-?publishedAt$/.test(query.sort) ? sql`` : plannedAnew
  return [
    inLanguages(sql`a.language`, language),
    ids && sql`a.id = any(${array(ids, 'uuid')})`,
    // What has no date yet is listed as of infinity; it lies in no window.
    publishedAfter &&
      sql`${anew} a.listed_at >= ${publishedAfter}::timestamptz and a.published_at is not null`,
    publishedBefore && sql`${anew} a.listed_at < ${publishedBefore}::timestamptz`,
    updatedAfter && sql`${plannedAnew} ${changedSince(reading, updatedAfter)}`,
    reading.schema === 'editor' ? inStatus(query.status) : undefined,
  ].filter((condition) => condition !== undefined && condition !== '')
}

/** What a partner's `updatedAt` is no index has: the articles are found by the view that is in its order. */
function changedSince({ schema }: Pick<Reading, 'schema'>, instant: string): SQL {
  const since = (alias: string) => sql`${sql.raw(alias)}.updated_at >= ${instant}::timestamptz`
  return schema === 'partner'
    ? sql`a.id in (select x.id from ${view(schema, 'changed_articles')} x where ${since('x')})`
    : since('a')
}

/** What each value of `status` means; times are read against the database's clock. */
const STATUS: Record<string, SQL> = {
  draft: sql`a.status = 'draft'`,
  published: sql`a.status = 'published'`,
  unpublished: sql`a.status = 'unpublished'`,
  killed: sql`a.status = 'killed'`,
  scheduled: sql`(a.status = 'published' and a.publish_at > now())`,
  embargoed: sql`(a.status = 'published' and a.embargo_until > now())`,
  expired: sql`(a.status = 'published' and a.expires_at <= now())`,
}

/** Killed articles come only when they are asked for. */
function inStatus(filter: Filter | undefined): SQL {
  if (!filter) return sql`a.status <> 'killed'`
  const meant = (values: readonly string[]) => values.flatMap((value) => STATUS[value] ?? [])
  const { any, none } = filter
  return all([
    any.length > 0 && sql`(${sql.join(meant(any), sql` or `)})`,
    // A status is never null: what it is not, an index on those that are seldom can tell.
    ...none.map((value) =>
      PLAIN.test(value)
        ? sql`a.status <> ${sql.raw(`'${value}'`)}`
        : sql`(${sql.join(meant([value]))}) is not true`,
    ),
    !any.includes('killed') && sql`a.status <> 'killed'`,
  ])
}

/** The values that are statuses, and not times. */
const PLAIN = /^(draft|published|unpublished|killed)$/
