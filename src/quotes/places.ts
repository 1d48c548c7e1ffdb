import { type Edit, image } from './edit.ts'
import { fold, type Text } from './fold.ts'
import { inOneStretch, isInterruption, occurrences } from './occurrences.ts'
import { cut, spansOf } from './spans.ts'
import { type Stretch, tokensOf, wordsOf } from './stretches.ts'
import {
  contextLost,
  FAR,
  fitsBetter,
  isBetterSurrounded,
  surroundings,
  total,
} from './surroundings.ts'

/** The places after an edit with a quote's very words, and which of them can be that quote's. */

/** A quote that is looked for: the stretches it had, those where the edit left them if it did, and
 * all places after the edit where exactly its words stand. */
export type Search = {
  wanted: Text
  edit: Edit
  old: Stretch[]
  left: Stretch[] | undefined
  exact: Stretch[][]
}

// Above this many pairs of old and new places to judge, which take some 10 µs each, only the place
// that a quote had can be told.
const MOST_PAIRS = 2000

export function isLeft({ left }: Search, now: Stretch[]): boolean {
  return now[0]?.from === left?.[0]?.from
}

/** Every place after the edit where exactly these words stand. `left` is where the edit left them:
 * it counts although no search finds an attribution between commas. */
export function placesOf(wanted: Text, { before, after }: Edit, old: Stretch[], left?: Stretch[]) {
  const places = occurrences(wanted.text, after)
  const add = (place: Stretch[]) => {
    if (places.every((other) => other[0]?.from !== place[0]?.from)) places.push(place)
  }
  const [start] = old
  const end = old.at(-1)
  if (left && wordsOf(after, left) === wanted.text && isAsInterrupted(before, old, after, left)) {
    add(left)
  }
  if (start && end && old.length > 1 && wordsOf(before, old) === wanted.text) {
    // The whole passage, its attribution included, moved elsewhere.
    for (const [place] of inOneStretch(before.text.slice(start.from, end.to), after)) {
      const by = (place?.from ?? 0) - start.from
      add(old.map(({ from, to }) => ({ from: from + by, to: to + by })))
    }
  }
  return places
}

/** Whether the stretches are still interrupted by an attribution, and not by other quotations. */
function isAsInterrupted(before: Text, old: Stretch[], after: Text, now: Stretch[]): boolean {
  return now.slice(1).every((next, i) => {
    const gap = gapAfter(after, now[i], next)
    const was = gapAfter(before, old[i], old[i + 1])
    return isInterruption(gap) && marksIn(gap.text) <= Math.max(2, marksIn(was.text))
  })
}

function gapAfter(text: Text, one?: Stretch, two?: Stretch) {
  const gap = { from: one?.to ?? 0, to: two?.from ?? 0 }
  return fold(gap.from < gap.to ? cut(text.plain, spansOf(text, [gap])) : '')
}

function marksIn(text: string): number {
  return text.split('"').length - 1
}

/**
 * Those of the places that can be this quote's, and not those of the same words said elsewhere
 * before: a place belongs to the old one whose surroundings are more like its own.
 */
export function ownPlaces(search: Search): Stretch[][] {
  const { wanted, edit, old, exact } = search
  const mine = tokensOf(edit.before, old)
  const homes = new Map<number | undefined, Stretch[]>()
  const homeless: Stretch[][] = []
  for (const other of occurrences(wanted.text, edit.before)) {
    const { first, last } = tokensOf(edit.before, other)
    if (first <= mine.last && last >= mine.first) continue
    const home = image(edit, other)
    if (home) homes.set(home[0]?.from, other)
    else homeless.push(other)
  }
  if (homeless.length * exact.length > MOST_PAIRS) return exact.filter((now) => isLeft(search, now))
  return exact.filter((now) => {
    const owner = homes.get(now[0]?.from)
    return (owner ? [...homeless, owner] : homeless).every((other) => {
      const its = { old: other, now }
      const ours = { old, now }
      if (fitsBetter(edit, its, ours)) {
        // What the edit left where ours was is another's only if that lost nothing, or gained.
        const claims = !isLeft(search, now) || total(contextLost(edit, other, now)) === 0
        if (claims || isBetterSurrounded(edit, its, ours)) return false
      }
      if (isLeft(search, now) || fitsBetter(edit, ours, its)) return true
      // One of two neighbours with the same words is gone, and nothing says which: the one that
      // is left has all of the old surroundings on one side, and is taken for either.
      const kept = Math.max(...surroundings(edit, ours))
      return total(contextLost(edit, old, now)) === 0 && kept === FAR
    })
  })
}
