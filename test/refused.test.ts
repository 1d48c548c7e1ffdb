import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { takeTurns } from '../src/http/turns.ts'
import { another } from './delivery-program.ts'
import { story } from './factories.ts'
import { newsroom } from './newsroom.ts'

/*
 * When the database does not answer, whoever would have to wait too long is refused before anything is done;
 * what is kept is given out meanwhile, and the process says that it lives. (How much is still done when too
 * much is asked is measured by overload.test.ts.)
 */

const room = await newsroom(t)
const { slug } = await story(room.editor)
const base = await room.app.listen({ host: '127.0.0.1', port: 0 })
const { key } = (await room.editor('POST', '/v1/keys', { name: 'desk', scopes: ['admin'] })).json
const keyed = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }

async function ask(path: string, init: RequestInit = {}) {
  const reply = await fetch(base + path, init)
  const text = await reply.text()
  return { status: reply.status, headers: Object.fromEntries(reply.headers), text }
}

/** Takes all connections of a pool; gives them back. */
async function holdAll(pool: (typeof room.db)['reader']['$client']) {
  const clients = await Promise.all([1, 2, 3, 4].map(() => pool.connect()))
  return () => {
    for (const client of clients) client.release()
  }
}

t.test('readers are refused when their connections are all busy for long', async (t) => {
  const kept = `/v1/articles/${slug}`
  t.equal((await ask(kept)).status, 200)
  await sleep(400)
  const burst = Array.from({ length: 30 }, (_, i) => ask(`/v1/articles?limit=${20 + i}`))
  const statuses = (await Promise.all(burst)).map(({ status }) => status)
  t.same(new Set(statuses), new Set([200]), 'many at once after a pause are not too much')
  const release = await holdAll(room.db.reader.$client)
  const waiting = ask('/v1/articles?limit=7')
  await sleep(20)
  const next = ask('/v1/articles?limit=6')
  await sleep(550)
  const began = performance.now()
  const refused = await ask('/v1/articles?limit=8')
  t.ok(performance.now() - began < 1000, 'soon')
  t.equal(refused.status, 503)
  t.match(refused.headers, {
    ...{ 'retry-after': /^\d+$/, 'cache-control': 'no-store', vary: 'Authorization' },
    ...{ 'content-type': /^application\/problem\+json/, 'x-content-type-options': 'nosniff' },
  })
  const problem = JSON.parse(refused.text)
  t.match(problem, { code: 'overloaded', status: 503, instance: '/v1/articles', errors: [] })
  t.equal(problem.requestId, refused.headers['x-request-id'])
  t.equal((await ask('/v1/articles?limit=8', { method: 'HEAD' })).text, '')
  t.equal((await ask(kept)).status, 200, 'what is kept is given out')
  t.equal((await ask('/livez')).status, 200)
  t.match((await ask('/metrics')).text, /^overload_refused_total [2-9]/m)
  const body = JSON.stringify({ headline: 'Written meanwhile', body: { markdown: 'Text.' } })
  const written = await ask('/v1/articles', { method: 'POST', headers: keyed, body })
  t.equal(written.status, 201, 'editors have connections of their own')
  release()
  for (const { status } of [await waiting, await next]) {
    t.equal(status, 200, 'who came before has been answered')
  }
  t.equal((await ask('/v1/articles?limit=8')).status, 200, 'and so is who comes after')
})

t.test('so are those with a key, by the connections that they need', async (t) => {
  const release = await holdAll(room.db.editor.$client)
  const waiting = ask(`/v1/articles/${slug}`, { headers: keyed })
  await sleep(700)
  const body = JSON.stringify({ headline: 'Refused' })
  const refused = await ask('/v1/articles', { method: 'POST', headers: keyed, body })
  t.equal(refused.status, 503)
  t.equal(JSON.parse(refused.text).code, 'overloaded')
  t.equal((await ask('/v1/articles?limit=9')).status, 200, 'readers have connections of their own')
  release()
  t.equal((await waiting).status, 200)
  const { json } = await room.editor('GET', '/v1/articles?status=draft&q=Refused')
  t.same(json.data, [], 'nothing was written for who was refused')
})

t.test('the pages of CORS_ORIGINS see that they are refused', async (t) => {
  const page = 'https://paper.example'
  const { app, db } = await another(t, room, { corsOrigins: [page] })
  const base = await app.listen({ host: '127.0.0.1', port: 0 })
  const release = await holdAll(db.reader.$client)
  const waiting = fetch(`${base}/v1/articles?limit=7`)
  await sleep(700)
  for (const origin of [page, 'https://other.example']) {
    const { status, headers } = await fetch(`${base}/v1/articles?limit=8`, { headers: { origin } })
    t.equal(status, 503)
    t.equal(headers.get('access-control-allow-origin'), origin === page ? page : null)
    t.match(headers.get('vary'), /Origin/)
    if (origin === page) t.match(headers.get('access-control-expose-headers'), /Retry-After/)
  }
  release()
  t.equal((await waiting).status, 200)
})

t.test('what is begun in one turn is bounded, and keys come first', async (t) => {
  const turns = takeTurns()
  const begun: string[] = []
  const work = (name: string) => () => {
    const until = performance.now() + 4
    while (performance.now() < until);
    begun.push(name)
  }
  for (let i = 0; i < 10; i++) turns.take('public', work(`public ${i}`))
  for (let i = 0; i < 3; i++) turns.take('keyed', work(`keyed ${i}`))
  const atOnce = begun.length
  t.ok(atOnce >= 1 && atOnce <= 4, `${atOnce} of 4 ms at once`)
  t.ok(turns.waits('public') > 0)
  await new Promise((resolve) => setImmediate(resolve))
  t.ok(begun.length < 10, 'nor all in the next')
  while (begun.length < 13) await sleep(5)
  const order = (crowd: string) => begun.filter((name) => name.startsWith(crowd))
  for (const crowd of ['public', 'keyed']) {
    t.same(order(crowd), [...order(crowd)].sort(), 'each in the order of coming')
  }
  t.ok(begun.indexOf('keyed 2') < begun.indexOf('public 9'), 'keys pass the public')
  t.equal(turns.waits('public'), 0)
})

t.test('a making that fails is told to all who wait for it, and made once', async (t) => {
  const { store } = room.app.delivery
  store.drop(new Set(['all']))
  const { $client: pool } = room.db.reader
  let asked = 0
  const { query } = pool
  pool.query = (...args: unknown[]) => {
    asked++
    void args
    return sleep(300).then(() => {
      throw new Error('Connection terminated unexpectedly')
    })
  }
  t.teardown(() => {
    pool.query = query
  })
  const makings = store.counts.misses
  // At the door what was asked before is asked again; a new list is made in the framework.
  for (const path of [`/v1/articles/${slug}`, '/v1/articles?limit=11']) {
    asked = 0
    const first = ask(path)
    await sleep(100)
    const others = Array.from({ length: 20 }, () => ask(path))
    const answers = await Promise.all([first, ...others])
    t.same(new Set(answers.map(({ status }) => status)), new Set([503]))
    t.equal(
      new Set(answers.map(({ headers }) => headers['x-request-id'])).size,
      21,
      'ids of their own',
    )
    t.equal(asked, 1, `the database was asked once for ${path}`)
  }
  t.ok(store.counts.misses > makings)
  pool.query = query
  t.equal((await ask(`/v1/articles/${slug}`)).status, 200, 'the next one is made anew')
})

t.test('who hangs up is told of in the log and the metrics', async (t) => {
  const release = await holdAll(room.db.reader.$client)
  const socket = connect(Number(new URL(base).port), '127.0.0.1')
  socket.write('GET /v1/articles?limit=13 HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'connect')
  await sleep(50)
  socket.destroy()
  await sleep(50)
  release()
  const { text } = await ask('/metrics')
  t.match(
    text,
    /http_request_duration_seconds_count\{method="GET",route="\/v1\/articles",status="499"\} 1/,
  )
})
