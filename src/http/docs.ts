import swaggerUi from '@fastify/swagger-ui'
import { z } from 'zod'
import { ERRORS, type ErrorCode, Fault } from '../errors.ts'
import type { App } from './app.ts'
import { statusOf } from './problem.ts'

/**
 * Swagger UI's own default lets styles and fonts come from any https origin, and asks browsers to
 * load everything by https, which a service on a plain http port cannot answer.
 */
const POLICY = [
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;",
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
].join(' ')

/**
 * `/openapi.json`, `/docs` (Swagger UI; all assets from its npm package, under a content security
 * policy that allows no other origin) and `/problems/{code}`, where a problem's `type` leads.
 */
export async function docs(app: App, publicUrl: string): Promise<void> {
  app.get(
    '/openapi.json',
    { schema: { hide: true }, config: { open: true } },
    async (_request, reply) =>
      reply.type('application/json; charset=utf-8').send(JSON.stringify(app.swagger())),
  )
  app.get(
    '/problems/:code',
    {
      schema: { hide: true, params: z.object({ code: z.string() }) },
      config: { open: true },
    },
    async (request, reply) => {
      const code = request.params.code as ErrorCode
      if (!Object.hasOwn(ERRORS, code)) throw new Fault('not_found', 'There is no such problem.')
      return reply
        .type('text/plain; charset=utf-8')
        .send(`${code} (${statusOf(code)})\n\n${ERRORS[code].title}.\n`)
    },
  )
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith('/docs')) route.config = { ...route.config, open: true }
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: POLICY,
    // The page sends requests to where it came from: under another name of this host, its own
    // policy would forbid it to reach PUBLIC_URL.
    transformSpecification: (document) => ({
      ...document,
      servers: [{ url: new URL(publicUrl).pathname }],
    }),
    uiConfig: {
      // Without the bar at the top, whose logo has a style of its own in it, which POLICY forbids.
      layout: 'BaseLayout',
      // Otherwise the page asks validator.swagger.io for a badge, and tells it our address.
      validatorUrl: null,
      deepLinking: true,
      tryItOutEnabled: true,
      displayRequestDuration: true,
    },
  })
}
