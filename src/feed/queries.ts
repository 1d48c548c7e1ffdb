import { type SQL, sql } from 'drizzle-orm'
import { articleMembers, belongings, type Shape } from '../articles/members.ts'
import { CATEGORY } from '../categories/members.ts'
import type { Reading } from '../db/client.ts'
import { instant, type Members, selected } from '../db/json.ts'
import { view } from '../db/slugs.ts'
import { array, literal } from '../db/where.ts'
import { wrongCursor } from '../errors.ts'
import { SOURCE } from '../sources/members.ts'
import { NO_ID, PHASES, type Phase, type Place } from './place.ts'

/** A row of the feed: without what comes with it, that as JSON with its version, and the row's own version. */
type Row = {
  row: string
  op: 'upsert' | 'remove' | 'reset'
  event: string
  position: string
  id: string
  resource: Phase | 'partner'
  told_version: number | null
  item: string | null
  version: number | null
  /** Whether it was written after the transaction that reads it began. */
  ahead?: boolean
}

/** Which rows, how many at most, how articles are shown, and what is still to be made of them then. */
export type Wanted = {
  types: readonly string[] | undefined
  limit: number
  shape: Shape
  finish?: (article: string) => string
}

/** What was read: rows, and where to go on. */
export type Read = { rows: ToldRow[]; next: Place }
/** A row as JSON, what it tells of, the place behind it, and what it hands over. */
export type ToldRow = { json: string; event: string; place: Place; given: Given | undefined }
/**
 * What a row hands over of an article: this version of it, or that it is to be removed (of a deleted one
 * without a version). `position` is the row's, or where the snapshot began.
 */
export type Given = {
  articleId: string
  version: number | undefined
  removal: boolean
  position: number
  snapshot: boolean
}

/**
 * How many positions are looked at in one statement, so that a partner of whom a year holds nothing does
 * not wait for all of it: 20,000 rows of others take 60 ms.
 */
const WINDOW = 20_000
/** How often a row is read again that is later than who reads it; each time begins later. */
const AGAIN = 3

/** How far the ledger is numbered, as this audience may know. */
export async function headOf({ db, schema }: Reading): Promise<number> {
  const { rows } = await db.execute<{ head: string }>(
    sql`select head from ${view(schema, 'ledger')}`,
  )
  return Number(rows[0]?.head)
}

/**
 * The rows after a place, at most so many, and where the next page begins. An answer without rows means
 * that there are none up to the end. Throws `invalid_cursor` for a place that the ledger has not come to:
 * it is made up, or of a database that was since set back, and what is between would be missed.
 *
 * What is visible is decided by now(), which is when a transaction began, but a statement sees what was
 * committed until it began itself: on a busy machine some 10 ms later. Published in between, an article
 * stands in the ledger and is not there. So a row that is later than now() is left to the next transaction.
 */
export async function readFeed(reading: Reading, from: Place, wanted: Wanted): Promise<Read> {
  const { types, limit, shape } = wanted
  if (!('after' in from)) {
    demandReached(from.base, await headOf(reading))
    return readSnapshot(reading, from, wanted)
  }
  for (let { after } = from, again = 0; ; ) {
    const until = after + WINDOW
    const { rows } = await reading.db.execute<Row & { head: string }>(sql`
      select l.head, c.* from ${view(reading.schema, 'ledger')} l left join (
        ${told(reading, shape, after, until, types)} order by t.position limit ${literal(limit)}) c on true
      order by c.position`)
    const found = rows.filter(({ row }) => row !== null)
    const ahead = found.findIndex((row) => row.ahead)
    if (ahead === 0 && again++ < AGAIN) continue
    if (ahead !== -1) found.length = ahead
    const head = Number(rows[0]?.head)
    demandReached(after, head)
    const end = Math.min(until, head)
    const last = found.at(-1)
    if (last || ahead === 0 || end < until) {
      const upTo = last ? Number(last.position) : after
      const next = { after: ahead !== -1 || found.length === limit ? upTo : end }
      return { rows: rowsOf(found, wanted, ({ position }) => ({ after: Number(position) })), next }
    }
    after = end
  }
}

function demandReached(position: number, head: number): void {
  if (position > head) throw wrongCursor('is beyond all that has happened')
}

/** The rows of the ledger between two positions, with what is there today of what they tell of. */
function told(
  reading: Reading,
  shape: Shape,
  after: number,
  until: number,
  types: readonly string[] | undefined,
): SQL {
  const row: Members = {
    position: sql`t.position`,
    op: sql`t.op`,
    resource: sql`t.resource`,
    event: sql`t.event`,
    id: sql`t.id`,
    version: sql`t.version`,
    at: instant(sql`t.at`),
    reason: sql`t.reason`,
  }
  const each = PHASES.map(
    (kind) => sql`when ${sql.raw(`'${kind}'`)} then (${itemOf(reading, kind, shape)})`,
  )
  return sql`
    select t.position, t.id, t.resource, t.op, t.event, t.version as told_version,
      t.at > now() as ahead, row_to_json(o)::text as row, i.item[1] as item, i.item[2]::int as version
    from ${view(reading.schema, 'changes')} t
    cross join lateral (select ${selected(row)}) o
    cross join lateral (
      select case when t.op = 'upsert' then case t.resource ${sql.join(each, sql` `)} end end as item) i
    where t.position > ${after} and t.position <= ${until}
      and ${types ? sql`t.event = any(${array(types)})` : sql`true`}`
}

/** The resource that the row `t` tells of, as it is today: its JSON and its version; null when it is not there. */
function itemOf(reading: Reading, kind: Phase, shape: Shape): SQL {
  const { from, alias, members } = kinds(reading, shape)[kind]
  const table = sql.raw(alias)
  return sql`
    select array[row_to_json(m)::text, ${table}.version::text]
    from ${from} ${table} cross join lateral (select ${selected(members)}) m
    where ${table}.id = t.id`
}

/** Where each kind is read, and what is shown of it. */
function kinds(reading: Reading, shape: Shape) {
  const { schema } = reading
  return {
    article: {
      from: view(schema, 'articles'),
      alias: 'a',
      members: articleMembers(belongings(reading, shape), shape),
    },
    source: { from: view(schema, 'sources'), alias: 's', members: SOURCE },
    category: { from: view(schema, 'categories'), alias: 'c', members: CATEGORY },
  }
}

/** What is there now, kind after kind, each in the order of its ids; then what happened since. */
async function readSnapshot(
  reading: Reading,
  { base, phase, id }: { base: number; phase: Phase; id: string },
  wanted: Wanted,
): Promise<Read> {
  const { limit, shape } = wanted
  const { from, alias, members } = kinds(reading, shape)[phase]
  const table = sql.raw(alias)
  const { rows } = await reading.db.execute<Row>(sql`
    select ${base}::text as position, t.id, ${phase}::text as resource, 'upsert' as op,
      'snapshot' as event, t.version, t.item,
      row_to_json(o)::text as row
    from (
      select ${table}.id, ${table}.version, ${table}.updated_at, row_to_json(m)::text as item
      from (
        select * from ${from} x where x.id > ${id}::uuid order by x.id limit ${literal(limit)}
      ) ${table} cross join lateral (select ${selected(members)}) m
    ) t cross join lateral (
      select ${base}::bigint as position, 'upsert' as op, ${phase}::text as resource,
        'snapshot' as event, t.id, t.version, ${instant(sql`t.updated_at`)} as at, null as reason) o
    order by t.id`)
  const told = rowsOf(rows, wanted, (row) => ({ base, phase, id: row.id }))
  const last = rows.at(-1)
  if (rows.length === limit && last) return { rows: told, next: { base, phase, id: last.id } }
  const following = PHASES[PHASES.indexOf(phase) + 1]
  if (!following) return { rows: told, next: { after: base } }
  const next = { base, phase: following, id: NO_ID }
  // A kind of which there is nothing more is no end.
  return rows.length > 0 ? { rows: told, next } : readSnapshot(reading, next, wanted)
}

function rowsOf(rows: readonly Row[], { finish }: Wanted, place: (row: Row) => Place): ToldRow[] {
  const made = (item: string, resource: string) =>
    resource === 'article' && finish ? finish(item) : item
  const shown = ({ item, resource }: Row) =>
    item === null ? '' : `,"${resource}":${made(item, resource)}`
  return rows.map((row) => ({
    json: `${row.row.slice(0, -1)}${shown(row)}}`,
    ...{ event: row.event, place: place(row), given: givenBy(row) },
  }))
}

function givenBy({ id, op, event, resource, position, item, ...row }: Row): Given | undefined {
  const removal = op === 'remove'
  if (resource !== 'article' || (!removal && item === null)) return undefined
  const version = (removal ? row.told_version : row.version) ?? undefined
  const snapshot = event === 'snapshot'
  return { articleId: id, version, removal, position: Number(position), snapshot }
}
