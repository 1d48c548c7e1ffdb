import { sql } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'

/** What an article and a partner are to each other at this moment, rule by rule; null where it is not known. */
export type Facts = {
  ended: boolean
  status: string
  scheduled: boolean
  embargoed: boolean
  early: boolean
  expired: boolean
  language: string
  languages: string[] | null
  speaks: boolean
  allowed: boolean
  excluded: boolean
  /** Names of the categories that decide, of the article's and all above them. */
  allowed_by: string[]
  excluded_by: string[]
  /** Besides JSON; null: all. */
  formats: string[] | null
}

/**
 * The facts, by the database's clock; undefined when there is no such partner or article. In the words of
 * the view `partner.articles`, each by itself.
 */
export async function accessFacts(db: Executor, articleId: string, partnerId: string) {
  const named = (ids: string) => sql`array(
    select c.name from categories c
    where c.id = any(v.categories) and c.id = any(${sql.raw(`e.${ids}`)}) order by c.name)`
  const { rows } = await db.execute<Facts>(sql`
    select p.ended_at is not null as ended, a.status,
      a.status = 'published' and a.publish_at > now() as scheduled,
      coalesce(a.embargo_until > now(), false) as embargoed, e.early,
      coalesce(a.expires_at <= now(), false) as expired, a.language, e.languages,
      e.languages is null or public.in_languages(a.language, e.languages) as speaks,
      e.allowed is null or e.allowed && v.categories as allowed,
      e.excluded && v.categories as excluded,
      ${named('allowed')} as allowed_by, ${named('excluded')} as excluded_by, e.formats
    from editor.articles a
    cross join partners p
    cross join lateral (
      select * from entitlements e where e.partner_id = p.id order by e.id desc limit 1) e
    cross join lateral (select public.categories_of(a.id) as categories) v
    where a.id = ${articleId} and p.id = ${partnerId}`)
  return rows[0]
}
