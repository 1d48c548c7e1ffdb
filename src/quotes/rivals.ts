import { type Edit, region } from './edit.ts'
import { read } from './fold.ts'
import { CLOSE, CLOSE_HERE, closest, finds, type Near } from './likeness.ts'
import { withoutAttribution } from './occurrences.ts'
import type { Search } from './places.ts'
import { widened } from './quotation-marks.ts'
import { type Stretch, stretchOf, tokensOf, wordsOf } from './stretches.ts'
import { contextLost, fitsBetter, total } from './surroundings.ts'

/** Rivals of a quote's very words after an edit: places that can be the quote in other words. */

/** A place that can be the quote's: whether it is where the quote stood, and what its old context
 * lacks there. */
type Place = { now: Stretch[]; here: boolean; missing: number[] }

/** A place with something close to the quote, and that with all that was added to it. */
type Rival = Place & { whole: Stretch[]; alike: number }

/**
 * What can be the quote in other words, best first: what stands where it stood, else what is new
 * in the text (of what stood there before, nothing is this quote). Exact lookalikes are left out.
 */
export function* rivalsOf({ wanted, edit, old, left, exact }: Search): Generator<Rival> {
  const { before, after, back } = edit
  const was = tokensOf(before, old)
  const asRival = (now: Stretch[], here: boolean, alike: number): Rival => {
    const whole = widened(edit, old, now) ?? now
    return { now, whole, here, alike, missing: contextLost(edit, old, now) }
  }
  if (left && wordsOf(after, left) !== wanted.text) {
    yield asRival(left, true, 1)
    return
  }
  const rival = (near: Near, here: boolean) => {
    const now = old.length === 1 ? [stretchOf(after, near)] : withoutAttribution(after, near)
    return asRival(now, here, near.alike)
  }

  const taken = new Uint8Array(after.id.length)
  for (const place of exact) {
    const { first, last } = tokensOf(after, place)
    taken.fill(1, first, last + 1)
  }
  const isFree = (k: number) => taken[k] === 0
  // An interrupted quote is sought with its attribution, which tells it from others.
  const start = old[0]?.from ?? 0
  const passage = before.text.slice(start, old.at(-1)?.to)
  const sought = old.length === 1 ? wanted : read(passage, after.vocabulary)
  const place = region(edit, old)
  if (place.first < place.end && isNarrow(place, was)) {
    const near = closest(sought, after, { first: place.first, last: place.end - 1 }, isFree)
    if (near && near.alike >= (place.tight ? CLOSE_HERE : CLOSE)) yield rival(near, true)
  }
  const isNew = (k: number) => {
    const from = back[k] ?? -1
    return isFree(k) && (from === -1 || (from >= was.first && from <= was.last))
  }
  yield* finds(sought, after, isNew)
    .filter(({ alike }) => alike >= CLOSE_HERE)
    .map((near) => rival(near, false))
    .sort((a, b) => total(a.missing) - total(b.missing) || b.alike - a.alike)
}

/** Whether a region is no more than what was said there, put in other words. */
function isNarrow(place: { first: number; end: number }, was: { first: number; last: number }) {
  return place.end - place.first <= 2 * (was.last - was.first + 1) + 40
}

/** Whether a rival is more likely to be the quote than a place with its very words. */
export function outdoes(edit: Edit, old: Stretch[], rival: Rival, exact: Place): boolean {
  if (rival.here && !exact.here) return total(exact.missing) >= total(rival.missing)
  // It stands in the quote's old context, at least on one side, and the exact words do not.
  const better = exact.missing.some((missing, side) => {
    const its = rival.missing[side] ?? 0
    return its < missing && (its === 0 || rival.alike >= CLOSE)
  })
  if (better || rival.alike < CLOSE) return better
  const alike = total(rival.missing) === total(exact.missing)
  return alike && !fitsBetter(edit, { old, now: exact.now }, { old, now: rival.now })
}
