import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { followed, spentIn, type Trail } from '../db/measure.ts'

/** What the delivery cache had to do with an answer: `kept`, it was there; `made`, for it and all who ask. */
export type Cached = { state: 'kept' | 'made'; ms: number }

/** The status of a request whose caller hung up before it was answered, as nginx has it. */
export const HUNG_UP = 499

/** A request that was answered, or whose caller hung up, as log, metrics and traces tell it. */
export type Seen = {
  id: string
  method: string
  url: string
  headers: IncomingHttpHeaders
  /** Its path as it is registered. */
  route: string
  status: number
  /** From its first byte to the last of its answer. */
  ms: number
  /** The name of the key. */
  key?: string | undefined
  trail: Trail
  cached?: Cached | undefined
  /** Its caller hung up before the last byte: the status is what had been sent, or 499. */
  aborted?: true
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What it has spent in the database. */
    trail: Trail
    /** Absent where the cache has nothing to do with it. */
    cached: Cached | undefined
  }
}

/**
 * Notes what each request spends in the database, and tells of it when it is answered, or its caller has hung
 * up. Register it first.
 */
export function followRequests(app: FastifyInstance, see: (seen: Seen) => void): void {
  app.decorateRequest('trail', null as unknown as Trail)
  app.decorateRequest('cached', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    request.trail = []
    const { raw } = reply
    // Of these Fastify says nothing: its hook for them misses whoever has sent all of a body.
    raw.once('close', () => {
      if (raw.writableFinished) return
      tell(request, reply, { status: raw.headersSent ? raw.statusCode : HUNG_UP, aborted: true })
    })
    followed(request.trail, done)
  })
  // What comes behind a body that was read comes from its socket, which follows nobody.
  app.addHook('preValidation', (request, _reply, done) => followed(request.trail, done))
  app.addHook('onResponse', (request, reply, done) => {
    tell(request, reply, { status: reply.statusCode })
    done()
  })
  function tell(
    request: FastifyRequest,
    { elapsedTime: ms }: FastifyReply,
    ended: Pick<Seen, 'status' | 'aborted'>,
  ): void {
    const { id, method, url, headers, trail, cached, actor } = request
    const route = request.routeOptions.url ?? 'none'
    see({ id, method, url, headers, route, ms, ...ended, key: actor?.name, trail, cached })
  }
}

/** Milliseconds as they are told: to the hundredth. */
const rounded = (ms: number) => Math.round(ms * 100) / 100

/** One line for each request; `shown` is its URL without what must not be in a log. */
export function logRequests(
  log: FastifyBaseLogger,
  shown: (url: string) => string,
): (seen: Seen) => void {
  return ({ id, method, url, route, status, ms, key, trail, cached, aborted }) => {
    if (!(log as Partial<Logger>).isLevelEnabled?.('info')) return
    const fields = {
      ...{ reqId: id, key, method, route, status, ms: rounded(ms) },
      dbMs: rounded(spentIn(trail)),
      ...(aborted && { aborted }),
      ...(cached && { cache: cached.state, cacheMs: rounded(cached.ms) }),
    }
    log.info(fields, `${method} ${shown(url)} ${status} ${Math.round(ms)} ms`)
  }
}
