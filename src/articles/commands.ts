import { eq, type SQL, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { blocksToHtml } from '../body/html.ts'
import { bodyFromInput } from '../body/input.ts'
import type { Block, BodyInput } from '../body/schema.ts'
import { blocksToText } from '../body/text.ts'
import { record, recordArticles } from '../changes/record.ts'
import type { Writing } from '../db/client.ts'
import { now } from '../db/clock.ts'
import { behind } from '../db/pipeline.ts'
import { claimSlug, freeSlug, releaseSlugs, slugFrom, takeSlug } from '../db/slugs.ts'
import { fixed, given, type Value } from '../db/statement.ts'
import { articleCategories, articleSources, articles } from '../db/tables.ts'
import type { Expected } from '../db/versions.ts'
import { type Detail, Fault, ruleBroken } from '../errors.ts'
import { demandUnbroken, followText } from '../quotes/follow.ts'
import { quotesOf, replaceQuotes } from '../quotes/rows.ts'
import { demandNoContact } from '../sources/commands.ts'
import {
  demandAlive,
  demandMayChange,
  type LockedArticle,
  lockArticle,
  setNext,
  wasTold,
  wasVisible,
} from './lock.ts'
import type { Belonging } from './queries.ts'
import { findReferences, type NamedSource, type References } from './references.ts'
import { type ArticleCreate, type ArticlePatch, LeadImage } from './schema.ts'

/** What an article's language is unless it is said. */
const DEFAULT_LANGUAGE = 'en'

/** The body's three columns: blocks, the HTML made of them once, and the plain text. */
function bodyColumns(input: BodyInput | null, previous: Block[]) {
  const body = input === null ? [] : bodyFromInput(input, previous)
  return { body, bodyHtml: blocksToHtml(body), plainText: blocksToText(body) }
}

/** Rows that file an article, the one row of `article`, under categories in this order. */
const categoryRows = (article: SQL, ids: Value) => sql`
  insert into article_categories (article_id, category_id, position)
  select a.id, c.id, c.place - 1
  from ${article} a, unnest(${ids}::uuid[]) with ordinality c (id, place)`

/** The same for its sources, with the role and the note of each. */
const sourceRows = (article: SQL, ids: Value, roles: Value, notes: Value) => sql`
  insert into article_sources (article_id, source_id, position, role, note)
  select a.id, s.id, s.place - 1, s.role, s.note
  from ${article} a, unnest(${ids}::uuid[], ${roles}::text[], ${notes}::text[])
    with ordinality s (id, role, note, place)`

/** Refuses contact details in what is said of an anonymous source. Throws `rule_broken`. */
const demandNoContactBeside = (ctx: Writing, named: readonly NamedSource[]) =>
  demandNoContact(
    ctx,
    named.flatMap(({ id, role, note }, i) => [
      { source: id, text: role, pointer: `/sources/${i}/role` },
      { source: id, text: note, pointer: `/sources/${i}/note` },
    ]),
  )

/** Sources as columns of rows. */
const columnsOf = (named: readonly NamedSource[]) => ({
  sources: named.map(({ id }) => id),
  roles: named.map(({ role }) => role),
  notes: named.map(({ note }) => note),
})

/** Files an article anew under those of its categories and sources that are given. */
async function fileUnder(ctx: Writing, id: string, { categories, sources: named }: References) {
  const { tx } = ctx
  const article = sql`(select ${id}::uuid as id)`
  if (categories) {
    behind(tx, tx.delete(articleCategories).where(eq(articleCategories.articleId, id)))
    behind(tx, tx.execute(categoryRows(article, sql.param(categories))))
  }
  if (named) {
    await demandNoContactBeside(ctx, named)
    const { sources, roles, notes } = columnsOf(named)
    behind(tx, tx.delete(articleSources).where(eq(articleSources.articleId, id)))
    const rows = sourceRows(article, sql.param(sources), sql.param(roles), sql.param(notes))
    behind(tx, tx.execute(rows))
  }
}

/**
 * Makes an article with what it is filed under, in one statement: triggers and foreign keys look when
 * it ends. Its slug is the one that is given, or the first free one after `base`.
 */
const making = fixed<{ id: string }>(sql`
  with article as (
    insert into articles (id, slug, headline, summary, byline, language, body, body_html, plain_text,
      lead_image, origin_system, origin_id, origin_url, created_at, updated_at)
    values (${given('id')}, coalesce(${given('slug')}, ${freeSlug('article', given('base'), given('id'))}),
      ${given('headline')}, ${given('summary')}, ${given('byline')}, ${given('language')},
      ${given('body')}, ${given('bodyHtml')}, ${given('plainText')}, ${given('leadImage')},
      ${given('originSystem')}, ${given('originId')}, ${given('originUrl')}, ${now}, ${now})
    on conflict (origin_system, origin_id) do nothing returning id
  ), filed as (${categoryRows(sql`article`, given('categories'))}
  ), relied as (${sourceRows(sql`article`, given('sources'), given('roles'), given('notes'))}
  )
  select id from article`)

/**
 * Makes a draft, with its quotes tied to its text; its id. Throws `slug_taken`, `origin_taken`,
 * `unknown_reference` and `rule_broken`.
 */
export async function createArticle(ctx: Writing, input: ArticleCreate): Promise<string> {
  const { tx } = ctx
  const id = uuidv7()
  const { headline = null, slug = null, leadImage, origin, quotes = [] } = input
  const { body, ...texts } = bodyColumns(input.body ?? null, [])
  const { categories = [], sources = [] } = await findReferences(ctx, input)
  if (sources.length > 0) await demandNoContactBeside(ctx, sources)
  if (slug !== null) await takeSlug(tx, 'article', slug, id)
  const made = making(tx, {
    ...{ id, slug, base: slugFrom(headline, 'article', id), headline },
    ...{ summary: input.summary ?? null, byline: input.byline ?? null },
    ...{ language: input.language ?? DEFAULT_LANGUAGE, body: JSON.stringify(body), ...texts },
    leadImage: leadImage ? JSON.stringify(leadImage) : null,
    ...{ originSystem: origin?.system ?? null, originId: origin?.id ?? null },
    ...{ originUrl: origin?.url ?? null, categories, ...columnsOf(sources) },
  })
  // Without an origin nothing is there already.
  if (!origin) behind(tx, made)
  else if ((await made).length === 0) {
    const message = `An article of the origin ${origin.system} ${origin.id} exists.`
    throw new Fault('origin_taken', message, { errors: [{ pointer: '/origin', message }] })
  }
  if (quotes.length > 0) await replaceQuotes(ctx, { id }, texts.plainText, quotes)
  const lists = { categories, sources, quotes, corrections: [] }
  const empty = Object.entries(lists).flatMap(([name, list]) => (list.length === 0 ? [name] : []))
  await recordArticles(ctx, [id], 'article.created', { empty: empty as Belonging[] })
  return id
}

/** How a change treats the quotes it would break, and why it is made. */
export type PatchOptions = { onQuoteChange: 'refuse' | 'mark'; reason?: string | undefined }

/**
 * Changes an article, in its next version; its id. Quotes follow the text. Throws `not_found`,
 * `version_stale`, `forbidden`, `wrong_state`, `slug_taken`, `unknown_reference`, `rule_broken`, and
 * `quote_altered` when verified quotes would break.
 */
export async function updateArticle(
  ctx: Writing,
  name: string,
  patch: ArticlePatch,
  expected: Expected | undefined,
  options: PatchOptions = { onQuoteChange: 'refuse' },
): Promise<string> {
  const row = await lockArticle(ctx, name, expected)
  demandMayChange(ctx, row)
  demandAlive(row)
  await applyPatch(ctx, row, patch, options)
  await recordArticles(ctx, [row.id], 'article.updated', { reason: options.reason })
  return row.id
}

/** Puts a patch on a locked article, as its next version; the caller records what happened. */
export async function applyPatch(
  ctx: Writing,
  row: LockedArticle,
  patch: ArticlePatch,
  { onQuoteChange }: PatchOptions,
): Promise<void> {
  const { tx } = ctx
  const references = await findReferences(ctx, patch)
  // Only what is given is set: a column that is not keeps its place, and the search vector its words.
  const content = patch.body === undefined ? undefined : bodyColumns(patch.body, row.body)
  const { headline, summary, byline, language } = patch
  if (row.status === 'published')
    demandPublishable(headline === undefined ? row.headline : headline, content?.body ?? row.body)
  const slug = await slugAfter(ctx, row, patch)
  setNext(ctx, row, {
    ...(slug !== row.slug && { slug }),
    ...(headline !== undefined && { headline }),
    ...(summary !== undefined && { summary }),
    ...(byline !== undefined && { byline }),
    ...(language !== undefined && { language }),
    ...(patch.leadImage !== undefined && { leadImage: leadImageAfter(row, patch) }),
    ...content,
  })
  await fileUnder(ctx, row.id, references)
  const plain = content?.plainText ?? row.plainText
  const textChanged = plain !== row.plainText
  if (!textChanged && !patch.quotes) return
  const before = await quotesOf(tx, row.id)
  if (textChanged) await followText(ctx, before, row.plainText, plain)
  if (patch.quotes) await replaceQuotes(ctx, row, plain, patch.quotes)
  if (onQuoteChange === 'refuse') await demandUnbroken(ctx, row.id, before, plain)
}

/**
 * The slug stays when the headline changes. Only a draft that had no headline, and so a slug made
 * of its id, gets one when the headline comes.
 */
async function slugAfter(
  { tx }: Writing,
  row: LockedArticle,
  patch: ArticlePatch,
): Promise<string> {
  if (patch.slug !== undefined) {
    await takeSlug(tx, 'article', patch.slug, row.id)
    return patch.slug
  }
  const unnamed = row.slug === slugFrom(null, 'article', row.id)
  if (!unnamed || row.status !== 'draft' || !patch.headline) return row.slug
  return claimSlug(tx, 'article', slugFrom(patch.headline, 'article', row.id), row.id)
}

/** A merge patch reaches into the image; what comes out must be a whole one. */
function leadImageAfter(row: LockedArticle, patch: ArticlePatch): LeadImage | null {
  if (patch.leadImage === null) return null
  const merged = Object.entries({ ...(row.leadImage as LeadImage | null), ...patch.leadImage })
  const parsed = LeadImage.safeParse(
    Object.fromEntries(merged.filter(([, value]) => value !== null)),
  )
  if (parsed.success) return parsed.data
  throw ruleBroken(
    parsed.error.issues.map((issue) => ({
      pointer: `/leadImage/${issue.path.join('/')}`,
      message: issue.message,
    })),
  )
}

/** Publishing needs a headline and a body, nothing else. Throws `rule_broken`. */
export function demandPublishable(headline: string | null, body: Block[]): void {
  const faults: Detail[] = []
  if (!headline)
    faults.push({ pointer: '/headline', message: 'A published article needs a headline.' })
  if (body.length === 0)
    faults.push({ pointer: '/body', message: 'A published article needs a body.' })
  if (faults.length > 0) throw ruleBroken(faults)
}

/**
 * Deletes an article that was never visible, with its quotes. Throws `not_found`, `version_stale`,
 * and `was_visible` for one that readers, or partners with early access, may have seen: unpublish it.
 */
export async function deleteArticle(
  ctx: Writing,
  name: string,
  expected: Expected | undefined,
): Promise<void> {
  const { tx } = ctx
  const row = await lockArticle(ctx, name, expected)
  demandMayChange(ctx, row)
  if ((await wasVisible(ctx, row.id)) || (await wasTold(ctx, row.id))) {
    throw new Fault('was_visible', 'Readers or partners may have seen it; unpublish it instead.')
  }
  await tx.delete(articles).where(eq(articles.id, row.id))
  await releaseSlugs(tx, 'article', row.id)
  await record(ctx, {
    kind: 'article',
    id: row.id,
    operation: 'delete',
    event: 'article.deleted',
    fromVersion: row.version,
    toVersion: null,
  })
}
