import { performance } from 'node:perf_hooks'
import { type Tally, WINDOW } from './allowance.ts'

/** Callers that are remembered, at most: about 15 MB. */
const MOST = 100_000

export type Tallies = ReturnType<typeof openTallies>

/**
 * Counts callers in the memory of this process, without waiting and without a timer for each: what is
 * older than a window is forgotten in one go, and earlier when very many come, so that nobody can fill
 * the memory. Whoever has so many addresses needs no second count on one of them.
 */
export function openTallies(most = MOST) {
  let young = new Map<string, Tally>()
  let old = new Map<string, Tally>()
  let turned = performance.now()
  const turn = (now: number) => {
    old = young
    young = new Map()
    turned = now
  }
  return {
    /** A caller's tally of the window that it is in now, or begins. */
    find(id: string): Tally {
      const now = performance.now()
      if (now - turned >= WINDOW) turn(now)
      let tally = young.get(id)
      if (tally !== undefined && now < tally.ends) return tally
      if (tally === undefined) {
        tally = old.get(id)
        if (young.size >= most / 2) turn(now)
      }
      if (tally === undefined || now >= tally.ends) tally = { used: 0, ends: now + WINDOW }
      young.set(id, tally)
      return tally
    },
    size: () => young.size + old.size,
  }
}
