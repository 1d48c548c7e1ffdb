import { sql } from 'drizzle-orm'
import type { Tx } from '../db/client.ts'
import { instant } from '../db/json.ts'
import { array } from '../db/where.ts'
import { type Detail, Fault, wrongCursor } from '../errors.ts'
import type { Place } from '../feed/place.ts'
import { accessOf, availableTo } from './access.ts'
import { fallBehind, settle } from './feeds.ts'
import { record, recordAcknowledged, type Told } from './notes.ts'
import type { AcknowledgedArticle } from './schema.ts'

/**
 * Notes that a webhook has told a partner of a version of an article, or to remove it, and was answered
 * 2xx. In the transaction that notes the attempt; again, or after something newer, changes nothing.
 * `position` is that of the row in the ledger.
 */
export async function noteNotified(
  tx: Tx,
  told: {
    partnerId: string
    articleId: string
    version: number
    op: 'upsert' | 'remove'
    position: number
    at: Date
  },
): Promise<void> {
  const { partnerId: partner, articleId: article, version, op, position, at } = told
  const step = 2 * position + (op === 'upsert' ? 1 : 0)
  await record(tx, 'notified', [
    { partner, article, step, version, how: 'webhook', at: at.toISOString() },
  ])
}

/** `never_given`, of these. */
function neverGiven(errors: Detail[]): Fault {
  return new Fault('never_given', errors.map(({ message }) => message).join(' '), { errors })
}

/** Whose key acknowledges, and whether it may read what is under embargo: only what is told to such keys. */
export type Acknowledging = { partnerId: string; early: boolean }

/** A place in a feed: in the one that a cursor belongs to, or in that of all events; and where the body says so. */
export type PlaceOfFeed = { place: Place; list: string | undefined; pointer: string }

/**
 * Acknowledges everything that a feed told before a place, as far as one statement goes; the rest is worked
 * off later. Since when that is on record. Throws `invalid_cursor` for a cursor of another key's feed,
 * `never_given` for a place to which the feed has not come.
 */
export async function acknowledgeFeed(
  tx: Tx,
  { partnerId, early }: Acknowledging,
  { place, list, pointer }: PlaceOfFeed,
): Promise<string> {
  const { rows } = await tx.execute<FeedRow>(sql`
    select id, told_position, snapshot_base, snapshot_article from partner_feeds
    where partner_id = ${partnerId} and early = ${early}
      and ${list === undefined ? sql`types is null` : sql`list = ${list}`}
    order by id desc limit 1 for update`)
  const [feed] = rows
  if (!feed && list !== undefined)
    throw wrongCursor('is of no feed that was read with such a key of yours', pointer)
  if (!feed || !hasTold(feed, place))
    throw neverGiven([{ pointer, message: 'The feed has not come that far.' }])
  const id = Number(feed.id)
  const how = 'ack'
  if ('after' in place) {
    await tx.execute(sql`
      update partner_feeds set acknowledged_position = ${place.after}, acknowledged_at = now(),
        acknowledged_how = ${how} where id = ${id}`)
    if (await settle(tx, [{ feed: id, place: place.after, age: 0, how }]))
      await fallBehind(tx, [id])
  } else if (place.phase === 'article') {
    await settle(tx, [{ feed: id, place: place.base, upTo: place.id, age: 0, how }])
  }
  return onRecord(tx)
}

type FeedRow = {
  id: string
  told_position: string
  snapshot_base: string | null
  snapshot_article: string | null
}

/** Whether a feed has handed out the cursor of a place; of snapshots, only the latest is known. */
function hasTold({ told_position, snapshot_base, snapshot_article }: FeedRow, place: Place) {
  if ('after' in place) return place.after <= Number(told_position)
  if (snapshot_base === null || place.base !== Number(snapshot_base)) return false
  return place.phase !== 'article' || place.id <= (snapshot_article ?? '')
}

/** Since when what this transaction wrote is on record: its own now(). */
async function onRecord(tx: Tx): Promise<string> {
  const { rows } = await tx.execute<{ at: string }>(sql`select ${instant(sql`now()`)} as at`)
  return rows[0]?.at ?? ''
}

type Known = {
  article_id: string
  step: string
  version: number
  notified_step: string | null
  notified_version: number | null
  given_step: string | null
  given_version: number | null
  acknowledged_version: number | null
  acknowledged_step: string | null
  available: boolean
  current: number | null
  head: string
}

/**
 * Acknowledges articles one by one: that a partner has a version that it was sent (of none named, the last
 * one), or has taken out what it was told to remove or what is not there for it any more. All of them or
 * none; since when that is on record. Throws `never_given` for what was never sent.
 */
export async function acknowledgeArticles(
  tx: Tx,
  { partnerId }: Pick<Acknowledging, 'partnerId'>,
  articles: readonly AcknowledgedArticle[],
): Promise<string> {
  const access = await accessOf(tx, partnerId)
  const ids = articles.map(({ id }) => id)
  const { rows } = await tx.execute<Known>(sql`
    select h.article_id, h.step, h.version, h.notified_step, h.notified_version, h.given_step, h.given_version,
      h.acknowledged_step, h.acknowledged_version, a.version as current,
      coalesce(${availableTo(access)}, false) as available,
      (select max(position) from changes) as head
    from holdings h left join articles a on a.id = h.article_id
    where h.partner_id = ${partnerId} and h.article_id = any(${array(ids, 'uuid')})
    order by h.article_id, h.partner_id for update of h`)
  const known = new Map(rows.map((row) => [row.article_id, row]))
  const faults: Detail[] = []
  const told: Told[] = []
  for (const [i, one] of articles.entries()) {
    const row = known.get(one.id.toLowerCase())
    const found = row && (one.removed ? removalOf(row) : await versionOf(tx, row, one.version))
    if (row && found && (one.version ?? found.version) === found.version) {
      told.push({ partner: partnerId, article: row.article_id, ...found, how: 'ack', age: 0 })
    } else faults.push({ pointer: `/articles/${i}`, message: reason(one, row !== undefined) })
  }
  if (faults.length > 0) throw neverGiven(faults)
  await recordAcknowledged(tx, told)
  return onRecord(tx)
}

function reason({ id, version, removed }: AcknowledgedArticle, known: boolean): string {
  if (!known) return `Nothing of ${id} was ever sent to you.`
  if (removed) return `You were not told to remove ${id}${version ? ` in version ${version}` : ''}.`
  return version
    ? `Version ${version} of ${id} was never sent to you.`
    : `Of ${id} you were told only that it is to be removed.`
}

type Found = { step: number; version: number }

/** The removal that a partner was told of; of what is not there for it any more, one as of now. */
function removalOf(row: Known): Found | undefined {
  const step = Number(row.step)
  if (step % 2 === 0) return { step, version: row.version }
  if (row.available) return undefined
  return { step: Math.max(2 * Number(row.head), step + 1), version: row.current ?? row.version }
}

/** A version that a partner was sent, the last one where none is named. */
async function versionOf(
  tx: Tx,
  row: Known,
  version: number | undefined,
): Promise<Found | undefined> {
  const sent = (['given', 'notified', 'acknowledged'] as const).flatMap((degree): Found[] => {
    const [step, version] = [row[`${degree}_step`], row[`${degree}_version`]]
    return step === null || version === null ? [] : [{ step: Number(step), version }]
  })
  const texts = sent.filter(({ step }) => step % 2 === 1).sort((a, b) => b.step - a.step)
  const [last] = texts
  if (version === undefined || !last) return last
  const found = texts.find((one) => one.version === version)
  if (found || version > last.version) return found
  // It was overtaken by a later one before it could be acknowledged.
  const { rows } = await tx.execute<{ position: string }>(sql`
    select position from changes
    where kind = 'article' and resource_id = ${row.article_id} and to_version = ${version}
      and (is_visible or is_early) and position < ${(last.step - 1) / 2} order by id desc limit 1`)
  return rows[0] && { step: 2 * Number(rows[0].position) + 1, version }
}
