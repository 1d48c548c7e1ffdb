import { createHistogram } from 'node:perf_hooks'
import { Connection } from './load-connection.ts'
import { seeded } from './random.ts'
import { type Load, NUMBER, type Shot, type Volley } from './shots.ts'

/*
 * The load generator: a process of its own, so that it has a core of its own. It takes one Load
 * after the other over IPC and answers each with a Volley, or with the message of an error.
 */

const numberOf = (n: number) => String(n).padStart(NUMBER.length, '0')

/** A request as bytes; as text where each has another number in it. */
function wire({ method, path, body, headers = {} }: Shot, port: number): string | Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`]
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (body !== undefined) {
    lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`)
  }
  const text = `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`
  return text.includes(NUMBER) ? text : Buffer.from(text)
}

function fire(load: Load): Promise<Volley> {
  const { port, connections, seconds, once } = load
  const requests = load.shots.map((shot) => wire(shot, port))
  const random = seeded(load.seed)
  const histogram = createHistogram()
  const seen = { requests: 0, bytes: 0, failed: 0 }
  let { from } = load
  let sent = 0
  const next = (): string | Buffer => {
    const at = once ? sent : Math.floor(random() * requests.length)
    sent += 1
    const request = requests[at] as string | Buffer
    if (typeof request !== 'string') return request
    from += 1
    return request.replaceAll(NUMBER, numberOf(from))
  }
  const begin = performance.now()
  const counted = begin + (once ? 0 : seconds * 200)
  const end = once ? Number.POSITIVE_INFINITY : counted + seconds * 1000
  let cpu: NodeJS.CpuUsage | undefined

  return new Promise((resolve, reject) => {
    const open: Connection[] = []
    let running = connections
    const finish = () => {
      running -= 1
      if (running > 0) return
      for (const connection of open) connection.close()
      const ms = Math.min(performance.now(), end) - counted
      const used = process.cpuUsage(cpu)
      resolve({
        requests: seen.requests,
        perSecond: (seen.requests / ms) * 1000,
        p50: histogram.percentile(50) / 1000,
        p99: histogram.percentile(99) / 1000,
        bytes: seen.bytes / Math.max(1, seen.requests),
        failed: seen.failed,
        busy: (used.user + used.system) / 1000 / ms,
        numbered: from,
      })
    }
    const start = () => {
      let at = performance.now()
      const connection = new Connection(
        port,
        ({ status, bytes }) => {
          const now = performance.now()
          if (status !== 200 && status !== 201) seen.failed += 1
          if (now >= counted) {
            cpu ??= process.cpuUsage()
            // An answer after the end was under way at the end: not counted.
            if (now < end) {
              seen.requests += 1
              seen.bytes += bytes
              histogram.record(Math.max(1, Math.round((now - at) * 1000)))
            }
          }
          if (now >= end || (once && sent >= requests.length)) return finish()
          at = now
          connection.send(next())
        },
        reject,
      )
      open.push(connection)
      connection.send(next())
    }
    if (once) running = Math.min(connections, requests.length)
    for (let i = running; i > 0; i--) start()
  })
}

process.on('message', async (load: Load) => {
  try {
    process.send?.({ volley: await fire(load) })
  } catch (error) {
    process.send?.({ error: (error as Error).message })
  }
})
process.on('disconnect', () => process.exit(0))
