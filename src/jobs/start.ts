import type { Database } from '../db/client.ts'
import { forgetOldKeys } from '../http/idempotency.ts'

const HOUR = 3_600_000

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
  return () => clearInterval(timer)
}
