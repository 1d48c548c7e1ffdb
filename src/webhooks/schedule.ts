/** Seconds before each attempt, from the one before; the first is made at once. */
const WAITS = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]

/** How much a wait may differ, either way, so that what failed together does not come back together. */
const JITTER = 0.1

/** How many attempts the schedule has. */
export const ATTEMPTS = WAITS.length

/**
 * Seconds to wait after so many attempts of the schedule; undefined after the last. `scale` shortens them
 * all, `chance` is from 0 to 1.
 */
export function waitAfter(attempts: number, scale: number, chance: number): number | undefined {
  const wait = WAITS[attempts]
  return wait === undefined ? undefined : wait * scale * (1 + JITTER * (2 * chance - 1))
}
