import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Executor, Pool } from '../db/client.ts'
import { followed, type Trail } from '../db/measure.ts'
import { openToPage } from '../http/cross-origin.ts'
import { encodingFor } from '../http/encoding.ts'
import type { Leaving } from '../http/leaving.ts'
import { isFree } from '../http/limits.ts'
import type { Overload } from '../http/overload.ts'
import { PROBLEM_TYPE, problemOf, RETRY_AFTER, statusOf } from '../http/problem.ts'
import { type Cached, HUNG_UP, type Seen } from '../http/seeing.ts'
import { dropSlowReaders, TIMEOUTS } from '../http/slow-clients.ts'
import type { Crowd } from '../http/turns.ts'
import { isContent } from '../http/url.ts'
import { type Answer, type Encoding, encode } from './answer.ts'
import { answerAgain, varies } from './make.ts'
import type { Delivery } from './open.ts'
import type { KnownRead } from './plans.ts'
import { respond, sent } from './send.ts'
import { type Asked, charge, isAsked } from './serve.ts'

/** What is done for every request that never reaches the framework. */
export type Front = {
  delivery: Delivery
  /** Readers' connections, and those of editors, where keys are found too. */
  pools: { reader: Pool; editor: Pool }
  overload: Overload
  publicUrl: string
  /** The pages that may see answers (CORS). */
  origins: readonly string[]
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
 * The server, with a door before the framework: what is kept is given out there, what was asked before is
 * asked again, and what would be too much is refused. The framework takes as long to find a route and to
 * make its request and reply as Node.js takes for everything else. Whatever has to be validated goes in.
 */
export function frontDoor(
  inside: RequestListener,
  open: () => Front | undefined,
  leaving: Leaving,
): Server {
  const server = createServer(TIMEOUTS, (request, response) => {
    if (leaving.begun) response.shouldKeepAlive = false
    const front = open()
    const { method, url = '' } = request
    if (!front || method === 'OPTIONS' || !isContent(url)) return inside(request, response)
    if (isAsked(request)) {
      const begin = () => answer(front, request, response, inside)
      inTurn(front, request, response, 'public', begin, () => isAtHand(front.delivery, url))
    } else inTurn(front, request, response, 'keyed', () => inside(request, response))
  })
  dropSlowReaders(server)
  return server
}

/** Is it told by name that the page of its `Origin` may see it? The framework knows how. */
function isOfPage({ delivery }: Front, { headers }: IncomingMessage): boolean {
  return delivery.byOrigin && headers.origin !== undefined
}

/** Gives out what is kept, asks again what was asked before, and hands all else to the framework. */
function answer(
  front: Front,
  request: IncomingMessage,
  response: ServerResponse,
  inside: RequestListener,
): void {
  const { url = '' } = request
  const { store, watch, keeps, plans } = front.delivery
  const keeping = keeps && watch.sure()
  const kept = keeping ? store.find(url) : undefined
  // Somebody is making it: the framework can wait for it.
  const known = kept || (keeping && store.underWay(url)) ? undefined : plans?.find(url)
  if (isOfPage(front, request)) inside(request, response)
  else if (known) makeAgain(front, request, response, known, keeping, inside)
  else if (!kept || !give(front, request, response, kept)) inside(request, response)
}

/** Is it kept, or made by somebody, so that the database need not be asked for it? */
function isAtHand({ store, watch, keeps }: Delivery, url: string): boolean {
  if (!keeps || !watch.sure()) return false
  return store.find(url) !== undefined || store.underWay(url) !== undefined
}

/** Begins what is asked when its turn comes; or refuses it, where too much waits already and it would too. */
function inTurn(
  front: Front,
  request: IncomingMessage,
  response: ServerResponse,
  crowd: Crowd,
  begin: () => void,
  needsNothing = () => false,
): void {
  const { overload, pools } = front
  const pool = crowd === 'public' ? pools.reader : pools.editor
  if (overload.isTooMuch(crowd, pool) && !needsNothing()) {
    refuse(front, request, response)
    return
  }
  const came = performance.now()
  overload.take(crowd, () => {
    if (!response.destroyed) return begin()
    // Whoever has hung up meanwhile needs nothing any more.
    const ms = performance.now() - came
    const told = { id: front.newId(), route: 'none', status: HUNG_UP, ms }
    see(front, request, response, told, NONE, undefined)
  })
}

/** Refuses it before anything is done for it. */
function refuse(front: Front, request: IncomingMessage, response: ServerResponse): void {
  const started = performance.now()
  const { delivery, overload, constant, origins, publicUrl } = front
  const { url = '', method } = request
  const fault = overload.refusal()
  const id = front.newId()
  const status = statusOf(fault.code)
  const bytes = problemOf(fault, { url, id }, publicUrl)
  const headers = [
    ...constant,
    ...openToPage(origins, request),
    ...['content-type', PROBLEM_TYPE, 'content-length', String(Buffer.byteLength(bytes))],
    ...['cache-control', 'no-store', 'retry-after', RETRY_AFTER],
    ...['vary', varies(delivery, false), 'x-request-id', id],
  ]
  overload.hold(() => {
    respond(response, method, { status, headers, bytes })
    const ms = performance.now() - started
    see(front, request, response, { id, route: 'none', status, ms }, NONE, undefined)
  })
}

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
  see(front, request, response, { id, route: answer.route, ms, ...parts }, NONE, {
    state: 'kept',
    ms,
  })
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
    const told = { id, route: answer.route, ms: now - started, ...parts }
    see(front, request, response, told, trail, cached)
  } catch (error) {
    if (making) store.fail(making, error as Error)
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
  response: ServerResponse,
  { id, route, status, ms }: Pick<Seen, 'id' | 'route' | 'status' | 'ms'>,
  trail: Trail,
  cached: Cached | undefined,
): void {
  const seen = { id, method, url, headers, route, ms, trail, cached }
  see(response.destroyed ? { ...seen, status: HUNG_UP, aborted: true } : { ...seen, status })
}
