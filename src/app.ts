import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { Registry } from 'prom-client'
import { articleReads, articleWrites } from './articles/routes.ts'
import { articleVerbs } from './articles/verbs.ts'
import { categoryReads, categoryWrites } from './categories/routes.ts'
import { auditRoutes } from './changes/routes.ts'
import { type Front, frontDoor } from './delivery/front.ts'
import { countDelivery } from './delivery/metrics.ts'
import { openDelivery } from './delivery/open.ts'
import { deliver } from './delivery/serve.ts'
import { feedReads } from './feed/routes.ts'
import { openHoldings } from './holdings/buffer.ts'
import { countHoldings } from './holdings/metrics.ts'
import { acknowledgementWrites, holdingReads, noteAnswers } from './holdings/routes.ts'
import type { App, Services } from './http/app.ts'
import { authenticate } from './http/auth.ts'
import { answerBroken } from './http/broken-requests.ts'
import { callerAddresses } from './http/caller-address.ts'
import { allowOrigins, openToAll } from './http/cross-origin.ts'
import { describeRoutes, docs } from './http/docs.ts'
import { health } from './http/health.ts'
import { acceptJson, BODY_LIMIT } from './http/json.ts'
import { type Leaving, silentConnections } from './http/leaving.ts'
import { giveBackUnchanged, limitRates } from './http/limits.ts'
import { countDatabase, countRefused, countRequests, metrics } from './http/metrics.ts'
import { watchOverload } from './http/overload.ts'
import { demandPolicies } from './http/policies.ts'
import { answerProblems, faultOf, refuseOtherMethods, sendFault } from './http/problem.ts'
import { protectiveHeaders } from './http/protection.ts'
import { openSharedTallies } from './http/redis-tallies.ts'
import { newRequestId } from './http/request-id.ts'
import { followRequests, logRequests, type Seen } from './http/seeing.ts'
import { openTracing } from './http/tracing.ts'
import { isContent, originForm } from './http/url.ts'
import { COMPILERS, validateRequests } from './http/validation.ts'
import { keyRoutes } from './keys/routes.ts'
import { withoutKeys } from './keys/secret.ts'
import { keyRing } from './keys/uses.ts'
import { partnerReads, partnerWrites } from './partners/routes.ts'
import { quoteReads, quoteWrites } from './quotes/routes.ts'
import { revisionReads } from './revisions/routes.ts'
import { sourceReads, sourceWrites } from './sources/routes.ts'
import { newsFeedReads } from './syndication/feeds.ts'
import { formatReads } from './syndication/routes.ts'
import { sitemapReads } from './syndication/sitemaps.ts'
import { webhookReads, webhookWrites } from './webhooks/routes.ts'
import { webhookTests, webhookVerbs } from './webhooks/verbs.ts'

/** How long the start waits for the connection that listens, in ms; without it nothing is kept. */
const LISTENING = 1000

declare module 'fastify' {
  interface FastifyInstance {
    delivery: ReturnType<typeof openDelivery>
    /** What /metrics tells: whatever else runs in this process puts its own there. */
    metrics: Registry
  }
}

/**
 * The whole service, ready to listen or to be injected into: the plugins in their order, then the
 * routes by who may call them. The caller owns `db` and closes it after the app.
 */
export async function buildApp(
  services: Services,
  logger?: FastifyBaseLogger,
): Promise<FastifyInstance> {
  const { config, db } = services
  const protection = [...protectiveHeaders(), ...openToAll(config.corsOrigins)]
  let front: Front | undefined
  const leaving: Leaving = { begun: false }
  const app: App = Fastify({
    serverFactory: (inside) => frontDoor(inside, () => front, leaving),
    clientErrorHandler: answerBroken(protection, config.publicUrl),
    // What comes on a connection that is still open is done like any other, and is its last.
    return503OnClosing: false,
    ...(logger ? { loggerInstance: logger } : {}),
    bodyLimit: BODY_LIMIT,
    schemaController: COMPILERS,
    // One line a request, below; Fastify's own two would say the same.
    logController: new LogController({ disableRequestLogging: true }),
    // Ours, so that nobody else's header ends in our log and our answers.
    genReqId: newRequestId,
    rewriteUrl: ({ url = '/' }) => originForm(url),
    routerOptions: { maxParamLength: 500 },
    // A URL that cannot be decoded never reaches a route, nor the error handler, nor a hook.
    frameworkErrors: (error, request, reply) => {
      for (const [name, value] of protection) reply.header(name, value)
      reply.header('x-request-id', request.id)
      if (isContent(request.url)) reply.header('vary', 'Authorization')
      sendFault(request as never, reply as never, faultOf(error), config.publicUrl)
    },
  })

  const registry = new Registry()
  const tracing = config.otlpEndpoint ? openTracing(config.otlpEndpoint, app.log) : undefined
  app.addHook('onClose', async () => tracing?.close())
  const logged = logRequests(app.log, withoutKeys)
  const counted = countRequests(registry)
  const see = (seen: Seen) => {
    logged(seen)
    counted(seen)
    tracing?.trace(seen)
  }
  followRequests(app, see)
  const shared = config.redisUrl ? await openSharedTallies(config.redisUrl, app.log) : undefined
  app.addHook('onClose', async () => shared?.close())
  const limits = limitRates(config.rateLimit, callerAddresses(config.trustProxy), shared)
  const delivery = openDelivery(config, db, limits, app.log)
  const closeSilent = silentConnections(app.server)
  // While it closes, the framework has something to say to everybody.
  app.addHook('preClose', async () => {
    front = undefined
    closeSilent()
  })
  app.addHook('onClose', () => delivery.close())
  await allowOrigins(app, config.corsOrigins)
  const admit = demandPolicies(app)
  deliver(app, delivery)
  app.decorate('delivery', delivery)
  app.decorate('leave', () => {
    leaving.begun = true
  })
  app.addHook('onRequest', (_request, reply, done) => {
    for (const [name, value] of protection) reply.header(name, value)
    done()
  })
  answerProblems(app, config.publicUrl)
  acceptJson(app)
  validateRequests(app)
  const keys = keyRing(db, (error) => app.log.error({ err: error }, 'key uses were not recorded'))
  app.addHook('onClose', () => keys.close())
  authenticate(app, keys.find, limits, config.publicRead)
  const overload = watchOverload()
  giveBackUnchanged(app)
  const holdings = openHoldings(db, (error) =>
    app.log.error({ err: error }, 'what was given to partners is not written yet'),
  )
  app.addHook('onClose', () => holdings.close())
  noteAnswers(app, holdings)
  const refuse = refuseOtherMethods(app)
  describeRoutes(app, config)

  // open to all
  health(app, services, leaving)
  metrics(app, registry, services)
  const uncount = countDatabase(registry, db)
  countRefused(registry, overload.refused)
  countDelivery(registry, delivery)
  countHoldings(registry, holdings)
  app.addHook('onClose', async () => uncount())
  app.decorate('metrics', registry)
  docs(app)

  await app.register(
    async (v1: App) => {
      // reads: the key decides the audience
      admit('readers')
      articleReads(v1, services)
      revisionReads(v1, services)
      quoteReads(v1, services)
      sourceReads(v1, services)
      categoryReads(v1, services)
      partnerReads(v1, services)
      webhookReads(v1, services)
      feedReads(v1, services, holdings)
      formatReads(v1, services)
      holdingReads(v1, services, holdings)

      // writes: each names its scope
      admit('scoped')
      articleWrites(v1, services)
      articleVerbs(v1, services)
      quoteWrites(v1, services)
      sourceWrites(v1, services)
      categoryWrites(v1, services)
      partnerWrites(v1, services)
      acknowledgementWrites(v1, services, holdings)
      webhookWrites(v1, services)
      webhookVerbs(v1, services)
      webhookTests(v1, services)
      keyRoutes(v1, services)
      auditRoutes(v1, services)
    },
    { prefix: '/v1' },
  )
  admit('readers')
  newsFeedReads(app, services)
  sitemapReads(app, services)
  refuse()
  await app.ready()
  front = {
    delivery,
    pools: { reader: db.reader.$client, editor: db.editor.$client },
    overload,
    publicUrl: config.publicUrl,
    origins: config.corsOrigins,
    reading: () => db.replicas.reading().$client,
    constant: protection.flat(),
    newId: newRequestId,
    see,
  }
  await delivery.watch.ready(LISTENING)
  return app
}
