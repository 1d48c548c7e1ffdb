import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { BENCH_DIR } from './database.ts'
import type { Life, Measurement } from './measure.ts'

/** The raw figures of a run, with all that is needed to judge them. */
export type Run = {
  date: string
  command: string
  machine: { cpu: string; cores: number; memory: number; node: string; pinned: boolean }
  postgres: { version: string; said: string }
  articles: number
  quotes: number
  cacheMb: number
  rounds: number
  /** How long each target was asked each workload before anything counted, in s. */
  warmUp: number
  seconds: number
  notes: string[]
  measured: Measurement[]
  lives: Life[]
}

const RUNS = join(BENCH_DIR, 'runs')

/** This machine. */
export function machine(pinned: boolean): Run['machine'] {
  const all = cpus()
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memory: totalmem(),
    node: process.version,
    pinned,
  }
}

/** How a run is called: by what was measured, so that the next one of its kind takes its place. */
export const titleOf = ({ articles, cacheMb }: Run) =>
  `${articles.toLocaleString('en')} articles, ${cacheMb === 0 ? 'cold' : 'warm'}`

/**
 * Keeps a run. Of workloads that it did not measure, those of the run in its place stay, if there are
 * any: `--only` mends one line of the table.
 */
export async function saveRun(run: Run): Promise<void> {
  await mkdir(RUNS, { recursive: true })
  const file = join(RUNS, `${run.articles}-${run.cacheMb === 0 ? 'cold' : 'warm'}.json`)
  const before = await readFile(file, 'utf8').catch(() => undefined)
  const measuredNow = new Set(run.measured.map(({ workload }) => workload))
  const kept: Run['measured'] = before
    ? (JSON.parse(before) as Run).measured.filter(({ workload }) => !measuredNow.has(workload))
    : []
  const whole = { ...run, measured: [...run.measured, ...kept] }
  if (kept.length > 0) {
    const names = [...new Set(kept.map(({ workload }) => workload))].join(', ')
    whole.notes = [...run.notes, `${names}: from an earlier run`]
  }
  await writeFile(file, `${JSON.stringify(whole, null, 1)}\n`)
}

/** All runs that are kept, small data sets first, cold before warm. */
export async function readRuns(): Promise<Run[]> {
  const names = (await readdir(RUNS).catch(() => [])).filter((name) => name.endsWith('.json'))
  const runs = await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(RUNS, name), 'utf8')) as Run),
  )
  return runs.sort((a, b) => a.articles - b.articles || a.cacheMb - b.cacheMb)
}
