import { sql } from 'drizzle-orm'
import type { Tx } from '../db/client.ts'
import { literal } from '../db/where.ts'

/** A change feed as one partner reads it: what its cursors belong to, and what it is told there. */
export type Feed = {
  partnerId: string
  list: string
  early: boolean
  types: readonly string[] | undefined
}

/** Everything before a place was acknowledged; within a snapshot (`upTo`), its articles up to that one. */
export type Acknowledged = { place: number; upTo?: string; at: number }

/** What has come of a feed: how far it was told, and with which cursors it was asked. */
export type FeedNews = {
  feed: Feed
  told: number
  snapshot: { base: number; article: string | undefined } | undefined
  acknowledged: Acknowledged[]
}

/** Rows that one statement settles at most, however far a cursor jumps: 5,000 take 0.2 s. */
const AT_ONCE = 5000

/** A feed in the database: how far it was acknowledged last. */
export type KnownFeed = { id: number; key: string; place: number | null; at: string | null }

/** In a statement: the instant that was so many ms ago. */
export const ago = (age: string) => sql.raw(`now() - ${age} * interval '1 ms'`)

/** Writes what has come of feeds, `clock` being now on the clock of what they tell; each with its id, by partner and list. */
export async function writeFeeds(
  tx: Tx,
  news: readonly FeedNews[],
  clock: number,
): Promise<KnownFeed[]> {
  const rows = news
    .map(({ feed, told, snapshot, acknowledged }) => {
      const last = acknowledged.findLast(({ upTo }) => upTo === undefined)
      return {
        ...{ partner: feed.partnerId, list: feed.list, early: feed.early, types: feed.types, told },
        ...{ base: snapshot?.base, article: snapshot?.article },
        ...(last && { place: last.place, age: clock - last.at }),
      }
    })
    // In one order, so that two processes do not wait for each other.
    .sort((a, b) => (a.partner + a.list < b.partner + b.list ? -1 : 1))
  const { rows: known } = await tx.execute<Omit<KnownFeed, 'key'> & { key: string }>(sql`
    insert into partner_feeds as f (partner_id, list, early, types, told_position, snapshot_base,
      snapshot_article, acknowledged_position, acknowledged_at, acknowledged_how)
    select r.partner, r.list, r.early, r.types, r.told, r.base, r.article, r.place, ${ago('r.age')},
      case when r.place is not null then 'cursor' end
    from json_to_recordset(${JSON.stringify(rows)}) as r (partner uuid, list text, early boolean, types text[],
      told bigint, base bigint, article uuid, place bigint, age float8)
    on conflict (partner_id, list) do update set
      told_position = greatest(f.told_position, excluded.told_position),
      snapshot_base = greatest(f.snapshot_base, excluded.snapshot_base),
      snapshot_article = case
        when f.snapshot_base > excluded.snapshot_base or excluded.snapshot_base is null then f.snapshot_article
        when f.snapshot_base = excluded.snapshot_base then greatest(f.snapshot_article, excluded.snapshot_article)
        else excluded.snapshot_article end,
      acknowledged_position = coalesce(excluded.acknowledged_position, f.acknowledged_position),
      acknowledged_at = coalesce(excluded.acknowledged_at, f.acknowledged_at),
      acknowledged_how = coalesce(excluded.acknowledged_how, f.acknowledged_how)
    returning id, partner_id || ' ' || list as key, acknowledged_position as place, acknowledged_at::text as at`)
  return known.map((one) => ({
    ...one,
    id: Number(one.id),
    place: one.place === null ? null : Number(one.place),
  }))
}

/** An acknowledgement of a feed: at an instant, or so many ms ago. */
export type Settled = {
  feed: number
  place: number
  upTo?: string | undefined
  at?: string
  age?: number
  how: string
}

/**
 * Takes over into the holdings what these acknowledge of what their feeds have told, the earliest
 * places first and only so many rows: a cursor can jump over all there is. Whether there may be more.
 */
export async function settle(tx: Tx, acknowledged: readonly Settled[]): Promise<boolean> {
  if (acknowledged.length === 0) return false
  const { rows } = await tx.execute<{ settled: string }>(sql`
    with acknowledged as (
      select k.feed, k.place, k."upTo", k.how, coalesce(k.at, ${ago('k.age')})::timestamptz(3) as at
      from json_to_recordset(${JSON.stringify(acknowledged)})
        as k (feed bigint, place bigint, "upTo" uuid, at timestamptz, age float8, how text)
    ), due as (
      select t.feed_id, t.article_id, t.step, min(k.at) as at, min(k.how) as how
      from acknowledged k join feed_tellings t on t.feed_id = k.feed and t.told_at <= k.at
        and t.place <= k.place and t.place >= case when k."upTo" is null then 0 else k.place end
        and (k."upTo" is null or t.snapshot and t.article_id <= k."upTo")
      group by t.feed_id, t.article_id, t.step
      order by min(t.place), t.article_id limit ${literal(AT_ONCE)}
    ), settled as (
      delete from feed_tellings t using due d
      -- One that was told anew meanwhile stays.
      where t.feed_id = d.feed_id and t.article_id = d.article_id and t.step = d.step
      returning t.feed_id, t.article_id, t.step, t.version, d.at, d.how
    ), noted as (
      update holdings h set acknowledged_step = s.step, acknowledged_version = s.version,
        acknowledged_at = s.at, acknowledged_how = s.how
      from (
        select distinct on (f.partner_id, s.article_id) f.partner_id, s.*
        from settled s join partner_feeds f on f.id = s.feed_id
        order by f.partner_id, s.article_id, s.step desc) s
      where h.partner_id = s.partner_id and h.article_id = s.article_id
        and (h.acknowledged_step is null or h.acknowledged_step < s.step)
    )
    select count(*) as settled from settled`)
  return Number(rows[0]?.settled) >= AT_ONCE
}

/** Notes that more is acknowledged than was settled: it is worked off in the background. */
export async function fallBehind(tx: Tx, feeds: readonly number[]): Promise<void> {
  await tx.execute(sql`
    update partner_feeds set behind = true where id = any(${sql.param([...feeds])}::bigint[])`)
}

/** Settles more of what is acknowledged, of one feed; whether anything may be left. */
export async function settleBehind(tx: Tx): Promise<boolean> {
  const { rows } = await tx.execute<{ id: string; place: string; at: string; how: string }>(sql`
    select id, acknowledged_position as place, acknowledged_at::text as at, acknowledged_how as how
    from partner_feeds where behind order by id limit 1 for update skip locked`)
  const [feed] = rows
  if (!feed) return false
  const [id, place] = [Number(feed.id), Number(feed.place)]
  const more = await settle(tx, [{ feed: id, place, at: feed.at, how: feed.how }])
  if (!more) await tx.execute(sql`update partner_feeds set behind = false where id = ${id}`)
  return true
}

/** What a feed has told of an article. */
export type Telling = {
  feed: number
  partner: string
  article: string
  place: number
  snapshot: boolean
  step: number
  version: number
  age: number
}

/**
 * Keeps what feeds have told until it is acknowledged: of each article the last, and of that the
 * earliest place. What was acknowledged by other means is not waited for.
 */
export async function keepTellings(tx: Tx, tellings: readonly Telling[]): Promise<void> {
  if (tellings.length === 0) return
  await tx.execute(sql`
    insert into feed_tellings as t (feed_id, article_id, place, snapshot, step, version, told_at)
    select r.feed, r.article, r.place, r.snapshot, r.step, r.version, ${ago('r.age')}
    from json_to_recordset(${JSON.stringify(tellings)}) as r (feed bigint, partner uuid, article uuid,
      place bigint, snapshot boolean, step bigint, version integer, age float8)
    where not exists (select from holdings h where h.partner_id = r.partner and h.article_id = r.article
      and h.acknowledged_step >= r.step)
    order by r.feed, r.article
    on conflict (feed_id, article_id) do update set step = excluded.step, version = excluded.version,
      place = excluded.place, snapshot = excluded.snapshot, told_at = excluded.told_at
    where excluded.step > t.step or excluded.step = t.step and excluded.place < t.place`)
}
