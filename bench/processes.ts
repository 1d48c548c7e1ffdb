import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Load, Volley } from './shots.ts'

const exec = promisify(execFile)

/** The servers' core, and the load generator's. */
const CORES = { server: 0, load: 1 } as const
/** Ticks of /proc/PID/stat in a second, on every Linux that Node runs on. */
const TICKS = 100

/** Whether processes can be pinned here: Linux, and two cores. */
export const PINNED = process.platform === 'linux' && availableParallelism() > 1

type Program = {
  /** Under bench/. */
  file: string
  core: keyof typeof CORES
  env?: Record<string, string>
  ipc?: boolean
}

const running = new Set<ChildProcess>()
// Whatever ends the bench, no server of its stays behind.
process.once('exit', () => {
  for (const child of running) child.kill()
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

/** Starts a TypeScript program on its core, by this very Node. */
export function start({ file, core, env = {}, ipc = false }: Program): ChildProcess {
  const program = [process.execPath, fileURLToPath(new URL(file, import.meta.url))]
  const [command, ...args] = PINNED ? ['taskset', '-c', String(CORES[core]), ...program] : program
  const child = spawn(command as string, args, {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'ignore', 'inherit', ...(ipc ? (['ipc'] as const) : [])],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Ends a process that was started here. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}

/** Milliseconds from now to the first 200. Throws when the process ends before. */
export async function untilReady(child: ChildProcess, url: string): Promise<number> {
  const began = performance.now()
  while (child.exitCode === null && performance.now() - began < 60_000) {
    const answer = await fetch(url).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.status === 200) return performance.now() - began
    await delay(2)
  }
  throw new Error(`no answer from ${url}`)
}

/** Resident memory, in bytes. */
export async function memoryOf({ pid }: ChildProcess): Promise<number> {
  const { stdout } = await exec('ps', ['-o', 'rss=', '-p', String(pid)])
  return Number(stdout) * 1024
}

/** Seconds of processor time so far; NaN where /proc does not tell. */
export async function cpuSeconds({ pid }: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // After the name in parentheses: utime and stime are the 12th and 13th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

/** The load generator, as a function. */
export function startLoad(): { fire(load: Load): Promise<Volley>; stop(): Promise<void> } {
  const child = start({ file: './load.ts', core: 'load', ipc: true })
  return {
    async fire(load) {
      child.send(load)
      const [message] = (await once(child, 'message')) as [{ volley?: Volley; error?: string }]
      if (!message.volley) throw new Error(`the load generator: ${message.error}`)
      return message.volley
    },
    stop: () => stop(child),
  }
}
