import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Listing } from '../db/listing.ts'
import { Fault } from '../errors.ts'
import { sendRead } from './caching.ts'
import { splitUrl } from './url.ts'

/** Where a page begins: after the row with these sort values and this id. */
export type Position = { values: string[]; id: string }

const CURSOR_VERSION = 1
const CursorBody = z.tuple([
  z.literal(CURSOR_VERSION),
  z.array(z.string().max(2000)).min(1).max(4),
  z.uuid(),
  z.string().max(12),
])

/** What a cursor belongs to: the path and every parameter but `cursor` and `limit`. */
function fingerprint(request: FastifyRequest): string {
  const { path, query } = splitUrl(request.url)
  const params = [...new URLSearchParams(query)].filter(
    ([name]) => name !== 'cursor' && name !== 'limit',
  )
  // How many, which fields and which includes do not change which rows come, in what order.
  const shaping = ['fields', 'include', 'body', 'highlight', 'count', 'facets']
  const filters = params
    .filter(([name]) => !shaping.includes(name) && !name.startsWith('fields['))
    .sort()
  return hash('sha256', JSON.stringify([path, filters]), 'base64url').slice(0, 12)
}

/**
 * A cursor to a position. Cursors are unsigned, they grant nothing; what does not decode, is not of
 * our making or belongs to another list is `invalid_cursor` (400).
 */
function readCursor(request: FastifyRequest, cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined
  const fault = (message: string) =>
    new Fault('invalid_cursor', `The cursor ${message}.`, {
      errors: [{ parameter: 'cursor', message }],
    })
  let decoded: unknown
  try {
    const bytes = Buffer.from(cursor, 'base64url')
    if (bytes.toString('base64url') !== cursor) throw new Error('not canonical')
    decoded = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw fault('is damaged')
  }
  const parsed = CursorBody.safeParse(decoded)
  if (!parsed.success) throw fault('is damaged')
  const [, values, id, list] = parsed.data
  if (list !== fingerprint(request)) throw fault('belongs to another list, filter or sort')
  if (values.some((value) => value.includes('\u0000') || !value.isWellFormed())) {
    throw fault('is damaged')
  }
  return { values, id }
}

/** The page a request asks for. Throws `invalid_cursor`. */
export function startOf(
  request: FastifyRequest,
  query: { limit: number; cursor?: string | undefined },
): Listing {
  return { limit: query.limit, from: readCursor(request, query.cursor) }
}

/**
 * Sends many: data, page, and the `Link` header that says the same. `meta` holds what was asked for
 * beside the rows; what is undefined in it, or an empty one, is left out.
 */
export function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  publicUrl: string,
  limit: number,
  data: unknown[],
  next: Position | undefined,
  meta: Readonly<Record<string, unknown>> = {},
): FastifyReply {
  let cursor: string | null = null
  if (next) {
    const tuple = [CURSOR_VERSION, next.values, next.id, fingerprint(request)]
    cursor = Buffer.from(JSON.stringify(tuple)).toString('base64url')
    const { path, query } = splitUrl(request.url)
    const params = new URLSearchParams(query)
    params.set('cursor', cursor)
    reply.header('link', `<${publicUrl}${path}?${params}>; rel="next"`)
  }
  const told = Object.values(meta).some((value) => value !== undefined)
  return sendRead(request, reply, {
    data,
    page: { limit, next: cursor },
    ...(told && { meta }),
  })
}

/** What every list can tell beside its rows; a kind adds its own with `extend`. */
export const PageMeta = z
  .object({
    count: z.int().meta({ description: 'With `count=exact`: how many there are on all pages.' }),
  })
  .partial()
  .meta({ id: 'PageMeta', description: 'What was asked for beside the rows.' })

/** The shape of many, for a route's response. */
export function pageOf<T extends z.ZodType>(item: T, id: string, meta: z.ZodObject = PageMeta) {
  return z
    .object({
      data: z.array(item),
      page: z.object({
        limit: z.int(),
        next: z.string().nullable().meta({ description: 'The cursor of the next page, or null.' }),
      }),
      meta: meta.optional(),
    })
    .meta({ id, description: 'A page of the list.' })
}
