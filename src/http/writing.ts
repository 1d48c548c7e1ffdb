import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Database, transaction, type Writing } from '../db/client.ts'
import { Fault } from '../errors.ts'
import { itemTag } from './caching.ts'
import { type Answer, idempotencyKey, once } from './idempotency.ts'

/** What a write leads to: the resource as its caller may read it (JSON, if it is text), or nothing after a DELETE. */
export type Written =
  | { status: 200 | 201; body: object | string; version?: number; location?: string }
  | { status: 204 }

/**
 * Runs a write: one transaction with the command in it, the answer made inside (so that it is what
 * was written), an Idempotency-Key honoured in the same transaction.
 */
export async function write(
  db: Database,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (ctx: Writing) => Promise<Written>,
): Promise<FastifyReply> {
  const { actor } = request
  if (!actor) throw new Fault('unauthenticated', 'Writing needs a key.')
  const key = idempotencyKey(request)
  const answer = await transaction(db, async (tx) => {
    const act = async () => answerOf(await work({ tx, actor, requestId: request.id }))
    return key && actor.keyId ? once(tx, request, actor.keyId, key, act) : act()
  })
  reply.code(answer.status).headers(answer.headers).header('cache-control', 'no-store')
  return answer.body === '' ? reply.send() : reply.send(answer.body)
}

function answerOf(written: Written): Answer {
  if (written.status === 204) return { status: 204, headers: {}, body: '' }
  const { body: made } = written
  const body = typeof made === 'string' ? made : JSON.stringify(made)
  const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' }
  if (written.version !== undefined) headers.etag = itemTag(written.version, body)
  if (written.location !== undefined) headers.location = written.location
  return { status: written.status, headers, body }
}
