import { sweep } from '../changes/sweep.ts'
import type { Database } from '../db/client.ts'
import { forgetOldKeys } from '../http/idempotency.ts'

const HOUR = 3_600_000
const SECOND = 1000

/** Starts what runs in the background; the function it returns stops it. Any number of instances. */
export function startJobs(
  db: Database,
  log: { error(fields: object, text: string): void },
): () => void {
  const timer = setInterval(() => {
    forgetOldKeys(db.editor).catch((error) =>
      log.error({ err: error }, 'old idempotency keys were not removed'),
    )
  }, HOUR)
  timer.unref()
  // One sweep at a time in this process too: a slow one is not overtaken.
  let sweeping = false
  const sweeper = setInterval(async () => {
    if (sweeping) return
    sweeping = true
    await sweep(db).catch((error) => log.error({ err: error }, 'the sweep failed'))
    sweeping = false
  }, SECOND)
  sweeper.unref()
  return () => {
    clearInterval(timer)
    clearInterval(sweeper)
  }
}
