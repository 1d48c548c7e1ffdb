import { wrongCursor } from '../errors.ts'

/** The kinds of a snapshot, in the order in which they come. */
export const PHASES = ['category', 'source', 'article'] as const
export type Phase = (typeof PHASES)[number]

/**
 * Where a reader of the feed is: behind a position of the ledger, or within a snapshot that was begun when
 * the ledger was at `base`, behind an id of a kind.
 */
export type Place = { after: number } | { base: number; phase: Phase; id: string }

/** No id at all; before every other. */
export const NO_ID = '00000000-0000-0000-0000-000000000000'

/** A place as a cursor holds it. */
export function valuesOf(place: Place): { values: string[]; id: string } {
  if ('after' in place) return { values: [String(place.after)], id: NO_ID }
  return { values: [String(place.base), place.phase], id: place.id }
}

/** A place out of a cursor; `at` is where a body holds it. Throws `invalid_cursor` for what none of ours holds. */
export function placeOf({ values, id }: { values: string[]; id: string }, at?: string): Place {
  const [position = '', phase, ...rest] = values
  const known = PHASES.find((one) => one === phase)
  if (!/^\d{1,15}$/.test(position) || rest.length > 0 || (phase !== undefined && !known))
    throw wrongCursor('is damaged', at)
  return known ? { base: Number(position), phase: known, id } : { after: Number(position) }
}
