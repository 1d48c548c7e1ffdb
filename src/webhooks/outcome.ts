import { httpDate } from '../http-date.ts'

/** How far an attempt had come: nothing, a name resolved, connected, secured. */
export type Stage = 'dns' | 'connect' | 'tls' | 'exchange'

/**
 * Why an attempt failed. Stable: it is stored and shown.
 * - `refused_address`: the URL, or all addresses of its name, may not be called
 * - `dns`, `connect`, `tls`: no address, no connection, no trust
 * - `timeout`: not done within the time, whatever was going on
 * - `reset`: the connection ended before the answer did; `protocol`: what came is not HTTP
 * - `too_large`: headers or framing beyond the limits
 * - `redirect`: 3xx; `status`: any other status that is not 2xx
 * - `busy`, `stopped`: nothing is said about the receiver; there was no room, or the sender closed
 */
export type Failure =
  | 'refused_address'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'reset'
  | 'protocol'
  | 'too_large'
  | 'redirect'
  | 'status'
  | 'busy'
  | 'stopped'

/** What came of one attempt. */
export type Outcome = {
  ok: boolean
  /** Absent when no answer's head came. */
  status: number | null
  /** From the start to the end of the attempt. */
  ms: number
  error: Failure | null
  /** The code of the system, OpenSSL or the parser, such as ECONNREFUSED or CERT_HAS_EXPIRED. */
  detail: string | null
  /** Seconds, of a 429 or 503 that said so. */
  retryAfter: number | null
  /** 410: the receiver wants no more. */
  gone: boolean
  /** The beginning of the answer's body, without control characters. */
  excerpt: string | null
}

/** The headers of an answer that mean something here. */
export type AnswerHeaders = {
  date?: string | undefined
  'content-encoding'?: string | undefined
  'retry-after'?: string | undefined
}

/** No receiver may put deliveries off for longer, in s. */
const LONGEST_WAIT = 24 * 60 * 60
/** Of an excerpt, in characters. */
const EXCERPT = 1000
/** What is enough for them, in UTF-8. */
export const EXCERPT_BYTES = 4 * EXCERPT

/**
 * `Retry-After` (RFC 9110 section 10.2.3), seconds or a date, as whole seconds from 0 to a day; null
 * when there is none to be read. A date is taken by the clock that wrote it (`Date`), if it is told.
 */
export function retryAfter(headers: AnswerHeaders, now: number): number | null {
  const text = headers['retry-after']?.trim() ?? ''
  const date = httpDate(text)
  const seconds = /^\d+$/.test(text)
    ? Number(text)
    : date !== undefined
      ? Math.ceil((date - (httpDate(headers.date ?? '') ?? now)) / 1000)
      : undefined
  return seconds === undefined ? null : Math.min(Math.max(seconds, 0), LONGEST_WAIT)
}

/** What is kept of the beginning of a body. Null for none, and for a compressed one, which is never unpacked. */
export function excerptOf(body: Buffer, headers: AnswerHeaders): string | null {
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') return null
  // As a stream: a character that the limit cuts in two is left out.
  const text = new TextDecoder().decode(body, { stream: true })
  const printable = text.replace(/(?![\n\t])\p{Cc}/gu, '').trim()
  return [...printable].slice(0, EXCERPT).join('').trimEnd() || null
}

/** An attempt that failed without a whole answer. */
export function failed(
  error: Failure,
  more: Partial<Pick<Outcome, 'status' | 'ms' | 'detail'>> = {},
): Outcome {
  const nothing = { status: null, ms: 0, detail: null, retryAfter: null, excerpt: null }
  return { ...nothing, ...more, ok: false, error, gone: false }
}

/** What a status means. */
export function verdict(
  status: number,
  headers: AnswerHeaders,
): Pick<Outcome, 'ok' | 'status' | 'error' | 'retryAfter' | 'gone'> {
  const ok = status >= 200 && status < 300
  const error = ok ? null : status >= 300 && status < 400 ? 'redirect' : 'status'
  const waits = status === 429 || status === 503
  return {
    ...{ ok, status, error, gone: status === 410 },
    retryAfter: waits ? retryAfter(headers, Date.now()) : null,
  }
}

/** Why an attempt broke off at a stage with an error of this code. */
export function failureOf(stage: Stage, code: string): Failure {
  if (stage !== 'exchange') return stage
  // Node's parser: more than 16 kB of headers, trailers or extensions of chunks.
  if (/^HPE_(HEADER|CHUNK_EXTENSIONS)_OVERFLOW$/.test(code)) return 'too_large'
  return code.startsWith('HPE_') ? 'protocol' : 'reset'
}
