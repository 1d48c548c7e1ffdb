import { sql } from 'drizzle-orm'
import { addressesIn } from '../articles/address.ts'
import type { Shape } from '../articles/members.ts'
import type { Config } from '../config.ts'
import { asPartner, type Database, type Executor, type Reading } from '../db/client.ts'
import { headOf, readFeed } from '../feed/queries.ts'
import type { FeedRow } from '../feed/schema.ts'

/** Rows of the feed in one statement. */
const PAGE = 500

/** Webhooks that are told the same, and how far they were: those of one partner, or of none. */
export type Audience = {
  partnerId: string | null
  early: boolean
  position: number
  ids: string[]
}

/** Of a row of the feed, what a delivery is made of. */
export type Told = Pick<
  FeedRow,
  'position' | 'op' | 'resource' | 'event' | 'id' | 'version' | 'reason'
>

/** Who has not been told all that is numbered. */
export async function audiencesBehind(db: Executor): Promise<Audience[]> {
  const { rows } = await db.execute<Omit<Audience, 'position'> & { position: string }>(sql`
    select w.partner_id as "partnerId", w.early, w.position, array_agg(w.id) as ids
    from webhooks w
    where w.disabled_at is null and w.position < (select max(c.position) from changes c)
    group by 1, 2, 3 order by 3`)
  return rows.map((row) => ({ ...row, position: Number(row.position) }))
}

/** Where webhooks read: as their partner, whose entitlement is looked at by the views, or as readers. */
function readingOf(
  db: Database,
  { partnerId, early }: Pick<Audience, 'partnerId' | 'early'>,
): Reading {
  return partnerId === null
    ? { db: db.reader, schema: 'reader' }
    : { db: asPartner(db, { partnerId, early }), schema: 'partner' }
}

function shapeOf(config: Config, { schema }: Reading, fields: readonly string[]): Shape {
  return { articleUrl: addressesIn(config), formats: [], include: [], audience: schema, fields }
}

/** What the feed tells these webhooks after the position where they are, how far that goes, and whether there may be more. */
export async function readTold(
  db: Database,
  config: Config,
  audience: Audience,
): Promise<{ rows: Told[]; until: number; more: boolean }> {
  const reading = readingOf(db, audience)
  const what = { types: undefined, limit: PAGE, shape: shapeOf(config, reading, ['id']) }
  const { rows, next } = await readFeed(reading, { after: audience.position }, what)
  const until = 'after' in next ? next.after : audience.position
  const told = rows.map(({ json }) => JSON.parse(json) as FeedRow)
  // A page that is not full is no end: the feed looks at so many positions at a time.
  return { rows: told, until, more: until < (await headOf(reading)) }
}

/**
 * The row at a position, as the feed tells it at this moment. Undefined when it is not told any more,
 * because the webhook lost its early access.
 */
export async function readRow(
  db: Database,
  config: Config,
  { position, ...audience }: Pick<Audience, 'partnerId' | 'early' | 'position'>,
): Promise<FeedRow | undefined> {
  const reading = readingOf(db, audience)
  const shape = shapeOf(config, reading, ['id', 'version', 'slug', 'headline', 'url'])
  const { rows } = await readFeed(
    reading,
    { after: position - 1 },
    { types: undefined, limit: 1, shape },
  )
  const row = rows[0] && (JSON.parse(rows[0].json) as FeedRow)
  return row?.position === position ? row : undefined
}
