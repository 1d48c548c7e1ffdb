import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { reachKeeper } from './keeper-protocol.ts'

/** "datl", in the database `postgres`: the advisory lock of the one keeper of a server. */
const LOCK = 0x6461746c

/** The lock's holder publishes its socket within milliseconds; after this time (ms) it is lost. */
const LOST_MS = 1000

/**
 * A session, as superuser in the database `postgres`, with the server at `port`. Undefined when nobody
 * answers there, or not for the cluster in `dir`.
 */
export async function openSession(
  dir: string,
  port: number,
  password: string,
): Promise<pg.Client | 'wrong password' | undefined> {
  const session = new pg.Client({
    host: '127.0.0.1',
    port,
    user: 'dateline',
    password,
    database: 'postgres',
    application_name: `dateline keeper ${process.pid}`,
    connectionTimeoutMillis: 5000,
  })
  session.on('error', () => {})
  try {
    await session.connect()
    await session.query('set idle_session_timeout = 0')
    const { rows } = await session.query("select current_setting('data_directory') as dir")
    if (rows[0]?.dir === dir) return session
  } catch (error) {
    if ((error as { code?: string }).code === '28P01') return 'wrong password'
  }
  await session.end().catch(() => {})
  return undefined
}

/**
 * Decides which keeper has a running server: `mine` while `session` lives, `theirs` when another
 * keeper can be reached, `gone` when the server stopped meanwhile. A keeper whose socket was deleted
 * (cleaners of temporary folders do that) is made to give up; its clients come here then.
 */
export async function takeServer(
  session: pg.Client,
  dataDir: string,
  signal: AbortSignal,
): Promise<'mine' | 'theirs' | 'gone'> {
  const began = performance.now()
  try {
    for (;;) {
      const { rows } = await session.query('select pg_try_advisory_lock($1) as mine', [LOCK])
      if (rows[0]?.mine) return 'mine'
      const other = await reachKeeper(dataDir)
      if (other) {
        other.destroy()
        await session.end()
        return 'theirs'
      }
      if (performance.now() - began > LOST_MS) await endHolder(session)
      await delay(50, undefined, { signal })
    }
  } catch (error) {
    await session.end().catch(() => {})
    signal.throwIfAborted()
    // Class 57: the server is shutting down. Without a code: the connection broke.
    const { code } = error as { code?: string }
    if (code === undefined || code.startsWith('57')) return 'gone'
    throw error
  }
}

async function endHolder(session: pg.Client): Promise<void> {
  await session.query(
    `select pg_terminate_backend(pid) from pg_locks
      where locktype = 'advisory' and classid = 0 and objid = $1 and objsubid = 1 and granted
        and database = (select oid from pg_database where datname = current_database())`,
    [LOCK],
  )
}
