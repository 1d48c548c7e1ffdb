import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { migrate } from '../src/db/migrate.ts'
import { story } from './factories.ts'
import { figure } from './figures.ts'
import { type Call, emptyDatabase } from './newsroom.ts'
import { journalOf, MIGRATIONS } from './planted-migrations.ts'
import { adminKey, type ServiceProcess, serviceProcess } from './service-process.ts'
import { isLong } from './size.ts'
import { type Felt, startTraffic } from './traffic.ts'

/*
 * The version before on the schema of now, beside the version of now, and back. Until there are releases,
 * the version before is what the repository held before its newest migration was added; its sources come
 * out of git, its packages are those of now.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** How long each stage lasts, in ms. */
const STAGE = isLong ? 5000 : 700

const run = promisify(execFile)
const git = async (...args: string[]) => (await run('git', ['-C', ROOT, ...args])).stdout.trim()

/** The commit before the newest migration, with its name; undefined without the history to find it in. */
async function before(): Promise<{ commit: string; migration: string } | undefined> {
  const migration = journalOf(MIGRATIONS).entries.at(-1)?.tag ?? ''
  const added = ['log', '--diff-filter=A', '--format=%H', '-1', '--', `migrations/${migration}.sql`]
  const commit = await git(...added)
    .then((found) => git('rev-parse', '--verify', '--quiet', `${found}^`))
    .catch(() => undefined)
  return commit ? { commit, migration } : undefined
}

const found = await before()

t.test(
  'the version before runs on the schema of now, and back',
  { skip: found ? false : 'not a clone with the history of its newest migration' },
  async (t) => {
    const { commit = '', migration } = found ?? {}
    const root = t.testdir()
    chmodSync(root, 0o755)
    mkdirSync(join(root, 'old'))
    const archive = join(root, 'old.tar')
    await git(
      'archive',
      `--output=${archive}`,
      commit,
      'src',
      'migrations',
      'seeds',
      'package.json',
    )
    await run('tar', ['-xf', archive, '-C', join(root, 'old')])
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'old', 'node_modules'))
    const url = await emptyDatabase(t)
    const start = async (from: string) => {
      const service = await serviceProcess(t, { DATABASE_URL: url }, [], from)
      await service.ready()
      return service
    }

    const felt: Felt[] = []
    let key: { authorization: string }
    const traffic = (service: ServiceProcess) => {
      const editor: Call = (method, path, body, headers) =>
        service.call(method, path, body, { ...key, ...headers })
      const stop = startTraffic(editor, service.call)
      return async () => felt.push(await stop())
    }
    /** Lets what runs under traffic go on for a moment, then ends the traffic and one of the services. */
    const leave = async (stop: () => Promise<unknown>, service?: ServiceProcess) => {
      await sleep(STAGE)
      await stop()
      service?.signal('SIGTERM')
      if (service) t.equal(await service.ended, 0, 'ended as it was asked')
    }

    const old = await start(join(root, 'old'))
    key = await adminKey(url)
    const onOld = traffic(old)
    await sleep(STAGE)
    await migrate(url)
    const now = await start(ROOT)
    const onNow = traffic(now)
    await leave(onOld, old)
    const back = await start(join(root, 'old'))
    const onBack = traffic(back)
    await leave(onNow, now)
    await leave(onBack)
    const made = await story((method, path, body) => back.call(method, path, body, key), {
      headline: 'At the end',
    })
    t.equal((await back.call('GET', `/v1/articles/${made.id}`)).status, 200)

    const writes = felt.reduce((sum, one) => sum + one.writes, 0)
    const reads = felt.reduce((sum, one) => sum + one.reads, 0)
    for (const one of felt) t.same(one.failed, [])
    t.ok(writes > 50 && reads > 50, `${writes} writes, ${reads} reads`)
    figure(
      t,
      'version before',
      `${commit.slice(0, 7)} (before ${migration}), then both, then it alone: ${writes} writes and ${reads} reads, failed 0`,
    )
  },
)
