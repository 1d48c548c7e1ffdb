import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Database } from '../db/client.ts'
import { loggable } from '../db/failure.ts'
import { unfollowed } from '../db/measure.ts'
import { roleFaults } from '../db/roles.ts'
import { isUnavailable } from '../db/sqlstate.ts'
import { Fault } from '../errors.ts'
import type { App, Services } from './app.ts'
import type { Leaving } from './leaving.ts'

const Health = z
  .object({ status: z.literal('ok') })
  .meta({ id: 'Health', description: 'All is well.' })

/** How long what the database said is told again, in ms, however many ask. */
const FRESH = 1000
/** How long a look is waited for, and how long what the last one found holds while another takes longer, in ms. */
const WAIT = 1000
const HOLDS = 5000

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
  const missing = looking(() => lookFor(db, app.log))
  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'ready',
        tags,
        summary: 'Can it serve?',
        description:
          'Asks the database, and whether readers can see no more than they should, once a second at most. `missing` names what it lacks: `database (reader)`, `database (partner)`, `database (editor)`, `database roles`; `database` when it does not answer in time; or `stopping`: it ends soon.',
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
    const asked = await Promise.allSettled(pools.map((pool) => pool.execute(sql`select 1`)))
    const lacks = asked.flatMap(({ status }, i) =>
      status === 'rejected' ? `database (${pools[i]?.$client.named})` : [],
    )
    if (lacks.length === 0 && !isUnavailable(error)) lacks.push('database roles')
    if (lacks.length > 0) log.error({ err: loggable(error) }, `not ready: ${lacks.join(', ')}`)
    return lacks
  }
}

/**
 * Looks again when the last look is older than a second; all who ask meanwhile wait for the same. One that
 * takes long, since everybody is at the database, does not unmake at once what the last one found: a busy
 * process that is taken away leaves the others busier.
 */
function looking(look: () => Promise<string[]>): () => Promise<string[]> {
  let found: string[] = []
  let at = Number.NEGATIVE_INFINITY
  let underWay: Promise<string[]> | undefined
  const again = async () => {
    found = await unfollowed(look)
    at = performance.now()
    underWay = undefined
    return found
  }
  return async () => {
    if (!underWay && performance.now() - at < FRESH) return found
    underWay ??= again()
    const inTime = await Promise.race([underWay, sleep(WAIT, undefined, { ref: false })])
    return inTime ?? (performance.now() - at < HOLDS ? found : ['database'])
  }
}
