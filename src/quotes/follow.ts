import { eq } from 'drizzle-orm'
import type { Writing } from '../db/client.ts'
import { moment } from '../db/clock.ts'
import { quotes } from '../db/tables.ts'
import { Fault } from '../errors.ts'
import { reanchorAll } from './reanchor.ts'
import { differs, quotesOf, type Row } from './rows.ts'
import { cut } from './spans.ts'
import type { QuoteState } from './state.ts'

/** A text that changes, and its quotes: they follow it, or the write that breaks them is refused. */

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
