import { eq, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import type { LockedArticle } from '../articles/lock.ts'
import type { Tx, Writing } from '../db/client.ts'
import { moment, now } from '../db/clock.ts'
import { findAddresses } from '../db/slugs.ts'
import { quotes, sources } from '../db/tables.ts'
import { type Detail, Fault, ruleBroken, unknownReferences } from '../errors.ts'
import { demandNoContact } from '../sources/commands.ts'
import { anchorAll, cut, type QuoteState, reanchorAll, type Span, spanFaults } from './anchor.ts'
import { fold } from './fold.ts'
import type { QuoteInArticle, QuoteInput } from './schema.ts'

type Row = typeof quotes.$inferSelect
/**
 * Speakers by the name they were given, with all faults at once: `unknown_reference` for those that
 * do not exist, `rule_broken` for a document, which cannot speak. `at` gives the pointer of a name.
 */
export async function findSpeakers(
  tx: Tx,
  names: { name: string; pointer: string }[],
): Promise<Map<string, string>> {
  const found = await findAddresses(
    { db: tx, schema: 'editor' },
    'source',
    names.map((n) => n.name),
  )
  const unknown = names.filter(({ name }) => !found.has(name))
  if (unknown.length > 0) {
    throw unknownReferences(
      unknown.map(({ name, pointer }) => ({ pointer, message: `There is no source ${name}.` })),
    )
  }
  const ids = new Map(names.map(({ name }) => [name, found.get(name)?.id ?? '']))
  if (ids.size === 0) return ids
  // Shared locks: a speaker cannot become a document, or go, until this is committed.
  const rows = await tx
    .select({ id: sources.id, kind: sources.kind })
    .from(sources)
    .where(sql`${sources.id} = any(${sql.param([...ids.values()])}::uuid[])`)
    .for('share')
  const documents = new Set(rows.filter((row) => row.kind === 'document').map((row) => row.id))
  const faults: Detail[] = names
    .filter(({ name }) => documents.has(ids.get(name) ?? ''))
    .map(({ name, pointer }) => ({ pointer, message: `${name} is a document and cannot speak.` }))
  if (faults.length > 0) throw ruleBroken(faults)
  return ids
}

/** What a write changes of a quote: what is absent stays. */
type Changes = { [K in keyof QuoteInput]?: QuoteInput[K] | undefined }

/** The columns a quote's input sets; what is absent from it is absent here. */
export function columnsOf(input: Changes, speakers: ReadonlyMap<string, string>) {
  const { kind, text, cue, occasion, language, saidAt, original, speaker } = input
  return {
    ...(kind !== undefined && { kind }),
    ...(text !== undefined && { text }),
    ...(cue !== undefined && { cue }),
    ...(occasion !== undefined && { occasion }),
    ...(language !== undefined && { language }),
    ...(saidAt !== undefined && { saidAt: saidAt === null ? null : new Date(saidAt) }),
    ...(original !== undefined && {
      originalText: original?.text ?? null,
      originalLanguage: original?.language ?? null,
    }),
    ...(speaker !== undefined && {
      speakerId: speaker === null ? null : (speakers.get(speaker) ?? null),
    }),
  }
}

/** A quote to be tied: what it says, and where, if that is known. */
export type Tied = { kind: string; text: string; spans: Span[] | undefined; suggested: boolean }

/**
 * State and spans of quotes in a text. Throws `rule_broken` for given spans that the text does not
 * have, and for words longer than the text; `pointers` says where each quote stands in the body.
 */
export function tie(wanted: Tied[], plain: string, pointers: string[]) {
  const faults: Detail[] = wanted.flatMap((quote, i) => {
    const pointer = `${pointers[i]}/spans`
    if (quote.spans === undefined) return []
    if (quote.kind === 'paraphrase') return [{ pointer, message: 'A paraphrase has no spans.' }]
    return spanFaults(quote.spans, plain).map((message) => ({ pointer, message }))
  })
  faults.push(
    ...wanted.flatMap((quote, i) => {
      if (quote.kind === 'paraphrase' || !isLongerThan(quote.text, plain)) return []
      return [{ pointer: `${pointers[i]}/text`, message: 'The quote is longer than the text.' }]
    }),
  )
  if (faults.length > 0) throw ruleBroken(faults)
  const anchored = anchorAll(
    wanted.map(({ text, spans }) => ({ text, ...(spans && { spans }) })),
    plain,
  )
  return wanted.map(({ kind, suggested }, i) => {
    const paraphrase = kind === 'paraphrase'
    const spans = paraphrase ? [] : (anchored[i]?.spans ?? [])
    const state = suggested
      ? ('suggested' as const)
      : paraphrase
        ? null
        : (anchored[i]?.state ?? 'orphaned')
    return { spans, state }
  })
}

/** Whether a quote cannot stand in a text, being longer; where there is none yet, it may come. */
function isLongerThan(quote: string, plain: string): boolean {
  return (
    plain !== '' && quote.length > plain.length && fold(quote).text.length > fold(plain).text.length
  )
}

/** When it was said, as far as is known: the order of a speaker's quotes. */
function datedAt(saidAt: Date | null | undefined, article: LockedArticle) {
  if (saidAt) return saidAt
  return sql`(select listed_at from articles where id = ${article.id})`
}

/** Adds quotes to an article's text, tied to it, from a place on; their ids. */
export async function addQuotes(
  { tx }: Writing,
  article: LockedArticle,
  plain: string,
  inputs: { input: QuoteInput; position: number; pointer: string }[],
  speakers: ReadonlyMap<string, string>,
): Promise<string[]> {
  if (inputs.length === 0) return []
  const wanted = inputs.map(({ input }) => ({
    kind: input.kind ?? 'direct',
    text: input.text,
    spans: input.spans,
    suggested: input.suggested ?? false,
  }))
  const tied = tie(
    wanted,
    plain,
    inputs.map(({ pointer }) => pointer),
  )
  const rows = inputs.map(({ input, position }, i) => {
    const columns = columnsOf(input, speakers)
    return {
      id: uuidv7(),
      articleId: article.id,
      position,
      ...columns,
      kind: input.kind ?? 'direct',
      text: input.text,
      state: tied[i]?.state ?? null,
      spans: tied[i]?.spans ?? [],
      datedAt: datedAt(columns.saidAt, article),
      createdAt: now,
      updatedAt: now,
    }
  })
  await demandNoContact(
    { tx },
    rows.flatMap((row, i) => beside(row, inputs[i]?.pointer ?? '')),
  )
  await tx.insert(quotes).values(rows)
  return rows.map((row) => row.id)
}

/** Changes one quote and ties it anew. */
export async function changeQuote(
  { tx }: Writing,
  row: Row,
  article: LockedArticle,
  plain: string,
  input: Changes,
  position: number,
  pointer: string,
  speakers: ReadonlyMap<string, string>,
): Promise<void> {
  const columns = columnsOf(input, speakers)
  const kind = input.kind ?? row.kind
  const text = input.text ?? row.text
  // A direct quote that becomes a partial one stands where it stood.
  const sameTie = (kind === 'paraphrase') === (row.kind === 'paraphrase')
  const sameWords = text === row.text && sameTie && input.spans === undefined
  const suggested = row.state === 'suggested' || input.suggested === true
  const [tied] = sameWords
    ? [{ spans: row.spans, state: suggested ? ('suggested' as const) : row.state }]
    : tie([{ kind, text, spans: input.spans, suggested }], plain, [pointer])
  const saidAt = columns.saidAt === undefined ? row.saidAt : columns.saidAt
  const changed = { ...columns, position, spans: tied?.spans ?? [], state: tied?.state ?? null }
  if (!Object.entries(changed).some(([name, value]) => differs(row[name as keyof Row], value)))
    return
  await demandNoContact({ tx }, beside({ ...row, ...columns }, pointer))
  await tx
    .update(quotes)
    .set({
      ...changed,
      datedAt: datedAt(saidAt, article),
      version: row.version + 1,
      updatedAt: moment,
    })
    .where(eq(quotes.id, row.id))
}

/** What stands beside the speaker of a quote, and could say who they are. */
function beside(
  quote: { speakerId?: string | null; cue?: string | null; occasion?: string | null },
  pointer: string,
) {
  const source = quote.speakerId
  if (!source) return []
  return [
    { source, text: quote.cue, pointer: `${pointer}/cue` },
    { source, text: quote.occasion, pointer: `${pointer}/occasion` },
  ]
}

function differs(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) !== JSON.stringify(after)
}

/** The quotes of an article, in order. */
export function quotesOf(tx: Tx, articleId: string): Promise<Row[]> {
  return tx
    .select()
    .from(quotes)
    .where(eq(quotes.articleId, articleId))
    .orderBy(quotes.position, quotes.id)
}

/**
 * Makes the quotes of an article those of the list: with `id` kept or changed, without added,
 * missing removed. Throws `unknown_reference` for an id that is not one of its quotes, and what
 * `findSpeakers` and `tie` throw.
 */
export async function replaceQuotes(
  ctx: Writing,
  article: LockedArticle,
  plain: string,
  inputs: QuoteInArticle[],
): Promise<void> {
  const { tx } = ctx
  const rows = new Map((await quotesOf(tx, article.id)).map((row) => [row.id, row]))
  const seen = new Set<string>()
  const faults: Detail[] = inputs.flatMap(({ id }, i) => {
    if (id === undefined) return []
    if (seen.has(id)) return [{ pointer: `/quotes/${i}/id`, message: `${id} is named twice.` }]
    seen.add(id)
    if (rows.has(id)) return []
    return [{ pointer: `/quotes/${i}/id`, message: `The article has no quote ${id}.` }]
  })
  if (faults.length > 0) throw unknownReferences(faults)
  const speakers = await findSpeakers(
    tx,
    inputs.flatMap(({ speaker }, i) =>
      speaker ? [{ name: speaker, pointer: `/quotes/${i}/speaker` }] : [],
    ),
  )
  for (const row of rows.values()) {
    if (!seen.has(row.id)) await tx.delete(quotes).where(eq(quotes.id, row.id))
  }
  const added = []
  for (const [position, { id, ...input }] of inputs.entries()) {
    const pointer = `/quotes/${position}`
    const row = id === undefined ? undefined : rows.get(id)
    if (row) await changeQuote(ctx, row, article, plain, input, position, pointer, speakers)
    // Only one with an id may be without text, says the schema.
    else if (input.text !== undefined)
      added.push({ input: { ...input, text: input.text }, position, pointer })
  }
  await addQuotes(ctx, article, plain, added, speakers)
}

/** Looks for the quotes of an article in its new text, and writes down what was found. */
export async function followText(
  { tx }: Writing,
  articleId: string,
  before: string,
  after: string,
) {
  const rows = (await quotesOf(tx, articleId)).filter((row) => row.kind !== 'paraphrase')
  const tied = rows.map((row) => ({
    text: row.text,
    spans: row.spans,
    // A suggestion with a place is one that was found; without, it is as good as lost.
    state: row.state === 'suggested' ? stateOfSuggestion(row) : (row.state as QuoteState),
  }))
  const moved = reanchorAll(tied, before, after)
  for (const [i, row] of rows.entries()) {
    const { spans, state } = moved[i] ?? { spans: [], state: 'orphaned' as const }
    const next = row.state === 'suggested' ? 'suggested' : state
    if (next === row.state && !differs(row.spans, spans)) continue
    await tx
      .update(quotes)
      .set({ spans, state: next, version: row.version + 1, updatedAt: moment })
      .where(eq(quotes.id, row.id))
  }
}

/**
 * Refuses a write that breaks verified quotes, naming each with its words and those that would stand
 * there. A quote that is removed, or made a paraphrase, is not broken. Throws `quote_altered`.
 */
export async function demandUnbroken(
  { tx }: Writing,
  articleId: string,
  before: Row[],
  plain: string,
): Promise<void> {
  const after = new Map((await quotesOf(tx, articleId)).map((row) => [row.id, row]))
  const broken = before.flatMap((quote) => {
    const now = after.get(quote.id)
    if (quote.state !== 'verified' || !now || now.state === 'verified' || now.state === null)
      return []
    const found = now.state === 'altered' ? cut(plain, now.spans) : null
    return [{ id: quote.id, text: now.text, state: now.state, found }]
  })
  if (broken.length === 0) return
  const said = broken.map(
    ({ text, found }) => `“${text}” ${found ? `would read “${found}”` : 'would be lost'}`,
  )
  throw new Fault(
    'quote_altered',
    `${said.join('; ')}. Send onQuoteChange=mark to save and mark.`,
    {
      errors: broken.map(({ text }) => ({
        pointer: '/body',
        message: `breaks the quote “${text}”`,
      })),
      members: { quotes: broken },
    },
  )
}

function stateOfSuggestion(row: Row): QuoteState {
  return row.spans.length > 0 ? 'verified' : 'orphaned'
}

/** Gives quotes without a time of their own the date of their article. */
export async function redateQuotes({ tx }: Writing, articleId: string): Promise<void> {
  await tx.execute(sql`
    update quotes q set dated_at = a.listed_at from articles a
    where a.id = q.article_id and a.id = ${articleId} and q.said_at is null
      and q.dated_at is distinct from a.listed_at`)
}
