import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { array, bothWays } from '../db/where.ts'
import type { Filter } from '../http/parameters.ts'
import { inRanges } from '../search/queries.ts'
import type { ArticleListQuery } from './parameters.ts'

/** What is asked of the articles `a`, but for the words of `q` and what lists them. */
export function filters(reading: Pick<Reading, 'schema'>, query: ArticleListQuery): SQL[] {
  const { language, ids, publishedAfter, publishedBefore, updatedAfter } = query
  return [
    bothWays(language, (ranges) => inRanges(sql`a.language`, ranges)),
    ids && sql`a.id = any(${array(ids, 'uuid')})`,
    // What has no date yet is listed as of infinity; it lies in no window.
    publishedAfter &&
      sql`a.listed_at >= ${publishedAfter}::timestamptz and a.published_at is not null`,
    publishedBefore && sql`a.listed_at < ${publishedBefore}::timestamptz`,
    updatedAfter && sql`a.updated_at >= ${updatedAfter}::timestamptz`,
    reading.schema === 'editor' ? inStatus(query.status) : undefined,
  ].filter((condition) => condition !== undefined && condition !== '')
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
  const of = (values: readonly string[]) =>
    sql`(${sql.join(
      values.flatMap((value) => STATUS[value] ?? []),
      sql` or `,
    )})`
  const asked = bothWays(filter, of)
  return filter?.any.includes('killed')
    ? (asked ?? sql`true`)
    : sql`a.status <> 'killed' and ${asked ?? sql`true`}`
}
