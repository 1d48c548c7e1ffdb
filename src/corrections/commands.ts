import { and, eq } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { applyPatch, type PatchOptions } from '../articles/commands.ts'
import { demandMayChange, lockArticle, nextVersion, wasVisible } from '../articles/lock.ts'
import type { CorrectionCreate } from '../articles/schema.ts'
import { recordArticles } from '../changes/record.ts'
import type { Writing } from '../db/client.ts'
import { moment } from '../db/clock.ts'
import { articles, corrections, quotes } from '../db/tables.ts'
import type { Expected } from '../db/versions.ts'
import { Fault, ruleBroken } from '../errors.ts'

/**
 * Corrects an article: the note, and in the same version the changes that it describes. Only what
 * readers have seen can be corrected. Throws `wrong_state` for a draft or a killed article,
 * `rule_broken` for a block or quote that the article does not have, and what changing it throws.
 */
export async function correctArticle(
  ctx: Writing,
  name: string,
  input: CorrectionCreate,
  expected: Expected | undefined,
  options: PatchOptions,
): Promise<string> {
  const { tx } = ctx
  const row = await lockArticle(ctx, name, expected)
  demandMayChange(ctx, row)
  const { status } = row
  if ((status !== 'published' && status !== 'unpublished') || !(await wasVisible(ctx, row.id))) {
    const message = `Only what readers have seen can be corrected; it is ${status}.`
    throw new Fault('wrong_state', message)
  }
  const id = uuidv7()
  // The note first: the revision that the changes make has it.
  await tx.insert(corrections).values({
    id,
    articleId: row.id,
    kind: input.kind,
    text: input.text,
    at: moment,
    fromVersion: row.version,
    toVersion: row.version + 1,
    block: input.block ?? null,
    quoteId: input.quote ?? null,
  })
  if (input.changes) await applyPatch(ctx, row, input.changes, options)
  else nextVersion(ctx, row)
  await demandParts(ctx, row.id, input)
  const part = { kind: 'correction', id } as const
  await recordArticles(ctx, [row.id], 'article.corrected', { reason: options.reason, part })
  return row.id
}

/** The block and the quote that a correction concerns are there once it is made. */
async function demandParts({ tx }: Writing, articleId: string, input: CorrectionCreate) {
  const faults = []
  if (input.block !== undefined && !(await hasBlock(tx, articleId, input.block))) {
    faults.push({ pointer: '/block', message: `The article has no block ${input.block}.` })
  }
  if (input.quote !== undefined) {
    const [quote] = await tx
      .select({ id: quotes.id })
      .from(quotes)
      .where(and(eq(quotes.id, input.quote), eq(quotes.articleId, articleId)))
    if (!quote) {
      faults.push({ pointer: '/quote', message: `The article has no quote ${input.quote}.` })
    }
  }
  if (faults.length > 0) throw ruleBroken(faults)
}

async function hasBlock(tx: Writing['tx'], articleId: string, key: string): Promise<boolean> {
  const [row] = await tx
    .select({ body: articles.body })
    .from(articles)
    .where(eq(articles.id, articleId))
  return row?.body.some((block) => block._key === key) ?? false
}
