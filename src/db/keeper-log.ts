import { constants } from 'node:fs'
import { copyFile, readFile, stat, truncate } from 'node:fs/promises'

/** Beyond this the log is moved to `postgres.log.1`, so both together stay below about 2 MiB. */
const LOG_BYTES = 1024 * 1024

/** The log's size in bytes. */
export async function logSize(file: string): Promise<number> {
  return (await stat(file)).size
}

/** Moves a log that has grown too long aside. Its writers append, so cutting it under them is safe. */
export async function trimLog(file: string): Promise<void> {
  if ((await logSize(file)) <= LOG_BYTES) return
  await copyFile(file, `${file}.1`, constants.COPYFILE_FICLONE)
  await truncate(file)
}

/**
 * What one server wrote since the log was `from` bytes long: the lines that carry its process id
 * (PostgreSQL's default prefix is `time [pid] `) or none (said before it had read its settings).
 */
export async function linesOf(
  file: string,
  pid: number | undefined,
  from: number,
): Promise<string[]> {
  const text = (await readFile(file)).subarray(from).toString('utf8')
  return text
    .split('\n')
    .filter((line) => line !== '' && (/\[(\d+)\]/.exec(line)?.[1] ?? `${pid}`) === `${pid}`)
    .map((line) => line.replace(/^.*?\[\d+\] /, ''))
}
