import { type Attribution, sayingBefore } from './attribution.ts'
import { TITLE_CUES } from './english.ts'
import type { Stretch } from './quotations.ts'
import type { Reading } from './subjects.ts'

const LEAST_WORDS = 3
const TERMINAL = /[.!?…。！？][)\]”’"'»]*$/u

/** What was found between quotation marks: its stretches, and where they stand. */
export type Found = {
  stretches: Stretch[]
  first: { reading: Reading; token: number }
  last: { reading: Reading; token: number }
}

/**
 * Whether a passage is a quote, and which: `direct` for whole sentences, `partial` for a fragment
 * that is attributed. Neither for titles of works and for words in scare quotes.
 */
export function kindOf(
  { stretches, first, last }: Found,
  text: string,
  attribution: Attribution | undefined,
): 'direct' | 'partial' | undefined {
  const { tokens, sentences } = first.reading.paragraph
  const before = tokens[first.token - 1]
  const titled = isTitle(text)
  if (TITLE_CUES.has(before?.text ?? '') && (titled || before?.text !== 'called')) return undefined
  const starts = sentences.some(({ from }) => from === first.token)
  const introduced = starts || /^[,:—–(]$/.test(before?.text ?? '') || sayingBefore(first)
  const after = last.reading.paragraph.tokens[last.token + 1]
  const end = stretches.at(-1)
  const cut = end && last.reading.paragraph.text.slice(end.end, end.to).includes(',')
  const ended = TERMINAL.test(text)
  const capital = !/^[[(…"'“‘«.\s]*\p{Ll}/u.test(text)
  const whole = capital && introduced && (ended || cut || /^[,—–]$/.test(after?.text ?? ''))
  if (attribution) {
    if (titled && !ended && !sayingBefore(first) && !(whole && starts && attribution.cue))
      return undefined
    return whole ? 'direct' : 'partial'
  }
  const words = text.split(/\s+/u).length
  const long = words >= LEAST_WORDS || (text.length > 8 && /\p{Lo}/u.test(text))
  return whole && long && !titled ? 'direct' : undefined
}

/** Every longer word capitalised, as in titles of works; one capitalised word is a name. */
function isTitle(text: string): boolean {
  const words = text.match(/[\p{L}\p{N}'’-]+/gu) ?? []
  const long = words.filter((word) => word.length > 3)
  if (TERMINAL.test(text) && words.length > 6) return false
  if (!/^\p{Lu}/u.test(words[0] ?? '')) return false
  if (words.length === 1) return !TERMINAL.test(text)
  return long.length > 0 && words.length < 12 && long.every((word) => /^\p{Lu}|^\d/u.test(word))
}
