import type { Text } from './fold.ts'

/**
 * Stretches of a folded text, and the tokens and words they cover. Where words are looked for,
 * everything works on the folded text and its tokens.
 */

/** One stretch, in units of the folded text, end exclusive. Several make up an interrupted quote. */
export type Stretch = { from: number; to: number }

export type Ends = { first: number; last: number }

/** The first and the last token of what the stretches cover. */
export function tokensOf(text: Text, stretches: Stretch[]): Ends {
  const from = stretches[0]?.from ?? 0
  const end = (stretches.at(-1)?.to ?? 1) - 1
  const last = text.at[end] ?? 0
  // A space counts as the token after it, unless it is a token itself, the end of a paragraph.
  return { first: text.at[from] ?? 0, last: end < (text.from[last] ?? end) ? last - 1 : last }
}

export function stretchOf(text: Text, { first, last }: { first: number; last: number }): Stretch {
  return { from: text.from[first] ?? 0, to: text.to[last] ?? 0 }
}

/** The folded words of the stretches, joined as `cut` joins them. */
export function wordsOf(text: Text, stretches: Stretch[]): string {
  const joined = stretches.map(({ from, to }) => text.text.slice(from, to)).join(' ')
  return joined.replaceAll(/ +/g, ' ')
}
