import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { OPERATOR } from '../src/actor.ts'
import { sweep } from '../src/changes/sweep.ts'
import { openDatabase } from '../src/db/client.ts'
import { transaction } from '../src/db/transaction.ts'
import { createKey } from '../src/keys/commands.ts'
import { draft, get, must, patch, publish, story } from './factories.ts'
import { newsroom } from './newsroom.ts'

const room = await newsroom(t)
const { editor, reader, sql, db } = room
const HOUR = 3_600_000
const any = { 'if-match': '*' }

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** The database's clock, which alone decides. */
const databaseNow = async () => {
  const [row] = await sql('select extract(epoch from clock_timestamp()) * 1000 as now')
  return Math.floor(Number(row?.now))
}

/** An instant so many ms from the database's now. */
const inMs = async (ms: number) => new Date((await databaseNow()) + ms).toISOString()

/** The rows of the ledger about an article that time wrote, as `event at`. */
const announced = async (id: string) => {
  const rows = await sql(
    `select event, at, from_version, to_version, key_id, key_name from changes
     where resource_id = $1 and operation = 'time' order by id`,
    [id],
  )
  return rows.map(({ event, at }) => `${event} ${(at as Date).toISOString()}`)
}

const BOUNDARIES = [
  ['at', { at: true }, 404, 200],
  ['embargoUntil', { embargoUntil: true }, 404, 200],
  ['expiresAt', { expiresAt: true }, 200, 410],
] as const

t.test('each boundary is exact: before it, at it and after it', async (t) => {
  for (const [name, , before, after] of BOUNDARIES) {
    const { id } = await story(editor, {}, { [name]: await inMs(HOUR) })
    const column = { at: 'publish_at', embargoUntil: 'embargo_until', expiresAt: 'expires_at' }[
      name
    ]
    // In one transaction now() stands still, so that an instant can be met exactly.
    for (const [moment, distance] of [
      ['before', '1 ms'],
      ['at', '0'],
      ['after', '-1 ms'],
    ] as const) {
      await sql('begin')
      await sql(
        `update articles set ${column} = date_trunc('milliseconds', now()) + $2::interval where id = $1`,
        [id, distance],
      )
      if (column === 'expires_at') {
        await sql("update articles set publish_at = now() - interval '1 h' where id = $1", [id])
      }
      const [seen] = await sql('select count(*)::int as n from reader.articles where id = $1', [id])
      const [gone] = await sql(
        'select count(*)::int as n from reader.gone where resource_id = $1',
        [id],
      )
      await sql('rollback')
      const visible = column === 'expires_at' ? moment === 'before' : moment !== 'before'
      t.equal(seen?.n, visible ? 1 : 0, `${name} ${moment}`)
      t.equal(gone?.n, column === 'expires_at' && !visible ? 1 : 0, `${name} ${moment}: gone`)
    }
    t.ok(before !== after)
  }
})

t.test('through the API too it appears and vanishes by itself', async (t) => {
  await Promise.all(
    BOUNDARIES.map(async ([name, , before, after]) => {
      const { id } = await draft(editor)
      const boundary = await inMs(700)
      await publish(editor, id, { [name]: boundary })
      const seen: [number, number, number][] = []
      for (let now = 0; now < Date.parse(boundary) + 250; ) {
        const from = await databaseNow()
        const { status } = await reader('GET', `/v1/articles/${id}`)
        now = await databaseNow()
        seen.push([from - Date.parse(boundary), now - Date.parse(boundary), status])
        await wait(15)
      }
      t.ok(seen.some(([, to]) => to < 0) && seen.some(([from]) => from > 0), `${name}: both sides`)
      for (const [from, to, status] of seen) {
        if (to < 0) t.equal(status, before, `${name}: ${-to} ms before`)
        else if (from > 0) t.equal(status, after, `${name}: ${from} ms after`)
      }
    }),
  )
})

t.test('a time with an offset is that instant, also when the clocks change', async (t) => {
  for (const [given, instant] of [
    ['2099-05-04T08:30:00+02:00', '2099-05-04T06:30:00.000Z'],
    ['2099-05-04T08:30:00-09:30', '2099-05-04T18:00:00.000Z'],
    // Europe/Berlin: 2:30 comes twice on 25 October 2026 and never on 28 March 2027.
    ['2026-10-25T02:30:00+02:00', '2026-10-25T00:30:00.000Z'],
    ['2026-10-25T02:30:00+01:00', '2026-10-25T01:30:00.000Z'],
    ['2027-03-28T01:59:59.999+01:00', '2027-03-28T00:59:59.999Z'],
    ['2027-03-28T03:00:00+02:00', '2027-03-28T01:00:00.000Z'],
  ] as const) {
    const { id } = await draft(editor)
    const dated = await publish(editor, id, { publishedAt: given })
    t.equal(dated.publishedAt, instant, given)
    if (Date.parse(given) < Date.now()) continue
    const made = await publish(editor, id, { at: given })
    t.equal(made.publishAt, instant, given)
    t.equal((await publish(editor, id, { embargoUntil: given })).embargoUntil, instant)
  }
  // An hour of elapsed time lies between the two 2:30s, and each takes effect at its own.
  const [first, second] = ['2026-10-25T02:30:00+02:00', '2026-10-25T02:30:00+01:00']
  const { id } = await story(editor, {}, { publishedAt: '2020-01-01T00:00:00Z' })
  for (const zone of ['Europe/Berlin', 'America/St_Johns', 'UTC']) {
    const client = `set local timezone to '${zone}'`
    await sql('begin')
    await sql(client)
    const [row] = await sql(
      `select extract(epoch from $1::timestamptz - $2::timestamptz)::int as apart`,
      [second, first],
    )
    t.equal(row?.apart, 3600, zone)
    await sql('rollback')
  }
  t.equal((await reader('GET', `/v1/articles/${id}`)).status, 200)
  // A database server that lives in Berlin gives the same instants.
  await sql(`alter database ${new URL(room.url).pathname.slice(1)} set timezone to 'Europe/Berlin'`)
  const berlin = openDatabase({ url: room.url, size: 1 }, () => {})
  const made = await publish(editor, id, { at: '2099-10-25T02:30:00+01:00' })
  t.equal(made.publishAt, '2099-10-25T01:30:00.000Z')
  t.equal(
    (await get(editor, `/v1/articles/${id}/revisions?limit=1`)).data[0].event,
    'article.scheduled',
  )
  await berlin.close()
})

t.test('the sweep announces each difference once, dated at its boundary', async (t) => {
  await sweep(db)
  const before = await inMs(-5000)
  const past = [before, await inMs(-4000), await inMs(-3000)]
  const made = await Promise.all(past.map(() => story(editor, {}, { at: inSecondsFrom(HOUR) })))
  for (const [i, { id }] of made.entries()) {
    await sql('update articles set publish_at = $2 where id = $1', [id, past[i]])
  }
  const pools = [db, openDatabase({ url: room.url, size: 4 }, () => {})]
  t.teardown(() => pools[1]?.close())
  const counts = await Promise.all(Array.from({ length: 24 }, (_, n) => sweep(pools[n % 2] ?? db)))
  t.equal(
    counts.reduce((a, b) => a + b),
    made.length,
    'in all, each once',
  )
  for (const [i, { id, version }] of made.entries()) {
    t.same(await announced(id), [`article.published ${past[i]}`])
    t.equal((await get(editor, `/v1/articles/${id}`)).version, version, 'no new version')
  }
  const order = await sql(
    "select resource_id from changes where operation = 'time' and resource_id = any($1) order by id",
    [made.map(({ id }) => id)],
  )
  t.same(
    order.map((row) => row.resource_id),
    made.map(({ id }) => id),
    'in the order in which it happened',
  )
  t.equal(await sweep(db), 0)

  const [{ id } = { id: '' }] = made
  await sql('update articles set embargo_until = $2 where id = $1', [id, await inMs(-2000)])
  t.equal(await sweep(db), 0, 'no difference to what was announced')
  const expired = await inMs(-1000)
  await sql('update articles set expires_at = $2 where id = $1', [id, expired])
  await Promise.all(pools.map(sweep))
  t.same((await announced(id)).slice(1), [`article.expired ${expired}`])
  t.equal(await sweep(db), 0)
  const back = await publish(editor, id, { expiresAt: null })
  t.equal(back.status, 'published')
  t.equal(await sweep(db), 0, 'the write announced it')
  const [last] = await sql(
    'select event from changes where resource_id = $1 order by id desc limit 1',
    [id],
  )
  t.equal(last?.event, 'article.published')
})

const inSecondsFrom = (ms: number) => new Date(Date.now() + ms).toISOString()

t.test('every way to and fro is announced in turn', async (t) => {
  const { id } = await draft(editor)
  const events = async () =>
    (await sql('select event from changes where resource_id = $1 order by id', [id])).map((row) =>
      String(row.event).replace('article.', ''),
    )
  const set = (column: string, offset: string) =>
    sql(`update articles set ${column} = now() + $2::interval where id = $1`, [id, offset])
  await publish(editor, id, { at: inSecondsFrom(HOUR) })
  await set('publish_at', '-10 s')
  await sweep(db)
  await publish(editor, id, { embargoUntil: inSecondsFrom(HOUR) })
  await sweep(db)
  await set('embargo_until', '-5 s')
  await sweep(db)
  await patch(editor, `/v1/articles/${id}`, { summary: 'x' })
  await sweep(db)
  await publish(editor, id, { expiresAt: inSecondsFrom(HOUR) })
  await set('expires_at', '-1 s')
  await sweep(db)
  await must(editor, 'POST', `/v1/articles/${id}/unpublish`)
  await sweep(db)
  await publish(editor, id)
  await sweep(db)
  await must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'x', notice: 'y' })
  await sweep(db)
  await must(editor, 'POST', `/v1/articles/${id}/revive`)
  await sweep(db)
  t.same(await events(), [
    ...['created', 'scheduled', 'published', 'embargo-set', 'embargo-lifted', 'updated'],
    ...['updated', 'expired', 'unpublished', 'published', 'killed', 'revived'],
  ])
})

t.test('a sweep meets writers and waits for none', async (t) => {
  const made = await Promise.all(
    Array.from({ length: 12 }, () => story(editor, {}, { at: inSecondsFrom(HOUR) })),
  )
  await sql("update articles set publish_at = now() - interval '1 s' where id = any($1::uuid[])", [
    made.map(({ id }) => id),
  ])
  const results = await Promise.all([
    ...made.map(({ id }, i) =>
      i % 2 === 0
        ? editor('POST', `/v1/articles/${id}/unpublish`)
        : editor('PATCH', `/v1/articles/${id}`, { summary: 'x' }, any),
    ),
    ...Array.from({ length: 12 }, () => sweep(db)),
  ])
  for (const result of results) if (typeof result !== 'number') t.equal(result.status, 200)
  await sweep(db)
  for (const [i, { id }] of made.entries()) {
    const rows = await sql(
      'select event from changes where resource_id = $1 and id > (select min(id) from changes where resource_id = $1) + 1 order by id',
      [id],
    )
    const events = rows.map((row) => row.event)
    const told = events.filter((event) => event === 'article.published').length
    if (i % 2 === 0) {
      t.ok(told <= 1)
      t.equal(events.at(-1), 'article.unpublished', String(events))
    } else t.equal(told, 1, String(events))
  }
})

// A service whose own clock is wrong ---------------------------------------------------------------

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

/** The service as a process of its own on the test's database, its clock off by so many ms. */
async function serviceOff(t: Test, shift: number, key: string) {
  const port = await freePort()
  const root = fileURLToPath(new URL('..', import.meta.url))
  const preload = new URL('./shifted-clock.ts', import.meta.url).href
  const child: ChildProcess = spawn(process.execPath, ['--import', preload, 'src/main.ts'], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: room.url,
      PORT: String(port),
      LOG_LEVEL: 'error',
      RATE_LIMIT: '0',
      // The owner changes times behind the service's back, where nobody is told.
      CACHE_MB: '0',
      CLOCK_SHIFT: String(shift),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const closed = new Promise((resolve) => child.once('exit', resolve))
  t.teardown(async () => {
    child.kill('SIGTERM')
    await closed
  })
  const call = async (method: string, path: string, body?: object, withKey = true) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        ...(withKey && { authorization: `Bearer ${key}` }),
        ...(body && { 'content-type': 'application/json' }),
        'if-match': '*',
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, json: text ? JSON.parse(text) : {} }
  }
  for (let n = 0; ; n++) {
    const up = await call('GET', '/livez', undefined, false).catch(() => undefined)
    if (up?.status === 200) break
    if (n === 300) throw new Error('the service did not start')
    await wait(100)
  }
  return call
}

t.test('with its own clock an hour wrong, the service goes by the database’s', async (t) => {
  const { key } = await transaction(db, (tx) =>
    createKey(
      { tx, actor: OPERATOR },
      { name: 'clock', scopes: ['admin'], expiresAt: inSecondsFrom(HOUR / 2) },
    ),
  )
  await Promise.all(
    [HOUR, -HOUR].map(async (shift) => {
      const call = await serviceOff(t, shift, key)
      const name = shift > 0 ? 'fast' : 'slow'
      const seen = async (id: string) =>
        (await call('GET', `/v1/articles/${id}`, undefined, false)).status
      const made = async () =>
        (await call('POST', '/v1/articles', { headline: name, body: { markdown: 'x' } })).json

      const now = await made()
      // An id begins with the time at which the service made it (RFC 9562, UUIDv7).
      const idTime = Number.parseInt(now.id.replaceAll('-', '').slice(0, 12), 16)
      t.ok(Math.abs(idTime - Date.now() - shift) < 10_000, `${name}: its clock is off`)
      const published = await call('POST', `/v1/articles/${now.id}/publish`, {})
      t.equal(published.status, 200)
      for (const at of [now.createdAt, published.json.publishAt, published.json.publishedAt]) {
        t.ok(Math.abs(Date.parse(at) - (await databaseNow())) < 20_000, `${name}: ${at}`)
      }
      t.equal(await seen(now.id), 200)

      // What the wrong clock takes for past is not, and the other way round.
      const { id } = await made()
      const past = await call('POST', `/v1/articles/${id}/publish`, { at: await inMs(-HOUR / 2) })
      t.match(past, { status: 422, json: { errors: [{ pointer: '/at' }] } }, name)
      const expiry = { expiresAt: await inMs(-HOUR / 2) }
      t.equal((await call('POST', `/v1/articles/${id}/publish`, expiry)).status, 422)
      const later = await call('POST', `/v1/articles/${id}/publish`, { at: await inMs(HOUR / 2) })
      t.equal(later.status, 200)
      t.equal(await seen(id), 404, name)
      await sql("update articles set publish_at = now() - interval '1 ms' where id = $1", [id])
      t.equal(await seen(id), 200, name)
      await sql("update articles set embargo_until = now() + interval '30 min' where id = $1", [id])
      t.equal(await seen(id), 404, name)
      await sql('update articles set embargo_until = null where id = $1', [id])
      await sql(
        "update articles set publish_at = now() - interval '40 min', expires_at = now() - interval '30 min' where id = $1",
        [id],
      )
      t.equal(await seen(id), 410, name)
      await sql("update articles set expires_at = now() + interval '30 min' where id = $1", [id])
      t.equal(await seen(id), 200, name)

      // Its sweep: the boundary passes while it runs.
      const swept = await made()
      const boundary = await inMs(600)
      await call('POST', `/v1/articles/${swept.id}/publish`, { at: boundary })
      t.equal(await seen(swept.id), 404)
      for (let n = 0; n < 60 && (await announced(swept.id)).length === 0; n++) await wait(100)
      t.same(await announced(swept.id), [`article.published ${boundary}`], name)
      t.equal(await seen(swept.id), 200)
      const asOf = async (ms: number) =>
        (await call('GET', `/v1/articles/${swept.id}?asOf=${await inMs(ms)}`)).status
      t.equal(await asOf(0), 200)
      t.equal(await asOf(-HOUR / 2), 404)
    }),
  )
})
