import { hash } from 'node:crypto'
import { and, eq, sql } from 'drizzle-orm'
import type { FastifyRequest } from 'fastify'
import type { Tx } from '../db/client.ts'
import { behind } from '../db/pipeline.ts'
import { idempotencyKeys } from '../db/tables.ts'
import { Fault } from '../errors.ts'
import { splitUrl } from './url.ts'

/** An answer as it went out, so that it can be given again to the byte. */
export type Answer = { status: number; headers: Record<string, string>; body: string }

/** How long a key is remembered: the contract says 24 h. */
const REMEMBERED = sql`interval '24 hours'`

/**
 * `Idempotency-Key` of a POST; undefined when absent. Throws `invalid_request` when it is not 1 to
 * 255 printable ASCII characters, and where the answer holds a secret, which must not be stored.
 */
export function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined || request.method !== 'POST') return undefined
  const { secret } = request.routeOptions.config
  if (!secret && typeof key === 'string' && /^[\x21-\x7e]{1,255}$/.test(key)) return key
  const message = secret
    ? 'cannot be used here: the answer is given only once'
    : 'must be 1 to 255 printable ASCII characters, without spaces'
  throw new Fault('invalid_request', `Idempotency-Key ${message}.`, {
    errors: [{ header: 'Idempotency-Key', message }],
  })
}

/**
 * Does the work once for a key: the first time it is done and its answer stored in the same
 * transaction, after that the stored answer is given. A request that comes while the first is at
 * work waits for it (the unique index makes it wait) and then gets its answer, or does the work
 * when the first failed. Throws `idempotency_mismatch` when the key was used for something else.
 */
export async function once(
  tx: Tx,
  request: FastifyRequest,
  keyId: string,
  key: string,
  work: () => Promise<Answer>,
): Promise<Answer> {
  const { path, query } = splitUrl(request.url)
  const requestHash = Buffer.from(
    hash('sha256', JSON.stringify([query, request.body ?? null]), 'buffer'),
  )
  const row = and(
    eq(idempotencyKeys.apiKeyId, keyId),
    eq(idempotencyKeys.path, path),
    eq(idempotencyKeys.key, key),
  )
  const outdated = sql`${idempotencyKeys.createdAt} < now() - ${REMEMBERED}`
  behind(tx, tx.delete(idempotencyKeys).where(and(row, outdated)))
  const claimed = await tx
    .insert(idempotencyKeys)
    .values({ apiKeyId: keyId, path, key, requestHash, createdAt: sql`now()` })
    .onConflictDoNothing()
    .returning({ key: idempotencyKeys.key })
  if (claimed.length === 0) {
    const [stored] = await tx.select().from(idempotencyKeys).where(row)
    if (!stored?.requestHash.equals(requestHash)) {
      throw new Fault(
        'idempotency_mismatch',
        'This Idempotency-Key was sent with another request.',
        {
          errors: [{ header: 'Idempotency-Key', message: 'was used for another request' }],
        },
      )
    }
    return { status: stored.status ?? 200, headers: stored.headers ?? {}, body: stored.body ?? '' }
  }
  const { status, headers, body } = await work()
  behind(tx, tx.update(idempotencyKeys).set({ status, headers, body }).where(row))
  return { status, headers, body }
}

/** Forgets the keys that are older than 24 h. */
export async function forgetOldKeys(tx: Pick<Tx, 'delete'>): Promise<void> {
  await tx.delete(idempotencyKeys).where(sql`${idempotencyKeys.createdAt} < now() - ${REMEMBERED}`)
}
