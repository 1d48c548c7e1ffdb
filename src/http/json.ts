import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Detail, Fault } from '../errors.ts'

/** Deeper than any body of ours: a Portable Text block in an article is six deep. */
const MAX_DEPTH = 32

/** JSON's tokens. Run only over text that JSON.parse has accepted, so it need not be strict. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/** An object, with the names it has so far and the one that was read last, or an array, with its place. */
type Step = { names: Set<string> | undefined; key: string; index: number }

/**
 * What JSON.parse passes over in silence: a name given twice (it keeps the last; RFC 8259 section 4
 * leaves it open), `__proto__`, and nesting without end. One pass, no recursion.
 */
function silentFaults(text: string): Detail[] {
  const faults: Detail[] = []
  const path: Step[] = []
  let last = ''
  for (const [token] of text.matchAll(TOKEN)) {
    const top = path.at(-1)
    if (token === '{' || token === '[') {
      if (path.length === MAX_DEPTH) {
        return [...faults, { pointer: '', message: `is nested deeper than ${MAX_DEPTH} levels` }]
      }
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

/**
 * Bytes to value. Throws Fault `malformed_json` for bytes that are not UTF-8 or not JSON, and
 * `invalid_request` for JSON that says a thing twice, names `__proto__` or is nested too deeply.
 */
export function parseJson(bytes: Uint8Array): unknown {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Fault('malformed_json', 'The body is not valid UTF-8.')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // V8's message quotes the body, which may be a draft: it is neither repeated nor logged.
    throw new Fault('malformed_json', text === '' ? 'The body is empty.' : 'The body is not JSON.')
  }
  const errors = silentFaults(text)
  if (errors.length > 0) throw new Fault('invalid_request', 'The body is ambiguous.', { errors })
  return value
}

/** JSON bodies, and no others: `application/json` and `application/merge-patch+json` (RFC 7396). */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'buffer' },
    async ({ routeOptions: { schema, config } }: FastifyRequest, body: Buffer) => {
      // Many clients send the type with every request, also where there is nothing to say.
      if (body.length === 0 && (config.optionalBody || !schema?.body)) return undefined
      return parseJson(body)
    },
  )
}
