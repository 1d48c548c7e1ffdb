import { setTimeout as pass } from 'node:timers/promises'
import t from 'tap'
import { inSeconds, must, patch, publish, story } from './factories.ts'
import { figure } from './figures.ts'
import { configure, primaryServer, standbyServer } from './postgres-server.ts'
import { byReplica, newKey, type ReplicaRoom, replicaRoom, until } from './replica-room.ts'
import { runs } from './size.ts'

t.setTimeout(600_000)

const primary = await primaryServer(t)
const standby = await standbyServer(t, primary)
const rooms = [
  await replicaRoom(t, primary, [standby]),
  await replicaRoom(t, primary, [standby]),
] as [ReplicaRoom, ReplicaRoom]
const [here, there] = rooms
const admin = await newKey(here, 'admin')
const editor = here.with(admin)
/** Behind by so many ms; 0 is not at all. */
const delay = (ms: number) => configure(standby, { recovery_min_apply_delay: `${ms}` })
const metric = (text: string, name: string) =>
  Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(text)?.[1])

t.test('readers are answered by the replica, through the framework and past it', async (t) => {
  const { slug } = await story(editor, { summary: 'told' })
  const path = `/v1/articles/${slug}`
  for (const room of rooms) {
    await byReplica(room, path)
    const address = await room.app.listen({ host: '127.0.0.1', port: 0 })
    for (let i = 0; i < 3; i++) {
      room.app.delivery.store.drop(new Set(['all']))
      const reply = await fetch(`${address}${path}`)
      t.match(await reply.json(), { summary: 'told' })
    }
    t.match(room.answers(), { replica: 3, primary: 0 })
    for (const list of ['/v1/articles?count=exact&facets=language', '/feeds/latest.atom']) {
      t.equal((await room.reader('GET', list)).status, 200)
    }
    t.match(room.answers(), { primary: 0 })
    t.equal((await room.reader('GET', '/v1/articles/nothing')).status, 404)
  }
})

t.test('the change feed, partners and editors are the primary’s', async (t) => {
  const path = '/v1/articles'
  await byReplica(here, path)
  const reading = await newKey(here, 'read', 'syndication')
  for (const [key, asked, replica] of [
    [reading, '/v1/changes', 0],
    [admin, path, 0],
    [reading, path, 1],
  ] as const) {
    here.answers()
    t.equal((await here.with(key)('GET', asked)).status, 200)
    t.equal(here.answers().replica, replica, `${asked}`)
  }
})

t.test('a replica’s role can be no more than a reader’s', async (t) => {
  const wrong = new URL(standby.url)
  // As with DATABASE_READER_URL: the login is to be a reader’s, and here it is the owner’s.
  const { openDatabase } = await import('../src/db/client.ts')
  const said: string[] = []
  const log = { info() {}, error: ({ err }: { err?: Error }) => said.push(String(err?.message)) }
  const options = { url: primary.url, readerUrl: primary.url, replicaUrls: [wrong.href], size: 1 }
  const db = openDatabase(options, () => {}, log as never)
  t.teardown(() => db.close())
  await until('it is refused', () => said.length > 0)
  t.match(said[0], /roles are wrong: readers \(dateline\) can read .*api_keys/)
  t.match(db.replicas.states(), [{ up: false }])
})

t.test('whoever wrote reads it, whatever becomes of the replica', async (t) => {
  const writer = await newKey(here, 'content:write', 'content:publish', 'read')
  const articles = await Promise.all(Array.from({ length: 8 }, () => story(editor)))
  const seen = { stale: 0, failed: 0, read: 0, replica: 0, primary: 0 }
  let number = 0
  const one = async (id: string, i: number) => {
    const summary = `${number++}`
    const write = rooms[i % 2]?.with(writer) ?? editor
    await patch(write, `/v1/articles/${id}`, { summary })
    const read = rooms[(i + (i >> 1)) % 2]?.with(writer) ?? editor
    const reply = await read('GET', `/v1/articles/${id}`)
    seen.read++
    if (reply.status >= 500) seen.failed++
    else if (reply.json.summary !== summary) seen.stale++
    // Others ask meanwhile, and what they are given is kept.
    for (const room of rooms) {
      const other = await room.reader('GET', `/v1/articles/${id}`)
      if (other.status >= 500) seen.failed++
      else if (room === rooms[i % 2] && other.json.summary !== summary) seen.stale++
    }
  }
  const many = async (count: number) => {
    await Promise.all(
      articles.map(async ({ id }, lane) => {
        for (let i = 0; i < count / articles.length; i++) await one(id, lane + i)
      }),
    )
    for (const room of rooms) {
      const { replica, primary } = room.answers()
      seen.replica += replica
      seen.primary += primary
    }
  }
  await many(runs(200))
  t.ok(seen.replica > 0, 'some of it was read at the replica')
  await delay(2000)
  await many(runs(300))
  await Promise.all([many(runs(160)), pass(300).then(() => standby.freeze())])
  await until('it is given up', () => here.db.replicas.states().every(({ up }) => !up))
  await standby.thaw()
  await delay(0)
  await until('it is there again', () => here.db.replicas.states().every(({ up }) => up), 10_000)
  await Promise.all([many(runs(160)), pass(200).then(() => standby.end('SIGKILL'))])
  await many(runs(180))
  await standby.start()
  await byReplica(here, `/v1/articles/${articles[0]?.id}`)
  figure(
    t,
    'replica behind',
    `${seen.read} write-then-read, stale ${seen.stale}, 5xx ${seen.failed}; ${seen.replica} reads at the replica, ${seen.primary} at the primary`,
  )
  t.match(seen, { stale: 0, failed: 0 })
  t.ok(seen.read >= 1000)
})

t.test('what a hung replica holds is asked of the primary', async (t) => {
  const path = '/v1/articles?limit=7'
  await byReplica(here, path)
  await standby.freeze()
  here.app.delivery.store.drop(new Set(['all']))
  const began = performance.now()
  const reply = await here.reader('GET', path)
  t.equal(reply.status, 200)
  t.comment(`after ${Math.round(performance.now() - began)} ms`)
  t.ok(performance.now() - began < 3000)
  await standby.thaw()
  await byReplica(here, path)
})

t.test('a replica that has not what was heard of refills no cache', async (t) => {
  const { id, slug } = await story(editor, { summary: 'old' })
  const path = `/v1/articles/${slug}`
  for (const room of rooms) await byReplica(room, path)
  await standby.sql('select pg_wal_replay_pause()')
  await patch(editor, `/v1/articles/${id}`, { summary: 'new' })
  for (const room of rooms) {
    await until('it is heard', async () => (await room.reader('GET', path)).json.summary === 'new')
    t.ok(room.app.delivery.store.find(path), 'kept')
    room.answers()
    room.app.delivery.store.drop(new Set(['all']))
    t.equal((await room.reader('GET', path)).json.summary, 'new')
    t.match(room.answers(), { replica: 0, primary: 1 })
  }
  const metrics = async () => (await here.reader('GET', '/metrics')).text
  // Both servers are looked at now and then, one after the other.
  await until('it lags', async () => metric(await metrics(), 'replica_lag_bytes') > 0)
  const text = await metrics()
  t.equal(metric(text, 'replica_up'), 1)
  t.match(text, /^reader_reads_total\{server="primary",because="behind"\} [1-9]/m)
  t.match(text, /^reader_reads_total\{server="127.0.0.1:\d+",because="current"\} [1-9]/m)
  await standby.sql('select pg_wal_replay_resume()')
  for (const room of rooms) await byReplica(room, path)
})

t.test('time makes visible and takes away at the replica as at the primary', async (t) => {
  const soon = await story(editor, {}, { at: inSeconds(0.5) })
  const path = `/v1/articles/${soon.slug}`
  await byReplica(there, '/v1/articles')
  await until('it is there', async () => (await there.reader('GET', path)).status === 200)
  await byReplica(there, path)
  await publish(editor, soon.id, { expiresAt: inSeconds(0.3) })
  t.equal((await there.reader('GET', path)).status, 200)
  await pass(310)
  t.equal((await there.reader('GET', path)).status, 410)
  await must(editor, 'GET', `/v1/articles/${soon.id}`)
})
