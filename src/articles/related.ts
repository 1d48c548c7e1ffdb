import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { arrayOf, instant, pickMembers } from '../db/json.ts'
import { view } from '../db/slugs.ts'
import { addressOf } from './address.ts'

/**
 * How many are told; how many of each category and source are looked at, the latest made; and of how
 * many of those the words are compared, those that share most and are the latest: comparing takes 0.1 ms.
 */
const TOLD = 5
const LOOKED_AT = 50
const COMPARED = 20

/**
 * The articles most like the article `a`, as JSON: of those that share a category or a source the ones
 * that share most (a source counts twice) and whose headline and summary are most alike (trigrams,
 * from 0 to 4 points). Only what this audience sees. Ids are in the order of creation, so the index
 * of (category, article) gives the latest without a sort.
 */
export function relatedTo(
  reading: Pick<Reading, 'schema'>,
  articleUrl: string,
  fields: readonly string[] | undefined,
): SQL {
  const { schema } = reading
  const articles = view(schema, 'articles')
  const sharing = (name: string, points: number) => sql`
    select other.article_id, ${sql.raw(String(points))} as points
    from ${view(schema, name)} own cross join lateral (
      select x.article_id from ${view(schema, name)} x
      where x.id = own.id and x.article_id <> a.id
      order by x.article_id desc limit ${sql.raw(String(LOOKED_AT))}) other
    where own.article_id = a.id`
  const rows = sql`(
    select b.*, shared.points + 4 * public.similarity(
      concat_ws(' ', a.headline, a.summary), concat_ws(' ', b.headline, b.summary)) as score
    from (
      select s.article_id, sum(s.points) as points
      from (${sharing('article_categories', 1)} union all ${sharing('article_sources', 2)}) s
      group by s.article_id order by points desc, s.article_id desc
      limit ${sql.raw(String(COMPARED))}
    ) shared join ${articles} b on b.id = shared.article_id
    where b.status <> 'killed'
    order by score desc, b.listed_at desc, b.id desc limit ${sql.raw(String(TOLD))}) r`
  const members = {
    id: sql`r.id`,
    slug: sql`r.slug`,
    url: addressOf(articleUrl, 'r', firstCategory(reading, 'r')),
    headline: sql`r.headline`,
    summary: sql`r.summary`,
    publishedAt: instant(sql`r.published_at`),
  }
  return arrayOf(rows, pickMembers(members, fields))
}

/** The slug of the first category of an article under an alias. */
export function firstCategory({ schema }: Pick<Reading, 'schema'>, alias: string): SQL {
  return sql`(select x.slug from ${view(schema, 'article_categories')} x
    where x.article_id = ${sql.raw(alias)}.id order by x.place limit 1)`
}
