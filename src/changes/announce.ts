import { sql } from 'drizzle-orm'
import type { Tx } from '../db/client.ts'
import { oneOf } from '../db/where.ts'
import { noteArticles } from './effects.ts'
import { noteGone, noteHeld, noteShown } from './sightings.ts'

/** Readers notice nothing of it. */
const UNDER_EMBARGO = 'article.embargo-set'

/** Which articles: at most so many, whichever they are, or these. */
type Which = { limit: number } | { ids: readonly string[] }

/**
 * Announces what time has changed: rows in the ledger for every article whose visibility differs from what was
 * last announced, each dated at its boundary, with the record of the announcement, what readers now see, and
 * what this drops from caches. One that came and went since it was last looked at has a row for either.
 * Articles that others have locked are left out. How many rows there are.
 */
export async function announce(tx: Tx, which: Which): Promise<number> {
  const these = 'ids' in which ? oneOf(sql`a.id`, which.ids, 'uuid') : sql`true`
  const limit = 'ids' in which ? sql`` : sql`limit ${which.limit}`
  // Branches, each with its partial index. What is under embargo comes early for some partners. What came and
  // went is looked for over an hour: a sweep is made every second, and where none is, nobody reads either.
  const { rows } = await tx.execute<{ id: string; event: string }>(sql`
    with due as (
      select a.id from articles a
      where ${these} and a.status = 'published' and not a.announced and a.publish_at <= now()
        and (a.embargo_until is null or a.embargo_until <= now())
        and (a.expires_at is null or a.expires_at > now())
      union all
      select a.id from articles a
      where ${these} and a.status = 'published' and not a.announced and not a.announced_early
        and a.publish_at <= now() and a.embargo_until > now()
        and (a.expires_at is null or a.expires_at > now())
      union all
      select a.id from articles a where ${these} and a.announced_early and a.expires_at <= now()
      union all
      select a.id from articles a
      where ${these} and a.status = 'published' and not a.announced and not a.announced_early
        and a.expires_at <= now() and a.expires_at > now() - interval '1 hour'
        and a.publish_at < a.expires_at
        and not exists (select from changes c
          where c.kind = 'article' and c.resource_id = a.id and c.at >= a.expires_at)
      ${limit}
    ), locked as (
      select a.id, a.version, a.announced, a.announced_early, a.publish_at,
        greatest(a.publish_at, a.embargo_until) as appears, coalesce(a.expires_at, 'infinity') as expires
      from articles a join due d on d.id = a.id order by a.id for update of a skip locked
    ), judged as (
      select l.*, l.appears <= now() and l.appears < l.expires as appeared, l.expires <= now() as expired
      from locked l
    ), told as (
      update articles a set announced = j.appeared and not j.expired, announced_early = not j.expired,
        first_visible_at = coalesce(a.first_visible_at, case when j.appeared then j.appears end),
        notice = case when j.expired or not j.appeared then a.notice end,
        legal = a.legal and (j.expired or not j.appeared)
      from judged j where j.id = a.id and a.version = j.version
      returning a.id, a.version
    )
    insert into changes (kind, resource_id, operation, event, from_version, to_version, key_name, at)
    select 'article', t.id, 'time', s.event, t.version, t.version, 'clock', s.at
    from told t join judged j on j.id = t.id cross join lateral (values
      (${UNDER_EMBARGO}, j.publish_at, not j.announced_early and not j.appeared),
      (case when j.announced_early then 'article.embargo-lifted' else 'article.published' end, j.appears,
        not j.announced and j.appeared),
      ('article.expired', j.expires, j.expired)) s (event, at, happened)
    where s.happened order by s.at, t.id
    returning resource_id as id, event`)
  const seen = rows.filter(({ event }) => event !== UNDER_EMBARGO).map(({ id }) => id)
  const ids = [...new Set(seen)]
  if (ids.length > 0) {
    await noteShown(tx, ids)
    if (seen.length > ids.length) await noteHeld(tx, cameAndWent(seen))
    await noteGone(tx, ids)
    // This service has dropped everything at the boundary itself; other caches are told now.
    await noteArticles(tx, ids, { byTime: true })
  }
  return rows.length
}

/** Those of which there are two rows. */
function cameAndWent(ids: readonly string[]): string[] {
  return ids.filter((id, i) => ids.indexOf(id) < i)
}
