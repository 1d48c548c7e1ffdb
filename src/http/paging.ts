import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Listing } from '../db/listing.ts'
import { Fault } from '../errors.ts'
import { sendShown } from './caching.ts'
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
function fingerprint(url: string): string {
  const { path, query } = splitUrl(url)
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
function readCursor(asked: string, cursor: string | undefined): Position | undefined {
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
  if (list !== asked) throw fault('belongs to another list, filter or sort')
  if (values.some((value) => value.includes('\u0000') || !value.isWellFormed())) {
    throw fault('is damaged')
  }
  return { values, id }
}

/** The pages of a list: the one that is asked for, and how the next one is named. */
export type Pages = Listing & {
  /** The list's body, of its objects as JSON with commas between, and the `Link` to its next page. */
  body(data: string, next: Position | undefined, meta?: Meta): { body: string; link?: string }
}

/** What was asked for beside the rows; what is undefined in it, or an empty one, is left out. */
export type Meta = Readonly<Record<string, unknown>>

/** The page a request asks for. Throws `invalid_cursor`. */
export function pagesOf(
  { url }: Pick<FastifyRequest, 'url'>,
  publicUrl: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Pages {
  const list = fingerprint(url)
  const { path, query } = splitUrl(url)
  const params = new URLSearchParams(query)
  params.delete('cursor')
  const asked = params.size > 0 ? `${params}&` : ''
  return {
    limit,
    from: readCursor(list, cursor),
    body(data, position, meta = {}) {
      const told = Object.values(meta).some((value) => value !== undefined)
      const rest = told ? `,"meta":${JSON.stringify(meta)}` : ''
      const next = position && cursorOf(position, list)
      return {
        body: `{"data":[${data}],"page":{"limit":${limit},"next":${next ? `"${next}"` : null}}${rest}}`,
        ...(next && { link: `<${publicUrl}${path}?${asked}cursor=${next}>; rel="next"` }),
      }
    },
  }
}

function cursorOf({ values, id }: Position, list: string): string {
  return Buffer.from(JSON.stringify([CURSOR_VERSION, values, id, list])).toString('base64url')
}

/** Sends many that were made here, of rows. */
export function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  pages: Pages,
  data: readonly unknown[],
  next: Position | undefined,
): FastifyReply {
  const objects = data.map((one) => JSON.stringify(one)).join(',')
  return sendShown(request, reply, pages.body(objects, next))
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
