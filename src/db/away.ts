import { setTimeout as sleep } from 'node:timers/promises'
import { explain } from './failure.ts'
import { isUnavailable } from './sqlstate.ts'

/** The first wait between attempts, and the longest, in ms; each is twice the one before. */
const WAITS = { first: 100, longest: 2000 }

/**
 * Does the work, and while the database is away does it again, saying each time what it waits for. Rejects
 * with what is wrong otherwise, or when the signal is given.
 */
export async function whenThere<T>(
  work: () => Promise<T>,
  log: { warn(text: string): void },
  signal?: AbortSignal,
): Promise<T> {
  for (let wait = WAITS.first; ; wait = Math.min(2 * wait, WAITS.longest)) {
    try {
      return await work()
    } catch (error) {
      if (!isUnavailable(error)) throw error
      signal?.throwIfAborted()
      log.warn(`Waiting for the database (${explain(error)}); again in ${wait} ms`)
    }
    await sleep(wait, undefined, { signal })
  }
}
