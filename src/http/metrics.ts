import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client'
import { z } from 'zod'
import { countersIn } from '../counter.ts'
import type { Database } from '../db/client.ts'
import type { Spent } from '../db/measure.ts'
import type { Answered } from '../db/replicas.ts'
import { standbys } from '../db/standbys.ts'
import type { App, Services } from './app.ts'
import type { Seen } from './seeing.ts'

/** In seconds. */
const BUCKETS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3]

/** How long what the database says of its standbys is told again, in ms: whoever asks often asks us. */
const FRESH = 5000

/** `/metrics` for Prometheus: never content. Of all workers, where this process is one of several. */
export function metrics(app: App, registry: Registry, { allMetrics }: Services): void {
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
    async (_request, reply) => {
      const text = await (allMetrics ? allMetrics(registry) : registry.metrics())
      return reply.type(registry.contentType).send(text)
    },
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
  const ofPrimary = [db.reader, db.partner, db.editor].map(({ $client }) => $client)
  const pools = [...ofPrimary, ...db.replicas.pools]
  new Gauge({
    name: 'database_connections',
    help: 'Connections of a pool, by what they do.',
    labelNames: ['pool', 'state'],
    registers,
    collect() {
      this.reset()
      for (const { named: pool, totalCount, idleCount } of pools) {
        this.inc({ pool, state: 'idle' }, idleCount)
        this.inc({ pool, state: 'busy' }, totalCount - idleCount)
      }
    },
  })
  new Gauge({
    name: 'database_waiting',
    help: 'Who waits for a connection of a pool.',
    labelNames: ['pool'],
    registers,
    collect() {
      this.reset()
      for (const { named: pool, waitingCount } of pools) this.inc({ pool }, waitingCount)
    },
  })
  const lag = standbys(db.editor, FRESH)
  new Gauge({
    name: 'replication_lag_bytes',
    help: 'WAL that a replication slot has not taken yet.',
    labelNames: ['slot'],
    // Each worker sees the same.
    aggregator: 'max',
    registers,
    async collect() {
      this.reset()
      for (const { slot, behind } of await lag()) this.set({ slot }, behind)
    },
  })
  const uncount = db.replicas.some ? countReplicas(registry, db.replicas) : () => {}
  return () => {
    db.spent.splice(db.spent.indexOf(hear), 1)
    uncount()
  }
}

/** Who answers readers, and how far the replicas are. The function it returns ends it. */
function countReplicas(registry: Registry, { answered, states }: Database['replicas']): () => void {
  const registers = [registry]
  const reads = new Counter({
    name: 'reader_reads_total',
    help: 'Reads of readers, by the server that answered and why it was the primary.',
    labelNames: ['server', 'because'],
    registers,
  })
  const hear = ({ server, because }: Answered) => reads.inc({ server, because })
  answered.push(hear)
  const gauge = (
    name: string,
    help: string,
    of: (state: ReturnType<typeof states>[number]) => number | undefined,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: ['server'],
      // Of several workers, the one that sees it worst.
      aggregator: name === 'replica_up' ? 'min' : 'max',
      registers,
      collect() {
        this.reset()
        for (const state of states()) {
          const value = of(state)
          if (value !== undefined) this.set({ server: state.name }, value)
        }
      },
    })
  gauge('replica_up', 'Whether a replica answers.', ({ up }) => Number(up))
  gauge(
    'replica_lag_bytes',
    'WAL that is written and that a replica has not replayed.',
    ({ behind }) => behind,
  )
  gauge(
    'replica_lag_seconds',
    'Age of what a replica replays; 0 when it has replayed all it has.',
    ({ seconds }) => seconds,
  )
  return () => {
    answered.splice(answered.indexOf(hear), 1)
  }
}
