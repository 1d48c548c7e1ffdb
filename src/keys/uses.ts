import type { Actor } from '../actor.ts'
import type { Database } from '../db/client.ts'
import { loggable } from '../db/failure.ts'
import { recordUses } from './commands.ts'
import { findActor } from './queries.ts'

/** How often uses are written down, in ms: a minute is exact enough and no request waits for it. */
const INTERVAL = 60_000

/** Finds keys and remembers their uses, which are written together once a minute and at the end. */
export function keyRing(db: Database, onError: (error: unknown) => void) {
  let uses = new Map<string, Date>()
  const flush = async () => {
    const pending = uses
    uses = new Map()
    await recordUses(db.editor, pending).catch((error) => onError(loggable(error)))
  }
  const timer = setInterval(flush, INTERVAL).unref()
  return {
    async find(key: string): Promise<Actor | undefined> {
      const actor = await findActor(db, key)
      if (actor?.keyId) uses.set(actor.keyId, new Date())
      return actor
    },
    async close(): Promise<void> {
      clearInterval(timer)
      await flush()
    },
  }
}
