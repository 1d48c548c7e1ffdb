import { Presets, SingleBar } from 'cli-progress'
import { Command, InvalidArgumentError } from 'commander'
import { openServer, withClient } from './database.ts'
import { prepareDataset } from './dataset.ts'
import { type Measurement, measure, WARM_UP } from './measure.ts'
import { PINNED } from './processes.ts'
import { section, writeResults } from './report.ts'
import { machine, type Run, saveRun } from './runs.ts'
import { HAS_CACHE } from './targets.ts'
import { makeKey, removeTraces } from './traces.ts'
import { makeWorkloads, WORKLOADS } from './workloads.ts'

const whole = (value: string) => {
  if (!/^[1-9]\d*$/.test(value)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(value)
}
const names = (value: string) => {
  const asked = value.split(',')
  const unknown = asked.find((name) => !WORKLOADS.includes(name))
  if (unknown !== undefined) throw new InvalidArgumentError(`There are ${WORKLOADS.join(', ')}.`)
  return asked
}

const program = new Command('npm run bench --')
  .description('measures the service beside two limits; see CONTRIBUTING.md')
  .option('--articles <n>', 'how large the data set is', whole, 20_000)
  .option('--seconds <n>', 'how long each measurement takes', whole, 5)
  .option('--rounds <n>', 'how often all is measured, alternating', whole, 3)
  .option('--only <names>', 'these workloads, such as W1,W4', names, [])
  .option('--callers <n>', 'how many ask for an article or a list at a time', whole, 32)
  .option('--cold', 'only without the delivery cache', false)
  .option('--warm', 'only with the delivery cache, filled', false)
  .option('--cache-mb <n>', 'how large the cache is when warm', whole, 1024)
  .option('--load-only', 'just make the data set', false)
  .parse()
type Given = Record<'articles' | 'seconds' | 'rounds' | 'callers' | 'cacheMb', number> &
  Record<'cold' | 'warm' | 'loadOnly', boolean> & { only: string[] }
const given = program.opts<Given>()

const say = (text: string) => process.stderr.write(`${text}\n`)

/** Progress: a bar on a terminal, a line elsewhere. */
function step(title: string, total: number) {
  if (!process.stderr.isTTY) say(`${title}: ${total}`)
  const format = `{bar} {value}/{total} ${title}`
  const bar = new SingleBar({ format, hideCursor: true }, Presets.shades_classic)
  bar.start(total, 0)
  return bar
}

function tell({ round, workload, target, perSecond, p50, p99 }: Measurement): void {
  const times = `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`
  say(`round ${round} ${workload} ${target}: ${Math.round(perSecond)} req/s, ${times}`)
}

/** The cache sizes to measure with; 0 is cold. */
function states(): number[] {
  const both = given.cold === given.warm
  if (!HAS_CACHE && (both || given.warm)) say('This service has no delivery cache yet: cold only.')
  return [
    ...(both || given.cold ? [0] : []),
    ...(HAS_CACHE && (both || given.warm) ? [given.cacheMb] : []),
  ]
}

async function run(url: string, said: string, cacheMb: number): Promise<Run> {
  await removeTraces(url)
  const key = await makeKey(url)
  const notes: string[] = []
  const note = (text: string) => {
    notes.push(text)
    say(text)
  }
  try {
    return await withClient(url, async (client) => {
      const { rows } = await client.query<{ version: string; articles: number; quotes: number }>(
        `SELECT current_setting('server_version') AS version,
          (SELECT count(*)::int FROM articles) AS articles, (SELECT count(*)::int FROM quotes) AS quotes`,
      )
      const { version = '', articles = 0, quotes = 0 } = rows[0] ?? {}
      const workloads = await makeWorkloads(client, given, key)
      const { rounds, seconds } = given
      const options = { url, rounds, seconds, cacheMb, note, done: tell }
      const { measured, lives } = await measure(client, workloads, options)
      return {
        date: new Date().toISOString().slice(0, 16).replace('T', ' '),
        command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.replace(/ -- $/, ''),
        machine: machine(PINNED),
        postgres: { version, said },
        ...{ articles, quotes, cacheMb, rounds, warmUp: WARM_UP, seconds, notes, measured, lives },
      }
    })
  } finally {
    await removeTraces(url)
  }
}

const server = await openServer(process.env.DATABASE_URL, given.articles, say)
try {
  await prepareDataset(server.url, given.articles, step)
  for (const cacheMb of given.loadOnly ? [] : states()) {
    const figures = await run(server.url, server.said, cacheMb)
    await saveRun(figures)
    process.stdout.write(`${section(figures)}\n\n`)
  }
  if (!given.loadOnly) await writeResults()
} catch (error) {
  say(`bench: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  await server.leave()
}
