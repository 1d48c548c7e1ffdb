import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { primaryServer } from './postgres-server.ts'
import { adminKey, serviceProcess } from './service-process.ts'
import { isLong } from './size.ts'
import { compare, startWriters } from './written.ts'

/*
 * The database stops answering and closes no connection, as behind a network that has failed: who finds no
 * connection is refused as always, who has one is answered after 12 s at the latest, and when it answers again
 * nothing comes to be of what was refused for certain.
 */

t.setTimeout(120_000)

const skip = isLong ? false : 'takes half a minute: npm run test:long'
t.test('the database says nothing for 14 s', { skip }, async (t) => {
  const server = await primaryServer(t)
  const headers = await adminKey(server.url)
  const service = await serviceProcess(t, { DATABASE_URL: server.url, LOG_LEVEL: 'fatal' })
  await service.ready()
  const ledger = startWriters(service, headers, 32, { rest: 200 })
  await sleep(1500)
  await server.freeze()
  await sleep(14_000)
  await server.thaw()
  const back = performance.now()
  await sleep(3000)
  await ledger.stop()
  const rows = await server.sql('select headline from articles')
  const { counts, lost, applied, others } = compare(ledger.told, rows)
  const first = ledger.told.find(({ outcome, at }) => outcome === '201' && at > back)
  const slowest = Math.max(...ledger.told.map(({ ms }) => ms))
  t.comment(`${JSON.stringify(counts)}, the slowest after ${Math.round(slowest)} ms`)
  t.comment(`first 201 after ${first && Math.round(first.at - back)} ms`)
  t.ok(slowest < 14_500)
  t.ok(first && first.at - back < 2000)
  t.same([...lost, ...applied, ...others], [])
})
