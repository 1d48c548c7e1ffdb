import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { figure } from './figures.ts'
import type { ServiceProcess } from './service-process.ts'
import { serviceRoom } from './service-room.ts'
import { isLong } from './size.ts'
import { compare, write } from './written.ts'

/*
 * A table is locked for ten seconds and 200 write at once: all are answered within two seconds, and nothing
 * of what was refused is there, then or when the lock is gone.
 */

const TABLES = isLong ? ['articles', 'slugs', 'changes', 'idempotency_keys'] : ['articles']
const LOCKED = isLong ? 10_000 : 3000
const WRITERS = 200

t.setTimeout(120_000)

/**
 * How long an answer takes that needs no database, in ms, at most while the work is done: on a machine that
 * others use too, not nothing.
 */
async function lateness(service: ServiceProcess, work: Promise<unknown>): Promise<number> {
  let working = true
  const done = work.finally(() => {
    working = false
  })
  let most = 0
  while (working) {
    const began = performance.now()
    await service.call('GET', '/livez')
    most = Math.max(most, performance.now() - began)
    await sleep(50)
  }
  await done
  return most
}

t.test('200 write to a table that is locked', async (t) => {
  const { headers, service, owner } = await serviceRoom(t)
  const writers = (round: string, length = WRITERS) =>
    Promise.all(
      Array.from({ length }, (_, n) =>
        write(service, { ...headers, 'idempotency-key': `${round}-${n}` }, `${round} ${n}`),
      ),
    )
  // Not all at once: before it is warm, a busy machine takes over a second for so many, and refuses some.
  for (const round of ['warm', 'warmer', 'warmest'])
    t.same(compare(await writers(round, WRITERS / 8), []).others, [])

  let [longest, broken] = [0, 0]
  for (const table of TABLES) {
    const unlocked = owner.query(
      `begin; lock table ${table} in access exclusive mode; select pg_sleep(${LOCKED / 1000}); commit`,
    )
    // Until it holds the lock.
    await sleep(300)
    const writing = writers(table)
    const late = await lateness(service, writing)
    const told = await writing
    await unlocked
    // What a connection still had to do would be done by now.
    await sleep(500)
    const { rows } = await owner.query('select headline from articles')
    const { counts, lost, applied, others } = compare(told, rows)
    const slowest = Math.max(...told.map(({ ms }) => ms))
    t.comment(
      `${table}: ${JSON.stringify(counts)}, the slowest after ${Math.round(slowest)} ms; /livez, meanwhile, after ${Math.round(late)} ms`,
    )
    longest = Math.max(longest, Math.round(slowest))
    broken += lost.length + applied.length + others.length
    t.ok((counts['503 unavailable'] ?? 0) > 0, `${table} was locked`)
    t.same(others, [], 'answers other than 201 and 503')
    t.same([...lost, ...applied], [], 'rows of refused requests, and none of others')
    t.ok(slowest - late < 2000, 'all within 2 s, less what the machine itself was late')
    const after = await write(service, headers, `after ${table}`)
    t.equal(after.outcome, '201', 'and it goes on')
  }
  const told = `the slowest answer after ${longest} ms; rows of refused requests, or other answers: ${broken}`
  figure(t, 'table locked', `${TABLES.length} tables, one after the other: ${told}`)
})
