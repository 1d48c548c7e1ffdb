import { collectDefaultMetrics, Histogram, type Registry } from 'prom-client'
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

/** Counts a request that was answered. */
export type Observe = (method: string, route: string, status: number, ms: number) => void

/** `/metrics` for Prometheus: the process, and requests by route and status; never content. What it returns counts those that no hook sees. */
export function metrics(app: App, registry: Registry): Observe {
  collectDefaultMetrics({ register: registry })
  const seconds = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
    registers: [registry],
  })
  // Few different ones; finding a series by its labels takes twice as long as observing it.
  const series = new Map<string, { observe(seconds: number): void }>()
  const observe: Observe = (method, route, status, ms) => {
    const name = `${method} ${status} ${route}`
    const known = series.get(name) ?? seconds.labels({ method, route, status })
    series.set(name, known)
    known.observe(ms / 1000)
  }
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    observe(request.method, route, reply.statusCode, reply.elapsedTime)
    done()
  })
  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'metrics',
        tags: ['Service'],
        summary: 'Metrics',
        description: 'In the Prometheus text format.',
        produces: ['text/plain'],
        response: { 200: z.string().meta({ description: 'The metrics.' }) },
      },
      config: { open: true },
    },
    async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()),
  )
  return observe
}
