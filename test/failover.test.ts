import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openDatabase } from '../src/db/client.ts'
import {
  configure,
  followServer,
  primaryServer,
  type Server,
  standbyServer,
} from './postgres-server.ts'
import { byReplica, replicaRoom, until } from './replica-room.ts'
import { adminKey, serviceProcess } from './service-process.ts'
import { isLong } from './size.ts'
import { compare, startWriters, write } from './written.ts'

/*
 * The primary is killed with SIGKILL under writers and readers, its synchronous standby is promoted, and an
 * address that stands for the primary leads there: what Patroni behind HAProxy, or a managed service, does.
 */

const ROUNDS = isLong ? 3 : 1

t.setTimeout(180_000)

/** An address for whoever is the primary. */
async function address(t: Test, { port }: Server) {
  const child = fork(fileURLToPath(new URL('tcp-proxy.ts', import.meta.url)), [`${port}`])
  t.teardown(() => child.connected && child.disconnect())
  const [{ port: at }] = (await once(child, 'message')) as [{ port: number }]
  return {
    of: ({ url }: Server) => {
      const through = new URL(url)
      through.port = `${at}`
      return through.href
    },
    async leadTo({ port }: Server, cut = true) {
      child.send({ to: port, cut })
      await once(child, 'message')
    },
  }
}

/** A standby without which nothing is acknowledged. */
async function synchronousStandby(t: Test, primary: Server): Promise<Server> {
  const standby = await standbyServer(t, primary)
  await waitForStandby(primary)
  return standby
}

/** Has a primary acknowledge nothing that its standby has not. */
async function waitForStandby(primary: Server): Promise<void> {
  await configure(primary, { synchronous_standby_names: '*' })
  await until('it is synchronous', async () => {
    const [row] = await primary.sql('select sync_state from pg_stat_replication')
    return row?.sync_state === 'sync'
  })
}

t.test(`a synchronous standby is promoted, ${ROUNDS} times`, async (t) => {
  let primary = await primaryServer(t)
  const proxy = await address(t, primary)
  const service = await serviceProcess(t, {
    ...{ DATABASE_URL: proxy.of(primary), MIGRATE: 'false', LOG_LEVEL: 'fatal' },
  })
  const headers = await adminKey(primary.url)
  await service.ready()
  const answers: Record<string, number> = {}
  let over = false
  const reading = Array.from({ length: 4 }, async (_, i) => {
    while (!over) {
      const path = `/v1/articles?limit=${i + 1}`
      const { status } = await service.call('GET', path).catch(() => ({ status: 'cut' }))
      answers[status] = (answers[status] ?? 0) + 1
      await sleep(5)
    }
  })
  let standby = await synchronousStandby(t, primary)
  const ledger = startWriters(service, headers, 8)
  const back: number[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    await sleep(1000)
    await primary.end('SIGKILL')
    await sleep(500)
    await standby.sql('select pg_promote()')
    const promoted = performance.now()
    await proxy.leadTo(standby)
    await sleep(2500)
    const first = ledger.told.find(({ outcome, at }) => outcome === '201' && at > promoted)
    back.push(first ? first.at - promoted : Number.POSITIVE_INFINITY)
    primary = standby
    if (round < ROUNDS) standby = await synchronousStandby(t, primary)
  }
  await ledger.stop()
  over = true
  await Promise.all(reading)
  const rows = await primary.sql('select headline from articles')
  const { counts, lost, applied, others } = compare(ledger.told, rows)
  figure(
    t,
    'failover',
    `${back.length} rounds: ${counts['201']} acknowledged, lost ${lost.length}; other than 2xx and 503: ${others.length}; writes again ${Math.round(Math.max(...back))} ms after the promotion at most`,
  )
  t.comment(`writers: ${JSON.stringify(counts)}; readers: ${JSON.stringify(answers)}`)
  t.comment(`writes again after the promotion, in ms: ${back.map(Math.round).join(', ')}`)
  t.ok((counts['201'] ?? 0) > 50 * ROUNDS, 'there was something to lose')
  t.same(lost, [], 'acknowledged and lost')
  t.same(applied, [], 'refused and applied')
  t.same(others, [], 'answers other than 201 and 503')
  t.same(
    Object.keys(answers).filter((status) => !/^(200|503)$/.test(status)),
    [],
    'readers’',
  )
  t.ok(Math.max(...back) < 5000, 'writes again within 5 s')
  t.notOk(service.hasEnded(), 'the same process')
})

t.test(
  'a replica that stayed with the old primary is never used, one that follows is',
  async (t) => {
    const primary = await primaryServer(t)
    const standby = await standbyServer(t, primary)
    const ahead = await standbyServer(t, primary)
    const replica = await standbyServer(t, primary)
    const proxy = await address(t, primary)
    const room = await replicaRoom(t, { url: proxy.of(primary) }, [ahead, replica])
    const path = '/v1/articles?limit=3'
    await byReplica(room, path)
    const who = new Set<string>()
    room.db.replicas.answered.push(({ server }) => who.add(server))
    // One gets further than the standby that will be promoted.
    await standby.freeze()
    await replica.freeze()
    await primary.sql(
      'create table beyond as select repeat(md5(i::text), 20) from generate_series(1, 20000) i',
    )
    await until('it has it', async () => {
      const [row] = await ahead.sql("select to_regclass('beyond') is not null as there")
      return row?.there === true
    })
    await primary.end('SIGKILL')
    await standby.thaw()
    await replica.thaw()
    await standby.sql('select pg_promote()')
    await proxy.leadTo(standby)
    await until('the new primary is listened to', () => room.app.delivery.watch.sure())
    await until('it answers', async () => (await room.reader('GET', path)).status === 200)
    room.answers()
    for (let i = 0; i < 30; i++) {
      room.app.delivery.store.drop(new Set(['all']))
      t.equal((await room.reader('GET', path)).status, 200)
      await sleep(10)
    }
    t.match(room.answers(), { replica: 0 })
    t.match(room.db.replicas.states(), [{ up: true }, { up: true }], 'though they are there')
    await followServer(replica, standby)
    await standby.sql('checkpoint')
    await until('the replica has a restartpoint', async () => {
      await replica.sql('checkpoint')
      const [row] = await replica.sql('select timeline_id from pg_control_checkpoint()')
      return row?.timeline_id === 2
    })
    await byReplica(room, path)
    t.notOk(who.has(`127.0.0.1:${ahead.port}`))
  },
)

t.test('a pair', async (t) => {
  const primary = await primaryServer(t)
  const standby = await standbyServer(t, primary)
  const proxy = await address(t, primary)
  const settings = { DATABASE_URL: proxy.of(primary), MIGRATE: 'false', LOG_LEVEL: 'fatal' }
  const service = await serviceProcess(t, settings)
  const headers = await adminKey(primary.url)
  await service.ready()

  await t.test(
    'an address that leads to a standby is refused, and left when it leads on',
    async (t) => {
      t.equal((await write(service, headers, 'before')).outcome, '201')
      await proxy.leadTo(standby)
      t.equal((await write(service, headers, 'refused')).outcome, '503 unavailable')
      // It would be behind: nobody reads it.
      t.equal((await service.call('GET', '/v1/articles?limit=3')).status, 503)
      await until('it says so', async () => (await service.call('GET', '/readyz')).status === 503)
      await proxy.leadTo(primary)
      const began = performance.now()
      await until(
        'it writes',
        async () => (await write(service, headers, 'after')).outcome === '201',
      )
      t.ok(performance.now() - began < 5000)

      // A login behind a pooler is not told what it leads to; it finds out as it writes.
      const db = openDatabase({ url: primary.url, editorUrl: standby.url, size: 1 }, () => {})
      t.teardown(() => db.close())
      await t.rejects(db.editor.execute('select 1'), 'no connection of a primary is a standby’s')
    },
  )

  await t.test('what no standby has confirmed is not acknowledged', async (t) => {
    await waitForStandby(primary)
    t.equal((await write(service, headers, 'confirmed')).outcome, '201')
    await standby.freeze()
    const writing = write(service, headers, 'unconfirmed')
    // PostgreSQL itself would then say that it is committed, and warn that it may be so here only.
    await until('the wait is broken off', async () => {
      const [row] = await primary.sql(
        "select pg_cancel_backend(pid) as done from pg_stat_activity where wait_event = 'SyncRep'",
      )
      return row?.done === true
    })
    t.equal((await writing).outcome, '503 outcome_unknown')
    await standby.thaw()
    await until('it writes', async () => (await write(service, headers, 'after')).outcome === '201')
  })
})
