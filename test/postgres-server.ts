import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { openCluster } from '../src/db/keeper-cluster.ts'
import { commandOf } from '../src/db/keeper-programs.ts'
import { freePort } from './free-port.ts'

/*
 * A PostgreSQL of a test's own, started without a keeper, so that nobody but the test brings it back:
 * the embedded binaries, on a port of its own.
 */

/** What dies with a process is not what is on disk: nothing here needs to reach it. */
const SETTINGS = {
  ...{ listen_addresses: '127.0.0.1', unix_socket_directories: '', timezone: 'UTC' },
  ...{ fsync: 'off', shared_buffers: '32MB', lc_messages: 'C', log_min_messages: 'fatal' },
}

export type PostgresServer = {
  /** Of the empty database `dateline`, as its superuser. */
  url: string
  /** Starts it; resolves when it takes connections. */
  start(): Promise<void>
  /** Kills all its processes at once, as a lack of memory or of power does. */
  kill(): Promise<void>
  /** Starts it again when it has ended by itself, as a supervisor does. */
  restartIfEnded(): Promise<void>
  /** Statements on a connection of their own, past the service. */
  ask(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
}

/** A folder that the user who runs PostgreSQL for root can enter; gone after the test. */
export async function folderFor(t: Test): Promise<string> {
  const folder = await realpath(mkdtempSync(join(tmpdir(), 'dateline-test-')))
  chmodSync(folder, 0o755)
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Starts one in a new folder, or in the one given; it ends with the test. */
export async function postgresServer(
  t: Test,
  { folder, settings = {} }: { folder?: string; settings?: Record<string, string> } = {},
): Promise<PostgresServer> {
  const at = folder ?? (await folderFor(t))
  const password = 'a password of this test'
  const cluster = await openCluster(at, { password, sync: false, note: () => {} })
  const port = await freePort()
  const urlOf = (database: string) =>
    `postgresql://dateline:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`
  let child: ChildProcess | undefined

  const run = () => {
    const all = Object.entries({ ...SETTINGS, port: `${port}`, ...settings })
    const flags = all.flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const { file, args, options } = commandOf(cluster.programs, 'postgres', [
      ...['-D', cluster.dir],
      ...flags,
    ])
    child = spawn(file, args, { ...options, stdio: 'ignore' })
    return child
  }
  const start = async () => {
    for (let running = run(); ; await sleep(20)) {
      // Until the last of the killed processes is gone it refuses to start.
      if (running.exitCode !== null) running = run()
      if (await answers(urlOf('postgres'))) return
    }
  }
  const kill = async () => {
    const running = child
    if (running?.pid === undefined || running.exitCode !== null || running.signalCode) return
    const ended = once(running, 'exit')
    for (const pid of [running.pid, ...childrenOf(running.pid)]) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended just now.
      }
    }
    await ended
  }
  const restartIfEnded = async () => {
    if (child?.exitCode !== null || child.signalCode !== null) await start()
  }
  t.teardown(kill)
  await start()
  await onConnection(urlOf('postgres'), 'create database dateline')
  const url = urlOf('dateline')
  return {
    url,
    start,
    kill,
    restartIfEnded,
    ask: (text, values) => onConnection(url, text, values),
  }
}

async function onConnection(url: string, text: string, values?: unknown[]) {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(text, values)).rows
  } finally {
    await client.end()
  }
}

function answers(url: string): Promise<boolean> {
  return onConnection(url, 'select 1').then(
    () => true,
    () => false,
  )
}

/** By what the kernel says of all processes; PostgreSQL's are of sessions of their own. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent
      } catch {
        return false
      }
    })
}
