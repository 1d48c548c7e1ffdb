import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { performance } from 'node:perf_hooks'
import { encodingFor } from '../http/encoding.ts'
import { encode } from './answer.ts'
import { respond, sent } from './send.ts'
import { type Delivery, isAsked } from './serve.ts'

/** What is done for every request that never reaches the framework. */
export type Front = {
  delivery: Delivery
  /** A new request's id. */
  newId(): string
  /** Logs and counts, as for all others. */
  note(request: IncomingMessage, id: string, route: string, status: number, ms: number): void
}

/**
 * The server, with a door before the framework: what is kept and needs no waiting is given out there.
 * The framework takes as long to find a route and to make its request and reply as Node.js takes for
 * everything else. Whatever has to be counted against a limit, made, waited for or refused goes in.
 */
export function frontDoor(
  options: Timeouts,
  inside: RequestListener,
  open: () => Front | undefined,
): Server {
  const server = createServer((request, response) => {
    const front = open()
    if (!front || !give(front, request, response)) inside(request, response)
  })
  // As the framework sets them on a server of its own.
  server.keepAliveTimeout = options.keepAliveTimeout ?? server.keepAliveTimeout
  server.requestTimeout = options.requestTimeout ?? server.requestTimeout
  server.setTimeout(options.connectionTimeout ?? 0)
  return server
}

type Timeouts = { keepAliveTimeout?: number; requestTimeout?: number; connectionTimeout?: number }

function give(
  { delivery, newId, note }: Front,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const { store, watch } = delivery
  if (!delivery.keeps || delivery.limited || !isAsked(request) || !watch.sure()) return false
  const started = performance.now()
  const answer = store.find(request.url ?? '')
  if (!answer) return false
  const encoding = encodingFor(request.headers['accept-encoding'] as string | undefined)
  const encoded = encode(answer, encoding, () => store.grown(request.url ?? '', answer))
  // It is being made: the framework can wait for it.
  if ('then' in encoded) return false
  store.counts.hits++
  const id = newId()
  const parts = sent(watch, request.headers, id, answer, encoded)
  respond(response, request.method, parts)
  note(request, id, answer.route, parts.status, performance.now() - started)
  return true
}
