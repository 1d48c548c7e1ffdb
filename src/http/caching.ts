import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Expected } from '../db/versions.ts'
import { Fault } from '../errors.ts'
import { isEditor } from './auth.ts'

/** Sixteen characters of a SHA-256 over the bytes: strong enough to tell two answers apart. */
function digest(bytes: string): string {
  return hash('sha256', bytes, 'base64url').slice(0, 16)
}

/** The ETag of an item: `"<version>-<hash of the bytes>"`. */
export function itemTag(version: number, bytes: string): string {
  return `"${version}-${digest(bytes)}"`
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What a read says of itself, for caches. */
    read: Read | undefined
  }
}

/** A filter, by id. */
type Ids = { any: readonly string[]; none: readonly string[] }

/** What an answer is made of: from it follows what it depends on. */
export type Read = {
  /** What is shown, before it is bytes. */
  shown?: unknown
  /** When the resource itself last changed. */
  modified?: Date | string | undefined
  /** The filters that were asked for, by parameter, as ids. */
  resolved?: Readonly<Record<string, Ids | undefined>>
  /** The resource it is about, where that is not shown. */
  about?: { kind: 'article' | 'quote' | 'source' | 'category'; id: string }
}

/** Notes what a read is made of. */
export function noteRead(request: FastifyRequest, read: Read): void {
  request.read = { ...request.read, ...read }
}

/** What a public answer is told to caches: they check it on every use, shared ones after seconds. */
export function publicPolicy(seconds: number): string {
  return `public, max-age=0, s-maxage=${Math.min(seconds, LONGEST)}, must-revalidate`
}

/** Seconds that a shared cache may use a public answer unseen. */
const LONGEST = 10

/** Who may keep an answer that is not public. */
export function keyedPolicy(request: FastifyRequest): string {
  return isEditor(request) ? 'no-store' : 'private, no-cache'
}

/** Sends a read: the bytes with their ETag. Whether the caller has them is looked at last. */
export function sendRead(
  request: FastifyRequest,
  reply: FastifyReply,
  body: unknown,
  version?: number,
  modified?: Date | string,
): FastifyReply {
  const bytes = JSON.stringify(body)
  noteRead(request, { shown: body, modified })
  reply.header('etag', version === undefined ? `"${digest(bytes)}"` : itemTag(version, bytes))
  return reply.type('application/json; charset=utf-8').send(bytes)
}

/**
 * Reads `If-Match`: `any` for `*`, else the versions of the strong tags in it. Weak tags never match
 * (RFC 9110 section 13.1.1). Only the version part counts, so the ETag of any representation will
 * do. Undefined when the header is absent.
 */
export function ifMatch(request: FastifyRequest): Expected | undefined {
  const header = request.headers['if-match']
  if (header === undefined) return undefined
  if (header.trim() === '*') return 'any'
  const versions = header
    .split(',')
    .map((tag) => /^"(\d{1,9})-[\w-]*"$/.exec(tag.trim())?.[1])
    .filter((version) => version !== undefined)
  return new Set(versions.map(Number))
}

/** `If-Match` where it is required: on PATCH and DELETE. Throws `version_required` (428). */
export function requireIfMatch(request: FastifyRequest): Expected {
  const expected = ifMatch(request)
  if (expected === undefined) {
    throw new Fault('version_required', 'Send If-Match with the ETag you last read.', {
      errors: [{ header: 'If-Match', message: 'is required here' }],
    })
  }
  return expected
}
