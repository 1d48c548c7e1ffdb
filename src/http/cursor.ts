import { hash } from 'node:crypto'
import { z } from 'zod'
import { wrongCursor } from '../errors.ts'

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

/**
 * What a cursor belongs to: the path and every parameter that chooses or orders; where the same list is
 * another one for another audience, that too.
 */
export function fingerprint(path: string, params: URLSearchParams, audience?: string): string {
  const filters = [...params].filter(([name]) => !SHAPING.test(name)).sort()
  return hash('sha256', JSON.stringify([path, filters, audience]), 'base64url').slice(0, 12)
}

/**
 * A cursor to a position. Cursors are unsigned, they grant nothing; what does not decode, is not of
 * our making or belongs to another list is `invalid_cursor` (400).
 */
export function readCursor(asked: string, cursor: string): Position {
  const { list, ...position } = openCursor(cursor)
  if (list !== asked) throw wrongCursor('belongs to another list, filter or sort')
  return position
}

/**
 * What a cursor holds, and which list it says that it belongs to; `at` is where a body holds it. Throws
 * `invalid_cursor` for what does not decode or is not of our making.
 */
export function openCursor(cursor: string, at?: string): Position & { list: string } {
  const fault = (message: string) => wrongCursor(message, at)
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
  if (values.some((value) => value.includes('\u0000') || !value.isWellFormed())) {
    throw fault('is damaged')
  }
  return { values, id, list }
}

/** The cursor of a position in the list with this fingerprint. */
export function cursorOf({ values, id }: Position, list: string): string {
  return Buffer.from(JSON.stringify([CURSOR_VERSION, values, id, list])).toString('base64url')
}
