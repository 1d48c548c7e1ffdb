import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { explain, loggable } from '../db/failure.ts'
import { driverError, faultOfDatabase } from '../db/sqlstate.ts'
import { ERRORS, type ErrorCode, Fault, type FaultKind } from '../errors.ts'

/** Which status answers which kind of fault. */
const STATUS: Record<FaultKind, number> = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  missing: 404,
  method: 405,
  slow: 408,
  conflict: 409,
  gone: 410,
  preconditionFailed: 412,
  tooLarge: 413,
  mediaType: 415,
  rule: 422,
  preconditionRequired: 428,
  rateLimited: 429,
  longHeaders: 431,
  legal: 451,
  internal: 500,
  unavailable: 503,
  storageFull: 507,
}

/** The status that answers an error code. */
export function statusOf(code: ErrorCode): number {
  return STATUS[ERRORS[code].kind]
}

const CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]

/** RFC 9457, with the members every answer of ours has. */
export const Problem = z
  .object({
    type: z.string().meta({ description: 'A page that explains the code.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().meta({ description: 'The path of the request.' }),
    code: z.enum(CODES).meta({ description: 'Stable: switch on this.' }),
    requestId: z.string(),
    errors: z
      .array(
        z.object({
          pointer: z.string().optional().meta({ description: 'JSON pointer into the body.' }),
          parameter: z.string().optional().meta({ description: 'A query or path parameter.' }),
          header: z.string().optional(),
          message: z.string(),
        }),
      )
      .meta({ description: 'All that is wrong, not only the first; a thousand at most.' }),
    gone: z
      .object({
        kind: z.string(),
        notice: z.string().nullable(),
        since: z.string().meta({ description: 'RFC 3339.' }),
      })
      .optional()
      .meta({ description: 'Of `gone` and `legally_removed`.' }),
    quotes: z
      .array(
        z.object({
          id: z.string(),
          text: z.string(),
          state: z.string(),
          found: z.string().nullable().meta({ description: 'The words that would stand there.' }),
        }),
      )
      .optional()
      .meta({ description: 'Of `quote_altered`: each verified quote that would break.' }),
    references: z
      .array(z.object({ kind: z.string(), id: z.string(), slug: z.string().optional() }))
      .optional()
      .meta({ description: 'Of `in_use`: who refers to it, the first hundred.' }),
    missing: z
      .array(z.string())
      .optional()
      .meta({ description: 'Of `/readyz`: what the process lacks.' }),
  })
  .meta({ id: 'Problem', description: 'An error, after RFC 9457.' })

/** The media type of problems. */
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** Fastify's own refusals, before a route was reached. */
const FASTIFY_CODES: Record<string, [ErrorCode, string]> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', 'Send application/json.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['invalid_request', 'Content-Length does not fit the body.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['malformed_json', 'The body is empty.'],
  FST_ERR_BAD_URL: ['invalid_request', 'The URL is not well encoded.'],
  FST_ERR_MAX_PARAM_LENGTH: ['not_found', 'There is no such resource.'],
}

/** Any error to the Fault that is told to the caller. */
export function faultOf(error: FastifyError | Error): Fault {
  if (error instanceof Fault) return error
  const known = 'code' in error ? FASTIFY_CODES[error.code] : undefined
  if (known) return new Fault(...known)
  const broken = faultOfDatabase(error)
  if (broken) return broken
  const status = 'statusCode' in error ? error.statusCode : undefined
  if (status === 400) return new Fault('invalid_request', 'The request is not valid HTTP.')
  return new Fault('internal', 'Something went wrong; the request id leads to it in the log.')
}

/** Of a request that never came whole: nobody is there to be told. */
const CUT_OFF = new Fault('request_timeout', 'The request was not sent to its end.')

function isCutOff({ raw }: FastifyRequest): boolean {
  return raw.destroyed && !raw.complete
}

/** A body that is too large, with what its route takes. */
function refusedBody({ code }: FastifyError, request: FastifyRequest): Fault | undefined {
  if (code !== 'FST_ERR_CTP_BODY_TOO_LARGE') return undefined
  const limit = Math.floor(request.routeOptions.bodyLimit / 1024)
  return new Fault(
    'payload_too_large',
    `The body is larger than the ${limit} kB that are taken here.`,
  )
}

/** The statuses of what is not there, or gone. */
const ABSENT = [404, 410, 451]

/** Seconds after which whoever was answered 503 may ask again. */
export const RETRY_AFTER = '1'

/** A Fault as the text of a problem, in answer to the request of that URL and id. */
export function problemOf(
  { code, message: detail, errors, members }: Fault,
  { url, id }: { url: string; id: string },
  publicUrl: string,
): string {
  return JSON.stringify({
    type: `${publicUrl}/problems/${code}`,
    title: ERRORS[code].title,
    status: statusOf(code),
    detail,
    instance: url.split('?')[0],
    code,
    requestId: id,
    errors,
    ...members,
  })
}

/** Answers a request with a Fault, as problem+json. */
export function sendFault(
  request: FastifyRequest,
  reply: FastifyReply,
  fault: Fault,
  publicUrl: string,
): FastifyReply {
  const status = statusOf(fault.code)
  if (status === 401)
    reply.header('www-authenticate', 'Bearer realm="dateline", Basic realm="dateline"')
  // A disk is not emptied within a second.
  if (status === 503) reply.header('retry-after', RETRY_AFTER)
  if (status === 507) reply.header('retry-after', '10')
  // What is not there, or gone, is an answer that caches may keep like any other.
  if (!ABSENT.includes(status)) reply.header('cache-control', 'no-store')
  return reply
    .code(status)
    .type(PROBLEM_TYPE)
    .send(problemOf(fault, request, publicUrl))
}

/**
 * Logs what is not the caller's doing: whole, but in one line where it is the database that is away or busy, for
 * then it is many; and what only the database caught, which a check of ours should have caught before.
 */
function logFailure({ log }: FastifyRequest, error: Error, fault: Fault): void {
  if (error instanceof Fault) return
  if (statusOf(fault.code) === 503) log.error({ reason: explain(error) }, 'request refused')
  else if (statusOf(fault.code) >= 500 || driverError(error)) {
    log.error({ err: loggable(error) }, 'request failed')
  }
}

/**
 * All errors leave here. What is not the caller's doing is logged whole and explained to nobody;
 * what is, is told whole and logged only as its code.
 */
export function answerProblems(app: FastifyInstance, publicUrl: string): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const fault = isCutOff(request) ? CUT_OFF : (refusedBody(error, request) ?? faultOf(error))
    logFailure(request, error, fault)
    // Fastify would close the connection on a body that it has not read, and the caller, still sending, would
    // learn of that alone. Node.js passes over the rest, for as long as a request may take.
    if (reply.hasHeader('connection')) reply.removeHeader('connection')
    return sendFault(request, reply, fault, publicUrl)
  })
  app.setNotFoundHandler((request, reply) => {
    return sendFault(
      request,
      reply,
      new Fault('not_found', 'There is nothing at this path.'),
      publicUrl,
    )
  })
}

/**
 * Answers 405 with `Allow` where a path exists under other methods (RFC 9110 section 15.5.6).
 * Call before the routes are registered, and the function it returns after them.
 */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const known = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    if (url.startsWith('/docs')) return
    const methods = known.get(url) ?? new Set()
    for (const one of [method].flat()) methods.add(one)
    known.set(url, methods)
  })
  return () => {
    for (const [url, methods] of [...known]) {
      const allowed = [...methods].sort().join(', ')
      const others = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((m) => !methods.has(m))
      app.route({
        method: others,
        url,
        schema: { hide: true },
        config: { open: true },
        onRequest: async (_request, reply) => {
          reply.header('allow', allowed)
          throw new Fault('method_not_allowed', `Allowed here: ${allowed}.`)
        },
        handler: async () => {},
      })
    }
  }
}
