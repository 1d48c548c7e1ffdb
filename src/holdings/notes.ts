import { type SQL, sql } from 'drizzle-orm'
import type { Tx } from '../db/client.ts'
import {
  ago,
  type Feed,
  type FeedNews,
  fallBehind,
  keepTellings,
  type Settled,
  settle,
  type Telling,
  writeFeeds,
} from './feeds.ts'
import type { How } from './given.ts'

/** Something that was sent to a partner. `began` and `sent` are on this process's monotonic clock. */
export type Note = {
  partnerId: string
  /** Its id; of one that was answered to be gone, what its path named. */
  article: string
  /** A text; word of a version without its text; that it is to be removed; that it is gone. */
  what: 'text' | 'word' | 'removal' | 'gone'
  version?: number | undefined
  /** Of a row in the ledger. */
  position?: number
  how: How
  /** When what was sent was asked for: not earlier is it read. */
  began: number
  sent: number
  /** Its place in a change feed. */
  telling?: { feed: Feed; place: number; snapshot: boolean }
  /** When a cursor said that it has come. */
  acknowledged?: number
}

/** A note with what it comes to in the ledger. */
type Placed = Note & { articleId: string; step: number; told: number }

/** Writes what was sent and what came back, in the transaction it is given; whether more was acknowledged than is settled now. */
export async function writeNotes(
  tx: Tx,
  notes: readonly Note[],
  news: readonly FeedNews[],
): Promise<boolean> {
  const clock = performance.now()
  const known = news.length > 0 ? await writeFeeds(tx, news, clock) : []
  const ids = new Map(known.map(({ key, id }) => [key, id]))
  const idOf = ({ partnerId, list }: Feed) => ids.get(`${partnerId} ${list}`) as number
  const placed = await place(tx, notes, clock)
  const told = (of: readonly Placed[], at: (note: Placed) => number, how?: string) =>
    latest(of).map((note) => ({
      ...{ partner: note.partnerId, article: note.articleId, step: note.step, version: note.told },
      ...{ age: clock - at(note), how: how ?? note.how },
    }))
  const wasSent = ({ sent }: Placed) => sent
  const text = placed.filter(({ what }) => what !== 'word')
  await record(tx, 'given', told(text, wasSent))
  const word = placed.filter(({ what }) => what === 'word')
  await record(tx, 'notified', told(word, wasSent))
  const came = placed.filter(({ acknowledged }) => acknowledged !== undefined)
  await recordAcknowledged(
    tx,
    told(came, ({ acknowledged = 0 }) => acknowledged, 'cursor'),
  )

  // What was told before comes first: it must not be overwritten by what is told now.
  const asked = news.flatMap(({ feed, acknowledged }) =>
    acknowledged.map(({ at, ...one }): Settled => {
      return { feed: idOf(feed), ...one, age: clock - at, how: 'cursor' }
    }),
  )
  const before = await settle(tx, asked)
  const open = placed.flatMap((note): Telling[] => {
    const { telling, acknowledged, partnerId: partner, articleId: article, step, told, sent } = note
    if (!telling || acknowledged !== undefined) return []
    const { place, snapshot } = telling
    const feed = idOf(telling.feed)
    return [{ feed, partner, article, place, snapshot, step, version: told, age: clock - sent }]
  })
  await keepTellings(tx, latestTellings(open))
  // Of what was told here, another process may have heard the acknowledgement first.
  const since = known.flatMap(({ id, place, at }): Settled[] =>
    place === null || at === null ? [] : [{ feed: id, place, at, how: 'cursor' }],
  )
  const after = open.length > 0 && (await settle(tx, since))
  if (before || after)
    await fallBehind(
      tx,
      known.map(({ id }) => id),
    )
  return before || after
}

/**
 * Where in the ledger each note stands, and which version it tells of. A text is what the last row of
 * its version made it. What is seen again after it was told to be removed, and in no earlier version,
 * was given back: it comes after that removal, whatever its version's position.
 */
async function place(tx: Tx, notes: readonly Note[], clock: number): Promise<Placed[]> {
  if (notes.length === 0) return []
  const asked = notes.map(({ partnerId, article, what, version, position, began }, n) => ({
    ...{ n, partner: partnerId, article, what, version, position, began: clock - began },
  }))
  const last = (step: SQL, where: SQL) => sql`(
    select ${step} from changes c where c.kind = 'article' and c.resource_id = a.id
      and c.position is not null and ${where} order by c.id desc limit 1)`
  const kept = sql`2 * c.position + 1`
  const { rows } = await tx.execute<PlacedRow>(sql`
    select r.n, a.id, h.step is not null as had, case
        when r.what in ('text', 'word') and h.step % 2 = 0 and r.version >= h.version
          and b.removed < ${ago('r.began')}
        then greatest(s.step, h.step + 1) else s.step end as step,
      coalesce(r.version, (select c.to_version from changes c where c.position = s.step / 2), h.version, 1) as version
    from json_to_recordset(${JSON.stringify(asked)}) as r (n integer, partner uuid, article text, what text,
      version integer, position bigint, began float8)
    cross join lateral (select case
      when r.article ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then r.article::uuid
      else (select n.resource_id from slugs n where n.kind = 'article' and n.slug = r.article) end as id) a
    left join holdings h on h.partner_id = r.partner and h.article_id = a.id
    cross join lateral (select least(
      case when h.notified_step = h.step then h.notified_at end,
      case when h.given_step = h.step then h.given_at end,
      case when h.acknowledged_step = h.step then h.acknowledged_at end) as removed) b
    cross join lateral (select case r.what
      when 'removal' then 2 * r.position
      when 'gone' then ${last(sql`2 * c.position`, sql`c.absence is not null`)}
      else coalesce(
        ${last(kept, sql`c.to_version = r.version and (c.is_visible or c.is_early)`)},
        ${last(kept, sql`c.to_version = r.version`)}, 1) end as step) s
    where s.step is not null
    order by r.n`)
  const placed = rows.map(({ n, id, step, version, had }) => ({
    ...(notes[n] as Note),
    ...{ articleId: id, step: Number(step), told: version, had },
  }))
  // That something is gone is nothing to whom it never was there.
  const hadBy = ({ partnerId, articleId }: Placed) => `${partnerId} ${articleId}`
  const had = new Set(placed.filter((one) => one.had || one.what !== 'gone').map(hadBy))
  return placed.filter((one) => had.has(hadBy(one)))
}

type PlacedRow = { n: number; id: string; step: string; version: number; had: boolean }

/** Of each partner and article the last; of several that are the same, the one that came first. */
function latest(notes: readonly Placed[]): Placed[] {
  const best = new Map<string, Placed>()
  for (const note of notes) {
    const key = `${note.partnerId} ${note.articleId}`
    const other = best.get(key)
    if (!other || note.step > other.step) best.set(key, note)
  }
  return [...best.values()]
}

/** Of each feed and article what was told last, at its earliest place. */
function latestTellings(tellings: readonly Telling[]): Telling[] {
  const best = new Map<string, Telling>()
  for (const one of tellings) {
    const key = `${one.feed} ${one.article}`
    const other = best.get(key)
    const later = other && (one.step - other.step || other.place - one.place)
    if (later === undefined || later > 0) best.set(key, one)
  }
  return [...best.values()]
}

/** What was told to a partner of an article, so many ms ago or at an instant. */
export type Told = {
  partner: string
  article: string
  step: number
  version: number
  how: string
  age?: number
  at?: string
}

const AS_TOLD = sql`as r (partner uuid, article uuid, step bigint, version integer, how text, age float8,
  at timestamptz)`
const MOMENT = sql`coalesce(r.at, ${ago('r.age')})`

/**
 * Records what was sent, of each partner and article one. What is not newer than what is known changes
 * nothing, and locks nothing.
 */
export async function record(
  tx: Tx,
  degree: 'notified' | 'given',
  told: readonly Told[],
): Promise<void> {
  if (told.length === 0) return
  const column = (name: string) => sql.raw(`${degree}_${name}`)
  const [step, version, at, how] = ['step', 'version', 'at', 'how'].map(column)
  await tx.execute(sql`
    insert into holdings as h (partner_id, article_id, ${step}, ${version}, ${at}, ${how})
    select r.partner, r.article, r.step, r.version, ${MOMENT}, r.how
    from json_to_recordset(${JSON.stringify(told)}) ${AS_TOLD}
    left join holdings k on k.partner_id = r.partner and k.article_id = r.article
    where k.${step} is null or k.${step} < r.step
    -- In one order, so that two processes do not wait for each other.
    order by r.article, r.partner
    on conflict (partner_id, article_id) do update set ${step} = excluded.${step},
      ${version} = excluded.${version}, ${at} = excluded.${at}, ${how} = excluded.${how}
    where h.${step} is null or h.${step} < excluded.${step}`)
}

/** Records what was acknowledged of what was sent, of each partner and article one. */
export async function recordAcknowledged(tx: Tx, told: readonly Told[]): Promise<void> {
  if (told.length === 0) return
  await tx.execute(sql`
    update holdings h set acknowledged_step = r.step, acknowledged_version = r.version,
      acknowledged_at = ${MOMENT}, acknowledged_how = r.how
    from json_to_recordset(${JSON.stringify(told)}) ${AS_TOLD}
    where h.partner_id = r.partner and h.article_id = r.article
      and (h.acknowledged_step is null or h.acknowledged_step < r.step)`)
}
