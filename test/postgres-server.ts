import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { appendFile, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import type { Test } from 'tap'
import { openCluster } from '../src/db/keeper-cluster.ts'
import { commandOf, findPrograms } from '../src/db/keeper-programs.ts'
import { migrate } from '../src/db/migrate.ts'
import { freePort } from './free-port.ts'

/*
 * PostgreSQL servers of a test's own, out of the embedded binaries: a primary, and standbys that stream
 * from it. `pg_basebackup` is not among the binaries; what it does is two statements and a copy.
 */

/** A server, ready to be connected to; ended with the test. */
export type Server = Awaited<ReturnType<typeof run>>

/** What a killed process has written is kept by the system; fsync is for the machine's own death. */
const FLAGS = {
  ...{ fsync: 'off', full_page_writes: 'off' },
  ...{ listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: '200' },
  ...{ wal_keep_size: '256MB', shared_buffers: '32MB', max_wal_senders: '5' },
}

async function run(
  t: Test,
  { folder, password }: { folder: string; password: string },
  flags: Record<string, string>,
) {
  const dir = join(folder, 'pg')
  const programs = await findPrograms(folder, dir)
  const port = await freePort()
  const url = `postgres://dateline:${password}@127.0.0.1:${port}/dateline`
  let child: ChildProcess | undefined
  const on = async (database: string, text: string, values: unknown[] = []) => {
    const connectionString = url.replace(/dateline$/, database)
    const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2000 })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query(text, values)).rows
    } finally {
      await client.end().catch(() => {})
    }
  }
  const kill = async (signal: NodeJS.Signals) => {
    const running = child
    child = undefined
    if (!running || running.exitCode !== null) return
    running.kill('SIGCONT')
    running.kill(signal)
    if (running.exitCode === null && running.signalCode === null) await once(running, 'exit')
  }
  const start = async () => {
    const settings = Object.entries({ ...FLAGS, port: `${port}`, ...flags })
    const command = commandOf(programs, 'postgres', [
      ...['-D', dir],
      ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ])
    const made = spawn(command.file, command.args, { ...command.options, stdio: 'pipe' })
    child = made
    let said = ''
    made.stderr.on('data', (data) => {
      said = (said + data).slice(-4000)
    })
    for (const end = Date.now() + 30_000; ; await pass(20)) {
      if (made.exitCode !== null || Date.now() > end) throw new Error(said)
      if (await on('postgres', 'select 1').catch(() => undefined)) return
    }
  }
  t.teardown(async () => {
    await kill('SIGQUIT')
    await rm(folder, { recursive: true, force: true })
  })
  return {
    ...{ url, port, folder, password, start, on },
    /** A statement as the owner, past all rules; its rows. */
    sql: (text: string, values?: unknown[]) => on('dateline', text, values),
    /** Ends it: SIGINT politely, SIGQUIT at once, SIGKILL as a power cut does, its children too. */
    async end(signal: NodeJS.Signals = 'SIGINT') {
      const pids = signal === 'SIGKILL' ? await childrenOf(child?.pid) : []
      await kill(signal)
      for (const pid of pids) signalIfThere(pid, 'SIGKILL')
    },
    /** Whether its process has ended, by itself too. */
    hasEnded: () => !child || child.exitCode !== null || child.signalCode !== null,
    /** It answers nobody, and closes no connection. */
    async freeze() {
      for (const pid of await childrenOf(child?.pid)) signalIfThere(pid, 'SIGSTOP')
      child?.kill('SIGSTOP')
    },
    async thaw() {
      for (const pid of await childrenOf(child?.pid)) signalIfThere(pid, 'SIGCONT')
      child?.kill('SIGCONT')
    },
  }
}

/** A child may end between being listed and being sent the signal. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function childrenOf(pid: number | undefined): Promise<number[]> {
  if (pid === undefined) return []
  const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=', '--ppid', `${pid}`]).catch(
    () => ({ stdout: '' }),
  )
  return stdout.split('\n').map(Number).filter(Boolean)
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dateline-server-'))
  // As root, PostgreSQL runs as another user, who must be able to enter.
  await chmod(folder, 0o755)
  return folder
}

/** A server with the database `dateline` in it, migrated; in a new folder, or in the empty one given. */
export async function primaryServer(
  t: Test,
  flags: Record<string, string> = {},
  given?: string,
): Promise<Server> {
  const folder = given ?? (await newFolder())
  const password = randomBytes(12).toString('hex')
  await openCluster(folder, { password, sync: false, note: () => {} })
  const server = await run(t, { folder, password }, flags)
  await server.start()
  await server.on('postgres', 'create database dateline')
  await migrate(server.url)
  return server
}

/** A standby of a server that runs, a copy of it as it is now, streaming. */
export async function standbyServer(
  t: Test,
  primary: Server,
  flags: Record<string, string> = {},
): Promise<Server> {
  const folder = await newFolder()
  const client = new pg.Client({ connectionString: primary.url })
  await client.connect()
  await client.query("select pg_backup_start('copy', true)")
  // What is written meanwhile is mended by the WAL; files may go while they are copied.
  await promisify(execFile)('cp', ['-a', join(primary.folder, 'pg'), folder]).catch(() => {})
  const { rows } = await client.query('select labelfile from pg_backup_stop(false)')
  await client.end()
  const inside = (name: string) => join(folder, 'pg', name)
  for (const name of ['postmaster.pid', 'postmaster.opts', 'standby.signal']) {
    await rm(inside(name), { force: true })
  }
  await promisify(execFile)('find', [inside('pg_wal'), '-type', 'f', '-delete'])
  await writeFile(inside('standby.signal'), '')
  await writeFile(inside('backup_label'), rows[0].labelfile)
  // PostgreSQL, as its own user, opens it to write.
  await chmod(inside('backup_label'), 0o666)
  const { password } = primary
  const server = await run(t, { folder, password }, { hot_standby: 'on', ...flags })
  await followServer(server, primary)
  await server.start()
  return server
}

/** Tells a standby whom to stream from. */
export async function followServer(standby: Server, { port, password }: Server): Promise<void> {
  const to = `host=127.0.0.1 port=${port} user=dateline password=${password} application_name=standby`
  await configure(standby, { primary_conninfo: to })
}

/** Settings, over those it has; a server that runs reads them again. */
export async function configure(server: Server, settings: Record<string, string>): Promise<void> {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`)
  await appendFile(join(server.folder, 'pg', 'postgresql.auto.conf'), lines.join(''))
  await server.sql('select pg_reload_conf()').catch(() => {})
}
