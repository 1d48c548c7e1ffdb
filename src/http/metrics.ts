import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client'
import { z } from 'zod'
import { countersIn } from '../counter.ts'
import type { Database } from '../db/client.ts'
import type { Spent } from '../db/measure.ts'
import { standbys } from '../db/standbys.ts'
import type { App } from './app.ts'
import type { Seen } from './seeing.ts'

/** In seconds. */
const BUCKETS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3]

/** How long what the database says of its standbys is told again, in ms: whoever asks often asks us. */
const FRESH = 5000

/** `/metrics` for Prometheus: never content. */
export function metrics(app: App, registry: Registry): void {
  collectDefaultMetrics({ register: registry })
  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'metrics',
        tags: ['Service'],
        summary: 'Metrics',
        description: 'In the Prometheus text format.',
        produces: ['text/plain'],
        response: { 200: z.string().meta({ description: 'The metrics.' }) },
      },
      config: { open: true },
    },
    async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
  )
}

/** Counts requests by route and status. */
export function countRequests(registry: Registry): (seen: Seen) => void {
  const seconds = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: [registry],
  })
  const limited = new Counter({
    name: 'rate_limited_total',
    help: 'Requests that were one too many.',
    registers: [registry],
  })
  // Few different ones; finding a series by its labels takes twice as long as observing it.
  const series = new Map<string, { observe(seconds: number): void }>()
  return ({ method, route, status, ms }) => {
    const name = `${method} ${status} ${route}`
    const known = series.get(name) ?? seconds.labels({ method, route, status })
    series.set(name, known)
    known.observe(ms / 1000)
    if (status === 429) limited.inc()
  }
}

/** Counts requests that were refused because too much was asked. */
export function countRefused(registry: Registry, refused: () => number): void {
  const counter = countersIn(registry)
  counter('overload_refused_total', 'Requests refused because too much was asked.', refused)
}

/** Counts what the database is asked, and looks at pools and standbys. The function it returns ends it. */
export function countDatabase(registry: Registry, db: Database): () => void {
  const registers = [registry]
  const seconds = new Histogram({
    name: 'database_seconds',
    help: 'Time from asking a pool until its statement was answered or its transaction ended.',
    labelNames: ['pool'],
    buckets: BUCKETS,
    registers,
  })
  const hear = ({ pool, began, ended }: Spent) => seconds.observe({ pool }, (ended - began) / 1000)
  db.spent.push(hear)
  const pools = [db.reader, db.partner, db.editor].map(({ $client }) => $client)
  new Gauge({
    name: 'database_connections',
    help: 'Connections of a pool, by what they do.',
    labelNames: ['pool', 'state'],
    registers,
    collect() {
      for (const { named: pool, totalCount, idleCount } of pools) {
        this.set({ pool, state: 'idle' }, idleCount)
        this.set({ pool, state: 'busy' }, totalCount - idleCount)
      }
    },
  })
  new Gauge({
    name: 'database_waiting',
    help: 'Who waits for a connection of a pool.',
    labelNames: ['pool'],
    registers,
    collect() {
      for (const { named: pool, waitingCount } of pools) this.set({ pool }, waitingCount)
    },
  })
  const lag = standbys(db.editor, FRESH)
  new Gauge({
    name: 'replication_lag_bytes',
    help: 'WAL that a replication slot has not taken yet.',
    labelNames: ['slot'],
    registers,
    async collect() {
      this.reset()
      for (const { slot, behind } of await lag()) this.set({ slot }, behind)
    },
  })
  return () => {
    db.spent.splice(db.spent.indexOf(hear), 1)
  }
}
