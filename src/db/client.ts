import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import type { Actor } from '../actor.ts'
import type { ReaderSchema } from './roles.ts'

/** What runs statements: a pool or a transaction on it. */
export type Executor = Pick<NodePgDatabase, 'execute' | 'select' | 'insert' | 'update' | 'delete'>
/** A transaction, in which commands work. */
export type Tx = Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0]

/** Where a read looks: an executor, and the schema whose views that audience may see. */
export type Reading = { db: Executor; schema: ReaderSchema }

/** What commands are given: the transaction they work in, and who acts. */
export type Writing = { tx: Tx; actor: Actor; requestId?: string | undefined }

/** The two pools of the service. Readers' statements cannot even name a table. */
export type Database = {
  reader: NodePgDatabase
  editor: NodePgDatabase
  /** Closes both pools; statements under way are waited for. */
  close(): Promise<void>
}

type Pooled = { url: string; role: string | undefined; size: number; readOnly: boolean }

/** How long a statement may run before PostgreSQL cancels it, in ms. */
const STATEMENT_TIMEOUT = 10_000

function pool({ url, role, size, readOnly }: Pooled, onError: (error: Error) => void): pg.Pool {
  // Settings at connection start cost no round trip and survive RESET; PgBouncer drops them, which
  // is why a login of its own (role undefined) sends none.
  const options = role
    ? `-c role=${role} -c timezone=UTC -c default_transaction_read_only=${readOnly ? 'on' : 'off'}`
    : undefined
  const made = new pg.Pool({
    connectionString: url,
    max: size,
    statement_timeout: role ? STATEMENT_TIMEOUT : undefined,
    connectionTimeoutMillis: 10_000,
    application_name: 'dateline',
    ...(options && { options }),
  })
  // An idle connection that the server closed: the pool replaces it; without a listener it would
  // end the process.
  made.on('error', onError)
  return made
}

/**
 * Opens the pools. `url` logs in as the owner and enters the roles; `readerUrl` and `editorUrl` are
 * logins of their own. Connects lazily: `roleFaults` of roles.ts is the first to use them.
 */
export function openDatabase(
  options: {
    url: string
    readerUrl?: string | undefined
    editorUrl?: string | undefined
    size: number
  },
  onError: (error: Error) => void,
): Database {
  const reader = pool(
    {
      url: options.readerUrl ?? options.url,
      role: options.readerUrl ? undefined : 'dateline_reader',
      size: options.size,
      readOnly: true,
    },
    onError,
  )
  const editor = pool(
    {
      url: options.editorUrl ?? options.url,
      role: options.editorUrl ? undefined : 'dateline_editor',
      size: options.size,
      readOnly: false,
    },
    onError,
  )
  return {
    reader: drizzle(reader),
    editor: drizzle(editor),
    async close() {
      await Promise.all([reader.end(), editor.end()])
    },
  }
}

/** Serialisation failure and deadlock: PostgreSQL asks to try again. */
const RETRY = new Set(['40001', '40P01'])

/**
 * Thrown in a transaction whose now() is older than something that it must see, since it waited for a
 * lock meanwhile: it is tried again.
 */
export class Overtaken extends Error {}

/**
 * One transaction as an editor. A deadlock, a serialisation failure and one that was overtaken are tried
 * again, three times in all: nothing was written.
 */
export async function transaction<T>(db: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.editor.transaction(work)
    } catch (error) {
      const code = driverError(error)?.code
      const again = error instanceof Overtaken || (code && RETRY.has(code))
      if (attempt === 3 || !again) throw error
    }
  }
}

/** The error PostgreSQL reported, out of drizzle's wrapping; undefined when it is something else. */
export function driverError(error: unknown): pg.DatabaseError | undefined {
  for (let e = error; e instanceof Error; e = e.cause) {
    if (e instanceof pg.DatabaseError) return e
  }
  return undefined
}
