import { setTimeout as sleep } from 'node:timers/promises'
import { Counter, Gauge, type Registry } from 'prom-client'
import { numberChanges } from '../changes/queries.ts'
import type { Config } from '../config.ts'
import { type Database, transaction } from '../db/client.ts'
import { loggable } from '../db/failure.ts'
import { openQueue } from '../db/queue.ts'
import { type Claimed, claim, ROOM } from '../webhooks/claim.ts'
import { failed, type Outcome } from '../webhooks/outcome.ts'
import { payloadOf } from '../webhooks/payload.ts'
import { backlog } from '../webhooks/queries.ts'
import { openSender } from '../webhooks/sender.ts'
import { type OnDelivered, settle, withdraw } from '../webhooks/settle.ts'
import { tell } from '../webhooks/tell.ts'
import { audiencesBehind, readRow, readTold } from '../webhooks/told.ts'
import { wake } from '../webhooks/wake.ts'

/** Attempts under way at once from this process, but for removals: those have their own room. */
const MOST = 256
/** Pages of the feed that one look may read; whoever is further behind has the alarm ring again. */
const PAGES = 20
/** How often the alarm rings though nobody set it, in ms: one that was lost is late by this. */
const ANYWAY = 60_000
/** How long attempts under way may take when the process stops, in ms; then they are given back. */
const GRACE = 5000

type Log = { error(fields: object, text: string): void }

export type Delivering = {
  config: Config
  db: Database
  metrics: Registry
  log: Log
  /** Told of what partners were told, in the transaction that notes it. */
  onDelivered: readonly OnDelivered[]
}

/**
 * Delivers to webhooks, until it is stopped. Alarms (src/db/queue.ts) say when to look; what is to be
 * told, when, and who is at it is in the database, so any number of processes share the work and a
 * killed one's goes on when its leases end.
 */
export async function deliverWebhooks(delivering: Delivering): Promise<{ stop(): Promise<void> }> {
  const { config, db, log } = delivering
  const { webhookTimeout: timeout } = config
  const sender = openSender({
    ...{ allow: config.webhookAllowCidrs, publicUrl: config.publicUrl },
    ...{ timeout, perHost: ROOM.removals },
  })
  const underWay = new Map<string, Set<Promise<void>>>()
  const counted = measure(delivering)
  const stopping = new AbortController()
  const { signal } = stopping

  /** All attempts under way. */
  const all = () => [...underWay.values()].flatMap((of) => [...of])

  /** Puts what the ledger has into the lanes of those whom it concerns. */
  const tellAll = async () => {
    await numberChanges(db.editor)
    let pages = 0
    for (const audience of await audiencesBehind(db.editor)) {
      for (let more = true; more; ) {
        if (pages++ === PAGES) return wake(db.editor)
        const told = await readTold(db, config, audience)
        await transaction(db, (tx) => tell(tx, audience.ids, told.rows, told.until))
        audience.position = told.until
        more = told.more
      }
    }
  }

  /** Begins all attempts that are due and have room. */
  const sendDue = async () => {
    for (const removals of [true, false]) {
      const most = MOST - (removals ? 0 : all().length)
      if (most <= 0 || signal.aborted) continue
      const counts = new Map([...underWay].map(([id, of]) => [id, of.size]))
      // An attempt takes its whole time at most, and as long may pass before and after it.
      const lease = (3 * timeout) / 1000
      const what = { removals, most, underWay: counts, lease }
      for (const one of await transaction(db, (tx) => claim(tx, what))) begin(one)
    }
  }
  let last = Promise.resolve()
  let next: Promise<void> | undefined
  /** The same, once it is done if it is being done: however often it is asked for meanwhile. */
  const send = () => {
    next ??= last
      .catch(() => {})
      .then(() => {
        next = undefined
        return sendDue()
      })
    last = next
    return next
  }
  const say = (what: string) => (error: unknown) => log.error({ err: loggable(error) }, what)

  const begin = (claimed: Claimed) => {
    const { webhookId } = claimed
    const others = underWay.get(webhookId) ?? new Set()
    const one = deliver(claimed)
      .catch(say('a webhook delivery was broken off'))
      .finally(() => {
        others.delete(one)
        if (others.size === 0) underWay.delete(webhookId)
        send().catch(say('no webhook deliveries could be taken'))
      })
    underWay.set(webhookId, others.add(one))
  }

  const deliver = async (claimed: Claimed) => {
    const started = performance.now()
    const row = await readRow(db, config, claimed)
    if (!row) return transaction(db, (tx) => withdraw(tx, claimed))
    const body = payloadOf(row, config.publicUrl)
    // Waited for the database so long that the lease could end before the attempt does.
    const late = performance.now() - started > timeout
    const { id, at, url, secrets } = claimed
    const outcome: Outcome = late
      ? failed('stopped')
      : await sender.send({ id, at, body, url, secrets })
    counted(outcome)
    const { webhookRetryScale: scale } = config
    const { onDelivered } = delivering
    const settling = { claimed, outcome, scale, onDelivered, chance: Math.random() }
    await transaction(db, (tx) => settle(tx, settling))
  }

  const look = async () => {
    await tellAll()
    await send()
  }
  const queue = await openQueue(
    db,
    () =>
      look().catch((error) => {
        say('webhooks could not be told')(error)
        // The alarm comes again.
        throw error
      }),
    say('the queue of webhooks has a fault'),
  )
  const rung = (async () => {
    for (;;) {
      await db.ledger.wait(ANYWAY, signal)
      if (signal.aborted) return
      queue.ring()
    }
  })()
  const ring = () => wake(db.editor).catch(say('no alarm could be set'))
  const anyway = setInterval(ring, ANYWAY).unref()
  await ring()

  return {
    async stop() {
      clearInterval(anyway)
      stopping.abort()
      await Promise.all([rung, queue.close(), last.catch(() => {})])
      const patience = new AbortController()
      await Promise.race([
        Promise.allSettled(all()),
        sleep(GRACE, undefined, { signal: patience.signal }).catch(() => {}),
      ])
      patience.abort()
      await sender.close()
      await Promise.allSettled(all())
    },
  }
}

/** Tells Prometheus what waits and what comes of attempts; what it returns counts one. */
function measure({ db, metrics, log }: Delivering): (outcome: Outcome) => void {
  const registers = [metrics]
  const attempts = new Counter({
    name: 'webhook_attempts_total',
    help: 'Attempts to deliver to webhooks, by what came of them.',
    labelNames: ['outcome'],
    registers,
  })
  const oldest = new Gauge({
    name: 'webhook_oldest_due_seconds',
    help: 'How long the delivery that is due for the longest has waited.',
    registers,
  })
  new Gauge({
    name: 'webhook_deliveries_pending',
    help: 'Deliveries of enabled webhooks that are not finished.',
    registers,
    async collect() {
      try {
        const waits = await backlog(db.editor)
        this.set(waits.pending)
        oldest.set(waits.oldest)
      } catch (error) {
        log.error({ err: loggable(error) }, 'the webhook deliveries could not be counted')
      }
    },
  })
  return ({ ok, error }) => attempts.inc({ outcome: ok ? 'delivered' : (error ?? 'unknown') })
}
