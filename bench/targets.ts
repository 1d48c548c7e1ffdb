import type { ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { SETTINGS } from '../src/config.ts'
import { start, stop, untilReady } from './processes.ts'

/** What is measured: the service, and beside it the two limits. */
export const TARGETS = ['service', 'bare', 'http'] as const
export type TargetName = (typeof TARGETS)[number]

export type Target = { child: ChildProcess; port: number; startMs: number }
export type Targets = Record<TargetName, Target>

/** The address in answers: the same for all, whatever their ports. */
const PUBLIC_URL = 'http://bench.example'

/** Whether the service has a delivery cache that can be turned off. */
export const HAS_CACHE = SETTINGS.includes('CACHE_MB')

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function startOne(file: string, env: Record<string, string>, probe: string): Promise<Target> {
  const port = await freePort()
  const child = start({ file, core: 'server', env: { ...env, PORT: String(port), PUBLIC_URL } })
  const startMs = await untilReady(child, `http://127.0.0.1:${port}${probe}`)
  return { child, port, startMs }
}

/** Starts all three on the servers' core, one after the other, timing each to its first 200. */
export async function startTargets(url: string, cacheMb: number): Promise<Targets> {
  const settings = { DATABASE_URL: url, RATE_LIMIT: '0', LOG_LEVEL: 'warn' }
  const cache: Record<string, string> = HAS_CACHE ? { CACHE_MB: String(cacheMb) } : {}
  return {
    service: await startOne('../src/main.ts', { ...settings, ...cache }, '/v1/articles?limit=20'),
    bare: await startOne('./limits-fastify.ts', { DATABASE_URL: url }, '/W2'),
    http: await startOne('./limits-http.ts', {}, '/12000'),
  }
}

/** Ends them. */
export async function stopTargets(targets: Targets): Promise<void> {
  await Promise.all(TARGETS.map((name) => stop(targets[name].child)))
}
