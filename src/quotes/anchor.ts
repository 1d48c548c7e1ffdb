import { read, type Text, vocabulary } from './fold.ts'
import { best, CLOSE, CLOSE_HERE, closest, finds } from './likeness.ts'
import { inOneStretch, inStretches } from './occurrences.ts'
import { isBetweenMarks } from './quotation-marks.ts'
import { cut, type Span, spanFaults } from './spans.ts'
import { type Anchored, altered, lost, verified } from './state.ts'
import { stretchOf } from './stretches.ts'

/** Tying a quote to a text for the first time. */

// Above this many places ("the" as a quote) nothing tells which of them is the quote's.
const MOST_PLACES = 200

/** A quote first tied to a text: with the spans the caller gave, or looked for. */
export function anchorQuote(quote: { text: string; spans?: Span[] }, plain: string): Anchored {
  return anchorAll([quote], plain)[0] ?? lost('orphaned')
}

/** {@link anchorQuote} for all quotes of an article, whose text is read only once.
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

const everywhere = () => true

function tieTo(spans: Span[], wanted: Text, text: Text): Anchored {
  const found = cut(text.plain, spans)
  const there = read(found, text.vocabulary)
  if (wanted.text.trim() === '') return lost('orphaned')
  if (there.text === wanted.text) return { state: 'verified', spans }
  const all = { first: 0, last: there.id.length - 1 }
  const alike = closest(wanted, there, all, everywhere)?.alike ?? 0
  return alike >= CLOSE_HERE ? { state: 'altered', spans, found } : lost('orphaned')
}

function lookFor(wanted: Text, text: Text): Anchored {
  const whole = inOneStretch(wanted.text, text)
  const exact = whole.length > 0 ? whole : inStretches(wanted.text, text)
  const [only] = exact
  if (only && exact.length === 1) return verified(text, only)
  // The same words bare are mostly the newsroom's own: a headline, a summary, a retelling. So one
  // place between quotation marks is the quote; with two of them either may be.
  const marked =
    exact.length > MOST_PLACES ? [] : exact.filter((place) => isBetweenMarks(text, place))
  if (marked[0] && marked.length === 1) return verified(text, marked[0])
  if (only) return lost('ambiguous')
  const near = best(finds(wanted, text, everywhere).filter(({ alike }) => alike >= CLOSE))
  return near ? altered(text, [stretchOf(text, near)]) : lost('orphaned')
}
