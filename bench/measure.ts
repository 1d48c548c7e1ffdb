import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { ask, checkReads, checkWrites } from './checks.ts'
import { cpuSeconds, memoryOf, startLoad } from './processes.ts'
import type { Shot, Volley } from './shots.ts'
import { startTargets, stopTargets, TARGETS, type TargetName, type Targets } from './targets.ts'
import { type Workload, type WorkloadId, writes } from './workloads.ts'

/** One volley at one target; `server` is the share of its core that the server used. */
export type Measurement = Volley & {
  round: number
  workload: WorkloadId
  target: TargetName
  server: number
}

/** A process: ms to its first 200, and of the one that was measured its bytes of memory at the end. */
export type Life = { target: TargetName; startMs: number; memory?: number }

export type Options = {
  url: string
  rounds: number
  seconds: number
  /** 0: every answer comes from the database. */
  cacheMb: number
  note: (text: string) => void
  done: (measurement: Measurement) => void
}

/**
 * How long each target is asked each workload before anything counts, in s. A process compiles what it is
 * asked often for its first ten seconds: in the first three a list took the service 0.29 ms of processor
 * time, after that 0.18.
 */
export const WARM_UP = 5

/** Rounds of all workloads at all targets, alternating, so that a slow minute hits all of them. */
export async function measure(client: pg.Client, workloads: Workload[], options: Options) {
  const { url, rounds, seconds, cacheMb } = options
  const measured: Measurement[] = []
  const starts: Life[] = []
  for (let round = 1; round < rounds; round++) {
    const targets = await startTargets(url, cacheMb)
    starts.push(...lives(targets))
    await stopTargets(targets)
  }
  const targets = await startTargets(url, cacheMb)
  const load = startLoad()
  let number = 0
  /** One volley, unless the target has nothing of the kind; an answer of the service is as long as `bytes`. */
  async function volley(workload: Workload, target: TargetName, bytes: number, seed: number) {
    const shots = shotsOf(workload, target, bytes)
    if (!shots) return undefined
    await idle(client)
    const { child, port } = targets[target]
    const before = await cpuSeconds(child)
    const { connections } = workload
    const lasts = seed === 0 ? WARM_UP : seconds
    const fired = await load.fire({ port, shots, connections, seconds: lasts, seed, from: number })
    number = fired.numbered
    // The processor's time is that of the first fifth too.
    return { ...fired, server: ((await cpuSeconds(child)) - before) / (lasts * 1.2) }
  }
  try {
    const ready = await prepare(client, workloads, targets, options)
    for (let round = 0; round <= rounds; round++)
      for (const workload of ready) {
        if (writes(workload.id)) {
          await checkWrites(client, workload, portsOf(targets), number + 1)
          number += 2
        } else if (cacheMb > 0) {
          const { port } = targets.service
          const shots = workload.questions.map((question) => question.service)
          const all = { seconds: 0, once: true, seed: 0, from: 0 }
          await load.fire({ port, shots, connections: 8, ...all })
        }
        let bytes = 0
        for (const target of TARGETS) {
          const fired = await volley(workload, target, bytes, round)
          if (target === 'service') bytes = Math.round(fired?.bytes ?? 0)
          // In what does not count a disk has yet to bring what is asked.
          if (!fired || round === 0) continue
          if (fired.failed > 0) {
            const { failed, requests } = fired
            options.note(`${workload.id} ${target}: ${failed} of ${requests} answers failed`)
            continue
          }
          const measurement = { ...fired, round, workload: workload.id, target }
          measured.push(measurement)
          options.done(measurement)
        }
      }
    const ended = lives(targets)
    for (const life of ended) life.memory = await memoryOf(targets[life.target].child)
    return { measured, lives: [...starts, ...ended] }
  } finally {
    await load.stop()
    await stopTargets(targets)
  }
}

const lives = (targets: Targets): Life[] =>
  TARGETS.map((target) => ({ target, startMs: targets[target].startMs }))

/** Waits until nothing runs that the volley before has left: a statement goes on when its caller is gone. */
async function idle(client: pg.Client): Promise<void> {
  for (;;) {
    const { rowCount } = await client.query(`select from pg_stat_activity
      where backend_type = 'client backend' and state = 'active' and pid <> pg_backend_pid()`)
    if (rowCount === 0) return
    await sleep(100)
  }
}

const portsOf = ({ service, bare }: Targets) => ({ service: service.port, bare: bare.port })

function shotsOf({ questions }: Workload, target: TargetName, bytes: number): Shot[] | undefined {
  if (target === 'service') return questions.map((question) => question.service)
  if (target === 'bare') {
    const shots = questions.flatMap((question) => question.bare ?? [])
    return shots.length > 0 ? shots : undefined
  }
  const { method, body } = questions[0]?.service ?? { method: 'GET' }
  return [{ method, path: `/${bytes}`, ...(body !== undefined && { body }) }]
}

/** The workloads that this service has, all questions ready, their answers checked. */
async function prepare(
  client: pg.Client,
  workloads: Workload[],
  targets: Targets,
  { note }: Options,
): Promise<Workload[]> {
  const ready: Workload[] = []
  for (const workload of workloads) {
    if (workload.id === 'W5')
      workload.questions = await followCursors(workload, targets.service.port)
    const [question] = workload.questions
    if (!question) {
      note(`${workload.id}: the data set is too small`)
      continue
    }
    if (workload.id === 'W4r' && !(await has(targets.service.port, question.service))) {
      note('W4r: this service does not sort by relevance (400); skipped')
      continue
    }
    if (!writes(workload.id)) await checkReads(client, workload, portsOf(targets))
    ready.push(workload)
  }
  return ready
}

async function has(port: number, { path }: Shot): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`)
  await answer.arrayBuffer()
  return answer.status !== 400
}

/** W5's cursor, as a client comes by it: page after page of 100, then the page before the 400th. */
async function followCursors({ questions }: Workload, port: number) {
  const [question] = questions
  if (!question) return []
  let cursor = ''
  for (let left = 399 * 20; left > 0; ) {
    const limit = Math.min(100, left)
    const path = `/v1/articles?limit=${limit}${cursor && `&cursor=${cursor}`}`
    const answer = await ask(port, { method: 'GET', path })
    cursor = (answer as { page: { next: string | null } }).page.next ?? ''
    left -= limit
  }
  return [
    {
      ...question,
      service: { method: 'GET' as const, path: `/v1/articles?limit=20&cursor=${cursor}` },
    },
  ]
}
