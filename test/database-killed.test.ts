import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { figure } from './figures.ts'
import { primaryServer } from './postgres-server.ts'
import { adminKey, serviceProcess } from './service-process.ts'
import { isLong } from './size.ts'
import { compare, startWriters } from './written.ts'

/*
 * The database is killed with SIGKILL under 16 writers, and comes back: nothing that was answered with 201
 * is lost, nothing that was refused is there, every answer is a 201 or a 503, the first 201 comes within two
 * seconds of the server's return, and the process is the same all the time.
 */

const KILLS = isLong ? 5 : 2
const WRITERS = 16

t.setTimeout(120_000)

t.test(`the database is killed ${KILLS} times`, async (t) => {
  const server = await primaryServer(t)
  const headers = await adminKey(server.url)
  const service = await serviceProcess(t, { DATABASE_URL: server.url, LOG_LEVEL: 'fatal' })
  await service.ready()
  const { pid } = service

  const ledger = startWriters(service, headers, WRITERS)
  const recoveries: number[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(1000)
    await server.end('SIGKILL')
    await sleep(700)
    await server.start()
    const back = performance.now()
    await sleep(2000)
    const first = ledger.told.find(({ outcome, at }) => outcome === '201' && at > back)
    recoveries.push(first ? first.at - back : Number.POSITIVE_INFINITY)
  }
  await ledger.stop()

  for (const line of service.log) if (line.includes('"level":60')) t.comment(line)
  const rows = await server.sql('select headline from articles')
  const { counts, lost, applied, others } = compare(ledger.told, rows)
  t.comment(`answers: ${JSON.stringify(counts)}; rows: ${rows.length}`)
  t.comment(`first 201 after the return, in ms: ${recoveries.map(Math.round).join(', ')}`)
  const longest = Math.round(Math.max(...recoveries))
  const told = `${counts['201']} acknowledged, lost ${lost.length}; other answers ${others.length}`
  figure(t, 'database killed', `${KILLS} kills: ${told}; a 201 after at most ${longest} ms`)
  t.ok((counts['201'] ?? 0) > 100 * KILLS, 'there was something to lose')
  t.ok((counts['503 unavailable'] ?? 0) > 0, 'and it was away')
  t.same(lost, [], 'acknowledged and lost')
  t.same(applied, [], 'refused and applied')
  t.same(others, [], 'answers other than 201 and 503')
  t.ok(Math.max(...recoveries) < 2000, 'the first 201 within 2 s')
  t.equal(service.pid, pid)
  t.notOk(service.hasEnded(), 'the same process')
  t.equal((await service.call('GET', '/readyz')).status, 200)
  service.signal('SIGTERM')
  t.equal(await service.ended, 0)
})
