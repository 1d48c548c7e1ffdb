import { readFile, writeFile } from 'node:fs/promises'
import { type Run, readRuns, titleOf } from './runs.ts'
import {
  GROWTH,
  type Line,
  median,
  mostMemory,
  type Row,
  START_MS,
  summarize,
  verdict,
} from './summary.ts'
import { TARGETS, type TargetName } from './targets.ts'
import { TITLES } from './workloads.ts'

const NAMES: Record<TargetName, string> = {
  service: 'Dateline',
  bare: 'bare Fastify, one query',
  http: 'bare node:http',
}
const SMALL = 20_000
const LARGE = 1_000_000
/** Beyond it the load generator may be what limits the figure. */
const BUSY = 0.9

const whole = (n: number) => Math.round(n).toLocaleString('en')
const ms = (n: number) => n.toFixed(n < 10 ? 2 : 1)
const ratio = (n: number | undefined) => (n === undefined ? '–' : n.toFixed(2))
const percent = (n: number) => (Number.isNaN(n) ? '–' : `${Math.round(n * 100)} %`)
const megabytes = (bytes: number) => Math.round(bytes / 1_000_000)

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

const perSecond = (row: Row | undefined) =>
  row ? `${whole(row.perSecond)}${row.busy > BUSY ? ' *' : ''}` : '–'

function speed(run: Run, lines: Line[]): string {
  const warm = run.cacheMb > 0
  return table(
    [
      ...['', 'req/s', 'p50 ms', 'p99 ms', 'bytes', 'bare Fastify req/s', 'node:http req/s'],
      ...['of Fastify', 'of node:http', 'target', 'server’s core', 'load’s core'],
    ],
    lines.map((line) => {
      const { workload, service, bare, http, ofBare, ofHttp } = line
      const due = verdict(line, warm)
      return [
        `**${workload.replace('x8', ', 8').replace('r', ', relevance')}** ${TITLES[workload]}`,
        ...[perSecond(service), ms(service.p50), ms(service.p99), whole(service.bytes)],
        ...[perSecond(bare), perSecond(http), ratio(ofBare), ratio(ofHttp)],
        due ? `${due.target} ${due.met ? 'met' : '**missed**'}` : '–',
        ...[percent(service.server), percent(service.busy)],
      ]
    }),
  )
}

function lives({ lives, cacheMb }: Run): string {
  const of = (name: TargetName, what: 'startMs' | 'memory') =>
    median(lives.filter(({ target }) => target === name).flatMap((life) => life[what] ?? []))
  const judged = (figure: number, most: number | undefined) =>
    most === undefined ? '–' : `< ${most} ${figure < most ? 'met' : '**missed**'}`
  return table(
    ['', ...TARGETS.map((name) => NAMES[name]), 'target'],
    [
      [
        'start to first 200, ms',
        ...TARGETS.map((name) => whole(of(name, 'startMs'))),
        judged(of('service', 'startMs'), START_MS),
      ],
      [
        'memory after, MB',
        ...TARGETS.map((name) => String(megabytes(of(name, 'memory')))),
        judged(megabytes(of('service', 'memory')), mostMemory(cacheMb)),
      ],
    ],
  )
}

/** One run as Markdown: tables, and what stood where. */
export function section(run: Run): string {
  const { machine, postgres, cacheMb } = run
  const lines = summarize(run)
  const cores = machine.pinned
    ? 'Servers are pinned to core 0, the load generator to core 1.'
    : 'Nothing is pinned: this system cannot, or has one core.'
  const busy = lines.some((l) => [l.service, l.bare, l.http].some((row) => row && row.busy > BUSY))
  return [
    `## ${titleOf(run)}`,
    speed(run, lines),
    ...(busy ? ['`*`: the load generator had no time left; the server may be faster.'] : []),
    lives(run),
    [
      `- ${run.date}, \`${run.command}\`: ${run.rounds} rounds of ${run.seconds} s after ${run.warmUp} s that do not count, medians.`,
      `- ${machine.cpu}, ${machine.cores} cores, ${megabytes(machine.memory / 1000)} GB; Node ${machine.node}. ${cores}`,
      `- PostgreSQL ${postgres.version}: ${postgres.said}.`,
      `- ${whole(run.articles)} articles, ${whole(run.quotes)} quotes; CACHE_MB=${cacheMb}, LOG_LEVEL=warn, RATE_LIMIT=0.`,
      ...run.notes.map((note) => `- ${note}`),
    ].join('\n'),
  ].join('\n\n')
}

/** How the median answer grows with the data set, cold. */
function growth(runs: Run[]): string[] {
  const cold = (articles: number) =>
    runs.find((run) => run.articles === articles && run.cacheMb === 0)
  const [small, large] = [cold(SMALL), cold(LARGE)]
  if (!small || !large) return []
  const after = new Map(summarize(large).map((line) => [line.workload, line]))
  const rows = summarize(small).flatMap(({ workload, service }) => {
    const grown = after.get(workload)?.service
    const most = GROWTH[workload]
    if (!grown || most === undefined) return []
    const times = grown.p50 / service.p50
    return [
      [
        ...[workload, ms(service.p50), ms(grown.p50), times.toFixed(2)],
        `< ${most} ${times < most ? 'met' : '**missed**'}`,
      ],
    ]
  })
  const head = ['', `${whole(SMALL)}, p50 ms`, `${whole(LARGE)}, p50 ms`, 'times', 'target']
  return ['## Growth, cold', table(head, rows)]
}

const PREFACE = `# Results

Made by \`npm run bench\`, see [CONTRIBUTING.md](../CONTRIBUTING.md#speed). Ratios count, figures depend on
the machine: both limits are measured beside the service, in every round.`

/** Writes bench/RESULTS.md out of all runs that are kept, and of bench/NOTES.md, which people write. */
export async function writeResults(): Promise<void> {
  const runs = await readRuns()
  const notes = await readFile(new URL('NOTES.md', import.meta.url), 'utf8').catch(() => '')
  const parts = [PREFACE, ...runs.map(section), ...growth(runs), ...(notes ? [notes.trim()] : [])]
  await writeFile(new URL('RESULTS.md', import.meta.url), `${parts.join('\n\n')}\n`)
}
