import { diffArrays } from 'diff'
import {
  BREAK_ID,
  beginsSentence,
  type Folded,
  isLettered,
  isMark,
  type Text,
  word,
} from './fold.ts'

/**
 * Looking for a quote's words in one text. Everything here works on the folded text and its tokens.
 */

/** One stretch, in units of the folded text, end exclusive. Several make up an interrupted quote. */
export type Stretch = { from: number; to: number }

type Ends = { first: number; last: number }

/** The first and the last token of what the stretches cover. */
export function tokensOf(text: Text, stretches: Stretch[]): Ends {
  const from = stretches[0]?.from ?? 0
  const end = (stretches.at(-1)?.to ?? 1) - 1
  const last = text.at[end] ?? 0
  // A space counts as the token after it, unless it is a token itself, the end of a paragraph.
  return { first: text.at[from] ?? 0, last: end < (text.from[last] ?? end) ? last - 1 : last }
}

/** Whether a stretch may begin or end before this unit: not inside a token, and not inside what
 * Unicode makes one of several code points. */
function isEdge(text: Text, unit: number): boolean {
  if (unit === 0 || unit === text.text.length) return true
  if (text.starts[unit - 1] === text.starts[unit]) return false
  return text.at[unit - 1] !== text.at[unit] || text.text[unit - 1] === ' '
}

/** Every place where exactly these folded words stand in one stretch. */
export function inOneStretch(wanted: string, text: Text): Stretch[][] {
  if (wanted.trim() === '') return []
  const found: Stretch[][] = []
  for (let i = text.text.indexOf(wanted); i !== -1; i = text.text.indexOf(wanted, i + 1)) {
    const end = i + wanted.length
    if (isEdge(text, i) && isEdge(text, end)) found.push([{ from: i, to: end }])
  }
  return found
}

// A first word as frequent as this ("a a a a") is not worth following up at each of its places.
const MOST_STARTS = 5000
// An attribution longer than this is text of its own: "said" with a name, a title and an occasion
// stays well below it.
const LONGEST_INTERRUPTION = 200
const MOST_STRETCHES = 3

/** Every place where an attribution interrupts these words: “The tide came in,” said X, “and it did
 * not stop.” */
export function inStretches(wanted: string, text: Text): Stretch[][] {
  const head = wanted.slice(0, wanted.indexOf(' ', 1) + 1).trimEnd()
  if (head === '') return []
  const found: Stretch[][] = []
  let starts = 0
  for (let i = text.text.indexOf(head); i !== -1; i = text.text.indexOf(head, i + 1)) {
    if (!isEdge(text, i)) continue
    if (++starts > MOST_STARTS) return []
    found.push(...continued(wanted, 0, text, i, MOST_STRETCHES))
  }
  return found.filter((stretches) => stretches.length > 1)
}

/** Every place where these words stand, interrupted or not. */
export function occurrences(wanted: string, text: Text): Stretch[][] {
  return [...inOneStretch(wanted, text), ...inStretches(wanted, text)]
}

/** The ways to read `wanted` from unit `done` on, beginning at `start` of the text. */
function continued(
  wanted: string,
  done: number,
  text: Text,
  start: number,
  stretches: number,
): Stretch[][] {
  let same = 0
  while (done + same < wanted.length && wanted[done + same] === text.text[start + same]) same++
  const end = start + same
  if (done + same === wanted.length) return isEdge(text, end) ? [[{ from: start, to: end }]] : []
  if (stretches === 1) return []
  const found: Stretch[][] = []
  for (let stop = start + 1; stop <= end; stop++) {
    if (wanted[done + stop - start] !== ' ' || !isEdge(text, stop)) continue
    for (const next of resumptions(text, stop)) {
      const rest = continued(wanted, done + stop - start + 1, text, next, stretches - 1)
      for (const tail of rest) found.push([{ from: start, to: stop }, ...tail])
    }
  }
  return found
}

/** Where a quotation that is interrupted at `stop` may go on. */
function resumptions(text: Text, stop: number): number[] {
  const { text: folded, breaks } = text
  // A new paragraph of the same quotation opens with a mark, the one before does not close.
  if (breaks.has(stop)) return folded[stop + 1] === '"' ? [stop + 2] : []
  // The comma or full stop before the closing mark is there because an attribution follows.
  const close = folded[stop] === ',' || folded[stop] === '.' ? stop + 1 : stop
  const mark = folded[close]
  if (mark !== '"' && mark !== "'") return []
  const found: number[] = []
  for (let i = close + 1; i <= close + LONGEST_INTERRUPTION && i < folded.length; i++) {
    if (breaks.has(i)) break
    if (folded[i] !== mark || folded[i + 1] === ' ' || isLettered(folded[i - 1] ?? '')) continue
    if (isLettered(folded.slice(close, i))) found.push(i + 1)
    if (mark === '"') break
  }
  return found
}

/**
 * Whether what stands between two stretches may stand there: the quotation closes and opens again
 * around other words, or goes on in a new paragraph, or the attribution stands between commas or
 * dashes inside the marks (« La mer monte, dit-elle, et… »). Otherwise stretches could leave out
 * a "not".
 */
export function isInterruption(gap: Folded): boolean {
  const between = gap.text.trim()
  if (gap.breaks.size > 0 && isMark(between)) return true
  if (!isLettered(between)) return false
  const marked = /^[^\p{L}\p{N}"']{0,3}["'].*["'][^\p{L}\p{N}]*$/u
  const bracketed = /^[,;:—–-].*[,;:—–-]$/u
  return marked.test(between) || bracketed.test(between)
}

/** Whether the stretches stand between quotation marks: right between two, or within a quotation. */
export function isBetweenMarks(text: Text, stretches: Stretch[]): boolean {
  const { first, last } = tokensOf(text, stretches)
  const after = isMark(word(text, last + 1)) ? last + 1 : last + 2
  return (isMark(word(text, first - 1)) && isMark(word(text, after))) || isInside(text, first)
}

/** The stretches of an interrupted quotation: what stands between each second pair of marks is the
 * attribution, with the comma or full stop before it. */
export function withoutAttribution(text: Text, { first, last }: Ends): Stretch[] {
  const marks: number[] = []
  for (let k = first; k <= last; k++) if (word(text, k) === '"') marks.push(k)
  const stretches: Stretch[] = []
  let start = first
  const add = (end: number) => {
    if (start < end) stretches.push({ from: text.from[start] ?? 0, to: text.to[end - 1] ?? 0 })
  }
  for (let m = 0; m + 1 < marks.length; m += 2) {
    const close = marks[m] ?? 0
    add(/^[,.]$/.test(word(text, close - 1)) ? close - 1 : close)
    start = (marks[m + 1] ?? 0) + 1
  }
  add(last + 1)
  if (stretches.length === 0) return [{ from: text.from[first] ?? 0, to: text.to[last] ?? 0 }]
  return stretches
}

/** Something close to the wanted words: tokens `first` to `last`, and how alike, from 0 to 1. */
export type Near = { first: number; last: number; alike: number }

/**
 * The zones of the text in which something close to `wanted` can stand: those where, within a
 * window of its length, half of its tokens occur among the usable ones and, in a longer quote,
 * two fifths of its letters, so that "of the" makes no zone. Takes linear time.
 */
export function zones(wanted: Text, text: Text, usable: (token: number) => boolean): Ends[] {
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

const PUNCTUATION = /^[.,;:!?…—–]$/u

/**
 * The stretches with the words that were put between them and their quotation marks: “We will go,”
 * has become “We will go never,”. Nothing if there are none, or if no marks stood next to them.
 */
export function widened(edit: Edit, old: Stretch[], now: Stretch[]): Stretch[] | undefined {
  if (old.length !== now.length) return undefined
  let same = true
  const wide: Stretch[] = []
  for (const [i, stretch] of now.entries()) {
    const was = tokensOf(edit.before, old.slice(i, i + 1))
    const wider = widen(edit, was, tokensOf(edit.after, [stretch]))
    if (wider) same = false
    const next = wider ?? stretch
    const last = wide.at(-1)
    // Without marks between them two stretches are one now.
    if (last && last.to > next.from) last.to = Math.max(last.to, next.to)
    else wide.push({ ...next })
  }
  return same ? undefined : wide
}

function widen({ before, after, forward }: Edit, was: Ends, is: Ends): Stretch | undefined {
  const beyond = (token: number) => (PUNCTUATION.test(word(after, token)) ? token + 1 : token)
  const close = PUNCTUATION.test(word(before, was.last + 1)) ? was.last + 2 : was.last + 1
  const inside = isInside(after, is.first)
  let { first, last } = is
  if (isMark(word(before, was.first - 1)) && !isMark(word(after, first - 1))) {
    const open = inside ? nextMark(after, first - 1, -1) : forward[was.first - 1]
    if (open !== undefined && open !== -1 && isWithin(after, open + 1, first - 1)) first = open + 1
  }
  if (isMark(word(before, close)) && !isMark(word(after, beyond(last + 1)))) {
    const end = inside ? nextMark(after, last + 1, 1) : forward[close]
    if (end !== undefined && isWithin(after, last + 1, end - 1)) last = end - 1
    if (last > is.last && PUNCTUATION.test(word(after, last))) last--
  }
  if (first === is.first && last === is.last) return undefined
  return { from: after.from[first] ?? 0, to: after.to[last] ?? 0 }
}

/** Whether an odd number of double marks stands before the token in its paragraph. Which mark opens
 * and which closes differs by language. */
function isInside(text: Text, token: number): boolean {
  let inside = false
  for (let k = token - 1; k >= 0 && text.id[k] !== BREAK_ID; k--) {
    if (word(text, k) === '"') inside = !inside
  }
  return inside
}

function nextMark(text: Text, from: number, step: 1 | -1): number | undefined {
  for (let k = from; k >= 0 && k < text.id.length && text.id[k] !== BREAK_ID; k += step) {
    if (isMark(word(text, k))) return k
  }
  return undefined
}

/** Whether words stand here, and no mark or end of a paragraph. */
function isWithin(text: Text, first: number, last: number): boolean {
  let words = false
  for (let k = first; k <= last; k++) {
    if (text.id[k] === BREAK_ID || isMark(word(text, k))) return false
    words ||= isLettered(word(text, k))
  }
  return words
}

/** Two states of a text and which token of one is which of the other; -1 for those gone or new. */
export type Edit = { before: Text; after: Text; forward: Int32Array; back: Int32Array }

/**
 * What was changed between two texts that share a vocabulary. Three tokens that follow each other
 * once in each text, and in the same order as others of the kind, are kept first (Cohen's patience
 * diff, by trigrams), so that a short quote is not given up for full stops and articles around it.
 * What lies between is compared by Myers' algorithm.
 */
export function compare(before: Text, after: Text): Edit {
  const forward = new Int32Array(before.id.length).fill(-1)
  const back = new Int32Array(after.id.length).fill(-1)
  let work = WORK
  let i = 0
  let j = 0
  for (const anchor of [...anchors(before, after), undefined]) {
    let endI = anchor?.old ?? before.id.length
    let endJ = anchor?.now ?? after.id.length
    const keep = (old: number, now: number) => {
      forward[old] = now
      back[now] = old
    }
    while (i < endI && j < endJ && before.id[i] === after.id[j]) keep(i++, j++)
    while (i < endI && j < endJ && before.id[endI - 1] === after.id[endJ - 1]) keep(--endI, --endJ)
    if (i < endI && j < endJ) {
      const changes = diffArrays(
        [...before.id.subarray(i, endI)],
        [...after.id.subarray(j, endJ)],
        { maxEditLength: Math.floor(Math.sqrt(work)) },
      )
      let spent = 0
      for (const { added, removed, count } of changes ?? []) {
        if (added || removed) spent += count
        else for (let n = 0; n < count; n++) keep(i + n, j + n)
        if (!added) i += count
        if (!removed) j += count
      }
      work -= changes ? spent ** 2 : work
    }
    if (anchor) {
      keep(anchor.old, anchor.now)
      i = anchor.old + 1
      j = anchor.now + 1
    }
  }
  return { before, after, forward, back }
}

// Myers' algorithm takes the square of the number of differing tokens: 1,200 of them in one place,
// or as much in several, take about 50 ms. What is left then counts as rewritten, nothing kept.
const WORK = 1200 ** 2

type Anchor = { old: number; now: number }

/** The middle tokens of trigrams that occur once in each text, as many as are in the same order. */
function anchors(before: Text, after: Text): Anchor[] {
  const size = before.vocabulary.words.length
  const once = (text: Text) => {
    const places = new Map<number, number>()
    for (let k = 1; k < text.id.length - 1; k++) {
      const key = ((text.id[k - 1] ?? 0) * size + (text.id[k] ?? 0)) * size + (text.id[k + 1] ?? 0)
      places.set(key, places.has(key) ? -1 : k)
    }
    return places
  }
  const nows = once(after)
  const pairs: Anchor[] = []
  for (const [key, old] of once(before)) {
    const now = nows.get(key) ?? -1
    if (old !== -1 && now !== -1) pairs.push({ old, now })
  }
  return longestInOrder(pairs.sort((a, b) => a.old - b.old))
}

/** The longest run of pairs, not all next to each other, whose second places ascend too. */
function longestInOrder(pairs: Anchor[]): Anchor[] {
  // For each length, the run of that length that ends lowest: its last pair and the one before it.
  const ends: number[] = []
  const previous = new Int32Array(pairs.length).fill(-1)
  for (const [p, { now }] of pairs.entries()) {
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((pairs[ends[middle] ?? 0]?.now ?? 0) < now) low = middle + 1
      else high = middle
    }
    previous[p] = ends[low - 1] ?? -1
    ends[low] = p
  }
  const run: Anchor[] = []
  for (let p = ends.at(-1) ?? -1; p !== -1; p = previous[p] ?? -1) {
    const pair = pairs[p]
    if (pair) run.push(pair)
  }
  return run.reverse()
}

/** Where these stretches stand after the edit, if it left them whole, but for spaces. */
export function image(edit: Edit, stretches: Stretch[]): Stretch[] | undefined {
  const { before, after, forward } = edit
  const found: Stretch[] = []
  for (const stretch of stretches) {
    const { first, last } = tokensOf(before, [stretch])
    const start = forward[first] ?? -1
    if (start === -1 || last < first) return undefined
    for (let k = first; k <= last; k++) if (forward[k] !== start + k - first) return undefined
    // A stretch that was given may begin or end inside a token or with a space.
    const from = (after.from[start] ?? 0) + stretch.from - (before.from[first] ?? 0)
    const to = (after.to[start + last - first] ?? 0) + stretch.to - (before.to[last] ?? 0)
    if (after.starts[from - 1] === after.starts[from]) return undefined
    if (after.starts[to - 1] === after.starts[to]) return undefined
    found.push({ from, to })
  }
  return found
}

/** The tokens that now stand where those of the stretches stood: between what was kept before
 * them and what was kept after them. `tight`: their own neighbours were kept. */
export function region(edit: Edit, stretches: Stretch[]) {
  const { before, after, forward } = edit
  const { first, last } = tokensOf(before, stretches)
  let left = first - 1
  while (left >= 0 && forward[left] === -1) left--
  let right = last + 1
  while (right < before.id.length && forward[right] === -1) right++
  return {
    first: left < 0 ? 0 : (forward[left] ?? 0) + 1,
    end: right < before.id.length ? (forward[right] ?? 0) : after.id.length,
    tight: left === first - 1 && right === last + 1,
  }
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

/** A place before the edit, and the one after it that it is taken to be. */
export type Fit = { old: Stretch[]; now: Stretch[] }

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
