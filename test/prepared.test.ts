import { sql } from 'drizzle-orm'
import t from 'tap'
import { asPartner, openDatabase } from '../src/db/client.ts'
import { PreparingClient } from '../src/db/prepared.ts'
import { newsroom } from './newsroom.ts'

t.test('a connection keeps the plans that are asked for, and never more than 500', async (t) => {
  const { url } = await newsroom(t)
  const client = new PreparingClient({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  const text = (n: number) =>
    `select $1::int + ${n} as sum, 'so long that it is worth a name, ${n}'`
  const kept = async () => {
    const { rows } = await client.query('select statement from pg_prepared_statements')
    return new Set(rows.map(({ statement }: { statement: string }) => statement))
  }
  const ask = async (n: number) => {
    const { rows } = await client.query({ text: text(n), values: [1] })
    if (rows[0].sum !== n + 1) t.fail(`${n}: ${rows[0].sum}`)
  }
  await ask(0)
  t.notOk((await kept()).has(text(0)), 'not what came once')
  for (let n = 1; n < 700; n++) for (const same of [n, n, 0]) await ask(same)
  const after = await kept()
  t.equal(after.size, 500)
  t.ok(after.has(text(0)), 'what is asked all the time')
  t.notOk(after.has(text(1)), 'not what nobody asks any more')
  t.ok(after.has(text(699)), 'what came last')
  // A name that was given up is no harm in a transaction that is broken.
  await client.query('begin')
  await t.rejects(client.query('select 1 / 0'))
  for (let n = 0; n < 600; n++) {
    await t.rejects(client.query({ text: text(n), values: [1] }), { code: '25P02' })
  }
  await client.query('rollback')
  for (let n = 0; n < 600; n++) await ask(n)
  t.equal((await kept()).size, 500)
})

t.test('what was planned before a migration is asked again as who asked', async (t) => {
  const { url, db, sql: run } = await newsroom(t)
  await run('create table probe as select 1 as one; grant select on probe to dateline_partner')
  const one = openDatabase({ url, size: 1 }, () => {})
  t.teardown(() => one.close())
  const reader = { partnerId: '00000000-0000-4000-8000-000000000001', early: false }
  const ask = async (from: typeof db) => {
    const { rows } = await asPartner(from, reader).execute(
      sql`select current_setting('dateline.partner', true) as partner, probe.* from public.probe`,
    )
    return rows
  }
  for (const _ of [1, 2, 3]) t.same(await ask(one), [{ partner: reader.partnerId, one: 1 }])
  await run('alter table probe add column two int default 2')
  t.same(await ask(one), [{ partner: reader.partnerId, one: 1, two: 2 }])
})
