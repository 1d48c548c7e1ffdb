import { sql } from 'drizzle-orm'
import type { Tx } from '../db/client.ts'
import { oneOf } from '../db/where.ts'
import { noteArticles } from './effects.ts'
import { noteGone, noteShown } from './sightings.ts'

/** Readers notice nothing of it. */
const UNDER_EMBARGO = 'article.embargo-set'

/** Which articles: at most so many, whichever they are, or these. */
type Which = { limit: number } | { ids: readonly string[] }

/**
 * Announces what time has changed: a row in the ledger for every article whose visibility differs
 * from what was last announced, dated at the boundary, with the record of the announcement, what
 * readers now see, and what this drops from caches. Articles that others have locked are left out. How
 * many were announced.
 */
export async function announce(tx: Tx, which: Which): Promise<number> {
  const these = 'ids' in which ? oneOf(sql`a.id`, which.ids, 'uuid') : sql`true`
  const limit = 'ids' in which ? sql`` : sql`limit ${which.limit}`
  // Three branches, each with its partial index. What is under embargo comes early for some partners.
  const { rows } = await tx.execute<{ id: string; event: string }>(sql`
    with due as (
      select a.id, true as visible, true as early, greatest(a.publish_at, a.embargo_until) as boundary,
        case when a.announced_early then 'article.embargo-lifted' else 'article.published' end as event
      from articles a
      where ${these} and a.status = 'published' and not a.announced and a.publish_at <= now()
        and (a.embargo_until is null or a.embargo_until <= now())
        and (a.expires_at is null or a.expires_at > now())
      union all
      select a.id, false, true, a.publish_at, ${UNDER_EMBARGO}
      from articles a
      where ${these} and a.status = 'published' and not a.announced and not a.announced_early
        and a.publish_at <= now() and a.embargo_until > now()
        and (a.expires_at is null or a.expires_at > now())
      union all
      select a.id, false, false, a.expires_at, 'article.expired' from articles a
      where ${these} and a.announced_early and a.expires_at <= now()
      ${limit}
    ), locked as (
      select a.id, a.version, d.visible, d.early, d.boundary, d.event
      from articles a join due d on d.id = a.id order by a.id for update of a skip locked
    ), told as (
      update articles a set announced = l.visible, announced_early = l.early,
        first_visible_at = case when l.event = ${UNDER_EMBARGO} then a.first_visible_at
          else coalesce(a.first_visible_at, greatest(a.publish_at, a.embargo_until)) end,
        notice = case when not l.visible then a.notice end, legal = a.legal and not l.visible
      from locked l where l.id = a.id and a.version = l.version
      returning a.id, a.version, l.event, l.boundary
    )
    insert into changes (kind, resource_id, operation, event, from_version, to_version, key_name, at)
    select 'article', id, 'time', event, version, version, 'clock', boundary
    from told order by boundary, id
    returning resource_id as id, event`)
  const ids = rows.filter(({ event }) => event !== UNDER_EMBARGO).map(({ id }) => id)
  if (ids.length > 0) {
    await noteShown(tx, ids)
    await noteGone(tx, ids)
    // This service has dropped everything at the boundary itself; other caches are told now.
    await noteArticles(tx, ids, { byTime: true })
  }
  return rows.length
}
