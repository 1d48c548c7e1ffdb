import { codePoints } from '../text.ts'
import { fold, read, type Text, vocabulary } from './fold.ts'
import { isInterruption } from './occurrences.ts'
import type { Stretch } from './stretches.ts'

/**
 * Spans of a plain text: what they cut out of it, what is wrong with given ones, and which
 * stretches of the folded text they are.
 */

/** A stretch of the plain text, in code points, end exclusive. */
export type Span = { start: number; end: number }

/** What the spans cut out of the plain text, stretches joined by one space. */
export function cut(plain: string, spans: Span[]): string {
  const wide = ASTRAL.test(plain)
  let unit = 0
  let point = 0
  const unitOf = (wanted: number) => {
    if (!wide) return wanted
    if (wanted < point) {
      unit = 0
      point = 0
    }
    for (; point < wanted && unit < plain.length; point++) {
      unit += (plain.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1
    }
    return unit
  }
  return spans.map(({ start, end }) => plain.slice(unitOf(start), unitOf(end))).join(' ')
}

const ASTRAL = /[\u{10000}-\u{10FFFF}]/u

/**
 * What is wrong with given spans, one message each: outside the text, empty, overlapping or out of
 * order, beginning or ending inside a word or a character made of several code points, or leaving
 * out words of the quotation between two of them. Empty when they can be used.
 */
export function spanFaults(spans: Span[], plain: string): string[] {
  const size = ASTRAL.test(plain) ? codePoints(plain) : plain.length
  return spans.flatMap((span, i) => {
    const { start, end } = span
    const name = `span ${i + 1} (${start} to ${end})`
    if (!Number.isInteger(start + end)) return [`${name} is not in whole numbers`]
    if (start >= end) return [`${name} must start before it ends`]
    if (start < 0 || end > size) return [`${name} is outside the text of ${size} characters`]
    const faults: string[] = []
    const previous = spans[i - 1]
    if (previous && start < previous.end) {
      faults.push(`${name} must start after the one before it ends`)
    } else if (previous) {
      const gap = cut(plain, [{ start: previous.end, end: start }])
      if (!isInterruption(fold(gap))) {
        faults.push(`${name} must go on after an interruption; before it stands: ${gap}`)
      }
    }
    const first = whatIsCut(plain, start, true)
    const last = whatIsCut(plain, end, false)
    if (first) faults.push(`${name} starts inside ${first}`)
    if (last) faults.push(`${name} ends inside ${last}`)
    return faults
  })
}

/** The word or character that an edge at this code point cuts in two, if it does. */
function whatIsCut(plain: string, edge: number, starts: boolean): string | undefined {
  const around = { start: Math.max(0, edge - 40), end: edge + 40 }
  const text = read(cut(plain, [around]), vocabulary())
  const point = edge - around.start
  for (let k = 0; k < text.id.length; k++) {
    const from = text.starts[text.from[k] ?? 0] ?? 0
    const to = text.ends[(text.to[k] ?? 1) - 1] ?? 0
    if (from >= point || to <= point) continue
    // An elided article is a word of its own: « Il parle de l’eau ».
    const elided = starts && text.text[unitAt(text, point) - 1] === "'"
    return elided ? undefined : cut(text.plain, [{ start: from, end: to }])
  }
  return undefined
}

/** The first unit of the folded text that stands for this code point or a later one. */
function unitAt(text: Text, point: number): number {
  let low = 0
  let high = text.starts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((text.starts[middle] ?? 0) < point) low = middle + 1
    else high = middle
  }
  return low
}

/** The stretches that spans cut out, where they cut out anything and are in order. */
export function locate(text: Text, spans: Span[]): Stretch[] | undefined {
  const size = text.ends.at(-1) ?? 0
  const stretches: Stretch[] = []
  for (const { start, end } of spans) {
    const from = unitAt(text, start)
    let to = unitAt(text, end)
    while (to > from && (text.ends[to - 1] ?? 0) > end) to--
    if (from >= to || end > size || from < (stretches.at(-1)?.to ?? 0)) return undefined
    stretches.push({ from, to })
  }
  return stretches.length > 0 ? stretches : undefined
}

export function spansOf(text: Text, stretches: Stretch[]): Span[] {
  return stretches.map(({ from, to }) => ({
    start: text.starts[from] ?? 0,
    end: text.ends[to - 1] ?? 0,
  }))
}
