import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Detail, Fault, MOST_FAULTS } from '../errors.ts'

/** Deeper than any body of ours: a Portable Text block in an article is six deep. */
const MAX_DEPTH = 32

/**
 * JSON's tokens. Run only over text that JSON.parse has accepted, so it need not be strict. A string is one
 * run of characters after the other, since an alternative for each character takes ten times as long.
 */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g

/** An object, with the names it has so far and the one that was read last, or an array, with its place. */
type Step = { names: Set<string> | undefined; key: string; index: number }

/** Far more than any object of ours has. */
const MAX_MEMBERS = 1000

/**
 * Where a text has more than it may: levels, or members of one object. Looked for before it is parsed: a
 * megabyte of brackets takes JSON.parse 400 ms and 120 MB, and whoever parses by recursion its stack; 150,000
 * names take 90 MB.
 */
function excess(text: string): { at: number; message: string } | undefined {
  const members = new Uint16Array(MAX_DEPTH + 1)
  let depth = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (quoted) {
      if (char === '\\') at++
      else if (char === '"') quoted = false
    } else if (char === '"') quoted = true
    else if (char === '{' || char === '[') {
      if (++depth > MAX_DEPTH) return { at, message: `is nested deeper than ${MAX_DEPTH} levels` }
      members[depth] = 0
    } else if (char === '}' || char === ']') depth--
    else if (char === ':') {
      const many = (members[depth] ?? 0) + 1
      members[depth] = many
      if (many <= MAX_MEMBERS) continue
      return { at, message: `has an object of more than ${MAX_MEMBERS} members` }
    }
  }
  return undefined
}

/**
 * What JSON.parse passes over in silence: a name given twice (it keeps the last; RFC 8259 section 4
 * leaves it open), and `__proto__`; the first thousand. One pass, no recursion.
 */
function silentFaults(text: string): Detail[] {
  const faults: Detail[] = []
  const path: Step[] = []
  let last = ''
  for (const [token] of text.matchAll(TOKEN)) {
    if (faults.length >= MOST_FAULTS) break
    const top = path.at(-1)
    if (token === '{' || token === '[') {
      path.push({ names: token === '{' ? new Set() : undefined, key: '', index: 0 })
    } else if (token === '}' || token === ']') {
      path.pop()
    } else if (token === ',' && top) {
      top.index++
    } else if (token === ':' && top?.names) {
      const name = last.includes('\\') ? (JSON.parse(last) as string) : last.slice(1, -1)
      top.key = name
      const fault = (message: string) => faults.push({ pointer: pointerOf(path), message })
      if (top.names.has(name)) fault('is given more than once')
      if (name === '__proto__') fault('is not a name allowed here')
      top.names.add(name)
    }
    last = token
  }
  return faults
}

function pointerOf(path: readonly Step[]): string {
  return path.map((p) => `/${escapePointer(p.names ? p.key : String(p.index))}`).join('')
}

/** One reference token of a JSON pointer (RFC 6901 section 3). */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** A place in a text as editors count it; columns are UTF-16 units. */
function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n')
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

/** `malformed_json`, which says where and repeats nothing: it may be a draft. */
function malformed(detail: string, place: string): Fault {
  const errors = [{ pointer: '', message: `${detail} at ${place}` }]
  return new Fault('malformed_json', `The body ${detail}: see ${place}.`, { errors })
}

/** Where bytes cease to be UTF-8, counted from 0: the first that reading and writing them again changes. */
function firstWrong(bytes: Uint8Array): number {
  const again = Buffer.from(new TextDecoder().decode(bytes))
  // The decoder leaves a mark of byte order out.
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  const at = bytes.subarray(mark).findIndex((byte, i) => byte !== again[i])
  return mark + Math.max(0, at)
}

/** Where a text ceases to be JSON. V8 says so for some faults only, and quotes the body. */
async function whereItEnds(text: string): Promise<number> {
  const { parse } = await import('jsonc-parser')
  const faults: { offset: number }[] = []
  parse(text, faults as Parameters<typeof parse>[1], { disallowComments: true })
  return faults[0]?.offset ?? text.length
}

/**
 * Bytes to value. Rejects with Fault `malformed_json` for bytes that are not UTF-8 or not JSON, and
 * `invalid_request` for JSON that says a thing twice, names `__proto__` or is nested too deeply or has too
 * many members; each says where.
 */
export async function parseJson(bytes: Uint8Array): Promise<unknown> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw malformed('is not UTF-8', `byte ${firstWrong(bytes)}`)
  }
  if (text === '') throw new Fault('malformed_json', 'The body is empty.')
  const found = excess(text)
  if (found) {
    const message = `${found.message} at ${placeOf(text, found.at)}`
    throw new Fault('invalid_request', `The body ${message}.`, {
      errors: [{ pointer: '', message }],
    })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw malformed('is not JSON', placeOf(text, await whereItEnds(text)))
  }
  const errors = silentFaults(text)
  if (errors.length > 0) throw new Fault('invalid_request', 'The body is ambiguous.', { errors })
  return value
}

/** The largest body, in bytes, where a route does not say otherwise: a source with fifty addresses is half of it. */
export const BODY_LIMIT = 256 * 1024

/** The largest body of an article: 100,000 characters in any script, and its quotes. */
export const ARTICLE_LIMIT = 2 * 1024 * 1024

/** JSON bodies, and no others: `application/json` and `application/merge-patch+json` (RFC 7396). */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'buffer' },
    async ({ routeOptions: { schema, config } }: FastifyRequest, body: Buffer) => {
      // Many clients send the type with every request, also where there is nothing to say.
      if (body.length === 0 && (config.optionalBody || !schema?.body)) return undefined
      return await parseJson(body)
    },
  )
}
