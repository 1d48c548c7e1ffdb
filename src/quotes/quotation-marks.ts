import type { Edit } from './edit.ts'
import { BREAK_ID, isLettered, isMark, type Text, word } from './fold.ts'
import { type Ends, type Stretch, tokensOf } from './stretches.ts'

/** The quotation marks around words: whether there are any, and what an edit put within them. */

/** Whether the stretches stand between quotation marks: right between two, or within a quotation. */
export function isBetweenMarks(text: Text, stretches: Stretch[]): boolean {
  const { first, last } = tokensOf(text, stretches)
  const after = isMark(word(text, last + 1)) ? last + 1 : last + 2
  return (isMark(word(text, first - 1)) && isMark(word(text, after))) || isInside(text, first)
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
