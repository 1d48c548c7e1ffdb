import { eq, getTableColumns, type SQL, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { demand, may } from '../actor.ts'
import { announce } from '../changes/announce.ts'
import type { Tx, Writing } from '../db/client.ts'
import { moment } from '../db/clock.ts'
import { share, TREE } from '../db/locks.ts'
import { behind } from '../db/pipeline.ts'
import { findAddress } from '../db/slugs.ts'
import { articles } from '../db/tables.ts'
import { Overtaken } from '../db/transaction.ts'
import { demandVersion, type Expected } from '../db/versions.ts'
import { oneOf } from '../db/where.ts'
import { Fault, missing } from '../errors.ts'
import { UUID } from '../fields.ts'

// What no command reads stays in the database: the vector and the HTML are half of a row.
const { search: _search, bodyHtml: _bodyHtml, ...columns } = getTableColumns(articles)

/** What of an article is read and returned where it is written. */
export const LOCKED = columns
export type LockedArticle = Omit<typeof articles.$inferSelect, 'search' | 'bodyHtml'>

/**
 * The row of an article, locked until the transaction ends, by id or any slug it ever had. All
 * writes to an article or to what belongs to it begin here, so they come one after the other.
 * Throws `not_found`, `version_stale`.
 */
export async function lockArticle(
  { tx }: Writing,
  name: string,
  expected?: Expected | undefined,
): Promise<LockedArticle> {
  // Moves and merges of categories change which lists it is in, and take this lock before any row.
  behind(tx, share(tx, TREE))
  const id = UUID.test(name)
    ? name
    : (await findAddress({ db: tx, schema: 'editor' }, 'article', name))?.id
  const row = id && (await readForUpdate(tx, id))
  if (!row) throw missing('article')
  demandVersion(row.version, expected)
  return (await settle(tx, [row])) ? ((await readForUpdate(tx, row.id)) ?? row) : row
}

async function readForUpdate(tx: Tx, id: string): Promise<LockedArticle | undefined> {
  const [row] = await tx.select(LOCKED).from(articles).where(eq(articles.id, id)).for('update')
  return row
}

/**
 * Articles that became visible since the last sweep are announced before they are changed: whoever had
 * them must be told of their end. What expired since is told of by the change itself, with its own
 * reason. Whether the rows are other than they were read. Throws `Overtaken` when a time came while this
 * transaction, whose now() is its start, waited for their locks: to it they would still be what they were.
 */
async function settle(
  tx: Tx,
  rows: Pick<LockedArticle, 'id' | 'status' | 'announced' | 'expiresAt'>[],
): Promise<boolean> {
  const published = rows.filter(({ status }) => status === 'published')
  if (published.length === 0) return false
  const { rows: overtaken } = await tx.execute(sql`
    select from articles
    where ${oneOf(sql`id`, idsOf(published), 'uuid')} and exists (
      select from unnest(array[publish_at, embargo_until, expires_at]) t
      where t > now() and t <= clock_timestamp())`)
  if (overtaken.length > 0) throw new Overtaken('the visibility of an article turned meanwhile')
  const unannounced = idsOf(published.filter(({ announced }) => !announced))
  const announced = unannounced.length > 0 && (await announce(tx, { ids: unannounced })) > 0
  const expiring = idsOf(published.filter(({ expiresAt }) => expiresAt))
  return (expiring.length > 0 && (await forgetExpired(tx, expiring))) || announced
}

/** Announced no longer, so that it is what the row says that is about to be written, and no sweep tells of it again. */
async function forgetExpired(tx: Tx, ids: string[]): Promise<boolean> {
  const { rowCount } = await tx.execute(sql`
    update articles set announced = false, announced_early = false
    where ${oneOf(sql`id`, ids, 'uuid')} and announced_early and expires_at <= now()`)
  return (rowCount ?? 0) > 0
}

const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id)

/** What was killed stays as it was until it is revived. Throws `wrong_state`. */
export function demandAlive(article: LockedArticle): void {
  if (article.status !== 'killed') return
  throw new Fault('wrong_state', 'A killed article cannot be changed; revive it first.')
}

/**
 * A change to what is published, or will be by itself when its time comes, is live without anybody
 * publishing it: it needs `content:publish`. Throws `forbidden`.
 */
export function demandMayChange({ actor }: Writing, article: LockedArticle): void {
  if (article.status === 'published')
    demand(actor, 'content:publish', 'Changing a published article')
}

/**
 * The same for what many articles show, such as the name of a source: throws `forbidden` when one
 * of those that fit the condition is published.
 */
export async function demandMayChangeShown({ tx, actor }: Writing, condition: SQL): Promise<void> {
  if (may(actor, 'content:publish')) return
  const [published] = await tx
    .select({ id: articles.id })
    .from(articles)
    .where(sql`status = 'published' and (${condition})`)
    .limit(1)
  if (published) demand(actor, 'content:publish', 'Changing what published articles show')
}

/** Whether readers have ever been able to see the article, by the database's clock. */
export async function wasVisible({ tx }: Writing, id: string): Promise<boolean> {
  const { rows } = await tx.execute<{ seen: boolean }>(sql`
    select first_visible_at is not null
      or (status = 'published' and greatest(publish_at, embargo_until) <= now()) as seen
    from articles where id = ${id}`)
  return rows[0]?.seen ?? false
}

/**
 * Whether partners with early access have ever been told of the article, or readers have; or may have read it,
 * because its time came within 5 s of the change that took it back, which was committed a moment later.
 */
export async function wasTold({ tx }: Writing, id: string): Promise<boolean> {
  const { rows } = await tx.execute<{ told: boolean }>(sql`
    select exists (select from changes
      where resource_id = ${id} and kind = 'article' and is_early)
    or exists (
      select from (
        select v.version, lead(v.at, 1, now()) over (order by v.version) as until
        from revisions v where v.article_id = ${id}) r
      cross join lateral public.times_of(${id}::uuid, r.version) t
      where t.comes_early <= r.until + interval '5 seconds') as told`)
  return rows[0]?.told ?? false
}

/** Gives the article its next version. */
export function nextVersion(ctx: Writing, article: LockedArticle): void {
  nextVersions(ctx, [article.id])
}

/**
 * Locks all articles that fit a condition, in one order, so that two merges at once wait for each
 * other instead of deadlocking; their ids.
 */
export async function lockArticlesWhere({ tx }: Writing, condition: SQL): Promise<string[]> {
  const rows = await tx
    .select({
      id: articles.id,
      status: articles.status,
      announced: articles.announced,
      expiresAt: articles.expiresAt,
    })
    .from(articles)
    .where(condition)
    .orderBy(articles.id)
    .for('update')
  await settle(tx, rows)
  return idsOf(rows)
}

/** Gives locked articles their next versions. */
export function nextVersions({ tx }: Writing, ids: string[]): void {
  if (ids.length === 0) return
  const next = { version: sql`${articles.version} + 1`, updatedAt: moment }
  behind(
    tx,
    tx
      .update(articles)
      .set(next)
      .where(oneOf(sql`id`, ids, 'uuid')),
  )
}

/** Sets columns of a locked article, in its next version. */
export function setNext(
  { tx }: Writing,
  { id, version }: Pick<LockedArticle, 'id' | 'version'>,
  columns: PgUpdateSetSource<typeof articles>,
): void {
  const next = { ...columns, version: version + 1, updatedAt: moment }
  behind(tx, tx.update(articles).set(next).where(eq(articles.id, id)))
}
