import { setTimeout as sleep } from 'node:timers/promises'
import { Counter, Gauge, type Registry } from 'prom-client'
import { numberChanges } from '../changes/queries.ts'
import type { Config } from '../config.ts'
import { whenThere } from '../db/away.ts'
import type { Database } from '../db/client.ts'
import { loggable } from '../db/failure.ts'
import { openQueue } from '../db/queue.ts'
import { transaction } from '../db/transaction.ts'
import { type Claimed, claim, isOurs, ROOM } from '../webhooks/claim.ts'
import { failed, type Outcome } from '../webhooks/outcome.ts'
import { payloadOf } from '../webhooks/payload.ts'
import { backlog } from '../webhooks/queries.ts'
import { openSender, type Sender } from '../webhooks/sender.ts'
import { type OnDelivered, settle, withdraw } from '../webhooks/settle.ts'
import { tell } from '../webhooks/tell.ts'
import { audiencesBehind, readRow, readTold } from '../webhooks/told.ts'
import { wake } from '../webhooks/wake.ts'

/** Attempts under way at once from this process: of removals, and of all others. */
const MOST = 256
/** Pages of the feed that one look may read; whoever is further behind has the alarm ring again. */
const PAGES = 20
/** How often the alarm rings though nobody set it, in ms: one that was lost is late by this. */
const ANYWAY = 60_000
/** How long attempts under way may take when the process stops, in ms; then they are given back. */
const GRACE = 5000

type Log = { error(fields: object, text: string): void; warn(text: string): void }

export type Delivering = {
  config: Config
  db: Database
  metrics: Registry
  log: Log
  /** Given when the process ends before any of it has begun. */
  signal: AbortSignal
  /** Told of what partners were told, in the transaction that notes it. */
  onDelivered: OnDelivered
}

/** What is under way of one kind. */
type Desk = { removals: boolean; sender: Sender; underWay: Map<Promise<void>, Claimed> }

/**
 * Delivers to webhooks, until it is stopped. Alarms (src/db/queue.ts) say when to look; what is to be
 * told, when, and who is at it is in the database, so any number of processes share the work and a
 * killed one's goes on when its leases end.
 */
export async function deliverWebhooks(delivering: Delivering): Promise<{ stop(): Promise<void> }> {
  const { config, db, log, onDelivered } = delivering
  const { webhookTimeout: timeout } = config
  const { webhookAllowCidrs: allow, publicUrl } = config
  /** Removals have room of their own at every host, whatever hangs there. */
  const desks: Desk[] = [true, false].map((removals) => ({
    removals,
    sender: openSender({ allow, publicUrl, timeout, perHost: ROOM.host }),
    underWay: new Map(),
  }))
  const counted = measure(delivering)
  const stopping = new AbortController()
  const { signal } = stopping

  /** All attempts under way. */
  const all = () => desks.flatMap(({ underWay }) => [...underWay.keys()])

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
    for (const desk of desks) {
      const { removals, sender } = desk
      const under = [...desk.underWay.values()]
      const most = MOST - under.length
      if (most <= 0 || signal.aborted) continue
      const underWay = new Map<string, number>()
      for (const { webhookId } of under) underWay.set(webhookId, (underWay.get(webhookId) ?? 0) + 1)
      const full = under.filter(({ url }) => !sender.hasRoom(url)).map(({ host }) => host)
      // An attempt takes its whole time at most, and as long may pass before and after it.
      const lease = (3 * timeout) / 1000
      const what = { removals, most, underWay, full, lease }
      for (const one of await transaction(db, (tx) => claim(tx, what))) begin(desk, one)
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

  const begin = (desk: Desk, claimed: Claimed) => {
    const one = deliver(desk, claimed)
      .catch(say('a webhook delivery was broken off'))
      .finally(() => {
        desk.underWay.delete(one)
        send().catch(say('no webhook deliveries could be taken'))
      })
    desk.underWay.set(one, claimed)
  }

  const deliver = async ({ sender }: Desk, claimed: Claimed) => {
    const { id, at, url, secrets } = claimed
    const started = performance.now()
    // Before anything is read for it: others of this host were claimed with it.
    if (!sender.hasRoom(url)) return note(claimed, failed('busy'))
    const row = await readRow(db, config, claimed)
    if (!row) return transaction(db, (tx) => withdraw(tx, claimed))
    const body = payloadOf(row, publicUrl)
    // Waited for the database so long that the lease could end before the attempt does.
    if (performance.now() - started > timeout) return note(claimed, failed('stopped'))
    // A removal that came meanwhile has withdrawn it.
    if (!(await isOurs(db.editor, claimed))) return
    return note(claimed, await sender.send({ id, at, body, url, secrets }))
  }
  const note = (claimed: Claimed, outcome: Outcome) => {
    counted(outcome)
    const { webhookRetryScale: scale } = config
    const settling = { claimed, outcome, scale, onDelivered, chance: Math.random() }
    return transaction(db, (tx) => settle(tx, settling))
  }

  const look = async () => {
    await tellAll()
    await send()
  }
  const taken = () =>
    look().catch((error) => {
      say('webhooks could not be told')(error)
      // The alarm comes again.
      throw error
    })
  const open = () => openQueue(db, taken, say('the queue of webhooks has a fault'))
  const queue = await whenThere(open, log, delivering.signal)
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
      await Promise.all(desks.map(({ sender }) => sender.close()))
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
