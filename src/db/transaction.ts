import { drizzle } from 'drizzle-orm/node-postgres'
import type pg from 'pg'
import { Fault } from '../errors.ts'
import { type Database, type Tx, withClient } from './client.ts'
import { send } from './notice.ts'
import { inOrder, unfinished } from './pipeline.ts'
import { AFTER_COMMIT, pointOf } from './point.ts'
import { OUTDATED } from './prepared.ts'
import { driverError, isLost, OutcomeUnknown } from './sqlstate.ts'

/** Serialisation failure, deadlock, a plan from before a migration: PostgreSQL asks to try again. */
const RETRY = new Set(['40001', '40P01', OUTDATED])

/**
 * Thrown in a transaction whose now() is older than something that it must see, since it waited for a
 * lock meanwhile: it is tried again.
 */
export class Overtaken extends Error {}

/** How long a transaction waits for a lock at least, however long its request has waited before, in ms. */
const LEAST_FOR_LOCKS = 100

/**
 * One transaction as an editor. A deadlock, a serialisation failure, one that was overtaken and one whose
 * connection was lost before its COMMIT was sent are tried again, three times in all: nothing was written.
 * Any error means that nothing ever will be, but OutcomeUnknown. What it changed for readers is told to
 * all instances with its commit, and in this process has been heard when this returns.
 */
export async function transaction<T>(db: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { result, notice } = await attemptOnce(db, work)
      if (notice) for (const heard of db.committed) heard(notice)
      return result
    } catch (error) {
      // A server that does not answer is not asked three times for as long.
      const inTime = !isLost(error) || db.editor.$client.patienceLeft() > 0
      if (attempt < 3 && inTime && mayBeTriedAgain(error)) continue
      if (error instanceof Overtaken)
        throw new Fault('unavailable', 'Others were quicker, each time.')
      throw error
    }
  }
}

function mayBeTriedAgain(error: unknown): boolean {
  if (error instanceof OutcomeUnknown) return false
  const code = driverError(error)?.code ?? ''
  return error instanceof Overtaken || RETRY.has(code) || isLost(error)
}

/** SQLSTATEs with which a COMMIT says that it was a rollback: a constraint that waited for it, a conflict. */
const REFUSES_COMMIT = /^(23|40)/

/**
 * Who warns, of all of PostgreSQL's functions, that a COMMIT holds here and at no synchronous standby: a
 * timeout has ended the wait for one, and PostgreSQL goes on as if nothing was. A failover would lose it.
 */
const NOT_REPLICATED = 'SyncRepWaitForLSN'

/** One connection while it is a transaction's: after that nothing can be sent through it. */
class Session {
  readonly #client: pg.PoolClient
  #open = true

  constructor(client: pg.PoolClient) {
    this.#client = client
  }

  query(statement: pg.QueryConfig, values?: unknown[]): Promise<pg.QueryResult> {
    if (this.#open) return this.#client.query(statement, values)
    return Promise.reject(new Error('a statement came after the end of its transaction'))
  }

  /** Ends the transaction; its result names what PostgreSQL did. */
  end(how: 'commit' | 'rollback'): Promise<pg.QueryResult> {
    this.#open = false
    return this.#client.query(how)
  }

  get isOpen(): boolean {
    return this.#open
  }
}

function attemptOnce<T>({ editor, replicas }: Database, work: (tx: Tx) => Promise<T>) {
  return withClient(editor.$client, async (client) => {
    const session = new Session(client)
    const tx = drizzle(session as unknown as pg.PoolClient)
    // What follows is sent behind it, without waiting. Should it fail, which takes a lost connection or
    // somebody who cancels it, nothing after the first statements may run outside of a transaction.
    // A request that has waited for its connection waits the less for locks: it is refused in time, and
    // what is refused never happens.
    const patience = Math.max(LEAST_FOR_LOCKS, Math.round(editor.$client.patienceLeft()))
    const begun = client.query(`begin; set local lock_timeout = ${patience}`)
    begun.catch(() => client.end().catch(() => {}))
    let unconfirmed = false
    const heed = ({ routine }: { routine?: string | undefined }) => {
      if (routine === NOT_REPLICATED) unconfirmed = true
    }
    try {
      const result = await work(tx)
      const { notice, told = Promise.resolve() } = send(tx)
      client.on('notice', heed)
      const committed = session.end('commit')
      // Whoever read it there must not read at a replica what was before it.
      const point = notice && replicas.some ? pointOf(client.query(AFTER_COMMIT)) : undefined
      const sentBefore = inOrder([begun, ...unfinished(tx), told])
      await inOrder([sentBefore, committed]).catch(async (error) => {
        throw (await isUnsure(error, sentBefore))
          ? new OutcomeUnknown('lost', { cause: error })
          : error
      })
      // A COMMIT behind what failed is a ROLLBACK, and no error.
      const { command } = await committed
      if (command !== 'COMMIT') throw new Error('the transaction had failed and was rolled back')
      if (unconfirmed) throw new OutcomeUnknown('no standby has confirmed it')
      return { result, notice: notice && { ...notice, point: await point } }
    } catch (error) {
      if (session.isOpen) await session.end('rollback').catch(() => {})
      // What was sent before and failed is why the work went wrong.
      await inOrder([begun, ...unfinished(tx)])
      throw error
    } finally {
      client.off('notice', heed)
    }
  })
}

/** Of a COMMIT that was sent and not confirmed: may the transaction hold all the same? */
async function isUnsure(error: unknown, sentBefore: Promise<unknown>): Promise<boolean> {
  const code = driverError(error)?.code
  // PostgreSQL has said what went wrong: of a statement before, so it cannot have committed; or of the COMMIT.
  if (code === undefined) return isLost(error)
  const wentWell = await sentBefore.then(
    () => true,
    () => false,
  )
  return wentWell && !REFUSES_COMMIT.test(code)
}
