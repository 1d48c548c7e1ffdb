import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

/** How an answer may be encoded. */
export type Encoding = 'identity' | 'gzip' | 'br'

/** Bytes; as text where they are sent once and not kept, which saves copying them. */
export type Bytes = Buffer | string

/** Bytes as they are sent. */
export type Encoded = { encoding: Encoding; bytes: Bytes }

/** Below it, an encoding saves less than it costs: with its headers, 1 kB fits into one packet. */
const WORTH_ENCODING = 1024

const pack = { gzip: promisify(gzip), br: promisify(brotliCompress) }
const options = {
  gzip: { level: 6 },
  // The highest that costs no more than gzip: it is made while a caller waits.
  br: { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } },
}

/** A finished answer, and its encodings as they are asked for. */
export type Answer = {
  /** Of whose making it is, for the metrics. */
  route: string
  status: number
  bytes: Bytes
  /** Where a problem names the id of its request, which is each caller's own. */
  idAt: number | undefined
  /** Names and values in turn: what is the same for every caller at every time, but the ETag. */
  headers: readonly string[]
  /** The ETag without its quotation marks. */
  tag: string | undefined
  /** When it last changed, in ms since 1970; undefined where that cannot be told. */
  modified: number | undefined
  /** Until when it holds as far as time goes, on this process's monotonic clock in ms. */
  until: number
  groups: ReadonlySet<string>
  /** Made on first demand; as a promise while it is made. */
  encoded: { gzip?: Encoded | Promise<Encoded>; br?: Encoded | Promise<Encoded> }
}

/** The ETag of an encoding: strong, so each has its own (RFC 9110 section 8.8.3.3). */
export function tagOf({ tag }: Answer, encoding: Encoding): string {
  return encoding === 'identity' ? `"${tag}"` : `"${tag}-${encoding}"`
}

/**
 * An answer in an encoding, made once, and unencoded where that saves nothing. `grown` is called when
 * there is more of it to keep. A promise only while it is being made.
 */
export function encode(
  answer: Answer,
  encoding: Encoding,
  grown: () => void,
): Encoded | Promise<Encoded> {
  const plain: Encoded = { encoding: 'identity', bytes: answer.bytes }
  if (encoding === 'identity' || Buffer.byteLength(answer.bytes) < WORTH_ENCODING) return plain
  const known = answer.encoded[encoding]
  if (known) return known
  const making = pack[encoding](answer.bytes, options[encoding]).then((bytes) => {
    const made = bytes.length < Buffer.byteLength(answer.bytes) ? { encoding, bytes } : plain
    answer.encoded[encoding] = made
    if (made !== plain) grown()
    return made
  })
  answer.encoded[encoding] = making
  return making
}

/** What an answer takes in memory, about: 400 bytes for its objects, and 120 for each group. */
export function sizeOf({ bytes, headers, groups, encoded }: Answer, key: string): number {
  let size = Buffer.byteLength(bytes) + 2 * key.length + 400 + 120 * groups.size
  for (const text of headers) size += text.length
  for (const made of [encoded.gzip, encoded.br]) {
    if (made && !('then' in made) && made.encoding !== 'identity') size += made.bytes.length
  }
  return size
}
