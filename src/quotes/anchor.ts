import { diffArrays } from 'diff'
import {
  closest,
  isBetweenMarks,
  isInterruption,
  type Near,
  occurrences,
  type Stretch,
  tokensOf,
  zones,
} from './anchor-search.ts'
import {
  BREAK_ID,
  beginsSentence,
  fold,
  isLettered,
  isMark,
  read,
  type Text,
  type Vocabulary,
  vocabulary,
  word,
} from './fold.ts'

/** A stretch of the plain text, in code points, end exclusive. */
export type Span = { start: number; end: number }

export type QuoteState = 'verified' | 'altered' | 'ambiguous' | 'orphaned'

/** `found`: the words that stand there now, when altered. Only verified and altered have spans. */
export type Anchored = { state: QuoteState; spans: Span[]; found?: string }

/** A quote that was tied to a text before; without spans it had no place in it. */
export type TiedQuote = { text: string; spans: Span[]; state: QuoteState }

/** A quote first tied to a text: with the spans the caller gave, or looked for. */
export function anchorQuote(quote: { text: string; spans?: Span[] }, plain: string): Anchored {
  return anchorAll([quote], plain)[0] ?? ORPHANED
}

/** {@link anchorQuote} for all quotes of an article, which reads its text only once.
 * Throws a RangeError for spans that have faults: see {@link spanFaults}. */
export function anchorAll(quotes: { text: string; spans?: Span[] }[], plain: string): Anchored[] {
  const known = vocabulary()
  const text = read(plain, known)
  return quotes.map((quote) => {
    const wanted = read(quote.text, known)
    if (!quote.spans?.length) return lookFor(wanted, text)
    const faults = spanFaults(quote.spans, plain)
    if (faults.length > 0) throw new RangeError(faults.join('; '))
    return tieTo(quote.spans, wanted, text)
  })
}

/** A quote already tied to `before`, looked for in `after`. */
export function reanchorQuote(quote: TiedQuote, before: string, after: string): Anchored {
  return reanchorAll([quote], before, after)[0] ?? ORPHANED
}

/** {@link reanchorQuote} for all quotes of an article: the texts are read and compared once. */
export function reanchorAll(quotes: TiedQuote[], before: string, after: string): Anchored[] {
  const edit = compare(before, after)
  const ties = quotes.map((quote) => reanchor(quote, edit))
  return ties.map((tie, i) => {
    // Two quotes that stood apart cannot now be the same words: those of the other are gone.
    const taken = ties.some((other, j) => {
      if (i === j || tie.state !== 'verified' || other.state !== 'verified') return false
      const apart = !overlap(quotes[i]?.spans ?? [], quotes[j]?.spans ?? [])
      if (!apart || !overlap(tie.spans, other.spans)) return false
      return other.stays === tie.stays ? j < i : other.stays
    })
    return taken ? ORPHANED : anchored(tie)
  })
}
