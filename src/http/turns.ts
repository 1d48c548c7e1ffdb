import { performance } from 'node:perf_hooks'

/** How long one turn of the event loop may go on beginning work, in ms: whoever asks for little waits for it. */
const SLICE = 10

/** Whose work goes first: of those who have a key, then of the public. */
export const CROWDS = ['keyed', 'public'] as const
export type Crowd = (typeof CROWDS)[number]

export type Turns = ReturnType<typeof takeTurns>

/**
 * Begins work at once, as long as a turn of the event loop has not taken too long already; what comes then
 * waits in line, and begins in one of the next. Without it all that has arrived is begun in the same turn,
 * however much that is, and what takes no time at all (`/livez`, what is kept) comes behind it.
 */
export function takeTurns() {
  const lines: Record<Crowd, { begin: () => void; since: number }[]> = { keyed: [], public: [] }
  /** When this turn began its first work. */
  let began: number | undefined
  const hasTime = (now: number) => {
    if (began === undefined) {
      began = now
      setImmediate(() => {
        began = undefined
      })
    }
    return now - began < SLICE
  }
  // One for each in line, each behind what the one before it has left for the same turn.
  const next = () => {
    const line = lines.keyed.length > 0 ? lines.keyed : lines.public
    if (line.length === 0) return
    if (hasTime(performance.now())) line.shift()?.begin()
    else setImmediate(next)
  }
  return {
    take(crowd: Crowd, begin: () => void): void {
      const now = performance.now()
      if (lines[crowd].length === 0 && hasTime(now)) begin()
      else {
        lines[crowd].push({ begin, since: now })
        setImmediate(next)
      }
    },
    /** How long the first in line has waited by now, in ms. */
    waits(crowd: Crowd): number {
      const [first] = lines[crowd]
      return first ? performance.now() - first.since : 0
    },
  }
}
