import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Listing } from '../db/listing.ts'
import { sendShown } from './caching.ts'
import { cursorOf, fingerprint, type Position, readCursor } from './cursor.ts'
import { splitUrl } from './url.ts'

/** The pages of a list: the one that is asked for, and how the next one is named. */
export type Pages = Listing & {
  /** The page that begins after a position. */
  after(position: Position): { cursor: string; url: string }
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
  const after = (position: Position) => {
    const { list, begin } = continuation()
    const next = cursorOf(position, list)
    return { cursor: next, url: `${begin}cursor=${next}` }
  }
  return {
    limit,
    after,
    from: cursor === undefined ? undefined : readCursor(continuation().list, cursor),
    body(data, position, meta = {}) {
      const told = Object.values(meta).some((value) => value !== undefined)
      const rest = told ? `,"meta":${JSON.stringify(meta)}` : ''
      const start = `{"data":[${data}],"page":{"limit":${limit},"next":`
      if (!position) return { body: `${start}null}${rest}}` }
      const next = after(position)
      return {
        body: `${start}"${next.cursor}"}${rest}}`,
        link: `<${next.url}>; rel="next"`,
      }
    },
  }
}

/** What the pages of a list have in common: what their cursors belong to, and how their URLs begin. */
type Continuation = { list: string; begin: string }

function continuationOf(url: string, publicUrl: string): Continuation {
  const { path, query } = splitUrl(url)
  const params = new URLSearchParams(query)
  params.delete('cursor')
  const asked = params.size > 0 ? `${params}&` : ''
  return { list: fingerprint(path, params), begin: `${publicUrl}${path}?${asked}` }
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
