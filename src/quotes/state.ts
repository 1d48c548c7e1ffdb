import type { Text } from './fold.ts'
import { cut, type Span, spansOf } from './spans.ts'
import type { Stretch } from './stretches.ts'

/** What is said of a quote that was looked for in a text: its state and its spans. */

export type QuoteState = 'verified' | 'altered' | 'ambiguous' | 'orphaned'

/** `found`: the words that stand there now, when altered. Only verified and altered have spans. */
export type Anchored = { state: QuoteState; spans: Span[]; found?: string }

export const lost = (state: 'ambiguous' | 'orphaned'): Anchored => ({ state, spans: [] })

export function altered(text: Text, stretches: Stretch[]): Anchored {
  const spans = spansOf(text, stretches)
  return { state: 'altered', spans, found: cut(text.plain, spans) }
}

export function verified(text: Text, stretches: Stretch[]): Anchored {
  return { state: 'verified', spans: spansOf(text, stretches) }
}
