import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { publicPolicy } from '../http/caching.ts'
import { has } from '../http/conditional.ts'
import { type Answer, type Bytes, type Encoded, tagOf } from './answer.ts'
import type { Watch } from './watch.ts'

/** What is sent: headers as names and values in turn, and no bytes where the caller has them. */
export type Sent = { status: number; headers: string[]; bytes: Bytes | undefined }

/** RFC 9110 section 8.8.2.2: what changed within the second may change again in it; in ms. */
const SETTLED = 2000

/** What is sent of an answer at this moment, to this caller. */
export function sent(
  watch: Watch,
  asked: IncomingHttpHeaders,
  id: string,
  answer: Answer,
  { encoding, bytes }: Encoded,
): Sent {
  const headers = [...answer.headers]
  const seconds = Math.min(watch.seconds(), secondsLeft(answer))
  headers.push('cache-control', publicPolicy(seconds), 'x-request-id', id)
  if (answer.tag === undefined) {
    headers.push('content-length', String(Buffer.byteLength(bytes)))
    return { status: answer.status, headers, bytes: withId(answer, bytes, id) }
  }
  const modified = settled(answer.modified, watch)
  if (modified !== undefined) headers.push('last-modified', new Date(modified).toUTCString())
  const tag = tagOf(answer, encoding)
  // Told 304 with no time left, nginx takes the time that it was told with what it has, anew, and
  // would show an article after its end: then it is told the whole.
  const isStale = seconds === 0
  const known =
    isConditional(asked) && !isStale
      ? has(
          asked,
          [tag, ...(['identity', 'br', 'gzip'] as const).map((e) => tagOf(answer, e))],
          modified,
        )
      : undefined
  if (known !== undefined) {
    headers.push('etag', known || tag)
    return { status: 304, headers: withoutType(headers), bytes: undefined }
  }
  headers.push('etag', tag, 'content-length', String(Buffer.byteLength(bytes)))
  if (encoding !== 'identity') headers.push('content-encoding', encoding)
  return { status: answer.status, headers, bytes }
}

/** Whole seconds until time alone makes it another answer, less one, as those of `watch`. */
function secondsLeft({ until }: Answer): number {
  return Math.max(0, Math.floor((until - performance.now()) / 1000) - 1)
}

function isConditional(asked: IncomingHttpHeaders): boolean {
  return asked['if-none-match'] !== undefined || asked['if-modified-since'] !== undefined
}

function settled(modified: number | undefined, watch: Watch): number | undefined {
  const now = modified === undefined ? undefined : watch.clock()
  return modified !== undefined && now !== undefined && now - modified >= SETTLED
    ? modified
    : undefined
}

/** RFC 9110 section 15.4.5: no metadata of a representation that is not sent. */
function withoutType(headers: string[]): string[] {
  const at = headers.indexOf('content-type')
  return at === -1 ? headers : headers.toSpliced(at, 2)
}

function withId({ idAt }: Answer, bytes: Bytes, id: string): Bytes {
  if (idAt === undefined || typeof bytes === 'string') return bytes
  const own = Buffer.from(bytes)
  own.write(id, idAt, 'latin1')
  return own
}

/** Writes it, past the framework. */
export function respond(
  res: ServerResponse,
  method: string | undefined,
  { status, headers, bytes }: Sent,
): void {
  if (res.socket instanceof Socket) res.writeHead(status, headers)
  else {
    // An injected request, which can be asked for the headers only when they are set one by one.
    res.statusCode = status
    for (let i = 0; i < headers.length; i += 2) {
      res.setHeader(headers[i] ?? '', headers[i + 1] ?? '')
    }
  }
  if (bytes === undefined || method === 'HEAD') res.end()
  // Text of as many bytes as characters is ASCII, which need not be encoded.
  else if (typeof bytes === 'string') res.end(bytes, isAscii(headers, bytes) ? 'latin1' : 'utf8')
  else res.end(bytes)
}

function isAscii(headers: readonly string[], text: string): boolean {
  return headers[headers.indexOf('content-length') + 1] === String(text.length)
}
