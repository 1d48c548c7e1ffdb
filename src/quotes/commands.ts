import { eq } from 'drizzle-orm'
import {
  demandAlive,
  demandMayChange,
  type LockedArticle,
  lockArticle,
  nextVersion,
} from '../articles/lock.ts'
import { type ArticleEvent, recordArticles } from '../changes/record.ts'
import type { Writing } from '../db/client.ts'
import { moment } from '../db/clock.ts'
import { quotes } from '../db/tables.ts'
import { demandVersion, type Expected } from '../db/versions.ts'
import { Fault, missing, unknownReferences } from '../errors.ts'
import { demandUnbroken } from './follow.ts'
import { addQuotes, changeQuote, nextPosition } from './rows.ts'
import type { QuoteCreate, QuotePatch } from './schema.ts'
import { findSpeakers } from './speakers.ts'
import { tie } from './tie.ts'

/** Every write of a quote is a new version of its article. */
async function ended(
  ctx: Writing,
  article: LockedArticle,
  id: string,
  event: ArticleEvent,
): Promise<void> {
  nextVersion(ctx, article)
  await recordArticles(ctx, [article.id], event, { part: { kind: 'quote', id } })
}

/** What happens to a suggestion is nobody's to know who cannot see it: the article was updated. */
const unlessSuggested = (suggested: boolean, event: ArticleEvent): ArticleEvent =>
  suggested ? 'article.updated' : event

/** The quote, and its article locked: the article first, as every writer does. */
async function lockQuote(ctx: Writing, id: string, expected: Expected | undefined) {
  const { tx } = ctx
  const [found] = await tx.select().from(quotes).where(eq(quotes.id, id))
  if (!found) throw missing('quote')
  const article = await lockArticle(ctx, found.articleId)
  // Read again under the lock: it may have changed, or gone, while this waited.
  const [quote] = await tx.select().from(quotes).where(eq(quotes.id, id))
  if (!quote) throw missing('quote')
  demandVersion(quote.version, expected)
  demandMayChange(ctx, article)
  demandAlive(article)
  return { quote, article }
}

/**
 * Adds a quote at the end of an article's, which gets its next version; the quote's id. Throws
 * `unknown_reference` for article or speaker, `rule_broken`, `forbidden`, `wrong_state` for a killed one.
 */
export async function createQuote(ctx: Writing, input: QuoteCreate): Promise<string> {
  const { article: name, ...quote } = input
  const article = await lockArticle(ctx, name).catch((error) => {
    if (!(error instanceof Fault) || error.code !== 'not_found') throw error
    throw unknownReferences([{ pointer: '/article', message: `There is no article ${name}.` }])
  })
  demandMayChange(ctx, article)
  demandAlive(article)
  const { speaker } = quote
  const speakers = await findSpeakers(
    ctx.tx,
    speaker ? [{ name: speaker, pointer: '/speaker' }] : [],
  )
  const position = await nextPosition(ctx.tx, article.id)
  const [id] = await addQuotes(
    ctx,
    article,
    article.plainText,
    [{ input: quote, position, pointer: '' }],
    speakers,
  )
  if (id === undefined) throw missing('quote')
  await ended(ctx, article, id, unlessSuggested(input.suggested === true, 'quote.created'))
  return id
}

/** Changes a quote, in a new version of its article. Throws as creating does, and `version_stale`. */
export async function updateQuote(
  ctx: Writing,
  id: string,
  patch: QuotePatch,
  expected: Expected | undefined,
  onQuoteChange: 'refuse' | 'mark' = 'refuse',
): Promise<string> {
  const { quote, article } = await lockQuote(ctx, id, expected)
  const { speaker } = patch
  const speakers = await findSpeakers(
    ctx.tx,
    speaker ? [{ name: speaker, pointer: '/speaker' }] : [],
  )
  await changeQuote(ctx, quote, article, article.plainText, patch, quote.position, '', speakers)
  if (onQuoteChange === 'refuse') {
    await demandUnbroken(ctx, article.id, [quote], article.plainText)
  }
  await ended(ctx, article, id, unlessSuggested(quote.state === 'suggested', 'quote.updated'))
  return id
}

/** Removes a quote, in a new version of its article. Throws `not_found`, `version_stale`. */
export async function deleteQuote(
  ctx: Writing,
  id: string,
  expected: Expected | undefined,
): Promise<void> {
  const { quote, article } = await lockQuote(ctx, id, expected)
  await ctx.tx.delete(quotes).where(eq(quotes.id, quote.id))
  await ended(ctx, article, id, unlessSuggested(quote.state === 'suggested', 'quote.deleted'))
}

/**
 * Takes a suggested quote as said: from now on it is verified like any other and readers see it.
 * Throws `not_found`, `wrong_state` when it is not a suggestion.
 */
export async function confirmQuote(
  ctx: Writing,
  id: string,
  expected: Expected | undefined,
): Promise<string> {
  const { quote, article } = await lockQuote(ctx, id, expected)
  if (quote.state !== 'suggested') {
    throw new Fault('wrong_state', 'Only a suggested quote can be confirmed.')
  }
  const spans = quote.spans.length > 0 ? quote.spans : undefined
  const wanted = { kind: quote.kind, text: quote.text, spans, suggested: false }
  const [tied] = tie([wanted], article.plainText, [''])
  await ctx.tx
    .update(quotes)
    .set({
      state: tied?.state ?? null,
      spans: tied?.spans ?? [],
      version: quote.version + 1,
      updatedAt: moment,
    })
    .where(eq(quotes.id, id))
  await ended(ctx, article, id, 'quote.confirmed')
  return id
}

/** Drops a suggestion: it was no quote. Throws `not_found`, `wrong_state` when it is not one. */
export async function dismissQuote(
  ctx: Writing,
  id: string,
  expected: Expected | undefined,
): Promise<void> {
  const { quote, article } = await lockQuote(ctx, id, expected)
  if (quote.state !== 'suggested') {
    throw new Fault('wrong_state', 'Only a suggested quote can be dismissed.')
  }
  await ctx.tx.delete(quotes).where(eq(quotes.id, id))
  await ended(ctx, article, id, 'article.updated')
}
