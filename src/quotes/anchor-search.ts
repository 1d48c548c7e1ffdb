import { type Folded, fold } from './fold.ts'

/**
 * Looking for a quote's words in one text. Everything here works on the folded text, in tokens:
 * a token is a word with what belongs to it (`can't`, `1,000`, `-5`), or one other character, and
 * a quote never begins or ends inside one. So `can` is not found in `can't`, nor 5 in 5.5.
 */

/** Tokens known to the texts that are compared with each other: the same number, the same token. */
export type Vocabulary = { ids: Map<string, number>; words: string[] }

export type Text = Folded & {
  plain: string
  /** For each token: its first unit and the one after its last in the folded text, and its number. */
  from: Int32Array
  to: Int32Array
  id: Int32Array
  /** For each unit of the folded text, its token; a space has that of the token after it. */
  at: Int32Array
  vocabulary: Vocabulary
}

/** One stretch, in units of the folded text, end exclusive. Several make up an interrupted quote. */
export type Stretch = { from: number; to: number }

const BREAK = '\n'
export const BREAK_ID = 0

// Scripts written without spaces have each character as a token; elsewhere an apostrophe, hyphen
// or joiner between letters, and a point, comma, colon or slash between digits, is inside a word.
const WORD = String.raw`[[\p{L}\p{N}\p{M}_]--[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]]`
const INSIDE = String.raw`(?:['\-\u2010\u2011\u200C\u200D]|(?<=\p{N})[.,:\/](?=\p{N}))`
const SIGN = String.raw`(?:(?<![\p{L}\p{N}])[\-\u2212](?=\p{N}))?`
const OTHER = String.raw`(?:\p{RI}\p{RI}|\S)(?:[\p{M}\p{EMod}\u0E33\u0EB3\uFF9E\uFF9F\u{E0020}-\u{E007F}]|\u200D\p{ExtPict}?)*`
const TOKEN = new RegExp(`${SIGN}${WORD}+(?:${INSIDE}${WORD}+)*|${OTHER}`, 'gv')

const LETTERED = /[\p{L}\p{N}]/u
const LOWER = /^\p{Ll}/u

export function vocabulary(): Vocabulary {
  return { ids: new Map([[BREAK, BREAK_ID]]), words: [BREAK] }
}

/** The text folded and cut into tokens; the end of a paragraph is one too. */
export function read(plain: string, known: Vocabulary): Text {
  const folded = fold(plain)
  const from: number[] = []
  const to: number[] = []
  const id: number[] = []
  const at = new Int32Array(folded.text.length + 1)
  const breaks = folded.breaks.values()
  let nextBreak = breaks.next()
  const add = (word: string, start: number, end: number) => {
    let number = known.ids.get(word)
    if (number === undefined) {
      number = known.words.length
      known.ids.set(word, number)
      known.words.push(word)
    }
    at.fill(id.length, to.at(-1) ?? 0, end)
    from.push(start)
    to.push(end)
    id.push(number)
  }
  const addBreaks = (before: number) => {
    for (; !nextBreak.done && nextBreak.value < before; nextBreak = breaks.next()) {
      add(BREAK, nextBreak.value, nextBreak.value + 1)
    }
  }
  for (const match of folded.text.matchAll(TOKEN)) {
    addBreaks(match.index)
    add(match[0], match.index, match.index + match[0].length)
  }
  addBreaks(folded.text.length)
  at.fill(id.length, to.at(-1) ?? 0)
  return {
    ...folded,
    plain,
    from: Int32Array.from(from),
    to: Int32Array.from(to),
    id: Int32Array.from(id),
    at,
    vocabulary: known,
  }
}

/** The token's folded text; nothing beyond the ends of the text. */
export function word(text: Text, token: number): string {
  return text.vocabulary.words[text.id[token] ?? -1] ?? ''
}

export function isMark(token: string): boolean {
  return token === '"' || token === "'"
}

export function isLettered(token: string): boolean {
  return LETTERED.test(token)
}

/** The first and the last token of what the stretches cover. */
export function tokensOf(text: Text, stretches: Stretch[]): { first: number; last: number } {
  const from = stretches[0]?.from ?? 0
  const end = (stretches.at(-1)?.to ?? 1) - 1
  const last = text.at[end] ?? 0
  // A space counts as the token after it, unless it is a token itself, the end of a paragraph.
  return { first: text.at[from] ?? 0, last: end < (text.from[last] ?? end) ? last - 1 : last }
}

function isEdge(text: Text, unit: number): boolean {
  return unit === 0 || text.at[unit - 1] !== text.at[unit] || text.text[unit - 1] === ' '
}

/**
 * Every place where exactly these folded words stand. Where they stand nowhere in one stretch, the
 * places where an attribution interrupts them: “The tide came in,” said X, “and it did not stop.”
 */
export function occurrences(wanted: string, text: Text): Stretch[][] {
  if (wanted.trim() === '') return []
  const found: Stretch[][] = []
  for (let i = text.text.indexOf(wanted); i !== -1; i = text.text.indexOf(wanted, i + 1)) {
    const end = i + wanted.length
    if (isEdge(text, i) && isEdge(text, end)) found.push([{ from: i, to: end }])
  }
  return found.length > 0 ? found : interrupted(wanted, text)
}

// An attribution longer than this is text of its own: "said" with a name, a title and an occasion
// stays well below it.
const LONGEST_INTERRUPTION = 200
const MOST_STRETCHES = 3

function interrupted(wanted: string, text: Text): Stretch[][] {
  const found: Stretch[][] = []
  const head = wanted.slice(0, wanted.indexOf(' ', 1) + 1 || wanted.length).trimEnd()
  for (let i = text.text.indexOf(head); i !== -1; i = text.text.indexOf(head, i + 1)) {
    if (isEdge(text, i)) found.push(...continued(wanted, 0, text, i, MOST_STRETCHES))
  }
  return found
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

/** Whether the stretch stands between quotation marks: right between two, or after an odd number
 * of double ones in its paragraph (which mark opens and which closes differs by language). */
export function isBetweenMarks(text: Text, stretches: Stretch[]): boolean {
  const { first, last } = tokensOf(text, stretches)
  const after = isMark(word(text, last + 1)) ? last + 1 : last + 2
  if (isMark(word(text, first - 1)) && isMark(word(text, after))) return true
  let inside = false
  for (let k = first - 1; k >= 0 && text.id[k] !== BREAK_ID; k--) {
    if (word(text, k) === '"') inside = !inside
  }
  return inside
}

const TERMINAL = /^[.!?…。！？]$/u

/** Whether token `k` begins a sentence or a paragraph. A sentence that ends inside quotation marks
 * goes on after them: its attribution may follow (“Did it?” Ana asked). */
export function beginsSentence(text: Text, k: number): boolean {
  if (k <= 0 || k >= text.id.length || text.id[k] === BREAK_ID || text.id[k - 1] === BREAK_ID) {
    return true
  }
  const spaced = (text.from[k] ?? 0) > (text.to[k - 1] ?? 0)
  return spaced && TERMINAL.test(word(text, k - 1)) && !LOWER.test(word(text, k))
}

/** Something close to the wanted words: tokens `first` to `last`, and how alike (1 is the same). */
export type Near = { first: number; last: number; alike: number }

/**
 * The zones of the text in which something close to `wanted` can stand: those where, within a
 * window of its length, at least half of its tokens occur among the usable ones. Takes linear time.
 */
export function zones(wanted: Text, text: Text, usable: (token: number) => boolean): Near[] {
  const size = wanted.id.length
  const width = size + Math.ceil(size / 4)
  const needed = Math.ceil(size / 2)
  const missing = new Map<number, number>()
  for (const id of wanted.id) missing.set(id, (missing.get(id) ?? 0) + 1)
  const counts = (k: number) => k >= 0 && missing.has(text.id[k] ?? -1) && usable(k)
  const found: Near[] = []
  let common = 0
  for (let k = 0; k < text.id.length; k++) {
    if (counts(k)) {
      const left = missing.get(text.id[k] ?? -1) ?? 0
      if (left > 0) common++
      missing.set(text.id[k] ?? -1, left - 1)
    }
    const gone = k - width
    if (counts(gone)) {
      const left = missing.get(text.id[gone] ?? -1) ?? 0
      if (left >= 0) common--
      missing.set(text.id[gone] ?? -1, left + 1)
    }
    if (common < needed) continue
    const first = Math.max(0, k - width + 1)
    const end = Math.min(text.id.length - 1, k + 2)
    const previous = found.at(-1)
    if (previous && previous.last >= first) previous.last = end
    else found.push({ first, last: end, alike: 0 })
  }
  return found
}

/**
 * The run of tokens within `zone` that is most like the wanted words: Sellers' alignment (1980) by
 * tokens, where leaving out or adding one costs its length and replacing a word its Levenshtein
 * distance. Time is the number of wanted tokens times the zone's.
 */
export function closest(
  wanted: Text,
  text: Text,
  zone: { first: number; last: number },
  usable: (token: number) => boolean,
): Near | undefined {
  const rows = wanted.id.length
  const needles = Array.from(wanted.id, (_, i) => word(wanted, i))
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
    nextBegin[0] = k + 1
    for (let i = 1; i <= rows; i++) {
      const needle = needles[i - 1] ?? ''
      const replaced = (cost[i - 1] ?? 0) + (needle === token ? 0 : replacement(needle, token))
      const dropped = (nextCost[i - 1] ?? 0) + needle.length
      const added = (cost[i] ?? 0) + token.length
      const least = Math.min(replaced, dropped, added)
      nextCost[i] = least
      nextBegin[i] =
        (least === replaced ? begin[i - 1] : least === dropped ? nextBegin[i - 1] : begin[i]) ?? k
    }
    ;[cost, nextCost, begin, nextBegin] = [nextCost, cost, nextBegin, begin]
    const total = cost[rows] ?? whole
    const first = begin[rows] ?? k
    if (first <= k && total < whole && (!best || total <= best.cost)) {
      best = { first, last: k, cost: total }
    }
  }
  if (!best) return undefined
  let length = 0
  for (let k = best.first; k <= best.last; k++) length += word(text, k).length
  return { first: best.first, last: best.last, alike: 1 - best.cost / Math.max(whole, length) }
}

/** What it costs to have `other` where `wanted` should stand. Never more than leaving it out, so
 * that the new first or last word is part of what was found; a word is no substitute for a mark. */
function replacement(wanted: string, other: string): number {
  if (isLettered(wanted) !== isLettered(other)) return wanted.length + other.length
  // Words that share neither their first nor their last letter are not worth the comparison.
  const related = wanted[0] === other[0] || wanted.at(-1) === other.at(-1)
  if (!related || wanted.length > 40 || other.length > 40) return wanted.length
  let row = Array.from({ length: other.length + 1 }, (_, j) => j)
  for (let i = 1; i <= wanted.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const same = wanted[i - 1] === other[j - 1] ? 0 : 1
      next.push(
        Math.min((row[j - 1] ?? 0) + same, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1),
      )
    }
    row = next
  }
  return Math.min(wanted.length, row[other.length] ?? wanted.length)
}
