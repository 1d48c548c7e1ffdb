import { type Detail, ruleBroken } from '../errors.ts'
import { anchorAll } from './anchor.ts'
import { fold } from './fold.ts'
import { type Span, spanFaults } from './spans.ts'

/** Quotes as they are given, tied to a text: their states and spans, or what is wrong with them. */

/** A quote to be tied: what it says, and where, if that is known. */
type Tied = { kind: string; text: string; spans: Span[] | undefined; suggested: boolean }

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
