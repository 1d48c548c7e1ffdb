import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Database, Writing } from '../db/client.ts'
import { behind } from '../db/pipeline.ts'
import { transaction } from '../db/transaction.ts'
import { Fault } from '../errors.ts'
import { itemTag, type Shown } from './caching.ts'
import { type Answer, idempotencyKey, once } from './idempotency.ts'

/**
 * What a write leads to: the resource as its caller may read it, asked for in the transaction and not
 * waited for, and the path that its address continues; or nothing after a DELETE.
 */
export type Written = { status: 200 | 201; path: string; shown: Promise<Shown> } | { status: 204 }

/**
 * Runs a write: one transaction with the command in it, the answer read inside (so that it is what
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
  const { keyId } = actor
  const key = idempotencyKey(request)
  const { answer } = await transaction(db, async (tx) => {
    const act = () => work({ tx, actor, requestId: request.id })
    if (key && keyId) {
      const kept = await once(tx, request, keyId, key, async () => answerOf(await act()))
      return { answer: Promise.resolve(kept) }
    }
    const answer = answerOf(await act())
    // The commit goes behind its question.
    behind(tx, answer)
    return { answer }
  })
  const { status, headers, body } = await answer
  reply.code(status).headers(headers).header('cache-control', 'no-store')
  return body === '' ? reply.send() : reply.send(body)
}

async function answerOf(written: Written): Promise<Answer> {
  const { status } = written
  if (status === 204) return { status, headers: {}, body: '' }
  const { body, version, address } = await written.shown
  const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' }
  if (version !== undefined) headers.etag = itemTag(version, body)
  if (status === 201) headers.location = `${written.path}/${address}`
  return { status, headers, body }
}
