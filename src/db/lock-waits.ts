import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'

/**
 * How long a migration waits for a lock, in ms. Whoever comes meanwhile stands in line behind it, so it is
 * a third of what a request waits for the database before it is refused.
 */
export const LOCK_TIMEOUT = 500

/** Between two attempts, in ms: at first, and at most. Those who stood in line are served meanwhile. */
const FIRST_PAUSE = 250
const LONGEST_PAUSE = 5000

/** No lock within lock_timeout, and a deadlock that this session was chosen to end. */
const AGAIN = new Set(['55P03', '40P01'])

/** How patient a migration is, and whom it tells that it waits. */
export type Patience = {
  /** In all, for each migration, in ms. */
  patience: number
  log: (text: string) => void
}

/**
 * Does something that is undone when it fails, and again when it did not get a lock in time; what was
 * begun is rolled back. Throws when patience is at its end, with the name of what was not done.
 */
export async function lockingBriefly(
  client: pg.ClientBase,
  name: string,
  { patience, log }: Patience,
  work: () => Promise<unknown>,
): Promise<void> {
  const end = Date.now() + patience
  for (let wait = FIRST_PAUSE; ; wait = Math.min(2 * wait, LONGEST_PAUSE)) {
    try {
      await work()
      return
    } catch (error) {
      const code = error instanceof pg.DatabaseError ? error.code : undefined
      await client.query('ROLLBACK').catch(() => {})
      if (!code || !AGAIN.has(code)) throw error
      if (Date.now() + wait > end) throw new Error(refusal(name, patience), { cause: error })
      log(`${name} waits for a lock that another transaction holds; again in ${wait} ms`)
      await pause(wait)
    }
  }
}

function refusal(name: string, patience: number): string {
  return (
    `${name} got no lock within ${patience / 1000} s: a transaction holds a table that it needs ` +
    '(a dump, or a session left open; see pg_stat_activity). Nothing of it was applied; start again.'
  )
}
