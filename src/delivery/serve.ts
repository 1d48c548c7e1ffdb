import type { IncomingMessage } from 'node:http'
import { performance } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Allowance } from '../http/allowance.ts'
import { keyedPolicy, publicPolicy, type Shown, tagOfShown, typeOfShown } from '../http/caching.ts'
import { has } from '../http/conditional.ts'
import { encodingFor } from '../http/encoding.ts'
import type { Limits } from '../http/limits.ts'
import { isContent } from '../http/url.ts'
import { type Answer, type Bytes, type Encoded, encode } from './answer.ts'
import { dependenciesOf } from './dependencies.ts'
import type { Depends, KnownRead, Plans } from './plans.ts'
import { respond, type Sent, sent } from './send.ts'
import type { Making, Store } from './store.ts'
import type { Watch } from './watch.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The answer that this request makes for all who ask for it meanwhile. */
    making: Making | undefined
  }
}

export type Delivery = {
  store: Store
  watch: Watch
  limits: Limits
  /** Whether answers say whose page may see them. */
  byOrigin: boolean
  /** Whether answers are kept at all. */
  keeps: boolean
  /** Reads of the public, to be asked again without the framework; undefined where it may read nothing. */
  plans: Plans | undefined
  /** Whether the addresses of articles hold the slugs of their categories. */
  categoryInUrl: boolean
}

/** What is the same for everybody, as long as it does not change. */
const CONSTANT = new Set([200, 301, 404, 410, 451])

/** What answers are chosen by: to the public by their encoding too. */
function varies({ byOrigin }: Delivery, open = true): string {
  const always = byOrigin ? 'Authorization, Origin' : 'Authorization'
  return open ? `Accept-Encoding, ${always}` : always
}

/** Whose page may see an answer. */
const OF_ORIGIN = /^access-control-/

/** What each answer is given anew. */
const OF_THE_MOMENT =
  /^(cache-control|etag|last-modified|x-request-id|ratelimit.*|content-type|content-length|content-encoding|date)$/

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
      })
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
  if (!charge(limits.ofAddress(request.raw), parts)) {
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
export function charge(allowance: Allowance | undefined, { status, headers }: Sent): boolean {
  if (!allowance) return true
  if (status !== 304 && !allowance.take()) return false
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

function answerOf(
  { byOrigin, categoryInUrl, plans, watch }: Delivery,
  request: FastifyRequest,
  reply: FastifyReply,
  body: string,
): Answer {
  const { read, plan, routeOptions } = request
  const { statusCode: status } = reply
  const route = routeOptions.url ?? 'none'
  const operation = routeOptions.schema?.operationId
  const query = read?.asked ?? (request.query as object | undefined) ?? {}
  if (plan && status === 200) plans?.add(request.raw.url ?? '', plan, { route, operation, query })
  const { groups } = dependenciesOf({ ...read, ...{ status, operation, query, categoryInUrl } })
  const type = reply.getHeader('content-type')
  const headers = [
    ...groupHeaders(groups),
    ...(type === undefined ? [] : ['content-type', String(type)]),
  ]
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (byOrigin && OF_ORIGIN.test(name)) continue
    if (!OF_THE_MOMENT.test(name)) headers.push(name, String(value))
  }
  const etag = reply.getHeader('etag')
  reply.removeHeader('etag')
  const bytes = Buffer.from(body)
  const idAt = status >= 400 ? bytes.indexOf(request.id) : -1
  return {
    ...{ route, status, bytes, headers, groups },
    idAt: idAt === -1 ? undefined : idAt,
    tag: etag === undefined ? undefined : String(etag).slice(1, -1),
    modified: isOfItself(groups) ? read?.modified : undefined,
    until: monotonic(read?.until, watch),
    encoded: {},
  }
}

/** An instant of the database's clock on this process's own; the past when that is not known. */
function monotonic(time: string | undefined, watch: Watch): number {
  if (time === undefined) return Number.POSITIVE_INFINITY
  const now = watch.clock()
  return now === undefined ? 0 : performance.now() + Date.parse(time) - now
}

/**
 * The answer of a read that was asked again, with the headers that all answers have; as text where it is
 * not kept.
 */
export function answerAgain(
  delivery: Delivery,
  known: KnownRead,
  shown: Shown,
  constant: readonly string[],
  kept: boolean,
): Answer {
  const { groups, headers } = dependsAgain(delivery, known, shown)
  return {
    ...{ route: known.route, status: 200, groups, encoded: {} },
    bytes: kept ? Buffer.from(shown.body) : shown.body,
    headers: [...constant, ...headers, ...(shown.link === undefined ? [] : ['link', shown.link])],
    idAt: undefined,
    tag: tagOfShown(shown).slice(1, -1),
    modified: isOfItself(groups) ? shown.modified : undefined,
    until: Number.POSITIVE_INFINITY,
  }
}

/** What it depends on, and its headers but those of the moment: of a list nearly always the same. */
function dependsAgain(delivery: Delivery, known: KnownRead, shown: Shown): Depends {
  const { operation, query, last } = known
  const { categoryInUrl } = delivery
  const basis = `${shown.empty} ${shown.lead}`
  if (last?.basis === basis) return last
  const made = { ...shown, ...{ status: 200, operation, query, categoryInUrl } }
  const { groups, looked } = dependenciesOf(made)
  const type = ['content-type', typeOfShown(shown), 'vary', varies(delivery)]
  const depends = { basis, groups, headers: [...groupHeaders(groups), ...type] }
  if (!looked) known.last = depends
  return depends
}

/** RFC 9875, and what Fastly and Varnish call it. */
function groupHeaders(groups: ReadonlySet<string>): string[] {
  const names = [...groups]
  return [...['cache-groups', `"${names.join('", "')}"`], ...['surrogate-key', names.join(' ')]]
}

/** Does it show nothing of others, whose changes would not move its own date? */
function isOfItself(groups: ReadonlySet<string>): boolean {
  const others = [...groups].filter((name) => !/^(all$|filed:)/.test(name))
  return others.length === 1 && /^(article|category):/.test(others[0] ?? '')
}

/**
 * Until the sweep has noted since when a quote, source or category is gone, the answer says the
 * second that it is: that is no answer to keep.
 */
function isConstant({ status }: Answer, body: string, watch: Watch): boolean {
  if (status !== 410) return true
  const { gone } = JSON.parse(body) as { gone: { kind: string; since: string } }
  const now = watch.clock()
  return gone.kind === 'article' || (now !== undefined && now - Date.parse(gone.since) > NOTED)
}

/** Much longer than answering takes, in ms. */
const NOTED = 15_000

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
