// The process that owns the embedded PostgreSQL server, started by embedded.ts in a session of its
// own, which Ctrl-C in a terminal does not reach: `node keeper.ts DATA_DIR FLAGS`, stdout and stderr
// the log, fd 3 a socket to its first client. Every process that uses the server holds a connection
// here. The kernel closes it however that process ends; when the last one has gone, the keeper stops
// the server and ends. If the keeper ends first, its clients start another, which finds the server.
import { once } from 'node:events'
import { mkdtemp, rm, rmdir } from 'node:fs/promises'
import { createServer, type Server as Listener, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type pg from 'pg'
import { ensureState, type ServerState, writeState } from './embedded-state.ts'
import { type Cluster, openCluster } from './keeper-cluster.ts'
import { trimLog } from './keeper-log.ts'
import { reachKeeper, send } from './keeper-protocol.ts'
import { findOrStartServer, type Server, stopServer } from './keeper-server.ts'
import { takeServer } from './keeper-session.ts'

/** For a start, the recovery after a crash included; pg_ctl waits as long. */
const START_MS = 60_000

/**
 * The clients of a keeper that was killed come again within about 0.3 s, and on a busy machine took over one
 * second. Until they had this time (ms) to do so, a server that was found running is not stopped.
 */
const RETURN_MS = 3000

/** What sun_path holds on macOS (104 bytes with the final NUL; Linux 108). */
const SOCKET_PATH_BYTES = 103

const [dataDir = '', flagsJson = '{}'] = process.argv.slice(2)
const flags: Record<string, string> = JSON.parse(flagsJson)
const log = join(dataDir, 'postgres.log')
const clients = new Set<Socket>()
let allReturned = 0
const abandoned = new AbortController()
const ready = Promise.withResolvers<{ url: string; started: boolean }>()

// The clients decide when it is over; a signal to everybody (Ctrl-C, shutdown) ends them.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
setInterval(() => trimLog(log).catch(() => {}), 60_000).unref()

const first = new Socket({ fd: 3, allowHalfOpen: true })
admit(first)
try {
  await trimLog(log)
  await keep()
} catch (error) {
  await send(first, { error: error instanceof Error ? error.message : String(error) })
}
process.exit()

async function keep(): Promise<void> {
  const state = await ensureState(dataDir)
  const cluster = await openCluster(dataDir, {
    password: state.password,
    sync: flags.fsync !== 'off',
    note: (text) => void send(first, { note: text }),
  })
  const { listener, path } = await listen()
  let held: Server | undefined
  // The server crashed, or another keeper took it over.
  const cut = new AbortController()
  try {
    const server = await holdServer(cluster, state)
    if (!server) return await send(first, { again: true })
    held = server
    server.session.once('end', () => cut.abort())
    await removeLostSocket(state.keeper)
    await writeState(dataDir, { ...state, port: server.port, keeper: path })
    await ensureDatabase(server.session)
    cut.signal.throwIfAborted()
    if (abandoned.signal.aborted) return
    if (!server.started) allReturned = performance.now() + RETURN_MS
    const password = encodeURIComponent(state.password)
    const url = `postgresql://dateline:${password}@127.0.0.1:${server.port}/dateline`
    ready.resolve({ url, started: server.started })
    await once(AbortSignal.any([cut.signal, abandoned.signal]), 'abort')
  } catch (error) {
    if (!cut.signal.aborted) throw error
    await send(first, { again: true })
  } finally {
    listener.close()
    await rm(dirname(path), { recursive: true, force: true })
    if (held && !cut.signal.aborted) await stopServer(cluster, held.pid)
  }
}

/** The running server, held by this keeper alone, or undefined when another keeper has it. */
async function holdServer(cluster: Cluster, state: ServerState): Promise<Server | undefined> {
  const late = AbortSignal.timeout(START_MS)
  const signal = AbortSignal.any([late, abandoned.signal])
  try {
    for (;;) {
      const { password, port } = state
      const server = await findOrStartServer(cluster, { password, port, flags, signal })
      const turn = await takeServer(server.session, dataDir, signal)
      if (turn === 'mine') return server
      if (turn === 'theirs') return undefined
    }
  } catch (error) {
    if (!late.aborted) throw error
    throw new Error(`PostgreSQL did not take connections within ${START_MS / 1000} s, see ${log}`)
  }
}

/** Listens where only this user can connect: the folder has mode 700. */
async function listen(): Promise<{ listener: Listener; path: string }> {
  const name = 'keeper.sock'
  const place = join(tmpdir(), 'dateline-')
  const fits = Buffer.byteLength(join(`${place}XXXXXX`, name)) <= SOCKET_PATH_BYTES
  const path = join(await mkdtemp(fits ? place : '/tmp/dateline-'), name)
  const listener = createServer({ allowHalfOpen: true }, admit).listen(path)
  await once(listener, 'listening')
  return { listener, path }
}

/** What a killed keeper left in the temporary folder. */
async function removeLostSocket(path: string | undefined): Promise<void> {
  const other = await reachKeeper(dataDir)
  // In a copied DATA_DIR the file names the keeper of the original.
  if (other) other.destroy()
  else if (path) await rm(path, { force: true }).then(() => rmdir(dirname(path)).catch(() => {}))
}

async function ensureDatabase(session: pg.Client): Promise<void> {
  const { rowCount } = await session.query("select from pg_database where datname = 'dateline'")
  if (rowCount === 0) await session.query('create database dateline')
}

function admit(client: Socket): void {
  clients.add(client)
  client.on('error', () => {}).resume()
  for (const sign of ['end', 'close']) client.once(sign, () => dismiss(client))
  ready.promise.then(({ url, started }) =>
    send(client, { welcome: { url, dataDir, started: started && client === first } }),
  )
}

/**
 * A client has gone. The last one's connection stays half open until the server has stopped. Whether it is the last
 * is asked at once: one that only looked whether a keeper is there would else end it for who leaves meanwhile.
 */
function dismiss(client: Socket): void {
  if (!clients.delete(client)) return
  if (clients.size > 0) {
    client.end()
    return
  }
  const wait = allReturned - performance.now()
  setTimeout(() => (clients.size > 0 ? client.end() : abandoned.abort()), wait)
}
