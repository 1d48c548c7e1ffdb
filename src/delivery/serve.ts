import type { IncomingMessage } from 'node:http'
import { performance } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Allowance } from '../http/allowance.ts'
import { keyedPolicy, publicPolicy } from '../http/caching.ts'
import { has } from '../http/conditional.ts'
import { encodingFor } from '../http/encoding.ts'
import { isFree } from '../http/limits.ts'
import { faultOf, statusOf } from '../http/problem.ts'
import { isContent } from '../http/url.ts'
import { type Answer, type Bytes, type Encoded, encode } from './answer.ts'
import { answerOf, isConstant, OF_ORIGIN, varies } from './make.ts'
import type { Delivery } from './open.ts'
import { respond, type Sent, sent } from './send.ts'
import type { Making } from './store.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The answer that this request makes for all who ask for it meanwhile. */
    making: Making | undefined
  }
}

/** What is the same for everybody, as long as it does not change. */
const CONSTANT = new Set([200, 301, 404, 410, 451])

/**
 * Gives finished answers to whoever asks without a key, before anything else is done, and finishes
 * all that are made. Register it before the hooks whose headers belong to the answers.
 */
export function deliver(app: FastifyInstance, delivery: Delivery): void {
  const { store, watch } = delivery
  app.decorateRequest('making', undefined)
  app.decorateRequest('read', undefined)
  app.decorateRequest('plan', undefined)

  app.addHook('onRequest', (request, reply, done) => {
    if ((request.raw as Asked).failed || !delivery.keeps || !isAsked(request.raw) || !watch.sure())
      return done()
    const key = request.raw.url ?? ''
    const answer = store.find(key)
    if (answer) return give(delivery, request, reply, answer, done)
    const making = store.underWay(key)
    if (making) {
      making.answer.then((made) => {
        if (made) give(delivery, request, reply, made, done)
        else done()
      }, done)
      return
    }
    store.counts.misses++
    if (!isKeyed(request)) request.making = store.begin(key)
    done()
  })

  // What the door could not ask fails here, behind the hooks whose headers each answer has.
  app.addHook('preParsing', (request, _reply, payload, done) => {
    done((request.raw as Asked).failed ?? null, payload)
  })

  // Whoever waits for it would fail too, and all of them at the same time.
  app.addHook('onError', (request, _reply, error, done) => {
    const { making } = request
    if (making && statusOf(faultOf(error).code) >= 500) {
      store.fail(making, error)
      request.making = undefined
    }
    done()
  })

  app.addHook('onSend', async (request, reply, payload) => {
    reply.header('x-request-id', request.id)
    if (!isContent(request.url)) return payload
    const open = isAsked(request.raw)
    reply.header('vary', varies(delivery, open))
    const body = typeof payload === 'string' ? payload : ''
    if (open && CONSTANT.has(reply.statusCode) && !isKeyed(request)) {
      return finish(delivery, request, reply, body)
    }
    abandon(delivery, request)
    if (!reply.hasHeader('cache-control')) {
      // Nobody's path: what is not there depends on nothing.
      const policy = request.actor ? keyedPolicy(request) : publicPolicy(watch.seconds())
      reply.header('cache-control', policy)
    }
    return isRead(request) && reply.statusCode === 200
      ? unlessKnown(request, reply, payload)
      : payload
  })

  // An answer that was never sent: nobody waits for it in vain.
  app.addHook('onResponse', (request, _reply, done) => {
    abandon(delivery, request)
    done()
  })
}

/**
 * Whoever waits for this answer goes on alone. Also when it is sent: of a caller who has hung up nothing
 * comes after that.
 */
function abandon({ store }: Delivery, request: FastifyRequest): void {
  if (request.making) store.end(request.making, undefined, false)
  request.making = undefined
}

/** A request of the server. The door before the framework hands over what it could not ask. */
export type Asked = IncomingMessage & { failed?: Error }

function isRead({ method }: { method?: string | undefined }): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** Is it read without a key, as caches read? */
export function isAsked({ method, url, headers }: IncomingMessage): boolean {
  return isRead({ method }) && headers.authorization === undefined && isContent(url ?? '')
}

/** Is it nothing that the public can read? */
function isKeyed(request: FastifyRequest): boolean {
  const { scope, open } = request.routeOptions.config
  return request.is404 || scope !== undefined || open === true
}

/**
 * Gives a finished answer in the encoding that is asked for. One too many goes on: where callers are
 * counted it is refused.
 */
function give(
  delivery: Delivery,
  request: FastifyRequest,
  reply: FastifyReply,
  answer: Answer,
  refused: () => void,
): void {
  const { store } = delivery
  const key = request.raw.url ?? ''
  const asked = encodingFor(request.raw.headers['accept-encoding'] as string | undefined)
  const encoded = encode(answer, asked, () => store.grown(key, answer))
  const send = (made: Encoded) => write(delivery, request, reply, answer, made, refused)
  if ('then' in encoded) {
    encoded.then(send, () => send({ encoding: 'identity', bytes: answer.bytes }))
  } else send(encoded)
}

function write(
  { limits, store, watch, byOrigin }: Delivery,
  request: FastifyRequest,
  reply: FastifyReply,
  answer: Answer,
  encoded: Encoded,
  refused: () => void,
): void {
  const parts = sent(watch, request.raw.headers, request.id, answer, encoded)
  if (!charge(limits.ofAddress(request.raw), request.raw, parts)) {
    refused()
    return
  }
  store.counts.hits++
  request.cached = { state: 'kept', ms: reply.elapsedTime }
  reply.hijack()
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (byOrigin && OF_ORIGIN.test(name)) parts.headers.push(name, String(value))
  }
  respond(reply.raw, request.raw.method, parts)
}

/** Counts what is sent, but where the caller has it, and tells what is left; false for one too many. */
export function charge(
  allowance: Allowance | undefined,
  asked: IncomingMessage,
  { status, headers }: Sent,
): boolean {
  if (!allowance) return true
  if (!isFree(status, asked.headers) && !allowance.take()) return false
  headers.push(...allowance.headers())
  return true
}

/** Finishes an answer that was made for the public: keeps it if it may be kept, and sends it. */
async function finish(
  delivery: Delivery,
  request: FastifyRequest,
  reply: FastifyReply,
  body: string,
): Promise<Bytes | Readable | null> {
  const { store, watch } = delivery
  const began = performance.now()
  const answer = answerOf(delivery, request, reply, body)
  const { making } = request
  request.making = undefined
  if (making) store.end(making, isConstant(answer, body, watch) ? answer : undefined, watch.sure())
  const asked = encodingFor(request.raw.headers['accept-encoding'] as string | undefined)
  const key = request.raw.url ?? ''
  const encoded = await encode(answer, asked, () => store.grown(key, answer))
  const { status, headers, bytes } = sent(watch, request.raw.headers, request.id, answer, encoded)
  if (making) request.cached = { state: 'made', ms: performance.now() - began }
  reply.code(status)
  if (status === 304) reply.removeHeader('content-type')
  for (let i = 0; i < headers.length; i += 2) reply.header(headers[i] ?? '', headers[i + 1])
  return bytes ?? nothing(request)
}

/** To the holder of a key: 304 when it has what would be sent. */
function unlessKnown(request: FastifyRequest, reply: FastifyReply, payload: unknown): unknown {
  const tag = reply.getHeader('etag')
  if (tag === undefined || has(request.raw.headers, [String(tag)], undefined) === undefined) {
    return payload
  }
  reply.code(304).removeHeader('content-type')
  return nothing(request)
}

/** No body. The framework's own HEAD asks every body but a stream for its length. */
function nothing({ method }: FastifyRequest): Readable | null {
  return method === 'HEAD' ? Readable.from([]) : null
}
