import { setTimeout as wait } from 'node:timers/promises'
import type { Notice } from '../db/notice.ts'

/** How long the other end may take, in ms. */
const TIMEOUT = 3000
/** Waits before the second and later attempts, in ms. */
const AGAIN = [200, 1000, 4000]

export type Purger = {
  /** Calls the hook with the groups of a change; nobody waits for it. */
  purge(notice: Notice): void
  failures(): number
  /** Settles when all that was begun has come to an end. */
  close(): Promise<void>
}

/**
 * Tells another cache what a change drops: POST with `{"groups": [...]}`, and the same in
 * `Surrogate-Key`. Tried four times; what then still fails is logged, with what was not purged.
 */
export function purger(url: string, log: { error(fields: object, text: string): void }): Purger {
  let failures = 0
  const underWay = new Set<Promise<void>>()

  const call = async (groups: string[]) => {
    for (const pause of [0, ...AGAIN]) {
      if (pause > 0) await wait(pause)
      try {
        const answer = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'surrogate-key': groups.join(' ') },
          body: JSON.stringify({ groups }),
          signal: AbortSignal.timeout(TIMEOUT),
        })
        await answer.body?.cancel()
        if (answer.ok) return
        if (pause === AGAIN.at(-1)) throw new Error(`It was answered ${answer.status}.`)
      } catch (error) {
        if (pause !== AGAIN.at(-1)) continue
        failures++
        log.error({ err: error, groups }, 'PURGE_URL could not be called')
      }
    }
  }

  return {
    purge({ groups }) {
      if (groups.size === 0) return
      const calling = call([...groups])
      underWay.add(calling)
      calling.finally(() => underWay.delete(calling))
    },
    failures: () => failures,
    async close() {
      await Promise.all(underWay)
    },
  }
}
