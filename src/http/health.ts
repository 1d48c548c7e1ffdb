import { performance } from 'node:perf_hooks'
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Database } from '../db/client.ts'
import { loggable } from '../db/failure.ts'
import { NoneFree } from '../db/measure.ts'
import { roleFaults } from '../db/roles.ts'
import { isUnavailable } from '../db/sqlstate.ts'
import { Fault } from '../errors.ts'
import type { App, Services } from './app.ts'
import type { Leaving } from './leaving.ts'

const Health = z
  .object({ status: z.literal('ok') })
  .meta({ id: 'Health', description: 'All is well.' })

/** How long an answer of the database is told again, in ms, however many ask. */
const FRESH = 1000
/** A pool that answered within so many ms and has no connection free is busy, and not away. */
const BUSY = 5000

/** `/livez`: the process answers. `/readyz`: so does the database, and the roles are what they must be. */
export function health(app: App, { db }: Services, leaving: Leaving): void {
  const tags = ['Service']
  app.get(
    '/livez',
    {
      schema: {
        operationId: 'live',
        tags,
        summary: 'Is the process alive?',
        description: 'Answers without touching the database.',
        response: { 200: Health },
      },
      config: { open: true },
    },
    async () => ({ status: 'ok' as const }),
  )
  const missing = keptFor(FRESH, () => lookFor(db, app.log))
  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'ready',
        tags,
        summary: 'Can it serve?',
        description:
          'Asks the database, and whether readers can see no more than they should, once a second at most. `missing` names what it lacks: `database (reader)`, `database (partner)`, `database (editor)`, `database roles`; or `stopping`: it ends soon.',
        response: { 200: Health },
      },
      config: { open: true },
    },
    async () => {
      const lacks = leaving.begun ? ['stopping'] : await missing()
      if (lacks.length === 0) return { status: 'ok' as const }
      const members = { missing: lacks }
      throw new Fault('unavailable', `Not ready: ${lacks.join(', ')}.`, { members })
    },
  )
}

/** What a look at the database finds missing; in the log, when it is another thing than before. */
async function lookFor(db: Database, log: App['log']): Promise<string[]> {
  try {
    const faults = await roleFaults(db)
    if (faults.length === 0) return []
    log.fatal({ faults }, 'not ready: the database roles are wrong')
    return ['database roles']
  } catch (error) {
    const pools = [db.reader, db.partner, db.editor]
    const away = await Promise.all(pools.map(async (pool) => ((await isAway(pool)) ? pool : [])))
    const lacks = away.flat().map(({ $client }) => `database (${$client.named})`)
    if (lacks.length === 0 && !isUnavailable(error)) lacks.push('database roles')
    if (lacks.length > 0) log.error({ err: loggable(error) }, `not ready: ${lacks.join(', ')}`)
    return lacks
  }
}

async function isAway(pool: Database['reader']): Promise<boolean> {
  try {
    await pool.execute(sql`select 1`)
    return false
  } catch (error) {
    return !(isBusy(error) && pool.$client.hasAnswered(BUSY))
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof NoneFree || (error instanceof Error && error.cause instanceof NoneFree)
}

/** Asks again when the last answer is older than so many ms; whoever asks meanwhile gets the same. */
function keptFor<T>(ms: number, ask: () => Promise<T>): () => Promise<T> {
  let last: Promise<T> | undefined
  let until = Number.NEGATIVE_INFINITY
  return () => {
    if (last && performance.now() < until) return last
    until = Number.POSITIVE_INFINITY
    last = ask().finally(() => {
      until = performance.now() + ms
    })
    return last
  }
}
