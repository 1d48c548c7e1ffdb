import { Counter, Gauge, type Registry } from 'prom-client'
import type { Config } from '../config.ts'
import type { Database } from '../db/client.ts'
import { loggable } from '../db/failure.ts'
import type { Notice } from '../db/notice.ts'
import { isByOrigin } from '../http/cross-origin.ts'
import type { Limits } from '../http/limits.ts'
import { ALL } from './groups.ts'
import { openPlans } from './plans.ts'
import { purger } from './purge.ts'
import type { Delivery } from './serve.ts'
import { openStore } from './store.ts'
import { watch } from './watch.ts'

type Log = { error(fields: object, text: string): void }

/** The delivery cache of a process, listening; `close` ends it. */
export function openDelivery(config: Config, db: Database, limits: Limits, log: Log) {
  const store = openStore(config.cacheBytes)
  const everything = new Set([ALL])
  const watching = watch(db.direct, {
    heard: (groups) => store.drop(groups),
    told: () => db.ledger.ring(),
    lost: () => {
      store.drop(everything)
      db.ledger.ring()
    },
    failed: (error) =>
      log.error({ err: loggable(error) }, 'not listening for changes: nothing is kept meanwhile'),
  })
  const purging = config.purgeUrl ? purger(config.purgeUrl, log) : undefined
  const committed = (notice: Notice) => {
    watching.tell(notice)
    purging?.purge(notice)
  }
  db.committed.push(committed)
  const delivery: Delivery = {
    store,
    watch: watching,
    limits,
    byOrigin: isByOrigin(config.corsOrigins),
    keeps: config.cacheBytes > 0 && config.publicRead,
    plans: config.publicRead ? openPlans() : undefined,
    categoryInUrl: config.articleUrl?.includes('{category}') ?? false,
  }
  return {
    ...delivery,
    purgeFailures: () => purging?.failures() ?? 0,
    async close() {
      db.committed.splice(db.committed.indexOf(committed), 1)
      await watching.close()
      await purging?.close()
    },
  }
}

/** What the cache does, for Prometheus. */
export function countDelivery(
  registry: Registry,
  { store, purgeFailures }: ReturnType<typeof openDelivery>,
): void {
  const registers = [registry]
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(value())
      },
    })
  counter('cache_hits_total', 'Answers given from the delivery cache.', () => store.counts.hits)
  counter('cache_misses_total', 'Answers that had to be made.', () => store.counts.misses)
  counter(
    'cache_drops_total',
    'Answers dropped because something changed.',
    () => store.counts.drops,
  )
  counter(
    'cache_refusals_total',
    'Answers not kept because something changed while they were made.',
    () => store.counts.refusals,
  )
  counter('purge_failures_total', 'Changes of which PURGE_URL could not be told.', purgeFailures)
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  gauge('cache_bytes', 'Size of the delivery cache.', store.bytes)
  gauge('cache_answers', 'Answers in the delivery cache.', store.size)
}
