import type { IncomingHttpHeaders } from 'node:http'
import { httpDate } from '../http-date.ts'

/** RFC 9110 section 8.8.3: opaque-tag is anything printable but a quotation mark. */
const ENTITY_TAG = /(?:W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g

/** The strong entity tags in `If-None-Match`, weakness set aside (RFC 9110 section 13.1.2). */
function tagsIn(header: string): string[] {
  return [...header.matchAll(ENTITY_TAG)].map(([, tag = '']) => tag)
}

/**
 * Does the caller say what it has? `*` is whatever there is, and costs as much to find out as to send
 * (RFC 9110 section 13.1.2).
 */
export function namesWhatItHas(headers: IncomingHttpHeaders): boolean {
  return headers['if-none-match']?.trim() !== '*'
}

/**
 * The tag under which the caller has what would be sent, out of the tags it may have it under; `''`
 * when it said so by date; undefined when it does not have it. `If-None-Match` decides alone where
 * there is one, whatever it holds (RFC 9110 section 13.1.3); what is malformed matches nothing.
 */
export function has(
  headers: IncomingHttpHeaders,
  tags: readonly string[],
  modified: number | undefined,
): string | undefined {
  const known = headers['if-none-match']
  if (known !== undefined) {
    if (!namesWhatItHas(headers)) return tags[0]
    const theirs = tagsIn(known)
    return tags.find((tag) => theirs.includes(tag))
  }
  const since = headers['if-modified-since']
  if (since === undefined || modified === undefined) return undefined
  const date = httpDate(since)
  return date !== undefined && Math.floor(modified / 1000) * 1000 <= date ? '' : undefined
}
