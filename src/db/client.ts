import { type SQL, sql } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import type { Actor } from '../actor.ts'
import { type Bell, openBell } from './bell.ts'
import { MeasuredPool, type Spent } from './measure.ts'
import type { Notice } from './notice.ts'
import { inOrder, sent } from './pipeline.ts'
import { OUTDATED, PreparingClient } from './prepared.ts'
import { ofPrimary } from './primary.ts'
import { openReplicas, type Replicas } from './replicas.ts'
import type { ReaderSchema } from './roles.ts'
import { driverError, isLost } from './sqlstate.ts'

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

/** Whoever says so is no primary any more: the next connection may lead to the new one. */
const READ_ONLY = '25006'

/** A connection of the pool for as long as the work takes. One that is lost meanwhile is not kept. */
export function withClient<T>(from: Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
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
