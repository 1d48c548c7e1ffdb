import { performance } from 'node:perf_hooks'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { may } from '../actor.ts'
import type { Database, Pool } from '../db/client.ts'
import { Fault } from '../errors.ts'

/** How often it is looked whether this process is late, in ms. */
const LOOK = 20
/** So long it must have been late on every look, in ms: one that had a large body to read is not overloaded. */
const LASTING = 100

/**
 * What is too much, in ms: `waits`, for a connection of the pool by whoever has waited longest, and `late`,
 * which each turn of the event loop takes longer than it should. The public is refused before those who have
 * a key, so that editors still publish when everybody reads.
 */
const TOO_MUCH = {
  public: { waits: 250, late: 30 },
  keyed: { waits: 500, late: 90 },
} as const

/** Who is refused: the public, or who has a key. */
export type Crowd = keyof typeof TOO_MUCH

export type Overload = {
  /** Is there so much to do that one more, which needs this pool, would only make all others wait? */
  isTooMuch(crowd: Crowd, pool: Pool): boolean
  /** Counts one that was refused, and says what it is told. */
  refusal(): Fault
  /** How many were refused. */
  refused(): number
  close(): void
}

/** Watches how late this process is, and who waits for the database. */
export function watchOverload(): Overload {
  let due = performance.now() + LOOK
  let refused = 0
  const since: Record<Crowd, number> = { public: Infinity, keyed: Infinity }
  const timer = setInterval(() => {
    const now = performance.now()
    for (const crowd of ['public', 'keyed'] as const) {
      if (now - due < TOO_MUCH[crowd].late) since[crowd] = Infinity
      else since[crowd] = Math.min(since[crowd], now)
    }
    due = now + LOOK
  }, LOOK).unref()
  return {
    isTooMuch: (crowd, pool) =>
      pool.waits() > TOO_MUCH[crowd].waits || performance.now() - since[crowd] >= LASTING,
    refusal() {
      refused++
      return new Fault('overloaded', 'More is asked than can be answered in time; ask again later.')
    },
    refused: () => refused,
    close: () => clearInterval(timer),
  }
}

/**
 * Refuses readers with a key whose pool has too much to do; that of editors, which finds keys too, has been
 * looked at by whoever let them in. Register it behind those who find out who asks.
 */
export function refuseTooMuch(app: FastifyInstance, overload: Overload, db: Database): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const pool = poolOf(request, db)
    done(pool && overload.isTooMuch('keyed', pool) ? overload.refusal() : undefined)
  })
}

function poolOf({ actor, method }: FastifyRequest, db: Database): Pool | undefined {
  if (!actor || (method !== 'GET' && method !== 'HEAD')) return undefined
  if (actor.partnerId !== undefined) return db.partner.$client
  return may(actor, 'drafts:read') ? undefined : db.reader.$client
}
