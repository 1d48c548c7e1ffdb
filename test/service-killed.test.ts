import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { figure } from './figures.ts'
import { freePort } from './free-port.ts'
import { cloneDatabase } from './newsroom.ts'
import { adminKey, type ServiceProcess, serviceProcess } from './service-process.ts'
import { isLong } from './size.ts'
import { write } from './written.ts'

/*
 * The service is killed with SIGKILL under load and started again, as a supervisor does, while callers repeat
 * each request with its Idempotency-Key until it is answered 201: each is done exactly once.
 */

const KILLS = isLong ? 20 : 3
const INTENTS = isLong ? 2000 : 300
const CALLERS = 16

t.setTimeout(isLong ? 900_000 : 240_000)

t.test(`the service is killed ${KILLS} times over ${INTENTS} intents`, async (t) => {
  const url = await cloneDatabase(t)
  const headers = await adminKey(url)
  const settings = { DATABASE_URL: url, LOG_LEVEL: 'fatal', PORT: `${await freePort()}` }
  let service: ServiceProcess = await serviceProcess(t, settings)
  await service.ready()

  let next = 0
  let done = 0
  let attempts = 0
  const outcomes: Record<string, number> = {}
  const callers = Array.from({ length: CALLERS }, async () => {
    while (next < INTENTS) {
      const intent = `intent-${next++}`
      for (;;) {
        attempts++
        const keyed = { ...headers, 'idempotency-key': intent }
        const { outcome } = await write(service, keyed, intent)
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
        if (outcome === '201') break
        await sleep(50)
      }
      done++
    }
  })
  let kills = 0
  while (kills < KILLS) {
    // Spread over the intents, so that each kill has something under way.
    while (done < ((kills + 1) * INTENTS) / (KILLS + 1)) await sleep(1)
    service.signal('SIGKILL')
    await service.ended
    kills++
    service = await serviceProcess(t, settings)
    await service.ready()
  }
  await Promise.all(callers)

  const owner = new pg.Client({ connectionString: url })
  await owner.connect()
  t.teardown(() => owner.end())
  const { rows } = await owner.query(
    'select count(*)::int as rows, count(distinct headline)::int as intents from articles',
  )
  t.comment(`${kills} kills, ${attempts} attempts: ${JSON.stringify(outcomes)}`)
  t.comment(`${rows[0]?.rows} rows of ${rows[0]?.intents} intents`)
  figure(
    t,
    'service killed',
    `${kills} kills: ${rows[0]?.rows} rows of ${rows[0]?.intents} intents`,
  )
  t.equal(kills, KILLS)
  t.ok((outcomes.cut ?? 0) >= KILLS, 'callers were cut off')
  t.same(rows, [{ rows: INTENTS, intents: INTENTS }], 'each exactly once')
  t.same(
    Object.keys(outcomes).filter((one) => !/^(201|cut|503 .*)$/.test(one)),
    [],
    'answers other than 201 and 503',
  )
})
