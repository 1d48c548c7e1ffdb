import { type SQL, sql } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import type { Actor } from '../actor.ts'
import { Fault } from '../errors.ts'
import { type Bell, openBell } from './bell.ts'
import { MeasuredPool, type Spent } from './measure.ts'
import { type Notice, send } from './notice.ts'
import { inOrder, sent, unfinished } from './pipeline.ts'
import { AFTER_COMMIT, pointOf } from './point.ts'
import { OUTDATED, PreparingClient } from './prepared.ts'
import { ofPrimary } from './primary.ts'
import { openReplicas, type Replicas } from './replicas.ts'
import type { ReaderSchema } from './roles.ts'
import { driverError, isLost, OutcomeUnknown } from './sqlstate.ts'

export type Pool = MeasuredPool

/** What runs statements: a pool or a transaction on it. */
export type Executor = Pick<
  NodePgDatabase,
  'execute' | 'select' | 'insert' | 'update' | 'delete'
> & { $client: { query(statement: pg.QueryConfig): Promise<pg.QueryResult> } }
/** A transaction, in which commands work. */
export type Tx = Executor

/** Where a read looks: what runs it, and the schema whose views that audience may see. */
export type Reading = { db: Pick<Executor, 'execute'>; schema: ReaderSchema }

/** What commands are given: the transaction they work in, and who acts. */
export type Writing = { tx: Tx; actor: Actor; requestId?: string | undefined }

type PooledDatabase = NodePgDatabase & { $client: Pool }

/** The pools of the service. Readers' and partners' statements cannot even name a table. */
export type Database = {
  reader: PooledDatabase
  /** Sees nothing by itself: {@link asPartner} says who reads. */
  partner: PooledDatabase
  editor: PooledDatabase
  /** Where readers' reads go that need not be the primary's. */
  replicas: Replicas
  /** A connection of its own past any pooler, as an editor, not yet made: for LISTEN. */
  direct(): pg.Client
  /** Called after a transaction of this process has committed, before its caller is answered. */
  committed: ((notice: Notice) => void)[]
  /** Called with each time that was spent in a pool. */
  spent: ((spent: Spent) => void)[]
  /** Rings when the ledger may have something to tell, and when that cannot be known. */
  ledger: Bell
  /** Closes all pools; statements under way are waited for. */
  close(): Promise<void>
}

type Pooled = {
  name: string
  url: string
  role: string | undefined
  size: number
  readOnly: boolean
  /** Whether its connections name their statements. */
  prepared: boolean
  /** Of a replica: how long it may take to connect, in ms. The primary's lead to no standby. */
  replica?: number
  patience: number | undefined
}

/** How long a statement may run before PostgreSQL cancels it, in ms. */
const STATEMENT_TIMEOUT = 10_000
/** After this the server is taken for dead, and the connection is cut, in ms. */
const ANSWER_TIMEOUT = STATEMENT_TIMEOUT + 2000
/**
 * How long a statement of its own waits for a lock, in ms: only tables that are being altered make one wait.
 * Transactions say for themselves.
 */
const LOCK_TIMEOUT = 1000
/** How long a transaction may wait for its process before PostgreSQL ends it, and its locks, in ms. */
const IDLE_TIMEOUT = 5000
/** How long making a connection may take, in ms, whoever waits for it: the next can use it. */
const CONNECT_TIMEOUT = 10_000
/** A connection on which nothing is said for so long is asked by the kernel whether it lives, in ms. */
const KEEP_ALIVE = 10_000

/**
 * How like a name must be to be found by `q`: two letters exchanged in a word of six leave 0.43 of its
 * trigrams. A login of its own has PostgreSQL's 0.6 unless `ALTER ROLE ... SET` says otherwise.
 */
const NEARLY_SPELT = 0.4

/** How long it may take to connect to a replica, in ms: the primary is asked instead. */
const REPLICA_TIMEOUT = 1000

/** Of a process that names its statements, and one that does not; each leads to a primary. */
const Preparing = ofPrimary(PreparingClient)
const Plain = ofPrimary(pg.Client)

function pool(
  { name, url, role, size, readOnly, prepared, replica, patience }: Pooled,
  spent: Database['spent'],
  onError: (error: Error) => void,
): Pool {
  // Settings at connection start cost no round trip and survive RESET; PgBouncer drops them, which
  // is why a login of its own (role undefined) sends none.
  const options = role
    ? `-c role=${role} -c timezone=UTC -c jit=off -c pg_trgm.word_similarity_threshold=${NEARLY_SPELT} -c default_transaction_read_only=${readOnly ? 'on' : 'off'}`
    : undefined
  const made = new MeasuredPool(
    name,
    {
      // A pooler that hands out another connection for each transaction may not know the names.
      Client: replica ? (prepared ? PreparingClient : pg.Client) : prepared ? Preparing : Plain,
      pipeline: true,
      connectionString: url,
      max: size,
      patience,
      ...(role && {
        statement_timeout: STATEMENT_TIMEOUT,
        lock_timeout: LOCK_TIMEOUT,
        idle_in_transaction_session_timeout: IDLE_TIMEOUT,
      }),
      query_timeout: ANSWER_TIMEOUT,
      connectionTimeoutMillis: replica ?? CONNECT_TIMEOUT,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE,
      application_name: 'dateline',
      ...(options && { options }),
    },
    spent,
  )
  // An idle connection that the server closed: the pool replaces it; without a listener it would
  // end the process.
  made.on('error', onError)
  // And one that somebody has borrowed, whose statements fail of it: that is enough. From its beginning to its
  // end, for the end of the session may come in one packet with the answer before, when it has just been
  // handed on and nobody had time to listen.
  made.on('connect', (client) => client.on('error', () => {}))
  return made
}

/**
 * Opens the pools. `url` logs in as the owner and enters the roles; `readerUrl`, `partnerUrl` and
 * `editorUrl` are logins of their own. Connects lazily: `roleFaults` of roles.ts is the first to use them.
 */
export function openDatabase(
  options: {
    url: string
    readerUrl?: string | undefined
    partnerUrl?: string | undefined
    editorUrl?: string | undefined
    directUrl?: string | undefined
    /** Of streaming replicas; logins like `readerUrl` where there is one, else like `url`. */
    replicaUrls?: readonly string[]
    /** Not through a pooler that forgets names between transactions. */
    prepared?: boolean
    size: number
    /** How long a request may be held up by the database, in ms; 1.2 s unless told. */
    patience?: number
  },
  onError: (error: Error) => void,
  log: Parameters<typeof openReplicas>[2] = {
    info() {},
    error: (_, text) => onError(new Error(text)),
  },
): Database {
  const spent: Database['spent'] = []
  const { size, prepared = true, patience } = options
  const as = (name: string, own: string | undefined, readOnly: boolean) => {
    const role = own ? undefined : `dateline_${name}`
    const one = { name, url: own ?? options.url, role, size, readOnly, prepared, patience }
    return pool(one, spent, onError)
  }
  const reader = as('reader', options.readerUrl, true)
  const partner = as('partner', options.partnerUrl, true)
  const editor = as('editor', options.editorUrl, false)
  const toReplica = (url: string) => {
    const role = options.readerUrl ? undefined : 'dateline_reader'
    const one = { name: 'replica', url, role, size, readOnly: true, prepared, patience }
    const made = pool({ ...one, replica: REPLICA_TIMEOUT }, spent, onError)
    return {
      ...{ url, pool: made },
      lend: <T>(work: (client: pg.PoolClient) => Promise<T>) => withClient(made, work),
      connect: () =>
        new pg.Client({
          connectionString: url,
          connectionTimeoutMillis: REPLICA_TIMEOUT,
          application_name: 'dateline watching',
          ...(role && { options: `-c role=${role} -c timezone=UTC` }),
        }),
    }
  }
  const ofReaders = drizzle(reader)
  const replicas = openReplicas(ofReaders, (options.replicaUrls ?? []).map(toReplica), log)
  return {
    replicas,
    reader: ofReaders,
    partner: drizzle(partner),
    editor: drizzle(editor),
    direct: () =>
      new pg.Client({
        connectionString: options.directUrl ?? options.url,
        connectionTimeoutMillis: 3000,
        application_name: 'dateline listening',
        options: '-c role=dateline_editor -c timezone=UTC',
      }),
    committed: [],
    spent,
    ledger: openBell(),
    async close() {
      await Promise.all([replicas.close(), reader.end(), partner.end(), editor.end()])
    },
  }
}

/** Who reads as a partner, and whether with a key that may read what is under embargo. */
export type Reader = { partnerId: string; early: boolean }

/**
 * What runs a partner's statements: each in a transaction that says who reads, so that a connection that
 * goes back to the pool, or to a pooler, is nobody's again. All of it goes out at once.
 */
export function asPartner(
  { partner }: Database,
  { partnerId, early }: Reader,
): Pick<Executor, 'execute'> {
  const once = (query: SQL) =>
    withClient(partner.$client, async (client) => {
      const db = drizzle(client)
      const begun = client.query('begin read only')
      const named = sent(
        db.execute(sql`select set_config('dateline.partner', ${partnerId}, true),
          set_config('dateline.embargo', ${early ? 'on' : 'off'}, true)`),
      )
      const asked = sent(db.execute(query))
      await inOrder([begun, named, asked, client.query('commit')])
      return asked
    })
  // Planned before a migration: once more, as what it is, in a transaction.
  const execute = (query: SQL) =>
    once(query).catch((error) => {
      if (driverError(error)?.code === OUTDATED) return once(query)
      throw error
    })
  return { execute: execute as unknown as Executor['execute'] }
}

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

/** Whoever says so is no primary any more: the next connection may lead to the new one. */
const READ_ONLY = '25006'

/** A connection of the pool for as long as the work takes. One that is lost meanwhile is not kept. */
function withClient<T>(from: Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return from.measured(() => borrowed(from, work))
}

async function borrowed<T>(from: Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await from.connect()
  let lost: Error | undefined
  try {
    return await work(client)
  } catch (error) {
    if (isLost(error) || driverError(error)?.code === READ_ONLY) lost = error as Error
    throw error
  } finally {
    client.release(lost)
  }
}
