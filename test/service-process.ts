import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { OPERATOR } from '../src/actor.ts'
import { openDatabase } from '../src/db/client.ts'
import { transaction } from '../src/db/transaction.ts'
import { createKey } from '../src/keys/commands.ts'
import { freePort } from './free-port.ts'
import type { Reply } from './newsroom.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** The service as a process of its own. */
export type ServiceProcess = {
  port: number
  pid: number
  /** The lines of its log. */
  log: string[]
  /** A request; rejects when the connection is refused or cut. */
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Reply>
  /** Resolves when it answers at /readyz with 200. */
  ready(): Promise<void>
  /** How it ended: its exit code, or the signal. */
  ended: Promise<number | NodeJS.Signals>
  hasEnded(): boolean
  signal(signal: NodeJS.Signals): void
}

/**
 * Starts the service with these settings and no others, killed at the end of the test if it runs by then.
 * Without PORT, on one that was free. `root` is where its sources are, if not here.
 */
export async function serviceProcess(
  t: Test,
  settings: Record<string, string>,
  nodeArguments: string[] = [],
  root = ROOT,
): Promise<ServiceProcess> {
  const port = Number(settings.PORT ?? (await freePort()))
  const child: ChildProcess = spawn(process.execPath, [...nodeArguments, 'src/main.ts'], {
    cwd: root,
    env: {
      ...{ PATH: process.env.PATH, RATE_LIMIT: '0', LOG_LEVEL: 'warn', SHUTDOWN_DELAY: '0' },
      ...settings,
      PORT: `${port}`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const log: string[] = []
  let rest = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    log.push(...lines)
  })
  const ended = once(child, 'exit').then(([code, signal]) => signal ?? code)
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const call: ServiceProcess['call'] = async (method, path, body, headers = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    const isJson = /json/.test(answer.headers.get('content-type') ?? '')
    return {
      ...{ status: answer.status, headers: Object.fromEntries(answer.headers), text },
      json: isJson && text !== '' ? JSON.parse(text) : undefined,
    }
  }
  const ready = async () => {
    for (;;) {
      const answer = await call('GET', '/readyz').catch(() => undefined)
      if (answer?.status === 200) return
      if (hasEnded()) throw new Error(`the service has ended: ${log.join('\n')}`)
      await sleep(20)
    }
  }
  const signal = (name: NodeJS.Signals) => void child.kill(name)
  return { port, pid: child.pid ?? 0, log, call, ready, ended, hasEnded, signal }
}

/** An administrator's key of this database, as the header that carries it. */
export async function adminKey(url: string): Promise<{ authorization: string }> {
  const db = openDatabase({ url, size: 1 }, () => {})
  const { key } = await transaction(db, (tx) =>
    createKey({ tx, actor: OPERATOR }, { name: 'admin', scopes: ['admin'] }),
  )
  await db.close()
  return { authorization: `Bearer ${key}` }
}
