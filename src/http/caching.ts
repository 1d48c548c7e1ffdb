import type { FastifyReply, FastifyRequest } from 'fastify'
import xxhash from 'xxhash-wasm'
import type { Plan } from '../db/statement.ts'
import type { Expected } from '../db/versions.ts'
import { Fault } from '../errors.ts'
import { isEditor } from './auth.ts'

const { h64 } = await xxhash()

/** 64 bits that tell two answers apart (XXH64): 1.3 µs for a list of 14 kB, where SHA-256 takes 8.4. */
function digest(bytes: string): string {
  return h64(bytes).toString(36)
}

/** The ETag of an item: `"<version>-<hash of the bytes>"`. */
export function itemTag(version: number, bytes: string): string {
  return `"${version}-${digest(bytes)}"`
}

/** A filter, by id. */
type Ids = { any: readonly string[]; none: readonly string[] }

/** What an answer is made of: from it follows what it depends on. */
export type Read = {
  /** The names of the members that each object shows. */
  members?: readonly string[]
  /** The objects themselves, for whoever has to look at them: an array of a list's, or the one. */
  objects?: () => unknown
  /** Ids of the articles that it says are gone. */
  removed?: readonly string[]
  /** Whether a list found nothing. */
  empty?: boolean
  /** When the resource itself last changed, in ms since 1970. */
  modified?: number
  /** The filters that were asked for, by parameter, as ids. */
  resolved?: Readonly<Record<string, Ids | undefined>>
  /** The id that the one name of its filters leads to. */
  lead?: string | undefined
  /** The resource it is about, where that is not shown. */
  about?: { kind: 'article' | 'quote' | 'source' | 'category'; id: string }
  /** The parameters, where the path says one of them; otherwise those of the query. */
  asked?: object
  /** Of a feed: what it shows beside its objects. */
  around?: Around
  /** The instant, by the database's clock, at which time alone makes it another answer. */
  until?: string
}

/** What a feed shows beside its rows: whose it is, what prints its quotes; and always what is gone. */
export type Around = {
  category?: object
  source?: object
  articles?: readonly object[]
}

/** A finished read: its bytes as text, and what is told with them. */
export type Shown = Read & {
  body: string
  /** Its media type, where that is not JSON's. */
  type?: string
  version?: number
  /** `Link` to the next page, and to the same in other formats. */
  link?: string
  /** How its address ends: the slug of an item, or its id. */
  address?: string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What a read says of itself, for caches. */
    read: Read | undefined
    /** By which it can be asked again, without the framework. */
    plan: Plan<Shown> | undefined
  }
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

/** The ETag of a read: of an item with its version, of anything else by its bytes alone. */
export function tagOfShown({ body, version }: Shown): string {
  return version === undefined ? `"${digest(body)}"` : itemTag(version, body)
}

/** The `Content-Type` of a read. */
export function typeOfShown({ type = 'application/json' }: Shown): string {
  return `${type}; charset=utf-8`
}

/** Sends a read: the bytes with their ETag. Whether the caller has them is looked at last. */
export function sendShown(
  request: FastifyRequest,
  reply: FastifyReply,
  shown: Shown,
): FastifyReply {
  noteRead(request, shown)
  if (shown.link !== undefined) reply.header('link', shown.link)
  reply.header('etag', tagOfShown(shown))
  return reply.type(typeOfShown(shown)).send(shown.body)
}

/** Sends what was made here and nobody depends on but by chance: see delivery/dependencies.ts. */
export function sendRead(
  request: FastifyRequest,
  reply: FastifyReply,
  body: unknown,
  version?: number,
): FastifyReply {
  return sendShown(request, reply, {
    body: JSON.stringify(body),
    ...(version !== undefined && { version }),
  })
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
