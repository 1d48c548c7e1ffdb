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

/** RFC 9110 section 13.1.2: weak comparison, `*` matches whatever is there. */
function matchesAny(header: string, tag: string): boolean {
  if (header.trim() === '*') return true
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === tag)
}

/**
 * Who may keep an answer, by audience. Public answers are checked with us on every use.
 */
export function cachePolicy(request: FastifyRequest): string {
  if (isEditor(request)) return 'no-store'
  return request.actor ? 'private, no-cache' : 'public, max-age=0, must-revalidate'
}

/** Sends a read: the bytes with their ETag, or 304 when the caller has them. */
export function sendRead(
  request: FastifyRequest,
  reply: FastifyReply,
  body: unknown,
  version?: number,
): FastifyReply {
  const bytes = JSON.stringify(body)
  const tag = version === undefined ? `"${digest(bytes)}"` : itemTag(version, bytes)
  reply.header('etag', tag)
  reply.header('cache-control', cachePolicy(request))
  const known = request.headers['if-none-match']
  if (known !== undefined && matchesAny(known, tag)) return reply.code(304).send()
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
