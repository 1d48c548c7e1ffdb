import { setTimeout as sleep } from 'node:timers/promises'
import type { ServiceProcess } from './service-process.ts'

/*
 * Writers who keep a ledger of what they were told, to be held against the table.
 */

/** What came of a write: its status and code, or `cut` where the connection was. */
export type Told = { headline: string; outcome: string; at: number; ms: number }

/** Articles in the order in which writers were answered, each with a headline of its own. */
export type Ledger = {
  told: Told[]
  /** Ends the writers; resolves when the last was answered. */
  stop(): Promise<void>
}

/** So many writers create articles one after the other; who is refused rests for a moment. */
export function startWriters(
  service: ServiceProcess,
  headers: Record<string, string>,
  writers: number,
  { rest = 20, padding = '' }: { rest?: number; padding?: string } = {},
): Ledger {
  const told: Told[] = []
  let stopped = false
  const writing = Array.from({ length: writers }, async (_, writer) => {
    for (let n = 0; !stopped; n++) {
      const headline = `writer ${writer}, article ${n}`
      const one = await write(service, headers, headline, padding)
      told.push(one)
      if (one.outcome !== '201') await sleep(rest)
    }
  })
  return {
    told,
    async stop() {
      stopped = true
      await Promise.all(writing)
    },
  }
}

/** Creates an article, and says what came of it. */
export async function write(
  service: ServiceProcess,
  headers: Record<string, string>,
  headline: string,
  padding = '',
): Promise<Told> {
  const began = performance.now()
  const body = { headline, body: { markdown: `It was written. ${padding}` } }
  const outcome = await service.call('POST', '/v1/articles', body, headers).then(
    ({ status, json }) => (status < 300 ? `${status}` : `${status} ${json?.code}`),
    () => 'cut',
  )
  const at = performance.now()
  return { headline, outcome, at, ms: at - began }
}

/** How often each outcome came, and what the table says against it. */
export function compare(told: readonly Told[], rows: readonly Record<string, unknown>[]) {
  const there = new Set(rows.map(({ headline }) => headline))
  const counts: Record<string, number> = {}
  for (const { outcome } of told) counts[outcome] = (counts[outcome] ?? 0) + 1
  return {
    counts,
    /** Acknowledged, and not there. */
    lost: told.filter(({ outcome, headline }) => outcome === '201' && !there.has(headline)),
    /** Refused for certain, and there all the same. */
    applied: told.filter(
      ({ outcome, headline }) =>
        !['201', 'cut', '503 outcome_unknown'].includes(outcome) && there.has(headline),
    ),
    /** Answers that are neither. */
    others: told.filter(
      ({ outcome }) => !/^(201|503 (unavailable|outcome_unknown))$/.test(outcome),
    ),
  }
}
