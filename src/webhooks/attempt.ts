import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { type Connector, RefusedAddress } from './connector.ts'
import {
  EXCERPT_BYTES,
  excerptOf,
  type Failure,
  failed,
  failureOf,
  type Outcome,
  type Stage,
  verdict,
} from './outcome.ts'
import { type Message, signedHeaders } from './signature.ts'

/** Of an answer, in bytes: its headers, what is read of its body, and all that the wire may bring. */
const HEADERS = 16 * 1024
const BODY = 64 * 1024
const WIRE = 128 * 1024
/** Interim answers (1xx) before the answer. Each is an object of 3 kB to the parser. */
const INTERIM = 8

/** How attempts are made: `timeout` in ms for everything, `stop` ends those under way. */
export type Means = { connect: Connector; userAgent: string; timeout: number; stop: AbortSignal }

/**
 * One POST on a connection of its own, which is destroyed when this is done. Redirects are not
 * followed, the body is not unpacked, no proxy is asked. Throws only for a message that cannot be
 * signed.
 */
export async function attempt(
  url: URL,
  message: Message,
  secrets: readonly string[],
  { connect, userAgent, timeout, stop }: Means,
): Promise<Outcome> {
  const headers = {
    // Node takes 80 for the port when it is given the connection, and would write it here.
    host: url.host,
    'content-type': 'application/json',
    'user-agent': userAgent,
    'accept-encoding': 'identity',
    ...signedHeaders(message, secrets),
  }
  const started = performance.now()
  const took = () => Math.round(performance.now() - started)
  let stage: Stage = 'dns'
  let response: IncomingMessage | undefined
  let ended: Failure | undefined

  const request = (url.protocol === 'https:' ? https : http).request(url, {
    ...{ method: 'POST', headers, maxHeaderSize: HEADERS },
    createConnection: () =>
      connect(url, (reached) => {
        stage = reached
      }),
  })
  const broken = Promise.withResolvers<never>()
  const end = (why: Failure) => {
    if (ended) return
    ended = why
    request.destroy()
    broken.reject(new Error(why))
  }
  // Errors come here even when an answer has begun: the parser tells only the request of them.
  request.on('error', broken.reject)
  // Without an error: an answer that takes the connection over (101).
  request.on('close', () => response ?? end('reset'))
  let interim = 0
  request.on('information', () => ++interim > INTERIM && end('too_large'))
  // Empty lines may precede an answer without end.
  request.once('socket', (socket) =>
    socket.on('data', () => response ?? (socket.bytesRead > WIRE && end('too_large'))),
  )
  const timer = setTimeout(end, timeout, 'timeout')
  const onStop = () => end('stopped')
  stop.addEventListener('abort', onStop)

  const answered = async (): Promise<Outcome> => {
    request.end(message.body)
    ;[response] = (await once(request, 'response')) as [IncomingMessage]
    const excerpt = excerptOf(await beginning(response), response.headers)
    const { statusCode = 0 } = response
    return { ...verdict(statusCode, response.headers), ms: took(), detail: null, excerpt }
  }
  try {
    return await Promise.race([broken.promise, answered()])
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? null
    const refused = error instanceof RefusedAddress ? 'refused_address' : undefined
    const why = ended ?? refused ?? (code && failureOf(stage, code))
    // What no system, parser or TLS says is a fault of ours.
    if (!why) throw error
    return failed(why, { ms: took(), status: response?.statusCode ?? null, detail: code })
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', onStop)
    request.destroy()
  }
}

/**
 * The first bytes of a body, which is read to its end or for 64 kB; the rest is cut off unread. By
 * events: an iterator would first gather what one read of the socket brings, which may be 10,000
 * chunks of a byte, 2 MB of objects.
 */
function beginning(response: IncomingMessage): Promise<Buffer> {
  const kept = Buffer.alloc(EXCERPT_BYTES)
  let size = 0
  return new Promise((resolve, reject) => {
    const done = () => resolve(kept.subarray(0, size))
    response.on('data', (chunk: Buffer) => {
      // Copied: a piece of it would keep all that came with it.
      if (size < kept.length) chunk.copy(kept, size)
      size += chunk.length
      if (size >= BODY || response.socket.bytesRead > WIRE) done()
    })
    response.on('end', done)
    response.on('error', reject)
  })
}
