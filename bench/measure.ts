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

/** What a round saw of a process: ms to the first 200, and bytes of memory at the end. */
export type Life = { round: number; target: TargetName; startMs: number; memory: number }

export type Options = {
  url: string
  rounds: number
  seconds: number
  /** 0: every answer comes from the database. */
  cacheMb: number
  note: (text: string) => void
  done: (measurement: Measurement) => void
}

/** Rounds of all workloads at all targets, alternating, so that a slow minute hits all of them. */
export async function measure(client: pg.Client, workloads: Workload[], options: Options) {
  const measured: Measurement[] = []
  const lives: Life[] = []
  const load = startLoad()
  let number = 0
  try {
    for (let round = 1; round <= options.rounds; round++) {
      const targets = await startTargets(options.url, options.cacheMb)
      try {
        const ready = await prepare(client, workloads, targets, round, options)
        for (const workload of ready) {
          if (writes(workload.id)) {
            await checkWrites(client, workload, portsOf(targets), number + 1)
            number += 2
          }
          if (options.cacheMb > 0 && !writes(workload.id)) {
            const shots = workload.questions.map((question) => question.service)
            const { port } = targets.service
            await load.fire({
              port,
              shots,
              connections: 8,
              seconds: 0,
              once: true,
              seed: 0,
              from: 0,
            })
          }
          let bytes = 0
          for (const target of TARGETS) {
            const shots = shotsOf(workload, target, bytes)
            if (!shots) continue
            const { child, port } = targets[target]
            const before = await cpuSeconds(child)
            const { connections } = workload
            const { seconds } = options
            const volley = await load.fire({
              port,
              shots,
              connections,
              seconds,
              seed: round,
              from: number,
            })
            // The processor's time is that of the first fifth too.
            const server = ((await cpuSeconds(child)) - before) / (seconds * 1.2)
            if (volley.failed > 0)
              throw new Error(`${workload.id}: ${volley.failed} answers failed`)
            number = volley.numbered
            if (target === 'service') bytes = Math.round(volley.bytes)
            const measurement = { ...volley, round, workload: workload.id, target, server }
            measured.push(measurement)
            options.done(measurement)
          }
        }
        for (const target of TARGETS) {
          const { child, startMs } = targets[target]
          lives.push({ round, target, startMs, memory: await memoryOf(child) })
        }
      } finally {
        await stopTargets(targets)
      }
    }
  } finally {
    await load.stop()
  }
  return { measured, lives }
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

/** The workloads that this service has, all questions ready; in the first round their answers are checked. */
async function prepare(
  client: pg.Client,
  workloads: Workload[],
  targets: Targets,
  round: number,
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
      if (round === 1) note('W4r: this service does not sort by relevance (400); skipped')
      continue
    }
    if (round === 1 && !writes(workload.id)) await checkReads(client, workload, portsOf(targets))
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
