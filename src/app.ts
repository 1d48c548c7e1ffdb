import helmet from '@fastify/helmet'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { v7 as uuidv7 } from 'uuid'
import { articleReads, articleWrites } from './articles/routes.ts'
import { articleVerbs } from './articles/verbs.ts'
import { categoryReads, categoryWrites } from './categories/routes.ts'
import { auditRoutes } from './changes/routes.ts'
import type { App, Services } from './http/app.ts'
import { authenticate } from './http/auth.ts'
import { docs } from './http/docs.ts'
import { health, metrics } from './http/health.ts'
import { acceptJson } from './http/json.ts'
import { limitRates } from './http/limits.ts'
import { describeApi } from './http/openapi.ts'
import { answerProblems, faultOf, refuseOtherMethods, sendFault } from './http/problem.ts'
import { validateRequests } from './http/validation.ts'
import { keyRoutes } from './keys/routes.ts'
import { withoutKeys } from './keys/secret.ts'
import { keyRing } from './keys/uses.ts'
import { quoteReads, quoteWrites } from './quotes/routes.ts'
import { revisionReads } from './revisions/routes.ts'
import { sourceReads, sourceWrites } from './sources/routes.ts'

/** Larger than any article: 100,000 characters of body in any script, and its quotes. */
const BODY_LIMIT = 2 * 1024 * 1024

/**
 * The whole service, ready to listen or to be injected into: the plugins in their order, then the
 * routes by who may call them. The caller owns `db` and closes it after the app.
 */
export async function buildApp(
  services: Services,
  logger?: FastifyBaseLogger,
): Promise<FastifyInstance> {
  const { config, db } = services
  const app: App = Fastify({
    ...(logger ? { loggerInstance: logger } : {}),
    bodyLimit: BODY_LIMIT,
    // One line a request, below; Fastify's own two would say the same.
    logController: new LogController({ disableRequestLogging: true }),
    // Ours, so that nobody else's header ends in our log and our answers.
    genReqId: () => uuidv7(),
    routerOptions: { maxParamLength: 500 },
    // A URL that cannot be decoded never reaches a route, nor the error handler.
    frameworkErrors: (error, request, reply) => {
      sendFault(request as never, reply as never, faultOf(error), config.publicUrl)
    },
  })

  await app.register(helmet, {
    // /docs has a policy of its own; nothing else is a page.
    contentSecurityPolicy: false,
    // Whether a host and its subdomains are https only is for whoever ends TLS there to say.
    strictTransportSecurity: false,
  })
  answerProblems(app, config.publicUrl)
  acceptJson(app)
  validateRequests(app)
  const keys = keyRing(db, (error) => app.log.error({ err: error }, 'key uses were not recorded'))
  app.addHook('onClose', () => keys.close())
  authenticate(app, keys.find, limitRates(config.rateLimit), config.publicRead)
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id)
    if (request.url.startsWith('/v1')) reply.header('vary', 'Authorization')
  })
  app.addHook('onResponse', async (request, reply) => {
    const { method, url } = request
    const ms = Math.round(reply.elapsedTime)
    request.log.info(
      { key: request.actor?.name },
      `${method} ${withoutKeys(url)} ${reply.statusCode} ${ms} ms`,
    )
  })
  const refuse = refuseOtherMethods(app)
  await describeApi(app, config)

  // open to all
  health(app, services)
  metrics(app)
  await docs(app, config.publicUrl)

  await app.register(
    async (v1: App) => {
      // reads: the key decides the audience
      articleReads(v1, services)
      revisionReads(v1, services)
      quoteReads(v1, services)
      sourceReads(v1, services)
      categoryReads(v1, services)

      // writes: each names its scope
      articleWrites(v1, services)
      articleVerbs(v1, services)
      quoteWrites(v1, services)
      sourceWrites(v1, services)
      categoryWrites(v1, services)
      keyRoutes(v1, services)
      auditRoutes(v1, services)
    },
    { prefix: '/v1' },
  )
  refuse()
  await app.ready()
  return app
}
