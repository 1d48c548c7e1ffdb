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

/** How many, which fields and which includes do not change which rows come, in what order. */
const SHAPING = /^(limit|fields|include|body|highlight|count|facets|fields\[.*)$/

/** What a cursor belongs to: the path and every parameter that chooses or orders. */
function fingerprint(path: string, params: URLSearchParams): string {
  const filters = [...params].filter(([name]) => !SHAPING.test(name)).sort()
  return hash('sha256', JSON.stringify([path, filters]), 'base64url').slice(0, 12)
}

/**
 * A cursor to a position. Cursors are unsigned, they grant nothing; what does not decode, is not of
 * our making or belongs to another list is `invalid_cursor` (400).
 */
function readCursor(asked: string, cursor: string): Position {
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

/** The page that is asked for at a URL. Throws `invalid_cursor`. */
export function pagesOf(
  url: string,
  publicUrl: string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Pages {
  let known: Continuation | undefined
  const continuation = () => {
    known ??= continuationOf(url, publicUrl)
    return known
  }
  return {
    limit,
    from: cursor === undefined ? undefined : readCursor(continuation().list, cursor),
    body(data, position, meta = {}) {
      const told = Object.values(meta).some((value) => value !== undefined)
      const rest = told ? `,"meta":${JSON.stringify(meta)}` : ''
      const start = `{"data":[${data}],"page":{"limit":${limit},"next":`
      if (!position) return { body: `${start}null}${rest}}` }
      const { list, link } = continuation()
      const next = cursorOf(position, list)
      return {
        body: `${start}"${next}"}${rest}}`,
        link: `<${link}cursor=${next}>; rel="next"`,
      }
    },
  }
}

/** What the pages of a list have in common: what their cursors belong to, and how their URLs begin. */
type Continuation = { list: string; link: string }

function continuationOf(url: string, publicUrl: string): Continuation {
  const { path, query } = splitUrl(url)
  const params = new URLSearchParams(query)
  params.delete('cursor')
  const asked = params.size > 0 ? `${params}&` : ''
  return { list: fingerprint(path, params), link: `${publicUrl}${path}?${asked}` }
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
