import type pg from 'pg'
import packaged from 'pg-boss/package.json' with { type: 'json' }
import type { Database } from './client.ts'

/** Of pg-boss, in the same database. The alarm of migrations/0015_webhooks.sql goes into it. */
const SCHEMA = 'pgboss'
/** Whoever takes an alarm looks for what webhooks are to be told. */
export const WEBHOOKS = 'webhooks'

/** How often the queue is looked into when nobody rings, in seconds; a retry is late by this at most. */
const POLLING = 1
/** How often alarms are looked for whose process was killed, in seconds. */
const SUPERVISION = 10
/** Alarms taken at once: one look is enough for all of them. */
const BATCH = 1000

/**
 * Brings the queue's schema to the version of the library, as the owner and under the lock of the
 * migrations. Its own statements: the service itself, as an editor, may make nothing.
 */
export async function installQueue(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(
    `select to_regclass('${SCHEMA}.version') is not null as there`,
  )
  const found = rows[0]?.there
    ? await client.query<{ version: number; ready: boolean }>(`
        select version, exists (select from ${SCHEMA}.queue where name = '${WEBHOOKS}') as ready
        from ${SCHEMA}.version`)
    : undefined
  const { version, ready } = found?.rows[0] ?? {}
  if (ready && version !== undefined && version >= packaged.pgboss.schema) return
  const { getConstructionPlans, getMigrationPlans } = await import('pg-boss')
  if (version === undefined) await client.query(getConstructionPlans(SCHEMA))
  else if (version < packaged.pgboss.schema) await client.query(getMigrationPlans(SCHEMA, version))
  await client.query(`select ${SCHEMA}.create_queue('${WEBHOOKS}', '{"policy": "standard"}')`)
}

/** A queue that is listened to. */
export type Queue = {
  /** Looks into it now: something may have come. */
  ring(): void
  /** Takes nothing more; resolves when what was taken is done. */
  close(): Promise<void>
}

/**
 * Calls `taken` whenever there is an alarm whose time has come, one call at a time. Those that it does not
 * resolve for, or that are not done within 30 s, come again, here or in another process. Rejects when the
 * queue was never installed.
 */
export async function openQueue(
  { editor: { $client: pool } }: Database,
  taken: () => Promise<void>,
  onError: (error: unknown) => void,
): Promise<Queue> {
  // The service listens by now, and has not waited for it.
  const { PgBoss } = await import('pg-boss')
  const boss = new PgBoss({
    db: { executeSql: (text, values) => pool.query(text, values) },
    schema: SCHEMA,
    // The owner's business: see installQueue.
    ...{ migrate: false, reindex: false },
    // It runs nothing at set times, keeps no list of its processes, and warns in our log.
    ...{ schedule: false, registerInstance: false, monitorVacuum: false },
    ...{ superviseIntervalSeconds: SUPERVISION, monitorIntervalSeconds: SUPERVISION },
  })
  boss.on('error', onError)
  const stop = () => boss.stop({ close: false, graceful: false })
  const begin = async () => {
    await boss.start()
    const options = { batchSize: BATCH, pollingIntervalSeconds: POLLING }
    return boss.work(WEBHOOKS, options, taken)
  }
  const worker = await begin().catch(async (error) => {
    await stop().catch(() => {})
    throw error
  })
  return {
    ring: () => boss.notifyWorker(worker),
    async close() {
      await boss.offWork(WEBHOOKS)
      await stop()
    },
  }
}
