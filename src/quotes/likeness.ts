import { BREAK_ID, isLettered, type Text, word } from './fold.ts'
import type { Ends } from './stretches.ts'

/** How alike words are, and where in a text the words stand that are most like a quote's. */

// How alike (see `closest`) words must be to count as the quote, altered. Anywhere in the text six
// tenths, so that it does not become somebody else's sentence about the same thing; between the
// very words that the quote stood between, two tenths: "No remark" for "No comment".
export const CLOSE = 0.6
export const CLOSE_HERE = 0.2

/** Something close to the wanted words: tokens `first` to `last`, and how alike, from 0 to 1. */
export type Near = { first: number; last: number; alike: number }

export function finds(wanted: Text, text: Text, usable: (token: number) => boolean): Near[] {
  return zones(wanted, text, usable).flatMap((zone) => {
    const found = closest(wanted, text, zone, usable)
    return found ? [found] : []
  })
}

export function best(finds: Near[]): Near | undefined {
  return finds.reduce<Near | undefined>((a, b) => (a && a.alike >= b.alike ? a : b), undefined)
}

/**
 * The zones of the text in which something close to `wanted` can stand: those where, within a
 * window of its length, half of its tokens occur among the usable ones and, in a longer quote,
 * two fifths of its letters, so that "of the" makes no zone. Takes linear time.
 */
function zones(wanted: Text, text: Text, usable: (token: number) => boolean): Ends[] {
  const size = wanted.id.length
  const width = size + Math.ceil(size / 4)
  const left = new Map<number, number>()
  let letters = 0
  for (let i = 0; i < size; i++) {
    const id = wanted.id[i] ?? BREAK_ID
    left.set(id, (left.get(id) ?? 0) + 1)
    letters += word(wanted, i).length
  }
  const enough = size > 8 ? 0.4 * letters : 0
  const found: Ends[] = []
  let common = 0
  let shared = 0
  const count = (k: number, by: 1 | -1) => {
    const id = text.id[k] ?? -1
    const wantedStill = left.get(id)
    if (wantedStill === undefined || !usable(k)) return
    left.set(id, wantedStill - by)
    if (by === 1 ? wantedStill <= 0 : wantedStill < 0) return
    common += by
    shared += by * word(text, k).length
  }
  for (let k = 0; k < text.id.length; k++) {
    count(k, 1)
    if (k >= width) count(k - width, -1)
    if (2 * common < size || shared < enough) continue
    const first = Math.max(0, k - width + 1)
    const last = Math.min(text.id.length - 1, k + 2)
    const previous = found.at(-1)
    if (previous && previous.last >= first) previous.last = last
    else found.push({ first, last })
  }
  return found
}

// 10,000 characters of a quote within a passage of as many make 4 million cells, some 40 ms.
const MOST_CELLS = 6_000_000

/**
 * The run of tokens within `zone` that is most like the wanted words: Sellers' alignment (1980) by
 * tokens, where leaving out or adding one costs its length and replacing a word its Levenshtein
 * distance. Time is the number of wanted tokens times the zone's; nothing where that is too much.
 */
export function closest(
  wanted: Text,
  text: Text,
  zone: { first: number; last: number },
  usable: (token: number) => boolean,
): Near | undefined {
  const rows = wanted.id.length
  if (rows * (zone.last - zone.first) > MOST_CELLS) return undefined
  const needles = Array.from(wanted.id, (_, i) => word(wanted, i))
  const lettered = needles.map(isLettered)
  let cost = new Float64Array(rows + 1)
  let begin = new Int32Array(rows + 1).fill(zone.first)
  let nextCost = new Float64Array(rows + 1)
  let nextBegin = new Int32Array(rows + 1)
  const restart = () => {
    for (let i = 0; i < rows; i++) cost[i + 1] = (cost[i] ?? 0) + (needles[i]?.length ?? 0)
  }
  restart()
  const whole = cost[rows] ?? 0
  let best: { first: number; last: number; cost: number } | undefined
  for (let k = zone.first; k <= zone.last; k++) {
    if (!usable(k)) {
      restart()
      begin.fill(k + 1)
      continue
    }
    const token = word(text, k)
    const isWord = isLettered(token)
    nextBegin[0] = k + 1
    for (let i = 1; i <= rows; i++) {
      const needle = needles[i - 1] ?? ''
      // A word is no substitute for a mark.
      const unlike = lettered[i - 1] === isWord ? replacement : sum
      const replaced = (cost[i - 1] ?? 0) + (needle === token ? 0 : unlike(needle, token))
      const dropped = (nextCost[i - 1] ?? 0) + needle.length
      const added = (cost[i] ?? 0) + token.length
      const least = Math.min(replaced, dropped, added)
      nextCost[i] = least
      // Of equally cheap ways the one that begins first: it has all the words that may be the
      // quote's now.
      nextBegin[i] = Math.min(
        least === replaced ? (begin[i - 1] ?? k) : k + 1,
        least === dropped ? (nextBegin[i - 1] ?? k) : k + 1,
        least === added ? (begin[i] ?? k) : k + 1,
      )
    }
    ;[cost, nextCost, begin, nextBegin] = [nextCost, cost, nextBegin, begin]
    const total = cost[rows] ?? whole
    const first = begin[rows] ?? k
    if (first <= k && total < whole && (!best || total <= best.cost)) {
      best = { first, last: k, cost: total }
    }
  }
  return best && { first: best.first, last: best.last, alike: likeness(needles, text, best) }
}

/** The letters of the needles that are there in the same order, as a share of all of theirs. */
function likeness(needles: string[], text: Text, { first, last }: Ends): number {
  let kept = new Float64Array(needles.length + 1)
  for (let k = first; k <= last; k++) {
    const token = word(text, k)
    const next = new Float64Array(needles.length + 1)
    for (const [i, needle] of needles.entries()) {
      const same = needle === token ? needle.length : needle.length - replacement(needle, token)
      next[i + 1] = Math.max((kept[i] ?? 0) + same, kept[i + 1] ?? 0, next[i] ?? 0)
    }
    kept = next
  }
  const letters = needles.reduce((sum, needle) => sum + needle.length, 0)
  return (kept[needles.length] ?? 0) / letters
}

const sum = (wanted: string, other: string) => wanted.length + other.length

/** What it costs to have the word `other` where `wanted` should stand: their Levenshtein distance,
 * but never more than leaving `wanted` out, so that a new first or last word is part of the find. */
function replacement(wanted: string, other: string): number {
  // Words that share neither their first nor their last letter are not worth the comparison.
  const related = wanted[0] === other[0] || wanted.at(-1) === other.at(-1)
  if (!related || wanted.length > 40 || other.length > 40) return wanted.length
  let row = Array.from({ length: other.length + 1 }, (_, j) => j)
  for (let i = 1; i <= wanted.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const same = wanted[i - 1] === other[j - 1] ? 0 : 1
      next.push(Math.min((row[j - 1] ?? 0) + same, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  const distance = row[other.length] ?? wanted.length
  // More than half of its letters changed: another word.
  return 2 * distance > wanted.length ? wanted.length : distance
}
