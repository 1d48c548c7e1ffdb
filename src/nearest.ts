import { closest, distance } from 'fastest-levenshtein'

/** No name of ours is longer; of a longer text nobody misspelt one. */
const LONGEST = 100

/**
 * What a misspelt name was probably meant to be; undefined when none of `known` is near: at most two
 * letters off, or a third of the name, whatever the case.
 */
export function nearestOf(given: string, known: readonly string[]): string | undefined {
  if (known.length === 0 || given.length > LONGEST) return undefined
  const folded = new Map(known.map((name) => [name.toLowerCase(), name]))
  const nearest = closest(given.toLowerCase(), [...folded.keys()])
  const far = distance(given.toLowerCase(), nearest) > Math.max(2, given.length / 3)
  return far ? undefined : folded.get(nearest)
}

/** The same as the end of a message: `; did you mean limit?`, or nothing. */
export function didYouMean(given: string, known: readonly string[]): string {
  const nearest = nearestOf(given, known)
  return nearest === undefined ? '' : `; did you mean ${nearest}?`
}
