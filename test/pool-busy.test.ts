import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { serviceRoom } from './service-room.ts'

/*
 * All connections of a pool are taken: whoever waits for one is told so in time, whichever way it asks, and the
 * process is not taken for one whose database is away.
 */

t.setTimeout(60_000)

t.test(
  'readers, editors and writers who find no connection are answered 503 in time',
  async (t) => {
    const { headers, service, owner } = await serviceRoom(t, { DATABASE_POOL: '2', CACHE_MB: '0' })
    const lists = Array.from({ length: 5 }, (_, n) => `/v1/articles?limit=${n + 1}`)
    const all = () =>
      Promise.all([
        ...lists.map((path) => service.call('GET', path)),
        ...lists.map((path) => service.call('GET', `${path}&count=exact&q=boat`)),
        ...lists.map((path) => service.call('GET', `${path}&status=draft`, undefined, headers)),
        ...lists.map((path) => service.call('POST', '/v1/articles', { headline: path }, headers)),
      ])
    // So that the plans of reads are known, which are then asked for past the framework.
    for (let i = 0; i < 3; i++) await all()
    await owner.query('begin; lock table articles in access exclusive mode')
    const asked = all()
    // Readiness is asked for among them.
    t.equal((await service.call('GET', '/readyz')).status, 200, 'busy is not away')
    for (const { status, json, headers: told } of await asked) {
      t.match({ status, code: json?.code }, { status: 503, code: 'unavailable' })
      t.equal(told['retry-after'], '1')
    }
    await owner.query('rollback')
    // What was slow is over when no connection is in use: nobody is refused for it.
    await sleep(200)
    const statuses = (await all()).map(({ status }) => status)
    t.ok(
      statuses.every((status) => status < 300),
      `and it goes on: ${statuses}`,
    )
  },
)
