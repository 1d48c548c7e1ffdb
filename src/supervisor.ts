import cluster, { type Worker } from 'node:cluster'
import { availableParallelism } from 'node:os'
import { setTimeout as pass } from 'node:timers/promises'
import { AggregatorRegistry } from 'prom-client'
import { environment, readConfig } from './config.ts'
import { openLog } from './log.ts'
import { mustBeFree, whyNot } from './port.ts'
import type { ToSupervisor, ToWorker } from './worker.ts'

/*
 * WORKERS: the first worker starts as a service alone would (it migrates, it says where things are), and
 * when it listens, the others join it, on its port. One of them runs what runs in the background; when it
 * dies another does, and each that dies is replaced.
 */

/** One that lived for less is replaced after a wait, twice as long each time, in ms. */
const SOON = 10_000
const WAITS = [0, 200, 500, 1000, 2000, 5000]

const config = readConfig(environment())
const log = await openLog(config)
const listening = new Set<Worker>()
/** The one of all, once the first listens: PORT=0 is any. */
let port: number | undefined
let charged: Worker | undefined
let stopping = false
let failed = false
let early = 0

const tell = (worker: Worker, told: ToWorker) => worker.isConnected() && worker.send(told)

/** Starts one: the first as it is, the others beside it. */
function start(): void {
  const began = performance.now()
  const worker = cluster.fork(port === undefined ? {} : { MIGRATE: 'false', PORT: `${port}` })
  worker.once('exit', async (code, signal) => {
    const served = listening.delete(worker)
    if (stopping) {
      failed ||= code !== 0
      if (Object.keys(cluster.workers ?? {}).length === 0) process.exit(failed ? 1 : 0)
      return
    }
    // What keeps the first from starting would keep the others too; it has said what.
    if (worker.id === 1 && !served) process.exit(code || 1)
    log.error(
      { code, signal, worker: worker.process.pid },
      'a worker has ended; another takes its place',
    )
    if (charged === worker) {
      charged = undefined
      chargeOne()
    }
    early = performance.now() - began < SOON ? early + 1 : 0
    await pass(WAITS[Math.min(early, WAITS.length - 1)] ?? 0)
    if (!stopping) start()
  })
}

/** It has the port: whatever goes wrong from now on is mended by another one. */
function joined(worker: Worker, its: number): void {
  const first = port === undefined
  port = its
  listening.add(worker)
  if (stopping) return
  if (!charged) chargeOne()
  if (first) for (let i = 1; i < config.workers; i++) start()
}

/** Has one of those that serve run what runs in the background. */
function chargeOne(): void {
  const [one] = listening
  if (!one) return
  charged = one
  tell(one, { dateline: 'charge' })
}

const metrics = new AggregatorRegistry()
cluster.on('message', async (worker, said: ToSupervisor) => {
  if (said.dateline === 'listening') joined(worker, said.port)
  if (said.dateline !== 'metrics') return
  const text = await metrics.clusterMetrics().catch(() => undefined)
  tell(worker, { ...said, text })
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
    if (workers.length === 0) process.exit(0)
    for (const worker of workers) {
      if (stopping) worker.process.kill('SIGKILL')
      else tell(worker, { dateline: 'stop', signal })
    }
    stopping = true
  })
}

if (config.workers > availableParallelism()) {
  log.info(`WORKERS=${config.workers} is more than the ${availableParallelism()} cores there are`)
}
await mustBeFree(config).catch((error) => {
  process.stderr.write(`dateline: ${whyNot(error, config)}\n`)
  process.exit(1)
})
start()
