import type { Pool } from '../db/client.ts'
import { Fault } from '../errors.ts'
import { type Crowd, takeTurns } from './turns.ts'

/**
 * How long a wait may be, in ms, before who comes then is refused: `pool`, the one to be expected for a
 * connection, of which a write has two; `turn`, the one that the first in line for this process has had. The
 * public is refused before those who have a key, so that editors still publish when everybody reads. A pool's are
 * less than half of what a request waits at most (1.2 s), and half: 32 readers of a million articles that are
 * on disk and not in memory wait 110 ms for each other, which is no overload; nor is it one when a process that
 * shares its core gets none of it for 100 ms.
 */
const TOO_LONG = {
  public: { pool: 500, turn: 250 },
  keyed: { pool: 600, turn: 500 },
} as const

/**
 * How long whoever is refused waits to be told, in ms, and how many may do so. As soon as it is told it may ask
 * again, which takes a quarter of what a read takes: told at once, five times too many requests on 500
 * connections left 14 % of the reads that could be answered. A proxy that keeps so many open has none left.
 */
const HELD = 200
const MOST_HELD = 1000

export type Overload = {
  /** Is there so much to do that one more, which needs this pool, would only make all others wait? */
  isTooMuch(crowd: Crowd, pool: Pool): boolean
  /** Begins what is not too much when its turn comes. */
  take(crowd: Crowd, begin: () => void): void
  /** Counts one that was refused, and says what it is told. */
  refusal(): Fault
  /** Tells it, when it has waited a little. */
  hold(tell: () => void): void
  /** How many were refused. */
  refused(): number
}

/** Watches who waits, for the database and for this process. */
export function watchOverload(): Overload {
  const turns = takeTurns()
  let refused = 0
  let held = 0
  return {
    isTooMuch: (crowd, pool) =>
      pool.expectedWait() > TOO_LONG[crowd].pool || turns.waits(crowd) > TOO_LONG[crowd].turn,
    take: turns.take,
    refusal() {
      refused++
      return new Fault('overloaded', 'More is asked than can be answered in time; ask again later.')
    },
    hold(tell) {
      if (held >= MOST_HELD) {
        tell()
        return
      }
      held++
      setTimeout(() => {
        held--
        tell()
      }, HELD)
    },
    refused: () => refused,
  }
}
