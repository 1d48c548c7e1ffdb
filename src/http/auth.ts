import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { type Actor, demand, may, type Scope } from '../actor.ts'
import { asPartner, type Database, type Reading } from '../db/client.ts'
import { type ErrorCode, Fault } from '../errors.ts'
import type { Keyed, Limits } from './limits.ts'

/** Looks a key up; undefined when it is unknown, expired or revoked. Set by the keys feature. */
export type FindKey = (key: string) => Promise<Actor | undefined>

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined: nobody, that is the public. */
    actor: Actor | undefined
  }
  interface FastifyInstance {
    /** Is the key of a request still good? For those that take long. Without one there is none to be bad. */
    keyHolds(request: FastifyRequest): Promise<boolean>
  }
  interface FastifyContextConfig {
    /** The scope a key needs here. Absent: anyone may read, and the key decides the audience. */
    scope?: Scope
    /** No key is looked at: health, docs. */
    open?: boolean
    /** What this operation can throw beyond what all can: for its documentation. */
    throws?: readonly ErrorCode[]
    /** A GET that answers 301 to an old slug. */
    redirects?: boolean
    /** PATCH and DELETE: `If-Match` is required, or (optional) heeded. */
    ifMatch?: boolean | 'optional'
    /** Its answer is told once and has no ETag. */
    untagged?: boolean
    /** A verb such as publish, which may come without a body. */
    optionalBody?: boolean
    /** The answer holds a secret: it is not kept, so `Idempotency-Key` is refused. */
    secret?: boolean
    /** A body that works against the demo newsroom. */
    example?: object
    /** The media types it answers in, with what each holds, where that is not JSON alone. */
    media?: Readonly<Record<string, z.ZodType>>
  }
}

/**
 * The key of a request, from `Authorization: Bearer` or HTTP Basic with the key as password, and
 * nowhere else: shared caches hand the answers to a header of its own to other callers, and query
 * strings end in logs. Throws `unauthenticated` for a header that is neither.
 */
function keyOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization
  if (header === undefined) return undefined
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S+)$/.exec(header.trim()) ?? []
  if (scheme.toLowerCase() === 'bearer') return credentials
  if (scheme.toLowerCase() === 'basic') {
    const decoded = Buffer.from(credentials, 'base64').toString('utf8')
    return decoded.slice(decoded.indexOf(':') + 1)
  }
  throw new Fault(
    'unauthenticated',
    'Send the key as Authorization: Bearer <key>, or as the password of Basic.',
  )
}

/** `unauthenticated`, which of the three is nobody's business. */
export function badKey(): Fault {
  return new Fault('unauthenticated', 'The key is unknown, expired or revoked.')
}

/** Who is counted: a partner, or a key; undefined for all who are counted by their address. */
function keyedOf({ actor }: FastifyRequest): Keyed | undefined {
  const id = actor?.partnerId ?? actor?.keyId
  return id === undefined ? undefined : { id, perMinute: actor?.rateLimit }
}

/**
 * Finds out who asks before anything else is looked at. A wrong key is 401 everywhere, also where
 * none is needed, so that a client learns at once that its key has expired.
 */
export function authenticate(
  app: FastifyInstance,
  findKey: FindKey,
  limits: Limits,
  publicRead: boolean,
): void {
  app.decorateRequest('actor', undefined)
  app.decorate('keyHolds', async (request: FastifyRequest) => {
    const key = keyOf(request)
    return key === undefined || (await findKey(key)) !== undefined
  })
  app.addHook('onRequest', async (request, reply) => {
    const { scope, open } = request.routeOptions.config
    if (open) return
    const key = keyOf(request)
    if (key !== undefined) request.actor = await findKey(key)
    // By key, else by address: whoever guesses at keys is counted by address.
    await limits.admit(request, reply, keyedOf(request))
    if (key !== undefined && !request.actor) throw badKey()
    if (scope) demand(request.actor, scope)
    else if (!publicRead && !request.is404 && !isEditor(request)) {
      demand(request.actor, 'read', 'Reading here')
    }
  })
}

/**
 * Where this request's reads look: the audience decides role and views. Not `early`: what is under embargo
 * is kept from partners too, whatever they may have.
 */
export function readingOf({ actor }: FastifyRequest, db: Database, early = true): Reading {
  if (actor?.partnerId !== undefined) {
    const reader = { partnerId: actor.partnerId, early: early && may(actor, 'embargo:read') }
    return { db: asPartner(db, reader), schema: 'partner' }
  }
  return may(actor, 'drafts:read')
    ? { db: db.editor, schema: 'editor' }
    : { db: db.replicas.reading(actor?.since), schema: 'reader' }
}

/** The same, but for what is told to others: to a key that is no partner's, what readers see. */
export function syndicatedReading(request: FastifyRequest, db: Database, early = true): Reading {
  const reading = readingOf(request, db, early)
  if (reading.schema === 'partner') return reading
  return { db: db.replicas.reading(request.actor?.since), schema: 'reader' }
}

/** The same for the change feed, which is always the primary's: a cursor of one is good for all. */
export function feedReading(request: FastifyRequest, db: Database): Reading {
  const reading = syndicatedReading(request, db)
  return reading.schema === 'partner' ? reading : { db: db.reader, schema: 'reader' }
}

/** `drafts:read` makes an editor. */
export function isEditor(request: FastifyRequest): boolean {
  return may(request.actor, 'drafts:read')
}
