import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { performance } from 'node:perf_hooks'
import type { Pool } from '../db/client.ts'
import { encodingFor } from '../http/encoding.ts'
import { type Answer, type Encoded, type Encoding, encode } from './answer.ts'
import type { KnownRead } from './plans.ts'
import { respond, sent } from './send.ts'
import { type Asked, answerAgain, type Delivery, isAsked } from './serve.ts'

/** What is done for every request that never reaches the framework. */
export type Front = {
  delivery: Delivery
  /** Readers' connections. */
  pool: Pool
  /** Headers that are the same on every answer, as names and values in turn. */
  constant: readonly string[]
  /** A new request's id. */
  newId(): string
  /** Logs and counts, as for all others. */
  note(request: IncomingMessage, id: string, route: string, status: number, ms: number): void
}

/**
 * The server, with a door before the framework: what is kept is given out there, and what was asked
 * before is asked again. The framework takes as long to find a route and to make its request and reply
 * as Node.js takes for everything else. Whatever has to be counted against a limit, validated or refused
 * goes in.
 */
export function frontDoor(
  options: Timeouts,
  inside: RequestListener,
  open: () => Front | undefined,
): Server {
  const server = createServer((request, response) => {
    const front = open()
    if (!front || front.delivery.limited || !isAsked(request)) return inside(request, response)
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

type Timeouts = { keepAliveTimeout?: number; requestTimeout?: number; connectionTimeout?: number }

/** Gives out a kept answer; false when it is being encoded, for which the framework can wait. */
function give(front: Front, request: IncomingMessage, response: ServerResponse, answer: Answer) {
  const started = performance.now()
  const { store } = front.delivery
  const { url = '' } = request
  const encoded = encode(answer, askedEncoding(request), () => store.grown(url, answer))
  if ('then' in encoded) return false
  store.counts.hits++
  send(front, request, response, answer, encoded, started)
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
  const { store, watch } = front.delivery
  const { url = '' } = request
  const making = keeping ? store.begin(url) : undefined
  try {
    if (keeping) store.counts.misses++
    const shown = await read.ask(front.pool, name, url)
    const answer = shown && answerAgain(front.delivery, read, shown, front.constant, keeping)
    if (making) store.end(making, answer, watch.sure())
    // It is not there, or not any more.
    if (!answer) return inside(request, response)
    const grown = () => store.grown(url, answer)
    const encoded = encode(answer, askedEncoding(request), grown)
    send(front, request, response, answer, await encoded, started)
  } catch (error) {
    if (making) store.end(making, undefined, false)
    if (response.headersSent) return void response.destroy(error as Error)
    ;(request as Asked).failed = error as Error
    inside(request, response)
  }
}

function askedEncoding({ headers }: IncomingMessage): Encoding {
  return encodingFor(headers['accept-encoding'] as string | undefined)
}

function send(
  { delivery, newId, note }: Front,
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  encoded: Encoded,
  started: number,
): void {
  const id = newId()
  const parts = sent(delivery.watch, request.headers, id, answer, encoded)
  respond(response, request.method, parts)
  note(request, id, answer.route, parts.status, performance.now() - started)
}
