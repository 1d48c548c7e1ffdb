import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Executor } from '../db/client.ts'
import { followed, type Trail } from '../db/measure.ts'
import { encodingFor } from '../http/encoding.ts'
import type { Leaving } from '../http/leaving.ts'
import { isFree } from '../http/limits.ts'
import type { Cached, Seen } from '../http/seeing.ts'
import { type Answer, type Encoding, encode } from './answer.ts'
import { answerAgain } from './make.ts'
import type { Delivery } from './open.ts'
import type { KnownRead } from './plans.ts'
import { respond, sent } from './send.ts'
import { type Asked, charge, isAsked } from './serve.ts'

/** What is done for every request that never reaches the framework. */
export type Front = {
  delivery: Delivery
  /** Where a request of readers reads. */
  reading(): Executor['$client']
  /** Headers that are the same on every answer, as names and values in turn. */
  constant: readonly string[]
  /** A new request's id. */
  newId(): string
  /** Logs and counts, as for all others. */
  see(seen: Seen): void
}

/**
 * The server, with a door before the framework: what is kept is given out there, and what was asked
 * before is asked again. The framework takes as long to find a route and to make its request and reply
 * as Node.js takes for everything else. Whatever has to be validated or refused goes in.
 */
export function frontDoor(
  options: Timeouts,
  inside: RequestListener,
  open: () => Front | undefined,
  leaving: Leaving,
): Server {
  const server = createServer((request, response) => {
    if (leaving.begun) response.shouldKeepAlive = false
    const front = open()
    if (!front || !isAsked(request) || isOfPage(front, request)) return inside(request, response)
    const { url = '' } = request
    const { store, watch, keeps, plans } = front.delivery
    const keeping = keeps && watch.sure()
    const kept = keeping ? store.find(url) : undefined
    if (kept) {
      if (!give(front, request, response, kept)) inside(request, response)
      return
    }
    // Somebody is making it: the framework can wait for it.
    const known = keeping && store.underWay(url) ? undefined : plans?.find(url)
    if (known) makeAgain(front, request, response, known, keeping, inside)
    else inside(request, response)
  })
  // As the framework sets them on a server of its own.
  server.keepAliveTimeout = options.keepAliveTimeout ?? server.keepAliveTimeout
  server.requestTimeout = options.requestTimeout ?? server.requestTimeout
  server.setTimeout(options.connectionTimeout ?? 0)
  return server
}

/** Is it told by name that the page of its `Origin` may see it? The framework knows how. */
function isOfPage({ delivery }: Front, { headers }: IncomingMessage): boolean {
  return delivery.byOrigin && headers.origin !== undefined
}

type Timeouts = { keepAliveTimeout?: number; requestTimeout?: number; connectionTimeout?: number }

/**
 * Gives out a kept answer; false when it is being encoded, or is one too many for its caller: the framework
 * can wait, and refuse.
 */
function give(front: Front, request: IncomingMessage, response: ServerResponse, answer: Answer) {
  const started = performance.now()
  const { limits, store, watch } = front.delivery
  const { url = '' } = request
  const encoded = encode(answer, askedEncoding(request), () => store.grown(url, answer))
  if ('then' in encoded) return false
  const id = front.newId()
  const parts = sent(watch, request.headers, id, answer, encoded)
  if (!charge(limits.ofAddress(request), request, parts)) return false
  store.counts.hits++
  respond(response, request.method, parts)
  const ms = performance.now() - started
  see(front, request, { id, route: answer.route, ms, ...parts }, NONE, { state: 'kept', ms })
  return true
}

/** Asks a read again, keeps what it made if it may be kept, and gives it out. */
async function makeAgain(
  front: Front,
  request: IncomingMessage,
  response: ServerResponse,
  { read, name }: { read: KnownRead; name: string },
  keeping: boolean,
  inside: RequestListener,
): Promise<void> {
  const started = performance.now()
  const { limits, store, watch } = front.delivery
  const { url = '' } = request
  const allowance = limits.ofAddress(request)
  if (allowance?.take() === false) return inside(request, response)
  const making = keeping ? store.begin(url) : undefined
  try {
    if (keeping) store.counts.misses++
    const trail: Trail = []
    const shown = await followed(trail, () => read.ask(front.reading(), name, url))
    const asked = performance.now()
    const answer = shown && answerAgain(front.delivery, read, shown, front.constant, keeping)
    if (making) store.end(making, answer, watch.sure())
    // It is not there, or not any more.
    if (!answer) {
      allowance?.giveBack()
      return inside(request, response)
    }
    const grown = () => store.grown(url, answer)
    const encoded = await encode(answer, askedEncoding(request), grown)
    const id = front.newId()
    const parts = sent(watch, request.headers, id, answer, encoded)
    if (isFree(parts.status, request.headers)) allowance?.giveBack()
    if (allowance) parts.headers.push(...allowance.headers())
    respond(response, request.method, parts)
    const now = performance.now()
    const cached = making && { state: 'made' as const, ms: now - asked }
    see(front, request, { id, route: answer.route, ms: now - started, ...parts }, trail, cached)
  } catch (error) {
    if (making) store.end(making, undefined, false)
    allowance?.giveBack()
    if (response.headersSent) return void response.destroy(error as Error)
    ;(request as Asked).failed = error as Error
    inside(request, response)
  }
}

function askedEncoding({ headers }: IncomingMessage): Encoding {
  return encodingFor(headers['accept-encoding'] as string | undefined)
}

/** Of what came from the cache. */
const NONE: Trail = []

function see(
  { see }: Front,
  { method = '', url = '', headers }: IncomingMessage,
  { id, route, status, ms }: Pick<Seen, 'id' | 'route' | 'status' | 'ms'>,
  trail: Trail,
  cached: Cached | undefined,
): void {
  see({ id, method, url, headers, route, status, ms, trail, cached })
}
