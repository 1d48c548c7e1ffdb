import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { view } from '../db/slugs.ts'

/** How many are told, and how many of each category and source are looked at: the latest made. */
const TOLD = 5
const LOOKED_AT = 50

/**
 * The articles most like the article `a`, as JSON: of those that share a category or a source the ones
 * that share most (a source counts twice) and whose headline and summary are most alike (trigrams,
 * from 0 to 4 points). Only what this audience sees. Ids are in the order of creation, so the index
 * of (category, article) gives the latest without a sort.
 */
export function relatedTo({ schema }: Pick<Reading, 'schema'>): SQL {
  const articles = view(schema, 'articles')
  const sharing = (name: string, points: number) => sql`
    select other.article_id, ${sql.raw(String(points))} as points
    from ${view(schema, name)} own cross join lateral (
      select x.article_id from ${view(schema, name)} x
      where x.id = own.id and x.article_id <> a.id
      order by x.article_id desc limit ${sql.raw(String(LOOKED_AT))}) other
    where own.article_id = a.id`
  return sql`(
    select coalesce(json_agg(r order by r.score desc, r.listed_at desc, r.id desc), '[]')
    from (
      select b.id, b.slug, b.headline, b.summary, b.language, b.published_at, b.listed_at,
        (select x.slug from ${view(schema, 'article_categories')} x
         where x.article_id = b.id order by x.place limit 1) as category_slug,
        shared.points + 4 * public.similarity(
          concat_ws(' ', a.headline, a.summary), concat_ws(' ', b.headline, b.summary)) as score
      from (
        select s.article_id, sum(s.points) as points
        from (${sharing('article_categories', 1)} union all ${sharing('article_sources', 2)}) s
        group by s.article_id
      ) shared join ${articles} b on b.id = shared.article_id
      where b.status <> 'killed'
      order by score desc, b.listed_at desc, b.id desc limit ${sql.raw(String(TOLD))}
    ) r)`
}
