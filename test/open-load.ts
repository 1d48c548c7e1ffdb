import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

/*
 * A load that does not wait for answers: requests come at their times, whatever became of those before, as
 * callers do who know nothing of each other. A process of its own, so that it has a core of its own: it takes
 * one Load over IPC and answers with what became of it.
 */

/** A kind of request: `{n}` in its body becomes another number each time. */
export type Kind = {
  name: string
  method: string
  path: string
  headers?: Record<string, string>
  body?: string
  /** How many of these come in a second. */
  perSecond: number
}

export type Load = {
  port: number
  kinds: Kind[]
  seconds: number
  connections: number
  number: number
}

/** What became of one kind. `good`: answered 2xx within a second of its time; waits are of those, in ms. */
export type Outcome = {
  asked: number
  good: number
  late: number
  /** Answers by status. */
  statuses: Record<string, number>
  /** 503 without `Retry-After`. */
  bare: number
  /** Never sent, since all connections were busy, as a proxy refuses by itself; or never answered. */
  lost: number
  /** Connections that the service closed. */
  cut: number
  p50: number
  p99: number
  max: number
}

/** So late an answer is of no use, in ms. */
const PATIENCE = 1000

type Pending = { kind: number; due: number }

class Line {
  readonly socket: Socket
  busy: Pending | undefined
  #head = ''
  #left = -1
  constructor(
    port: number,
    answered: (line: Line, status: number, retry: boolean) => void,
    cut: (line: Line) => void,
  ) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let status = 0
    let retry = false
    this.socket.on('data', (chunk) => {
      if (this.#left < 0) {
        this.#head += chunk.toString('latin1')
        const end = this.#head.indexOf('\r\n\r\n')
        if (end === -1) return
        const head = this.#head.slice(0, end)
        status = Number(head.slice(9, 12))
        retry = /\r\nretry-after:/i.test(head)
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
        this.#left = length - (this.#head.length - end - 4)
        this.#head = ''
      } else this.#left -= chunk.length
      if (this.#left > 0) return
      this.#left = -1
      answered(this, status, retry)
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => cut(this))
  }
}

function bytesOf({ method, path, headers = {}, body }: Kind, n: number): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: paper.example']
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  const text = body?.replaceAll('{n}', String(n))
  if (text !== undefined)
    lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(text)}`)
  return `${lines.join('\r\n')}\r\n\r\n${text ?? ''}`
}

async function fire({ port, kinds, seconds, connections, number }: Load): Promise<Outcome[]> {
  const outcomes = kinds.map(() => ({
    asked: 0,
    good: 0,
    late: 0,
    statuses: {} as Record<string, number>,
    bare: 0,
    lost: 0,
    cut: 0,
    waits: [] as number[],
  }))
  const fixed = kinds.map((kind) => (kind.body?.includes('{n}') ? undefined : bytesOf(kind, 0)))
  const free: Line[] = []
  const open = new Set<Line>()
  let next = number
  const send = (line: Line, pending: Pending) => {
    line.busy = pending
    line.socket.write(fixed[pending.kind] ?? bytesOf(kinds[pending.kind] as Kind, next++))
  }
  const answered = (line: Line, status: number, retry: boolean) => {
    const { busy } = line
    line.busy = undefined
    if (busy) {
      const wait = performance.now() - busy.due
      const outcome = outcomes[busy.kind]
      if (outcome) {
        outcome.statuses[status] = (outcome.statuses[status] ?? 0) + 1
        if (status === 503 && !retry) outcome.bare++
        if (status < 300) {
          if (wait < PATIENCE) outcome.good++
          else outcome.late++
          outcome.waits.push(wait)
        }
      }
    }
    free.push(line)
  }
  const cut = (line: Line) => {
    open.delete(line)
    const idle = free.indexOf(line)
    if (idle !== -1) free.splice(idle, 1)
    const outcome = line.busy && outcomes[line.busy.kind]
    if (outcome) outcome.cut++
  }
  const begun = performance.now()
  const owed = kinds.map(() => 0)
  await new Promise<void>((resolve) => {
    let before = begun
    const timer = setInterval(() => {
      const now = performance.now()
      if (now - begun > seconds * 1000) {
        clearInterval(timer)
        setTimeout(resolve, PATIENCE)
        return
      }
      kinds.forEach(({ perSecond }, kind) => {
        owed[kind] = (owed[kind] ?? 0) + (perSecond * (now - before)) / 1000
        const many = Math.floor(owed[kind] ?? 0)
        owed[kind] = (owed[kind] ?? 0) - many
        const outcome = outcomes[kind]
        if (outcome) outcome.asked += many
        for (let i = 0; i < many; i++) {
          const pending = { kind, due: now }
          const line = free.pop()
          if (line) send(line, pending)
          else if (open.size < connections) {
            const made = new Line(port, answered, cut)
            open.add(made)
            send(made, pending)
          } else if (outcome) outcome.lost++
        }
      })
      before = now
    }, 1)
  })
  for (const { busy } of open) {
    const outcome = busy && outcomes[busy.kind]
    if (outcome) outcome.lost++
  }
  for (const line of open) line.socket.destroy()
  return outcomes.map(({ waits, ...rest }) => {
    waits.sort((a, b) => a - b)
    const percent = (p: number) =>
      waits[Math.min(waits.length - 1, Math.floor(waits.length * p))] ?? Number.NaN
    return { ...rest, p50: percent(0.5), p99: percent(0.99), max: waits.at(-1) ?? Number.NaN }
  })
}

process.on('message', async (load: Load) => process.send?.(await fire(load)))
process.on('disconnect', () => process.exit(0))
