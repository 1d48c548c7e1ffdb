import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { figuresIn, PROMISES, type Promised } from './figures.ts'

/*
 * `npm run reliability [-- FILE...]`: every test that measures a promise (it imports figures.ts), at full
 * size and one after the other, and what they measured into docs/reliability.md. With files: only these; the
 * other rows stay as they were. Exits 1 when a test failed.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DOCUMENT = `${ROOT}docs/reliability.md`

/** A row of the table, but for the promise's own words. */
type Measured = { figure: string; file: string; date: string; machine: string }

/** The test files that measure something. */
function measuring(): string[] {
  const files = readdirSync(`${ROOT}test`).filter(
    (name) => name.endsWith('.test.ts') && name !== 'figures.test.ts',
  )
  return files
    .map((name) => `test/${name}`)
    .filter((file) => readFileSync(ROOT + file, 'utf8').includes("from './figures.ts'"))
}

/** Runs a test file by itself; what it printed, and whether it passed. */
async function run(file: string): Promise<{ output: string; passed: boolean }> {
  const args = ['test/run.ts', '--timeout=7200', '--reporter=tap', file]
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, TEST_SIZE: 'long' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [code] = await once(child, 'close')
  return { output, passed: code === 0 }
}

/** Such as `2 × AMD EPYC, 8 GB, Linux 6.1`. */
function machine(): string {
  const all = cpus()
  const kernel = release().split('.').slice(0, 2).join('.')
  const system = process.platform === 'linux' ? 'Linux' : process.platform
  return `${all.length} × ${all[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, ${system} ${kernel}`
}

const NAMES = Object.keys(PROMISES) as Promised[]
const whatAndHolds = (promise: Promised) =>
  `| ${PROMISES[promise].what} | ${PROMISES[promise].holds} |`

/** The rows that the document has. */
function rowsOf(text: string): Map<Promised, Measured> {
  const lines = text.split('\n')
  const found = new Map<Promised, Measured>()
  for (const promise of NAMES) {
    const start = whatAndHolds(promise)
    const line = lines.find((one) => one.startsWith(start))
    const [figure, link, date, on] = line?.slice(start.length, -1).split('|') ?? []
    const file = /\((?:\.\.\/)(.+)\)/.exec(link ?? '')?.[1]
    if (!figure || !file || !date || !on) continue
    found.set(promise, { figure: figure.trim(), file, date: date.trim(), machine: on.trim() })
  }
  return found
}

function rendered(rows: Map<Promised, Measured>): string {
  const table = NAMES.map((promise) => {
    const row = rows.get(promise)
    const measured = row
      ? ` ${row.figure} | [${row.file.replace(/^test\/|\.test\.ts$/g, '')}](../${row.file}) | ${row.date} | ${row.machine} |`
      : ' not measured yet | | | |'
    return whatAndHolds(promise) + measured
  })
  return `# What is promised when something goes wrong, and what was measured

\`npm run reliability\` runs the tests behind this table at full size and writes it;
\`npm run reliability -- test/backup.test.ts\` measures those of one file anew. The same tests run smaller in \`npm test\`.
What to do about each is in [operating.md](operating.md).

| what happens | what holds | measured | test | date | machine |
| --- | --- | --- | --- | --- | --- |
${table.join('\n')}
`
}

const asked = process.argv.slice(2)
const rows = rowsOf(await readFile(DOCUMENT, 'utf8').catch(() => ''))
const failed: string[] = []
for (const file of asked.length > 0 ? asked : measuring()) {
  const began = Date.now()
  const { output, passed } = await run(file)
  const date = new Date().toISOString().slice(0, 10)
  for (const [promise, measured] of figuresIn(output)) {
    const figure = passed ? measured : `**failed**: ${measured}`
    rows.set(promise, { figure, file, date, machine: machine() })
    process.stdout.write(`${promise}: ${figure}\n`)
  }
  const seconds = Math.round((Date.now() - began) / 1000)
  process.stdout.write(`${passed ? 'passed' : 'FAILED'} ${file} in ${seconds} s\n`)
  if (!passed) {
    failed.push(file)
    process.stdout.write(`${output.match(/^ *not ok .*$/gm)?.join('\n') ?? output.slice(-2000)}\n`)
  }
  // After each file, for a run takes an hour or two and may be broken off.
  await writeFile(DOCUMENT, rendered(rows))
}
const missing = NAMES.filter((promise) => !rows.has(promise))
if (missing.length > 0) process.stdout.write(`not measured: ${missing.join(', ')}\n`)
process.exit(failed.length > 0 ? 1 : 0)
