import type { FastifyInstance, RouteOptions } from 'fastify'
import { z } from 'zod'
import type { Config } from '../config.ts'
import { ERRORS, type ErrorCode, Fault } from '../errors.ts'
import type { App } from './app.ts'
import { statusOf } from './problem.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The application that describes this one; made when it is first asked for. */
    reference(): Promise<FastifyInstance>
  }
}

/** Notes the routes that come after it, for `app.reference()`. */
export function describeRoutes(app: FastifyInstance, config: Config): void {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', ({ method, url, schema, config }) => {
    if (schema?.hide || method === 'HEAD') return
    routes.push({ method, url, ...(schema && { schema }), ...(config && { config }), handler })
  })
  let made: Promise<FastifyInstance> | undefined
  const make = async () => (await import('./openapi.ts')).referenceOf(routes, config)
  app.decorate('reference', () => {
    made ??= make()
    return made
  })
  app.addHook('onClose', async () => (await made)?.close())
}

/** It is described and not called. */
const handler = async () => {}

/** Headers of an answer that are not its own but of how it was sent. */
const OF_TRANSFER = ['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding']

/**
 * `/openapi.json`, `/docs` (Swagger UI; all assets from its npm package, under a content security
 * policy that allows no other origin) and `/problems/{code}`, where a problem's `type` leads.
 */
export function docs(app: App): void {
  const unlisted = { schema: { hide: true }, config: { open: true } } as const
  app.get('/openapi.json', unlisted, async (_request, reply) => {
    const document = (await app.reference()).swagger()
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(document))
  })
  app.get(
    '/problems/:code',
    { ...unlisted, schema: { hide: true, params: z.object({ code: z.string() }) } },
    async (request, reply) => {
      const code = request.params.code as ErrorCode
      if (!Object.hasOwn(ERRORS, code)) throw new Fault('not_found', 'There is no such problem.')
      return reply
        .type('text/plain; charset=utf-8')
        .send(`${code} (${statusOf(code)})\n\n${ERRORS[code].title}.\n`)
    },
  )
  for (const path of ['/docs', '/docs/*']) {
    app.get(path, unlisted, async ({ url, headers }, reply) => {
      const reference = await app.reference()
      const answer = await reference.inject({ method: 'GET', url, headers })
      if (answer.statusCode === 404) throw new Fault('not_found', 'There is nothing at this path.')
      for (const [name, value] of Object.entries(answer.headers)) {
        if (!OF_TRANSFER.includes(name)) reply.header(name, value)
      }
      return reply.code(answer.statusCode).send(answer.rawPayload)
    })
  }
}
