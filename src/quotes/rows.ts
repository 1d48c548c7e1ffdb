import { eq, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import type { LockedArticle } from '../articles/lock.ts'
import type { Tx, Writing } from '../db/client.ts'
import { moment, now } from '../db/clock.ts'
import { behind } from '../db/pipeline.ts'
import { quotes } from '../db/tables.ts'
import { oneOf } from '../db/where.ts'
import { type Detail, unknownReferences } from '../errors.ts'
import { demandNoContact } from '../sources/commands.ts'
import type { QuoteInArticle, QuoteInput } from './schema.ts'
import { beside, findSpeakers } from './speakers.ts'
import { tie } from './tie.ts'

/** The quotes of an article as rows: read, added, changed, replaced, dated. */

export type Row = typeof quotes.$inferSelect

/** What a write changes of a quote: what is absent stays. */
type Changes = { [K in keyof QuoteInput]?: QuoteInput[K] | undefined }

/** The columns a quote's input sets; what is absent from it is absent here. */
function columnsOf(input: Changes, speakers: ReadonlyMap<string, string>) {
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

/** When it was said, as far as is known: the order of a speaker's quotes. */
function datedAt(saidAt: Date | null | undefined, article: Pick<LockedArticle, 'id'>) {
  if (saidAt) return saidAt
  return sql`(select listed_at from articles where id = ${article.id})`
}

/** The quotes of an article, in order. */
export function quotesOf(tx: Tx, articleId: string): Promise<Row[]> {
  return tx
    .select()
    .from(quotes)
    .where(eq(quotes.articleId, articleId))
    .orderBy(quotes.position, quotes.id)
}

/** Adds quotes to an article's text, tied to it, from a place on; their ids. */
export async function addQuotes(
  { tx }: Writing,
  article: Pick<LockedArticle, 'id'>,
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
  article: Pick<LockedArticle, 'id'>,
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

export function differs(before: unknown, after: unknown): boolean {
  return JSON.stringify(before) !== JSON.stringify(after)
}

/**
 * Makes the quotes of an article those of the list: with `id` kept or changed, without added,
 * missing removed. Throws `unknown_reference` for an id that is not one of its quotes, and what
 * `findSpeakers` and `tie` throw.
 */
export async function replaceQuotes(
  ctx: Writing,
  article: Pick<LockedArticle, 'id'>,
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
  const removed = [...rows.keys()].filter((id) => !seen.has(id))
  if (removed.length > 0) await tx.delete(quotes).where(oneOf(sql`id`, removed, 'uuid'))
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

/** The place after an article's last quote. */
export async function nextPosition(tx: Tx, articleId: string): Promise<number> {
  const [row] = await tx
    .select({ next: sql<number>`coalesce(max(${quotes.position}) + 1, 0)` })
    .from(quotes)
    .where(eq(quotes.articleId, articleId))
  return row?.next ?? 0
}

/** Gives quotes without a time of their own the date of their article. */
export function redateQuotes({ tx }: Writing, articleId: string): void {
  const redated = tx.execute(sql`
    update quotes q set dated_at = a.listed_at from articles a
    where a.id = q.article_id and a.id = ${articleId} and q.said_at is null
      and q.dated_at is distinct from a.listed_at`)
  behind(tx, redated)
}
