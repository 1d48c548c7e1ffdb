import type { Registry } from 'prom-client'
import { addCategoryCounts } from '../categories/counts.ts'
import { followChanges } from '../changes/follow.ts'
import { sweep } from '../changes/sweep.ts'
import type { Config } from '../config.ts'
import type { Database } from '../db/client.ts'
import { loggable } from '../db/failure.ts'
import { noteNotified } from '../holdings/commands.ts'
import { forgetOldKeys } from '../http/idempotency.ts'
import { addQuoteCounts } from '../quotes/counts.ts'
import { keepPartnerCounts } from '../quotes/partner-counts.ts'
import { forgetOldDeliveries } from '../webhooks/forget.ts'
import { deliverWebhooks } from './deliver.ts'

const HOUR = 3_600_000
const SECOND = 1000

export type Background = {
  config: Config
  db: Database
  metrics: Registry
  log: { error(fields: object, text: string): void; warn(text: string): void }
  /** Given when the process ends: what has not begun by then never does. */
  signal: AbortSignal
}

/**
 * Starts what runs in the background, in any number of instances; the function it resolves to stops it,
 * when what is under way has ended or was given back. Rejects when the queue was never installed.
 */
export async function startJobs({
  config,
  db,
  metrics,
  log,
  signal,
}: Background): Promise<() => Promise<void>> {
  const onDelivered = noteNotified
  const webhooks = await deliverWebhooks({ config, db, metrics, log, signal, onDelivered })
  const forget = (what: string, work: Promise<void>) =>
    work.catch((error) => log.error({ err: loggable(error) }, `${what} were not removed`))
  const timer = setInterval(() => {
    forget('old idempotency keys', forgetOldKeys(db.editor))
    forget('old webhook deliveries', forgetOldDeliveries(db.editor))
  }, HOUR)
  timer.unref()
  const failed = (what: string) => (error: unknown) =>
    log.error({ err: loggable(error) }, `${what} failed`)
  const sweeper = steadily(async () => {
    await sweep(db).catch(failed('the sweep'))
    await addQuoteCounts(db).catch(failed('counting quotes'))
    await addCategoryCounts(db).catch(failed('counting articles'))
  })
  // By themselves: after an import there is much to follow, and a new entitlement takes as long as reading all
  // articles.
  const follower = steadily(async () => {
    await followChanges(db).catch(failed('following the ledger'))
  })
  const counter = steadily(async () => {
    await keepPartnerCounts(db, signal).catch(failed('counting the quotes of partners'))
  })
  return async () => {
    clearInterval(timer)
    clearInterval(sweeper)
    clearInterval(follower)
    clearInterval(counter)
    await webhooks.stop()
  }
}

/** Does it each second, one at a time in this process too: what is slow is not overtaken. */
function steadily(work: () => Promise<void>): NodeJS.Timeout {
  let working = false
  const timer = setInterval(async () => {
    if (working) return
    working = true
    await work()
    working = false
  }, SECOND)
  return timer.unref()
}
