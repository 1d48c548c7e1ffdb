import type { Registry } from 'prom-client'
import { tellMembers } from '../changes/sightings.ts'
import { sweep } from '../changes/sweep.ts'
import type { Config } from '../config.ts'
import type { Database } from '../db/client.ts'
import { loggable } from '../db/failure.ts'
import { noteNotified } from '../holdings/commands.ts'
import { forgetOldKeys } from '../http/idempotency.ts'
import { addQuoteCounts } from '../quotes/counts.ts'
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
  // One sweep at a time in this process too: a slow one is not overtaken.
  let sweeping = false
  const failed = (what: string) => (error: unknown) =>
    log.error({ err: loggable(error) }, `${what} failed`)
  const sweeper = setInterval(async () => {
    if (sweeping) return
    sweeping = true
    await sweep(db).catch(failed('the sweep'))
    await tellMembers(db).catch(failed('telling of members'))
    await addQuoteCounts(db).catch(failed('counting quotes'))
    sweeping = false
  }, SECOND)
  sweeper.unref()
  return async () => {
    clearInterval(timer)
    clearInterval(sweeper)
    await webhooks.stop()
  }
}
