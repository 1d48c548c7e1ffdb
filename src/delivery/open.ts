import type { Config } from '../config.ts'
import type { Database } from '../db/client.ts'
import { loggable } from '../db/failure.ts'
import type { Notice } from '../db/notice.ts'
import { isByOrigin } from '../http/cross-origin.ts'
import type { Limits } from '../http/limits.ts'
import { ALL } from './groups.ts'
import { openPlans, type Plans } from './plans.ts'
import { purger } from './purge.ts'
import { openStore, type Store } from './store.ts'
import { type Watch, watch } from './watch.ts'

/** What the door, the hooks and what they make share. */
export type Delivery = {
  store: Store
  watch: Watch
  limits: Limits
  /** Whether answers say whose page may see them. */
  byOrigin: boolean
  /** Whether answers are kept at all. */
  keeps: boolean
  /** Reads of the public, to be asked again without the framework; undefined where it may read nothing. */
  plans: Plans | undefined
  /** Whether the addresses of articles hold the slugs of their categories. */
  categoryInUrl: boolean
}

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
  db.replicas.follow(watching)
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
      db.replicas.follow()
      await watching.close()
      await purging?.close()
    },
  }
}
