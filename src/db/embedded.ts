import { spawn } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { access, chmod, mkdir, realpath } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { reachKeeper, receive, type Welcome } from './keeper-protocol.ts'

/** Longer than a keeper takes to start the server or to give up (60 s). */
const JOIN_MS = 90_000

/** PostgreSQL stops in about 0.1 s, after heavy writing in some seconds; it is killed after 20 s. */
const LEAVE_MS = 25_000

interface Options {
  /** Made when it is missing. The cluster will be `pg` in it, the log `postgres.log`. */
  dataDir: string
  /** PostgreSQL settings over the defaults, such as `{ fsync: 'off' }`; they hold for who starts it. */
  flags?: Record<string, string>
  /** Hears what takes long and what went wrong. */
  log?: (text: string) => void
}

/** This process's share in the embedded server. */
export interface Embedded {
  /** For pg, psql and other tools: TCP on 127.0.0.1, database and superuser `dateline`. */
  url: string
  /** Whether this call started the server; else it ran already. */
  started: boolean
  /** Gives the share back. Resolves when the server has stopped if this was the last, at most 25 s. */
  leave(): Promise<void>
}

type Member = Welcome & { socket: Socket }

/**
 * Joins the embedded PostgreSQL server that runs on `dataDir`, or starts it; where there is no cluster
 * yet, makes one. For any number of processes at once. The server runs until the last of them has
 * left or has ended, however it ended. The message of every error is for a human.
 */
export async function joinEmbedded({
  dataDir,
  flags = {},
  log = () => {},
}: Options): Promise<Embedded> {
  const dir = await openDataDir(dataDir)
  const leaving = new AbortController()
  const { signal } = leaving
  let member = await join(dir, flags, log)
  let rejoined: Promise<void> | undefined
  let left: Promise<void> | undefined
  watch()
  const { url, started } = member
  return { url, started, leave: () => (left ??= leave()) }

  function watch(): void {
    // The share must not keep a process alive that has nothing else to do.
    member.socket.unref()
    member.socket.once('close', () => {
      if (!signal.aborted) rejoined = rejoin()
    })
  }

  /** When the keeper was killed or the server crashed. Sessions with a server that lives go on. */
  async function rejoin(): Promise<void> {
    for (let pause = 100; !signal.aborted; pause = Math.min(2 * pause, 10_000)) {
      try {
        member = await join(dir, flags, log)
        if (member.url !== url) log('the database has moved to another port: restart to use it')
        return watch()
      } catch (error) {
        log((error as Error).message)
      }
      await delay(pause, undefined, { ref: false, signal }).catch(() => {})
    }
  }

  async function leave(): Promise<void> {
    leaving.abort()
    await rejoined
    const { socket } = member
    if (socket.closed) return
    socket.ref()
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.end()
    await Promise.race([closed, delay(LEAVE_MS, undefined, { ref: false })])
    socket.destroy()
  }
}

async function join(
  dataDir: string,
  flags: Record<string, string>,
  log: (text: string) => void,
): Promise<Member> {
  const began = performance.now()
  while (performance.now() - began < JOIN_MS) {
    const running = await reachKeeper(dataDir)
    if (running) {
      const answer = await hear(running, log)
      // A copied DATA_DIR names the keeper of the original; one that is stopping says nothing.
      if (typeof answer === 'object' && answer.dataDir === dataDir)
        return { ...answer, socket: running }
      running.destroy()
    }
    const socket = spawnKeeper(dataDir, flags)
    const answer = await hear(socket, log)
    if (typeof answer === 'object') return { ...answer, socket }
    if (answer !== 'again')
      throw new Error(`the process that starts the database ended, see ${logFile(dataDir)}`)
  }
  throw new Error(`no way to the database in ${dataDir} within ${JOIN_MS / 1000} s`)
}

async function hear(socket: Socket, log: (text: string) => void): ReturnType<typeof receive> {
  socket.setTimeout(JOIN_MS, () => socket.destroy())
  const answer = await receive(socket, log)
  socket.setTimeout(0)
  return answer
}

function spawnKeeper(dataDir: string, flags: Record<string, string>): Socket {
  const output = openLog(logFile(dataDir))
  try {
    // None of the caller's secrets, and no PGOPTIONS, NODE_OPTIONS or the like of the caller's.
    const { PATH, TMPDIR, LD_LIBRARY_PATH } = process.env
    const keeper = fileURLToPath(new URL('./keeper.ts', import.meta.url))
    const child = spawn(process.execPath, [keeper, dataDir, JSON.stringify(flags)], {
      detached: true,
      cwd: '/',
      env: { PATH, TMPDIR, LD_LIBRARY_PATH, LC_ALL: 'C' },
      stdio: ['ignore', output, output, 'pipe'],
    })
    child.on('error', () => {})
    child.unref()
    // Node makes the "pipe" beyond stderr a pair of connected Unix sockets.
    return child.stdio[3] as Socket
  } finally {
    closeSync(output)
  }
}

function logFile(dataDir: string): string {
  return resolve(dataDir, 'postgres.log')
}

function openLog(file: string): number {
  try {
    return openSync(file, 'a', 0o600)
  } catch (error) {
    throw unusable(file, error)
  }
}

/** Makes DATA_DIR if need be. Gives its real path: the same for every process, however it got there. */
async function openDataDir(path: string): Promise<string> {
  try {
    const made = await mkdir(path, { recursive: true })
    const dir = await realpath(path)
    // Started by root, PostgreSQL runs as another user, who passes through; the files are 600.
    if (made) await chmod(dir, process.getuid?.() === 0 ? 0o711 : 0o700)
    await access(dir, constants.R_OK | constants.W_OK | constants.X_OK)
    return dir
  } catch (error) {
    throw unusable(path, error)
  }
}

function unusable(path: string, error: unknown): Error {
  const { code } = error as NodeJS.ErrnoException
  return new Error(
    `cannot write to ${resolve(path)} (${code}): give this user the right, or set DATA_DIR to another folder`,
  )
}
