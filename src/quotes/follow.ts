import { sql } from 'drizzle-orm'
import type { Writing } from '../db/client.ts'
import { moment } from '../db/clock.ts'
import { Fault } from '../errors.ts'
import { reanchorAll } from './reanchor.ts'
import { differs, quotesOf, type Row } from './rows.ts'
import { cut } from './spans.ts'
import type { QuoteState } from './state.ts'

/** A text that changes, and its quotes: they follow it, or the write that breaks them is refused. */

/** Looks for an article's quotes in its new text, and writes down what was found, all at once. */
export async function followText(
  { tx }: Writing,
  all: readonly Row[],
  before: string,
  after: string,
): Promise<void> {
  const rows = all.filter((row) => row.kind !== 'paraphrase')
  const tied = rows.map((row) => ({
    text: row.text,
    spans: row.spans,
    // A suggestion with a place is one that was found; without, it is as good as lost.
    state: row.state === 'suggested' ? stateOfSuggestion(row) : (row.state as QuoteState),
  }))
  const moved = reanchorAll(tied, before, after)
  const changed = rows.flatMap((row, i) => {
    const { spans, state } = moved[i] ?? { spans: [], state: 'orphaned' as const }
    const next = row.state === 'suggested' ? 'suggested' : state
    return next === row.state && !differs(row.spans, spans)
      ? []
      : [{ id: row.id, state: next, spans }]
  })
  if (changed.length === 0) return
  await tx.execute(sql`
    update quotes q set spans = n.spans, state = n.state, version = q.version + 1, updated_at = ${moment}
    from jsonb_to_recordset(${JSON.stringify(changed)}::jsonb) n (id uuid, state text, spans jsonb)
    where q.id = n.id`)
}

function stateOfSuggestion(row: Row): QuoteState {
  return row.spans.length > 0 ? 'verified' : 'orphaned'
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
