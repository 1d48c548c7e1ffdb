import { execFile } from 'node:child_process'
import { link, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** What a cluster's `postmaster.pid` says of the server that has it, or had it when it was killed. */
export interface Postmaster {
  pid: number
  port: number
  /** `starting`, `ready`, `stopping`, or empty (a process in single-user mode). */
  status: string
  /** The file's whole text. */
  text: string
}

const pidFile = (dir: string) => join(dir, 'postmaster.pid')

/** Reads `postmaster.pid`; undefined when no server has this cluster, or it only just takes it. */
export async function readPostmaster(dir: string): Promise<Postmaster | undefined> {
  const text = await readFile(pidFile(dir), 'utf8').catch(() => '')
  // Line by line: pid (negative in single-user mode), folder, start, port, socket folder,
  // address, shared memory, status. https://www.postgresql.org/docs/18/storage-file-layout.html
  const lines = text.split('\n').map((line) => line.trim())
  const pid = Math.abs(Number(lines[0]))
  return pid > 0 ? { pid, port: Number(lines[3]), status: lines[7] ?? '', text } : undefined
}

/** Whether a process of this id exists, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * Whether process `pid` is a PostgreSQL server on `dir`, by its command line: false when it is surely
 * something else (ids are used again), undefined when that cannot be told.
 */
export async function servesCluster(pid: number, dir: string): Promise<boolean | undefined> {
  const line = await commandLine(pid)
  if (line?.includes(`postgres -D ${dir} `)) return true
  // PostgreSQL's other processes call themselves "postgres: walwriter" and the like.
  if (line && (!/(^|\/)postgres\s/.test(line) || line.includes('postgres -D /'))) return false
  return undefined
}

async function commandLine(pid: number): Promise<string | undefined> {
  try {
    if (process.platform === 'linux')
      return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ')
    return (await promisify(execFile)('ps', ['-ww', '-o', 'args=', '-p', `${pid}`])).stdout
  } catch {
    return undefined
  }
}

/**
 * Takes away a `postmaster.pid` whose process is not PostgreSQL any more: PostgreSQL itself would
 * refuse to start as long as a process of that id lives.
 */
export async function discardPidFile(dir: string, stale: Postmaster): Promise<void> {
  const aside = `${pidFile(dir)}.stale-${process.pid}`
  try {
    await rename(pidFile(dir), aside)
    // A server may have started between looking and renaming: then it gets its file back.
    if ((await readFile(aside, 'utf8')) !== stale.text) await link(aside, pidFile(dir))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error
  } finally {
    await rm(aside, { force: true })
  }
}

/** Takes away an empty `postmaster.pid`, what a crash of the machine leaves; a new one is filled at once. */
export async function discardEmptyPidFile(dir: string): Promise<void> {
  const file = await stat(pidFile(dir)).catch(() => undefined)
  if (file?.size === 0 && Date.now() - file.mtimeMs > 5000) await rm(pidFile(dir), { force: true })
}
