import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { joinEmbedded } from '../src/db/embedded.ts'
import { migrate } from '../src/db/migrate.ts'

/*
 * `npm test [-- FILE...]`: one PostgreSQL server for the run (embedded, or TEST_DATABASE_URL), one
 * migrated template database in it, of which every test file clones its own; then tap.
 * The last line is `N passed, N failed`, tap's totals.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const bin = (name: string) => join(ROOT, 'node_modules', '.bin', name)

// Nobody minds when a test's data is lost in a power cut.
const FLAGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '300',
}

async function run(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(bin(command), args, { cwd: ROOT, stdio: 'inherit', env })
  // Ctrl-C reaches tap too; this process waits for it and then cleans up.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)))
}

async function withAdmin(
  url: string,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await work(client)
  await client.end()
}

/** tap's totals, out of the raw TAP it wrote. */
async function totals(file: string): Promise<{ passed: number; failed: number; skipped: number }> {
  const tap = await readFile(file, 'utf8').catch(() => '')
  const line = tap.match(/^# \{ total: .*\}$/gm)?.at(-1) ?? ''
  const count = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(line)?.[1] ?? 0)
  return { passed: count('pass'), failed: count('fail'), skipped: count('skip') + count('todo') }
}

const folder = await mkdtemp(join(tmpdir(), 'dateline-test-'))
// As root, PostgreSQL runs as another user, who must be able to enter.
await chmod(folder, 0o755)
const external = process.env.TEST_DATABASE_URL
const server = external ? undefined : await joinEmbedded({ dataDir: folder, flags: FLAGS })
const serverUrl = external ?? server?.url ?? ''
const template = `dateline_template_${process.pid}`
const templateUrl = new URL(serverUrl)
templateUrl.pathname = `/${template}`
await withAdmin(serverUrl, (client) =>
  client.query(`CREATE DATABASE ${template} TEMPLATE template0`),
)
await migrate(templateUrl.href)

// tap builds its plugins once after an install.
if (!existsSync(join(ROOT, '.tap', 'plugins'))) await run('tap', ['build'], process.env)
const output = join(folder, 'out.tap')
const reporter = process.stdout.isTTY ? [] : ['--reporter=min']
const code = await run(
  'tap',
  ['run', ...reporter, `--output-file=${output}`, ...process.argv.slice(2)],
  {
    ...process.env,
    TEST_SERVER_URL: serverUrl,
    TEST_TEMPLATE: template,
  },
)
const { passed, failed, skipped } = await totals(output)

await withAdmin(serverUrl, (client) => client.query(`DROP DATABASE ${template} WITH (FORCE)`))
await server?.leave()
await rm(folder, { recursive: true, force: true })
// On a line of its own: reporters leave the cursor anywhere.
process.stdout.write(
  `\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
)
process.exit(code !== 0 || failed > 0 || passed === 0 ? code || 1 : 0)
