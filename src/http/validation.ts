import type { FastifyInstance, FastifyRequest, FastifyServerOptions } from 'fastify'
import { z } from 'zod'
import { type Detail, Fault, MOST_FAULTS } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { escapePointer } from './json.ts'
import { splitUrl } from './url.ts'

/** Where a part of the request names its faults. */
type Part = 'params' | 'querystring' | 'body'
type Query = Record<string, unknown>
const PROPERTY = { params: 'params', querystring: 'query', body: 'body' } as const

/**
 * What Fastify makes of schemas: nothing, since all is done here. Its own compilers, which it would load
 * where it is not told this, are 90 modules.
 */
export const COMPILERS = {
  compilersFactory: {
    buildValidator: () => () => () => true,
    buildSerializer: () => () => (data: unknown) => JSON.stringify(data),
  },
} as unknown as NonNullable<FastifyServerOptions['schemaController']>

/**
 * Validates every request against its route's zod schemas, all parts before the first answer, so
 * that the caller learns all that is wrong at once (Fastify's own validation stops at the first
 * part that fails). Puts the parsed values in place.
 */
export function validateRequests(app: FastifyInstance): void {
  app.addHook('preValidation', async (request) => {
    const errors = (['params', 'querystring', 'body'] as const).flatMap((p) => check(request, p))
    if (errors.length > 0) {
      throw new Fault('invalid_request', 'The request has faults; see errors.', {
        errors: errors.slice(0, MOST_FAULTS),
      })
    }
  })
}

function check(request: FastifyRequest, part: Part): Detail[] {
  const property = PROPERTY[part]
  const schema = request.routeOptions.schema?.[part]
  if (schema === undefined) return unexpected(request, part)
  if (!(schema instanceof z.ZodType)) return []
  const given = part === 'querystring' ? { ...(request.query as object) } : request[property]
  if (given === undefined && !request.routeOptions.config.optionalBody) {
    return [{ pointer: '', message: 'is missing: a body is required' }]
  }
  const beforehand =
    part === 'querystring' ? [...undecodable(request.url), ...takeRepeated(given as Query)] : []
  const parsed = schema.safeParse(given === undefined ? {} : given)
  const faults = parsed.success
    ? []
    : parsed.error.issues.flatMap((issue) => details(issue, part, schema))
  if (parsed.success) Object.assign(request, { [property]: parsed.data })
  return [...beforehand, ...faults]
}

/** The parameters that are not UTF-8 in percent-encoding; the parser leaves such text as it is. */
function undecodable(url: string): Detail[] {
  const pairs = splitUrl(url).query.split('&')
  return pairs
    .filter((pair) => decoded(pair) === undefined)
    .map((pair) => {
      const [name = ''] = pair.split('=')
      return { parameter: decoded(name) ?? name, message: 'is not UTF-8 in percent-encoding' }
    })
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Takes the parameters given more than once out of the query, each a fault. */
function takeRepeated(query: Query): Detail[] {
  return Object.entries(query).flatMap(([parameter, value]) => {
    if (!Array.isArray(value)) return []
    delete query[parameter]
    return [{ parameter, message: 'is given more than once' }]
  })
}

/** What is given of a part of which the operation takes nothing. */
function unexpected({ query, body }: FastifyRequest, part: Part): Detail[] {
  if (part === 'body' && body !== undefined) {
    return [{ pointer: '', message: 'is not allowed: no body is taken here' }]
  }
  if (part !== 'querystring') return []
  return Object.keys(query as Query).map((parameter) => ({
    parameter,
    message: unknownName(parameter, []),
  }))
}

function unknownName(name: string, allowed: string[]): string {
  return allowed.length === 0
    ? 'is not known; no parameters are allowed here'
    : `is not known; allowed are ${allowed.join(', ')}${didYouMean(name, allowed)}`
}

/** One zod issue as details: a pointer into the body, or the parameter's name. */
function details(issue: z.core.$ZodIssue, part: Part, schema: z.ZodType): Detail[] {
  if (issue.code === 'unrecognized_keys') {
    const allowed = issue.path.length === 0 && schema instanceof z.ZodObject ? schema.shape : {}
    const names = Object.keys(allowed)
    return issue.keys
      .slice(0, MOST_FAULTS)
      .map((key) => at([...issue.path, key], part, unknownName(key, names)))
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The branch the caller came nearest to: the one whose faults lie deepest.
    const depth = (branch: z.core.$ZodIssue[]) => Math.max(...branch.map((i) => i.path.length))
    const [nearest = []] = issue.errors.toSorted(
      (a, b) => depth(b) - depth(a) || a.length - b.length,
    )
    return nearest.flatMap((i) =>
      details({ ...i, path: [...issue.path, ...i.path] }, part, z.unknown()),
    )
  }
  return [at(issue.path, part, issue.message.replace(/^Invalid input: /, ''))]
}

function at(path: PropertyKey[], part: Part, message: string): Detail {
  if (part === 'body') {
    return { pointer: path.map((p) => `/${escapePointer(String(p))}`).join(''), message }
  }
  return { parameter: String(path[0] ?? ''), message }
}
