import { closest, distance } from 'fastest-levenshtein'

/**
 * What a misspelt name was probably meant to be, as the end of a message: `; did you mean limit?`.
 * Empty when nothing allowed is near: at most two letters off, or a third of the name.
 */
export function didYouMean(given: string, allowed: readonly string[]): string {
  if (allowed.length === 0 || given.length > 60) return ''
  const folded = new Map(allowed.map((name) => [name.toLowerCase(), name]))
  const nearest = closest(given.toLowerCase(), [...folded.keys()])
  const far = distance(given.toLowerCase(), nearest) > Math.max(2, given.length / 3)
  return far ? '' : `; did you mean ${folded.get(nearest)}?`
}
