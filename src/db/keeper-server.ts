import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { type Cluster, setPassword, versionConflict } from './keeper-cluster.ts'
import { linesOf, logSize } from './keeper-log.ts'
import {
  discardEmptyPidFile,
  discardPidFile,
  isAlive,
  readPostmaster,
  servesCluster,
} from './keeper-postmaster.ts'
import { commandOf, explainFailure } from './keeper-programs.ts'
import { openSession } from './keeper-session.ts'

/** Settings of a small service's database; `flags` of the caller go over them. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  log_min_messages: 'warning',
  lc_messages: 'C',
}

/** A running server, with this process's session in its database `postgres`. */
export interface Server {
  pid: number
  port: number
  session: pg.Client
  /** Whether this process started it, else it was found running. */
  started: boolean
}

interface Options {
  password: string
  /** The port it had last, wanted again. */
  port: number | undefined
  flags: Record<string, string>
  /** Ends the attempt. */
  signal: AbortSignal
}

/**
 * The server on this cluster: found running (its keeper was killed, or another process is quicker) or
 * started. `postmaster.pid` is the arbiter, as it is for PostgreSQL itself. Errors are for a human;
 * when `signal` aborts, what was started is stopped again.
 */
export async function findOrStartServer(cluster: Cluster, options: Options): Promise<Server> {
  const { dir } = cluster
  let { port } = options
  let own: number | undefined
  try {
    for (;;) {
      options.signal.throwIfAborted()
      const found = await readPostmaster(dir)
      if (!found || !isAlive(found.pid)) {
        const attempt = await startServer(cluster, { ...options, port: port ?? (await freePort()) })
        own = attempt.pid
        if (attempt.portTaken) port = undefined
        if (own !== undefined) continue
      } else if ((await servesCluster(found.pid, dir)) === false) {
        await discardPidFile(dir, found)
        continue
      } else if (found.status === 'stopping') {
        // Perhaps politely, waiting for its sessions to end, and whose keeper is gone: not for ever.
        if (await servesCluster(found.pid, dir)) await stopServer(cluster, found.pid)
      } else if (found.status === 'ready') {
        const session = await openSession(dir, found.port, options.password)
        if (session instanceof pg.Client)
          return { pid: found.pid, port: found.port, session, started: found.pid === own }
        if (session === 'wrong password') {
          if (found.pid !== own)
            throw new Error(
              `the server that runs on ${dir} (process ${found.pid}) does not take the password in ` +
                'postgres.json: end the programs that use it, then start again',
            )
          // postgres.json was lost, or came back from a backup. Nobody else uses this server yet.
          await stopServer(cluster, found.pid)
          await setPassword(cluster, options.password)
          continue
        }
      }
      await delay(20, undefined, { signal: options.signal })
    }
  } catch (error) {
    if (own !== undefined) await stopServer(cluster, own)
    throw error
  }
}

/**
 * Stops the server `pid` of this cluster, fast (sessions are cut, all that was committed stays), and
 * resolves when it is gone. What does not end in 10 s ends without a checkpoint (the next start
 * replays its log), and what does not end in 20 s is killed. The caller knows that it is the server.
 */
export async function stopServer({ dir }: Cluster, pid: number): Promise<void> {
  const signals: [after: number, signal: NodeJS.Signals][] = [
    [0, 'SIGINT'],
    [10_000, 'SIGQUIT'],
    [20_000, 'SIGKILL'],
  ]
  const began = performance.now()
  // Its file tells: a process that nobody has waited for still counts as alive.
  do {
    const due = signals[0]
    if (due && performance.now() - began >= due[0]) {
      signals.shift()
      try {
        process.kill(pid, due[1])
      } catch {
        // It ended just now.
      }
    }
    await delay(10)
  } while ((await readPostmaster(dir))?.pid === pid && isAlive(pid))
}

/** Starts a server and waits until it takes connections. No pid: try again, somebody was in the way. */
async function startServer(
  cluster: Cluster,
  { port, flags, signal }: Options & { port: number },
): Promise<{ pid?: number; portTaken?: boolean }> {
  const log = join(cluster.dataDir, 'postgres.log')
  const from = await logSize(log)
  const settings = Object.entries({ ...SETTINGS, port: `${port}`, ...flags })
  const { postgres } = cluster.programs
  const command = commandOf(cluster.programs, 'postgres', [
    '-D',
    cluster.dir,
    ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ])
  // stdout and stderr of this process are the log, opened for appending.
  const stdio = ['ignore', 'inherit', 'inherit'] as const
  const child = spawn(command.file, command.args, { ...command.options, stdio: [...stdio] })
  let ended: unknown
  once(child, 'exit').then(
    ([code, by]) => {
      ended = by ?? code
    },
    (error) => {
      ended = new Error(explainFailure(postgres, error))
    },
  )
  while (ended === undefined) {
    const found = await readPostmaster(cluster.dir)
    if (found && found.pid === child.pid && found.status === 'ready') return { pid: found.pid }
    if (signal.aborted) {
      child.kill('SIGINT')
      await once(child, 'exit')
      signal.throwIfAborted()
    }
    await delay(10)
  }
  if (ended instanceof Error) throw ended
  const lines = await linesOf(log, child.pid, from)
  const said = lines.join('\n')
  if (/could not bind .*in use|could not create any TCP/.test(said)) return { portTaken: true }
  if (/lock file .* is empty/.test(said)) await discardEmptyPidFile(cluster.dir)
  // The lock is another's, or the last server's other processes are still ending.
  if (/lock file|pre-existing shared memory block/.test(said)) return {}
  throw new Error(
    (await versionConflict(cluster)) ??
      `PostgreSQL ended at its start (${ended}). The last lines of ${log}:\n${lines.slice(-8).join('\n')}`,
  )
}

/** A port of 127.0.0.1 that is free now; another may take it before the server does. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (!address || typeof address === 'string') throw new Error('no port')
  return address.port
}
