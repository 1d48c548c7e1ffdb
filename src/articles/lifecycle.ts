import { sql } from 'drizzle-orm'
import { demand } from '../actor.ts'
import { type ArticleEvent, recordArticles } from '../changes/record.ts'
import type { Writing } from '../db/client.ts'
import { moment, now } from '../db/clock.ts'
import type { Expected } from '../db/versions.ts'
import { type Detail, Fault, ruleBroken } from '../errors.ts'
import { redateQuotes } from '../quotes/rows.ts'
import { demandPublishable } from './commands.ts'
import { type LockedArticle, lockArticle, setNext } from './lock.ts'
import type { Kill, Publication, Unpublication } from './schema.ts'

/**
 * In an UPDATE, the first instant at which the row as it was became visible, if that is past.
 * Every change of status or times writes it down before the times are gone.
 */
const firstVisibleAt = sql`coalesce(first_visible_at,
  case when status = 'published' and greatest(publish_at, embargo_until) <= now()
       then greatest(publish_at, embargo_until) end)`

/** Since when it is gone, of what readers saw until now. */
const goneAt = sql`case when status = 'published' and greatest(publish_at, embargo_until) <= now()
  then least(${moment}, expires_at) else gone_at end`

/** A time as given: absent leaves it, null lifts it. */
function timeAfter(given: string | null | undefined, before: Date | null): Date | null {
  if (given === undefined) return before
  return given === null ? null : new Date(given)
}

/**
 * Publishes an article, now or later, or sets the times of a published one. Throws `not_found`,
 * `version_stale`, `forbidden`, `wrong_state` for a killed one, `rule_broken`.
 */
export async function publishArticle(
  ctx: Writing,
  name: string,
  input: Publication,
  expected: Expected | undefined,
): Promise<string> {
  demand(ctx.actor, 'content:publish', 'Publishing')
  const row = await lockArticle(ctx, name, expected)
  if (row.status === 'killed') {
    throw new Fault('wrong_state', 'A killed article cannot be published.')
  }
  demandPublishable(row.headline, row.body)
  // What was unpublished starts anew: its old times were for another publication.
  const before =
    row.status === 'published' ? row : { publishAt: null, embargoUntil: null, expiresAt: null }
  const clock = await databaseNow(ctx)
  // Without a word about times, publishing means now, also what was scheduled for later.
  const bare = Object.values(input).every((value) => value === undefined)
  const advanced = bare && before.publishAt !== null && before.publishAt > clock
  const publishAt = (advanced ? null : timeAfter(input.at, before.publishAt)) ?? clock
  const embargoUntil = timeAfter(input.embargoUntil, before.embargoUntil)
  const expiresAt = timeAfter(input.expiresAt, before.expiresAt)
  demandOrder({ input, clock, publishAt, embargoUntil, expiresAt })
  const visibleFrom = embargoUntil && embargoUntil > publishAt ? embargoUntil : publishAt
  const early = publishAt <= clock && (!expiresAt || expiresAt > clock)
  const visible = early && visibleFrom <= clock
  setNext(ctx, row, {
    status: 'published',
    publishAt,
    embargoUntil,
    expiresAt,
    publishedAt: publishedAt(row, input, clock, visibleFrom),
    firstVisibleAt,
    goneAt: visible ? null : goneAt,
    announced: visible,
    announcedEarly: early,
    ...(visible && { notice: null, legal: false }),
  })
  redateQuotes(ctx, row.id)
  await recordArticles(ctx, [row.id], publicationEvent(row, { visible, early }))
  return row.id
}

/** What setting an article's times comes to, by what was last told of it. */
function publicationEvent(
  row: LockedArticle,
  { visible, early }: { visible: boolean; early: boolean },
): ArticleEvent {
  if (!visible) return early ? 'article.embargo-set' : 'article.scheduled'
  if (row.announced) return 'article.updated'
  return row.announcedEarly ? 'article.embargo-lifted' : 'article.published'
}

/** The database's clock decides what is past, not ours. */
async function databaseNow({ tx }: Writing): Promise<Date> {
  const { rows } = await tx.execute<{ now: Date }>(sql`select ${now} as now`)
  return new Date(rows[0]?.now ?? Number.NaN)
}

/**
 * The date shown: as given, now or before; else the first instant of visibility, which stays once
 * it is past and moves with the schedule until then.
 */
function publishedAt(row: LockedArticle, input: Publication, clock: Date, visibleFrom: Date): Date {
  if (input.publishedAt !== undefined) return new Date(input.publishedAt)
  if (!row.publishedAt) return visibleFrom
  const scheduled = latest(row.publishAt, row.embargoUntil)
  const given = scheduled?.getTime() !== row.publishedAt.getTime()
  const seen =
    row.firstVisibleAt !== null || (row.status === 'published' && scheduled && scheduled <= clock)
  return given || seen ? row.publishedAt : visibleFrom
}

function latest(a: Date | null, b: Date | null): Date | null {
  return a && b ? (a > b ? a : b) : (a ?? b)
}

type Times = {
  input: Publication
  clock: Date
  publishAt: Date
  embargoUntil: Date | null
  expiresAt: Date | null
}

/** All rules that the times break, at once. */
function demandOrder({ input, clock, publishAt, embargoUntil, expiresAt }: Times): void {
  const faults: Detail[] = []
  if (input.at !== undefined && publishAt < clock) {
    faults.push({ pointer: '/at', message: 'at must not be past; publishedAt may be.' })
  }
  if (expiresAt && expiresAt <= clock) {
    faults.push({ pointer: '/expiresAt', message: 'expiresAt must be in the future.' })
  }
  if (expiresAt && expiresAt <= publishAt) {
    faults.push({ pointer: '/expiresAt', message: 'expiresAt must be after at.' })
  }
  if (expiresAt && embargoUntil && expiresAt <= embargoUntil) {
    faults.push({ pointer: '/embargoUntil', message: 'The embargo must end before expiresAt.' })
  }
  if (faults.length > 0) throw ruleBroken(faults)
}

/** Takes a published article back. Throws `not_found`, `version_stale`, `forbidden`, `wrong_state`. */
export async function unpublishArticle(
  ctx: Writing,
  name: string,
  { reason }: Unpublication,
  expected: Expected | undefined,
): Promise<string> {
  demand(ctx.actor, 'content:publish', 'Unpublishing')
  const row = await lockArticle(ctx, name, expected)
  demandStatus(row, 'unpublished', ['published'])
  withdraw(ctx, row, { status: 'unpublished', notice: null, legal: false })
  await recordArticles(ctx, [row.id], 'article.unpublished', { reason })
  return row.id
}

/**
 * Kills an article: its text, and that of all its revisions, is out of every reader's reach at once;
 * the public is told the notice. `reason` is for editors. Throws as unpublishing does.
 */
export async function killArticle(
  ctx: Writing,
  name: string,
  { reason, notice, legal = false }: Kill,
  expected: Expected | undefined,
): Promise<string> {
  demand(ctx.actor, 'content:publish', 'Killing')
  const row = await lockArticle(ctx, name, expected)
  demandStatus(row, 'killed', ['draft', 'published', 'unpublished'])
  withdraw(ctx, row, { status: 'killed', notice, legal })
  await recordArticles(ctx, [row.id], 'article.killed', { reason })
  return row.id
}

/** Makes a killed article a draft again; readers go on being told that it is gone, and the notice. */
export async function reviveArticle(
  ctx: Writing,
  name: string,
  { reason }: Unpublication,
  expected: Expected | undefined,
): Promise<string> {
  demand(ctx.actor, 'content:publish', 'Reviving')
  const row = await lockArticle(ctx, name, expected)
  demandStatus(row, 'revived', ['killed'])
  setNext(ctx, row, { status: 'draft' })
  await recordArticles(ctx, [row.id], 'article.revived', { reason })
  return row.id
}

/** Throws `wrong_state` unless the article is in one of these states. */
function demandStatus(row: LockedArticle, becoming: string, from: string[]): void {
  if (from.includes(row.status)) return
  const message = `Only what is ${from.join(' or ')} can be ${becoming}; it is ${row.status}.`
  throw new Fault('wrong_state', message)
}

function withdraw(
  ctx: Writing,
  row: LockedArticle,
  to: { status: string; notice: string | null; legal: boolean },
): void {
  setNext(ctx, row, { ...to, firstVisibleAt, goneAt, announced: false, announcedEarly: false })
}
