import { diffArrays } from 'diff/lib/diff/array.js'
import type { Text } from './fold.ts'
import { type Stretch, tokensOf } from './stretches.ts'

/** The edit between two texts: what it kept, and where it left the places of the old one. */

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
