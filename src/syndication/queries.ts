import { type SQL, sql } from 'drizzle-orm'
import type { Found } from '../articles/queries.ts'
import type { Reading } from '../db/client.ts'
import { arrayOf, pickMembers } from '../db/json.ts'
import { view } from '../db/slugs.ts'
import { all, literal } from '../db/where.ts'
import { rfc3339 } from '../fields.ts'
import { SOURCE } from '../sources/members.ts'
import type { Format } from './formats.ts'
import type { Removal } from './model.ts'

/** The formats besides JSON that the partner who reads may have; null: all. */
export async function entitledFormats({ db }: Reading): Promise<Format[] | null> {
  const { rows } = await db.execute<{ formats: Format[] | null }>(
    sql`select formats from partner.me`,
  )
  return rows[0]?.formats ?? null
}

/** Who is quoted in the article `a`, listed among its sources or not, as JSON: what they are. */
export function speakersOf({ schema }: Pick<Reading, 'schema'>): SQL {
  const members = pickMembers(SOURCE, ['id', 'slug', 'kind', 'name', 'title', 'url', 'sameAs'])
  const rows = sql`(
    select * from ${view(schema, 'sources')} x where x.id in (
      select q.speaker_id from ${view(schema, 'quotes')} q where q.article_id = a.id)) s`
  return arrayOf(rows, members)
}

/** The hundred latest of a kind that this audience no longer sees, newest first. */
export async function latestRemovals(
  { db, schema }: Reading,
  kind: 'article' | 'quote',
): Promise<Removal[]> {
  const removed = view(schema, `latest_removed_${kind}s`)
  const { rows } = await db.execute<Omit<Removal, 'since'> & { since: Date }>(sql`
    select id, notice, legal, since from ${removed} order by since desc, id desc limit 100`)
  return rows.map((row) => ({ ...row, since: rfc3339(row.since) }))
}

/** The instant so many days ago, by the database's clock. */
export async function daysAgo({ db }: Reading, days: number): Promise<string> {
  const { rows } = await db.execute<{ at: Date }>(
    sql`select date_trunc('milliseconds', now()) - make_interval(days => ${days}) as at`,
  )
  return rfc3339(rows[0]?.at ?? '')
}

/** A file of a sitemap: when anything in it last changed, and the place of its last article. */
export type SitemapFile = {
  updated: string
  last: { values: string[]; id: string }
  listed: string
}

/** The articles of a list, newest first, cut into files of so many. */
export async function sitemapFiles(
  { db }: Reading,
  { from, where }: Found,
  size: number,
): Promise<SitemapFile[]> {
  const { rows } = await db.execute<{ updated: Date; listed: Date; text: string; id: string }>(sql`
    with numbered as (
      select a.id, a.listed_at, a.updated_at,
        row_number() over (order by a.listed_at desc, a.id desc) - 1 as place
      from ${from} where ${all(where)}
    ), files as (
      select place / ${literal(size)} as file, max(updated_at) as updated, max(place) as last
      from numbered group by 1
    )
    select f.updated, n.listed_at as listed, n.listed_at::text as text, n.id
    from files f join numbered n on n.place = f.last order by f.file`)
  return rows.map(({ updated, listed, text, id }) => ({
    updated: rfc3339(updated),
    listed: rfc3339(listed),
    last: { values: [text], id },
  }))
}
