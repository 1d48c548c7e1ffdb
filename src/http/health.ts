import { z } from 'zod'
import { loggable } from '../db/failure.ts'
import { roleFaults } from '../db/roles.ts'
import { Fault } from '../errors.ts'
import type { App, Services } from './app.ts'

const Health = z
  .object({ status: z.literal('ok') })
  .meta({ id: 'Health', description: 'All is well.' })

/** `/livez`: the process answers. `/readyz`: so does the database, and the roles are what they must be. */
export function health(app: App, { db }: Services): void {
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
  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'ready',
        tags,
        summary: 'Can it serve?',
        description: 'Asks the database, and whether readers can see no more than they should.',
        response: { 200: Health },
      },
      config: { open: true },
    },
    async (request) => {
      const faults = await roleFaults(db).catch((error) => {
        request.log.error({ err: loggable(error) }, 'not ready: the database does not answer')
        throw new Fault('unavailable', 'The database does not answer.')
      })
      if (faults.length > 0) {
        request.log.fatal({ faults }, 'not ready: the database roles are wrong')
        throw new Fault('unavailable', 'The database roles are not as they must be; see the log.')
      }
      return { status: 'ok' as const }
    },
  )
}
