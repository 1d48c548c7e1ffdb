import { eq, inArray, type SQL, sql } from 'drizzle-orm'
import { demand, may } from '../actor.ts'
import type { Writing } from '../db/client.ts'
import { now } from '../db/clock.ts'
import { findAddresses } from '../db/slugs.ts'
import { articles } from '../db/tables.ts'
import { demandVersion, type Expected } from '../db/versions.ts'
import { missing } from '../errors.ts'

export type LockedArticle = typeof articles.$inferSelect

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
  const found = await findAddresses({ db: tx, schema: 'editor' }, 'article', [name])
  const id = found.get(name)?.id
  const [row] = id ? await tx.select().from(articles).where(eq(articles.id, id)).for('update') : []
  if (!row) throw missing('article')
  demandVersion(row.version, expected)
  return row
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

/** Gives the article its next version. */
export async function nextVersion({ tx }: Writing, article: LockedArticle): Promise<void> {
  await tx
    .update(articles)
    .set({ version: article.version + 1, updatedAt: now })
    .where(eq(articles.id, article.id))
}

/**
 * Locks all articles that fit a condition, in one order, so that two merges at once wait for each
 * other instead of deadlocking; their ids.
 */
export async function lockArticlesWhere({ tx }: Writing, condition: SQL): Promise<string[]> {
  const rows = await tx
    .select({ id: articles.id })
    .from(articles)
    .where(condition)
    .orderBy(articles.id)
    .for('update')
  return rows.map((row) => row.id)
}

/** Gives locked articles their next versions. */
export async function nextVersions({ tx }: Writing, ids: string[]): Promise<void> {
  if (ids.length === 0) return
  await tx
    .update(articles)
    .set({ version: sql`${articles.version} + 1`, updatedAt: now })
    .where(inArray(articles.id, ids))
}
