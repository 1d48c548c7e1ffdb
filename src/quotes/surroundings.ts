import type { Edit } from './edit.ts'
import { BREAK_ID, beginsSentence, isLettered, type Text, word } from './fold.ts'
import { type Stretch, tokensOf } from './stretches.ts'

/**
 * What stands around a place before and after an edit: its context, which is the quote's own
 * sentence, and its wider surroundings. Of several places with the same words they tell which is
 * the quote's.
 */

/** A place before the edit, and the one after it that it is taken to be. */
type Fit = { old: Stretch[]; now: Stretch[] }

// A sentence's own words around a quote are mostly its attribution, and 16 tokens hold it.
const NEAR_BY = 16
// Further out it is only asked which of two lookalikes stands in the same surroundings.
export const FAR = 64

/** The tokens outwards from `start` that belong to the same sentence, at most 16. */
function aside(text: Text, start: number, step: 1 | -1): Int32Array {
  let size = 0
  while (size < NEAR_BY && !beginsSentence(text, step === 1 ? start + size : start + 1 - size)) {
    size++
  }
  return step === 1
    ? text.id.subarray(start, start + size)
    : text.id.subarray(start - size + 1, start + 1)
}

/** What stands before the quote, after it, and within its first interruption if it has one. */
function context(text: Text, stretches: Stretch[]): Int32Array[] {
  const { first, last } = tokensOf(text, stretches)
  const sides = [aside(text, first - 1, -1), aside(text, last + 1, 1)]
  const [one, two] = stretches
  if (!one || !two) return sides
  const start = tokensOf(text, [one]).last + 1
  const end = Math.min(tokensOf(text, [two]).first, start + NEAR_BY)
  return [...sides, text.id.subarray(start, end)]
}

/**
 * How many tokens of the old context, of the quote's own sentence before and after it and within
 * its interruption, no longer stand next to it when it is taken to be `now`.
 */
export function contextLost({ before, after }: Edit, old: Stretch[], now: Stretch[]): number[] {
  const there = context(after, now)
  return context(before, old).map((tokens, side) => lostOf(tokens, there[side] ?? new Int32Array()))
}

/** How many of them are words. */
function wordsLost({ before, after }: Edit, old: Stretch[], now: Stretch[]): number {
  const { words } = before.vocabulary
  const wordsIn = (tokens: Int32Array = new Int32Array()) =>
    tokens.filter((id) => isLettered(words[id] ?? ''))
  const there = context(after, now)
  return total(context(before, old).map((tokens, i) => lostOf(wordsIn(tokens), wordsIn(there[i]))))
}

/**
 * Whether another quotation, of new words, stands in more of the old context than `now` does:
 * “Never,” said Ana has become “Never,” said Ben. “Perhaps,” said Ana.
 */
export function isParted(edit: Edit, old: Stretch[], now: Stretch[]): boolean {
  const { after, back } = edit
  const place = tokensOf(after, now)
  const missing = wordsLost(edit, old, now)
  let open: number | undefined
  let isNew = true
  for (let k = 0; k < after.id.length; k++) {
    const token = word(after, k)
    if (after.id[k] === BREAK_ID) open = undefined
    else if (token !== '"') isNew &&= back[k] === -1 || !isLettered(token)
    else if (open === undefined) {
      open = k + 1
      isNew = true
    } else {
      const last = /^[,.]$/.test(word(after, k - 1)) ? k - 2 : k - 1
      if (isNew && open <= last && (last < place.first || open > place.last)) {
        const words = { from: after.from[open] ?? 0, to: after.to[last] ?? 0 }
        if (wordsLost(edit, old, [words]) < missing) return true
      }
      open = undefined
    }
  }
  return false
}

/** How many of the tokens are not among the others in the same order. */
function lostOf(tokens: Int32Array, others: Int32Array): number {
  let kept = new Int32Array(others.length + 1)
  for (const token of tokens) {
    const next = new Int32Array(others.length + 1)
    for (const [j, other] of others.entries()) {
      next[j + 1] = token === other ? (kept[j] ?? 0) + 1 : Math.max(kept[j + 1] ?? 0, next[j] ?? 0)
    }
    kept = next
  }
  return tokens.length - (kept[others.length] ?? 0)
}

/** How many words of the sentence stand around the quote, at most 16 on each side. */
export function contextWords(text: Text, stretches: Stretch[]): number {
  const [left, right] = context(text, stretches)
  const { words } = text.vocabulary
  return [...(left ?? []), ...(right ?? [])].filter((id) => isLettered(words[id] ?? '')).length
}

/** Whether `one`'s old surroundings are clearly more like those of its place than `other`'s are. */
export function fitsBetter(edit: Edit, one: Fit, other: Fit): boolean {
  const near = total(contextLost(edit, one.old, one.now))
  const otherNear = total(contextLost(edit, other.old, other.now))
  return near === otherNear ? isBetterSurrounded(edit, one, other) : near < otherNear
}

/** Whether more of `one`'s surroundings were kept than of `other`'s, on neither side fewer. */
export function isBetterSurrounded(edit: Edit, one: Fit, other: Fit): boolean {
  const [left, right] = surroundings(edit, one)
  const [otherLeft, otherRight] = surroundings(edit, other)
  return left >= otherLeft && right >= otherRight && left + right > otherLeft + otherRight
}

/** Whether most of the words around the quote are gone, and most of those around its place new, 64
 * tokens on each side: then it is another text, and its same words need not be the same quote. */
export function isUprooted(edit: Edit, { old, now }: Fit): boolean {
  const isMostlyUnmatched = (text: Text, stretches: Stretch[], matches: Int32Array) => {
    const { first, last } = tokensOf(text, stretches)
    let unmatched = 0
    for (let k = Math.max(0, first - FAR); k < text.id.length && k <= last + FAR; k++) {
      if ((k >= first && k <= last) || !isLettered(word(text, k))) continue
      unmatched += matches[k] === -1 ? 1 : -1
    }
    return unmatched > 0
  }
  return (
    isMostlyUnmatched(edit.before, old, edit.forward) &&
    isMostlyUnmatched(edit.after, now, edit.back)
  )
}

export function total(counts: number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

/** How many words around the old place, before it and after it, stand around the new one. */
export function surroundings(edit: Edit, { old, now }: Fit): [number, number] {
  const { before, after } = edit
  const was = tokensOf(before, old)
  const is = tokensOf(after, now)
  const words = (from: number, to: number, step: 1 | -1) => {
    const same = agreement(before, from, after, to, step, FAR)
    if (same === FAR) return FAR
    let count = 0
    for (let n = 0; n < same; n++) if (isLettered(word(before, from + n * step))) count++
    return count
  }
  return [words(was.first - 1, is.first - 1, -1), words(was.last + 1, is.last + 1, 1)]
}

/** How many tokens agree outwards from `i` and `j`, at most `limit`. Two texts that end together
 * agree wholly. */
function agreement(a: Text, i: number, b: Text, j: number, step: 1 | -1, limit: number): number {
  let same = 0
  for (; same < limit; same++) {
    const one = a.id[i + same * step]
    if (one !== b.id[j + same * step]) break
    if (one === undefined) return limit
  }
  return same
}
