import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { cloneDatabase } from './newsroom.ts'
import { primaryServer } from './postgres-server.ts'
import { serviceProcess } from './service-process.ts'
import { serviceRoom } from './service-room.ts'
import { write } from './written.ts'

/*
 * How a process begins, says what it lacks, and ends.
 */

t.setTimeout(120_000)

t.test('it waits for the database, says so, and names it while it is away', async (t) => {
  const server = await primaryServer(t)
  await server.end('SIGINT')
  const service = await serviceProcess(t, { DATABASE_URL: server.url })
  while (!service.log.some((line) => /again in 400 ms/.test(line))) await sleep(20)
  t.match(service.log.join('\n'), /Waiting for the database \([^)]*ECONNREFUSED[^)]*\)/)
  t.notOk(service.hasEnded())
  await t.rejects(service.call('GET', '/livez'), 'it does not listen before it can serve')
  await server.start()
  await service.ready()
  t.same((await service.call('GET', '/readyz')).json, { status: 'ok' })

  await server.end('SIGINT')
  // An answer is told again for a second.
  await sleep(1100)
  const asked = await Promise.all(Array.from({ length: 20 }, () => service.call('GET', '/readyz')))
  for (const { status, headers, json } of asked) {
    t.equal(status, 503)
    t.equal(headers['retry-after'], '1')
    t.same(json.missing, ['database (reader)', 'database (partner)', 'database (editor)'])
  }
  const looks = service.log.filter((line) => line.includes('not ready: database'))
  t.equal(looks.length, 1, 'asked once for all of them')
  const began = performance.now()
  t.equal((await service.call('GET', '/livez')).status, 200)
  t.ok(performance.now() - began < 500, 'while it lives')
  await server.start()
  await sleep(1100)
  t.equal((await service.call('GET', '/readyz')).status, 200)
  await server.end('SIGINT')
  service.signal('SIGTERM')
  t.equal(await service.ended, 0, 'it ends well without the database too')
})

t.test('a wrong password, or no such database, is not waited for', async (t) => {
  const url = new URL(await cloneDatabase(t))
  url.pathname = '/no_such_database'
  const service = await serviceProcess(t, { DATABASE_URL: url.href })
  t.equal(await service.ended, 1)
})

t.test(
  'SIGTERM: told at /readyz, served for a while, and what is under way is finished',
  async (t) => {
    const { headers, service, owner } = await serviceRoom(t, { SHUTDOWN_DELAY: '1' })
    // Kept open by it, with nothing said, as browsers do to be quick later.
    const silent = connect(service.port, '127.0.0.1')
    await once(silent, 'connect')
    const closed = once(silent, 'close')
    silent.on('error', () => {})
    t.not((await service.call('GET', '/v1/articles')).headers.connection, 'close')

    service.signal('SIGTERM')
    await sleep(300)
    t.match(await service.call('GET', '/readyz'), {
      status: 503,
      headers: { connection: 'close' },
      json: { code: 'unavailable', missing: ['stopping'] },
    })
    const kept = await service.call('GET', '/v1/articles')
    t.match(
      kept,
      { status: 200, headers: { connection: 'close' } },
      'still served, for the last time',
    )
    const fresh = await service.call('GET', '/v1/articles?limit=7&count=exact')
    t.match(fresh, { status: 200, headers: { connection: 'close' } })
    // Until nobody listens any more: what is under way by then waits for a lock.
    await sleep(300)
    const locked = owner.query(
      'begin; lock table articles in access exclusive mode; select pg_sleep(0.9); commit',
    )
    await sleep(100)
    const writing = write(service, headers, 'under way')
    await locked
    t.equal((await writing).outcome, '201')
    await t.rejects(service.call('GET', '/livez'), 'nobody listens')
    const began = performance.now()
    t.equal(await service.ended, 0)
    await closed
    t.comment(`ended ${Math.round(performance.now() - began)} ms after the last answer`)
    t.ok(performance.now() - began < 5000, 'whoever says nothing is not waited for')
  },
)

t.test(
  'an error that nobody caught is logged, and the process ends and can be started',
  async (t) => {
    const url = await cloneDatabase(t)
    const planted = encodeURIComponent(
      "process.on('SIGUSR2', () => { throw new Error('a planted fault') })",
    )
    const settings = { DATABASE_URL: url, SHUTDOWN_DELAY: '30' }
    const service = await serviceProcess(t, settings, [
      '--import',
      `data:text/javascript,${planted}`,
    ])
    await service.ready()
    const began = performance.now()
    service.signal('SIGUSR2')
    t.equal(await service.ended, 1)
    t.ok(performance.now() - began < 5000, 'at once')
    const said = service.log.map((line) => JSON.parse(line)).find(({ level }) => level === 60)
    t.match(said, { msg: 'stopping after an error', err: { message: 'a planted fault' } })
    const again = await serviceProcess(t, { ...settings, PORT: `${service.port}` })
    await again.ready()
    t.equal((await again.call('GET', '/v1/articles')).status, 200)
  },
)
