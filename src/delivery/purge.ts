import { setTimeout as wait } from 'node:timers/promises'
import type { Notice } from '../db/notice.ts'
import { ALL } from './groups.ts'

/** How long the other end may take, in ms. */
const TIMEOUT = 3000
/** Waits before the second and later attempts, in ms. */
const AGAIN = [200, 1000, 4000]

export type Purger = {
  /** Calls the hook with the groups of a change; nobody waits for it. */
  purge(notice: Notice): void
  failures(): number
  /** Settles when what is being told was answered, at most 6 s; nothing is tried again. */
  close(): Promise<void>
}

/** So many calls are made at once; what changes meanwhile is told together, by the next. */
const AT_ONCE = 8
/** The longest `Surrogate-Key` that is sent, in characters: many servers take 8,000 for all headers. */
const LONGEST = 6000

/**
 * Tells another cache what a change drops: POST with `{"groups": [...]}`, and the same in
 * `Surrogate-Key`. Tried four times; what then still fails is logged, with what was not purged.
 */
export function purger(url: string, log: { error(fields: object, text: string): void }): Purger {
  let failures = 0
  const underWay = new Set<Promise<void>>()
  /** What changed while as many calls were made as may be. */
  let waiting: ReadonlySet<string> | undefined
  const closing = new AbortController()

  /** One attempt; rejects unless it is answered 2xx in time. */
  const attempt = async (groups: string[]) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'surrogate-key': groups.join(' ') },
      body: JSON.stringify({ groups }),
      signal: AbortSignal.timeout(TIMEOUT),
    })
    await answer.body?.cancel()
    if (!answer.ok) throw new Error(`It was answered ${answer.status}.`)
  }

  const call = async (groups: string[]) => {
    let failure: unknown
    for (const pause of [0, ...AGAIN]) {
      if (pause > 0) await wait(pause, undefined, { signal: closing.signal }).catch(() => {})
      if (pause > 0 && closing.signal.aborted) break
      try {
        return await attempt(groups)
      } catch (error) {
        failure = error
      }
    }
    failures++
    log.error({ err: failure, groups }, 'PURGE_URL could not be called')
  }

  const begin = (groups: ReadonlySet<string>) => {
    const named = [...groups]
    const calling = call(named.join(' ').length > LONGEST ? [ALL] : named)
    underWay.add(calling)
    calling.finally(() => {
      underWay.delete(calling)
      const next = waiting
      waiting = undefined
      if (next) begin(next)
    })
  }

  return {
    purge({ groups }) {
      if (groups.size === 0) return
      if (underWay.size < AT_ONCE) begin(groups)
      else waiting = waiting ? new Set([...waiting, ...groups]) : groups
    },
    failures: () => failures,
    async close() {
      // What was begun has one attempt to end with.
      closing.abort()
      while (underWay.size > 0) await Promise.all(underWay)
    },
  }
}
