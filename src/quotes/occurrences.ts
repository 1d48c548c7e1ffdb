import { type Folded, isLettered, isMark, type Text, word } from './fold.ts'
import type { Ends, Stretch } from './stretches.ts'

/**
 * Where exactly these words stand in a text: in one stretch, or in several around the attribution
 * that interrupts them.
 */

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
  const marked = /^[^\p{L}\p{N}"']{0,3}["'].*["'][^\p{L}\p{N}"']*$/u
  const bracketed = /^[,;:—–-].*[,;:—–-]$/u
  return marked.test(between) || bracketed.test(between)
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
