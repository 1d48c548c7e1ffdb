import { and, eq, sql } from 'drizzle-orm'
import { demand } from '../actor.ts'
import { applyPatch, type PatchOptions } from '../articles/commands.ts'
import {
  demandAlive,
  demandMayChange,
  type LockedArticle,
  lockArticle,
  nextVersion,
} from '../articles/lock.ts'
import { snapshot } from '../articles/queries.ts'
import type { ArticlePatch } from '../articles/schema.ts'
import { record, recordArticles } from '../changes/record.ts'
import type { Tx, Writing } from '../db/client.ts'
import { moment } from '../db/clock.ts'
import { findAddresses } from '../db/slugs.ts'
import { articles, corrections, quotes, revisions } from '../db/tables.ts'
import type { Expected } from '../db/versions.ts'
import { array } from '../db/where.ts'
import { Fault, missing, ruleBroken } from '../errors.ts'
import { quotesOf } from '../quotes/rows.ts'
import type { KeptArticle } from './kept.ts'
import { MARKER, purgeText } from './purge.ts'
import { findRevision } from './queries.ts'
import type { Purge } from './schema.ts'

/**
 * Makes the content of an earlier version the next one: text, quotes, sources and categories; slug,
 * status and times stay. Throws `not_found`, `version_stale`, `revision_purged`, and what changing
 * throws: `unknown_reference` when a source or category of then is no more.
 */
export async function restoreRevision(
  ctx: Writing,
  name: string,
  version: number,
  expected: Expected | undefined,
  options: PatchOptions,
): Promise<string> {
  const row = await lockArticle(ctx, name, expected)
  demandMayChange(ctx, row)
  const revision = await findRevision(ctx.tx, row.id, version)
  if (!revision) throw missing('revision')
  if (revision.purged_at) {
    throw new Fault(
      'revision_purged',
      `Text was purged from version ${version}; it cannot be restored.`,
    )
  }
  demandAlive(row)
  await applyPatch(ctx, row, await restoring(ctx, row.id, revision.content), options)
  const reason = options.reason ?? `version ${version} restored`
  await recordArticles(ctx, [row.id], 'article.restored', { reason })
  return row.id
}

/** The patch that makes an article, as it is now, what it was. */
async function restoring(ctx: Writing, id: string, content: KeptArticle): Promise<ArticlePatch> {
  const present = await quotesOf(ctx.tx, id)
  const confirmed = content.quotes.filter(({ state }) => state !== 'suggested')
  // What had been confirmed then is no suggestion again; the patch ties it to the text.
  await ctx.tx
    .update(quotes)
    .set({ state: sql`case when kind = 'paraphrase' then null else 'orphaned' end` })
    .where(
      and(
        eq(quotes.articleId, id),
        eq(quotes.state, 'suggested'),
        sql`id = any(${array(
          confirmed.map((quote) => quote.id),
          'uuid',
        )})`,
      ),
    )
  return patchOf(content, new Set(present.map((quote) => quote.id)), await today(ctx, content))
}

type Named = { id: string; slug: string }
type Today = (kind: 'category' | 'source', then: Named) => string

/**
 * Who a category or source of a revision is today: itself, or the one it was merged into, to which
 * its slug leads; its slug where there is neither, which the command then names in its fault.
 */
async function today({ tx }: Writing, content: KeptArticle): Promise<Today> {
  const reading = { db: tx, schema: 'editor' } as const
  const speakers = content.quotes.flatMap(({ speaker_id: id, speaker_slug: slug }) =>
    id !== null && slug !== null ? [{ id, slug }] : [],
  )
  const find = (kind: 'category' | 'source', named: Named[]) =>
    findAddresses(reading, kind, [...new Set(named.flatMap(({ id, slug }) => [id, slug]))])
  const addresses = {
    category: await find('category', content.categories),
    source: await find('source', [...content.sources, ...speakers]),
  }
  return (kind, { id, slug }) => (addresses[kind].get(id) ?? addresses[kind].get(slug))?.id ?? slug
}

const NO_IMAGE = { alt: null, caption: null, credit: null, width: null, height: null }

/** A revision's content as a patch. Quotes that were removed since come as new ones. */
function patchOf(content: KeptArticle, present: ReadonlySet<string>, today: Today): ArticlePatch {
  const { headline, summary, byline, language, lead_image: leadImage } = content
  const sources = content.sources.map(({ role, note, ...then }) => ({
    source: today('source', then),
    role,
    note,
  }))
  return {
    headline,
    summary,
    byline,
    language,
    // Whole: what the image has since and had not then goes.
    leadImage: leadImage && { ...NO_IMAGE, ...leadImage },
    body: content.body.length > 0 ? { blocks: content.body } : null,
    // Two that were merged since are one.
    categories: [...new Set(content.categories.map((then) => today('category', then)))],
    sources: sources.filter(
      ({ source }, i) => sources.findIndex((other) => other.source === source) === i,
    ),
    quotes: content.quotes.map((quote) => ({
      ...(present.has(quote.id) && { id: quote.id }),
      kind: quote.kind ?? 'direct',
      text: quote.text,
      speaker:
        quote.speaker_id === null || quote.speaker_slug === null
          ? null
          : today('source', { id: quote.speaker_id, slug: quote.speaker_slug }),
      cue: quote.cue,
      saidAt: quote.said_at === null ? null : new Date(quote.said_at).toISOString(),
      occasion: quote.occasion,
      language: quote.language,
      original:
        quote.original_text === null || quote.original_language === null
          ? null
          : { text: quote.original_text, language: quote.original_language },
      ...(quote.spans.length > 0 && { spans: quote.spans }),
      ...(quote.state === 'suggested' && { suggested: true as const }),
    })),
  }
}

/**
 * Removes text from all revisions of an article, for ever, and leaves a marker; also from its
 * corrections, its notice and the stored answers of its writes. What the article itself says is edited
 * like any other text, before; a killed one, which nobody can edit, is purged too, in its next version.
 * The ledger, the slugs, and sources and categories, which are not the article's alone, stay.
 * Throws `not_found`, `forbidden`, `rule_broken` when nothing says it, `conflict` while the article
 * still does.
 */
export async function purgeRevisions(
  ctx: Writing,
  name: string,
  { text, reason }: Purge,
  expected: Expected | undefined,
): Promise<string> {
  demand(ctx.actor, 'admin', 'Purging')
  const { tx } = ctx
  const row = await lockArticle(ctx, name, expected)
  const live = await currentContent(tx, row.id)
  const purged = purgeText(live, text)
  const inText = !same(withoutCorrections(live), withoutCorrections(purged))
  if (inText) demandOutOfText(row, live, purged)
  const inKept = await purgeKept(tx, row.id, text)
  const stillSaid = !same(live, purged) || row.notice?.includes(text)
  if (!inKept && !stillSaid) {
    const message = 'No version of the article says it; capitals, spaces and accents count.'
    throw ruleBroken([{ pointer: '/text', message }])
  }
  await forgetAnswers(tx, row.id, text)
  if (!stillSaid) {
    const [fromVersion, toVersion] = [row.version, row.version]
    const what = { operation: 'update', event: 'article.purged', fromVersion, toVersion } as const
    await record(ctx, { kind: 'article', id: row.id, ...what, reason })
    return row.id
  }
  await tx
    .update(corrections)
    .set({ text: sql`replace(${corrections.text}, ${text}, ${MARKER})` })
    .where(eq(corrections.articleId, row.id))
  await tx
    .update(articles)
    .set({ notice: sql`replace(${articles.notice}, ${text}, ${MARKER})` })
    .where(eq(articles.id, row.id))
  if (inText) {
    const { quotes: said, ...patch } = await restoring(ctx, row.id, purged)
    // Where the quotes stand changes with the text.
    const unplaced = said?.map(({ spans: _, ...quote }) => quote) ?? []
    await applyPatch(ctx, row, { ...patch, quotes: unplaced }, { onQuoteChange: 'mark' })
  } else nextVersion(ctx, row)
  await recordArticles(ctx, [row.id], 'article.purged', { reason })
  return row.id
}

/** The article as a revision would keep it now: sources may have been renamed since the last one. */
async function currentContent(tx: Tx, id: string): Promise<KeptArticle> {
  const { rows } = await tx.execute<{ content: KeptArticle }>(
    sql`select to_jsonb(r) as content from (${snapshot(sql`a.id = ${id}`)}) r`,
  )
  if (!rows[0]) throw missing('article')
  return rows[0].content
}

/** Throws `conflict` where the text has to be taken out by an edit before it can be purged. */
function demandOutOfText(row: LockedArticle, live: KeptArticle, purged: KeptArticle): void {
  const refuse = (message: string) =>
    new Fault('conflict', message, { errors: [{ pointer: '/text', message }] })
  if (row.status !== 'killed')
    throw refuse('The article still says it; take it out first, then purge.')
  const shared = ({ sources, categories, quotes: said }: KeptArticle) => [
    sources.map(({ role: _role, note: _note, ...source }) => source),
    categories,
    said.map((quote) => quote.speaker_name),
  ]
  if (!same(shared(live), shared(purged)))
    throw refuse('A source or category of the article says it; change that first, then purge.')
}

/** Purges the revisions, and why they were made; whether any held the text. */
async function purgeKept(tx: Tx, id: string, text: string): Promise<boolean> {
  const kept = await tx.select().from(revisions).where(eq(revisions.articleId, id))
  const holding = kept.flatMap(({ version, content, reason }) => {
    const purged = { content: purgeText(content, text), reason: purgeText(reason, text) }
    return same(purged, { content, reason }) ? [] : [{ version, purged }]
  })
  for (const { version, purged } of holding) {
    await tx
      .update(revisions)
      .set({ ...purged, purgedAt: moment })
      .where(and(eq(revisions.articleId, id), eq(revisions.version, version)))
  }
  return holding.length > 0
}

/**
 * JSON text escapes quotation marks and the like; so does the needle. In HTML the text can be spread
 * over elements, so that every answer that shows the article goes.
 */
async function forgetAnswers(tx: Tx, id: string, text: string): Promise<void> {
  const needle = JSON.stringify(text).slice(1, -1)
  await tx.execute(sql`
    delete from idempotency_keys
    where position(${needle} in body) > 0 or position(${id}::text in body) > 0`)
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** A correction of a quote also stands with the quote. */
function withoutCorrections({ corrections: _, quotes: said, ...rest }: KeptArticle) {
  return { ...rest, quotes: said.map(({ corrections: _with, ...quote }) => quote) }
}
