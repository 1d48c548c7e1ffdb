import { type SQL, sql } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'
import { all, array } from '../db/where.ts'

/** What a partner may have today. */
export type Access = {
  ended: boolean
  early: boolean
  languages: string[] | null
  allowed: string[] | null
  excluded: string[]
}

/** What a partner may have; of one that does not exist, nothing. */
export async function accessOf(db: Pick<Executor, 'execute'>, partnerId: string): Promise<Access> {
  const { rows } = await db.execute<Access>(sql`
    select p.ended_at is not null as ended, e.early, e.languages, e.allowed, e.excluded
    from partners p cross join lateral (
      select * from entitlements e where e.partner_id = p.id order by e.id desc limit 1) e
    where p.id = ${partnerId}`)
  return rows[0] ?? { ended: true, early: false, languages: null, allowed: null, excluded: [] }
}

const published = (early: SQL) => sql`a.status = 'published' and a.publish_at <= now()
  and (a.embargo_until is null or a.embargo_until <= now() or ${early})
  and (a.expires_at is null or a.expires_at > now())`

const CATEGORIES = sql`array(select l.resource_id from article_listings l
  where l.article_id = a.id and l.kind = 'category')`

/**
 * The condition that an article, the row `a`, is there for a partner now, in the words of the view
 * partner.articles; of an article that is not there at all it is null. Nothing is asked that does not
 * matter: a partner that may have everything is spared 9 of 11 µs for each row.
 */
export function availableTo({ ended, early, languages, allowed, excluded }: Access): SQL {
  if (ended) return sql`false`
  const limited = languages || allowed || excluded.length > 0
  return sql`(${all([
    published(sql`${early}`),
    limited &&
      sql`public.entitles(${languages ? array(languages) : sql`null`},
        ${allowed ? array(allowed, 'uuid') : sql`null`}, ${array(excluded, 'uuid')},
        a.language, ${CATEGORIES})`,
  ])})`
}

/** The same for each of many partners: the rows `p`, with what they may have in `e`. */
export const availableToEach: SQL = sql`(p.ended_at is null and ${published(sql`e.early`)}
  and public.entitles(e.languages, e.allowed, e.excluded, a.language, ${CATEGORIES}))`
