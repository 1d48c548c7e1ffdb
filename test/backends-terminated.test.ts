import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { figure } from './figures.ts'
import { serviceRoom } from './service-room.ts'
import { isLong } from './size.ts'
import { compare, startWriters } from './written.ts'

/*
 * Every connection of the service is ended by the server each half second, whatever it is doing: the process
 * goes on, loses nothing that it has acknowledged, and exits 0 when it is asked to end.
 */

const DURATION = isLong ? 30_000 : 5000

t.setTimeout(120_000)

t.test(`every backend is terminated each half second for ${DURATION / 1000} s`, async (t) => {
  const { headers, service, owner } = await serviceRoom(t)

  const ledger = startWriters(service, headers, 8, { rest: 0 })
  let reading = true
  const reads: number[] = []
  const readers = Array.from({ length: 4 }, async () => {
    while (reading) {
      // Past the cache, each on a connection of the readers' or the editors'.
      const path = `/v1/articles?limit=5&q=written&count=exact`
      reads.push((await service.call('GET', path)).status)
      reads.push(
        (await service.call('GET', '/v1/articles?status=draft', undefined, headers)).status,
      )
    }
  })
  let terminated = 0
  for (const until = performance.now() + DURATION; performance.now() < until; ) {
    await sleep(500)
    const { rowCount } = await owner.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    )
    terminated += rowCount ?? 0
  }
  reading = false
  await Promise.all([...readers, ledger.stop()])

  const { rows } = await owner.query('select headline from articles')
  const { counts, lost, applied, others } = compare(ledger.told, rows)
  t.comment(`${terminated} backends terminated; writes: ${JSON.stringify(counts)}`)
  t.comment(`reads: ${reads.length}, of which 503: ${reads.filter((s) => s === 503).length}`)
  const told = `writes taken ${counts['201']}, lost ${lost.length}, other answers ${others.length}`
  figure(t, 'backends terminated', `${terminated} in ${DURATION / 1000} s: ${told}`)
  t.ok(terminated > DURATION / 500, 'there were some to terminate')
  t.ok((counts['201'] ?? 0) > 0)
  t.same([...lost, ...applied, ...others], [])
  t.same(
    [...new Set(reads)].sort().filter((s) => s !== 200 && s !== 503),
    [],
  )
  t.notOk(service.hasEnded())
  t.equal((await service.call('GET', '/v1/articles')).status, 200)
  service.signal('SIGTERM')
  t.equal(await service.ended, 0)
})
