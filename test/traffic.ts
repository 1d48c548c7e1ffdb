import { setTimeout as sleep } from 'node:timers/promises'
import type { Call } from './newsroom.ts'

/*
 * An ordinary newsroom at work, writing and reading until it is told to stop, to see whom something
 * disturbs.
 */

/** What came of it. */
export type Felt = {
  writes: number
  reads: number
  /** Answers that an ordinary newsroom never gets: neither 2xx nor 3xx. Which, and to what. */
  failed: string[]
  /** The slowest, in ms. */
  slowestWrite: number
  slowestRead: number
}

const READS = [
  '/v1/articles?limit=20&include=categories',
  '/v1/articles?q=boat&limit=5',
  '/v1/quotes?limit=10',
]

/**
 * Two writers, who make articles, publish and change them, and two readers; each has one request under
 * way, and rests for 5 ms. The function ends them, and says what they felt.
 */
export function startTraffic(editor: Call, reader: Call): () => Promise<Felt> {
  const felt: Felt = { writes: 0, reads: 0, failed: [], slowestWrite: 0, slowestRead: 0 }
  let stopped = false
  const timed = async (call: Call, ...[method, path, ...rest]: Parameters<Call>) => {
    const began = performance.now()
    const { status, text, json } = await call(method, path, ...rest).catch((error: Error) => ({
      ...{ status: 0, text: String(error.cause ?? error), json: undefined },
    }))
    if (status < 200 || status >= 400) felt.failed.push(`${method} ${path}: ${status} ${text}`)
    await sleep(5)
    return { json, ms: performance.now() - began - 5 }
  }
  const write = async (...request: Parameters<Call>) => {
    const { json, ms } = await timed(editor, ...request)
    felt.writes++
    felt.slowestWrite = Math.max(felt.slowestWrite, ms)
    return json
  }
  const writer = async (name: number) => {
    for (let n = 0; !stopped; n++) {
      const body = { markdown: 'The boat left at eight.' }
      const made = await write('POST', '/v1/articles', { headline: `Boat ${name} ${n}`, body })
      if (!made) continue
      const path = `/v1/articles/${made.id}`
      await write('POST', `${path}/publish`, {})
      await write('PATCH', path, { headline: `Late boat ${name} ${n}` }, { 'if-match': '*' })
    }
  }
  const reading = async () => {
    for (let n = 0; !stopped; n++) {
      const { ms } = await timed(reader, 'GET', READS[n % READS.length] ?? '')
      felt.reads++
      felt.slowestRead = Math.max(felt.slowestRead, ms)
    }
  }
  const all = [writer(1), writer(2), reading(), reading()]
  return async () => {
    stopped = true
    await Promise.all(all)
    return felt
  }
}
