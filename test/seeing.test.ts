import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { buildApp } from '../src/app.ts'
import type { Config } from '../src/config.ts'
import { openDatabase } from '../src/db/client.ts'
import { spentIn } from '../src/db/measure.ts'
import { startJobs } from '../src/jobs/start.ts'
import { story } from './factories.ts'
import { callerOf, newsroom } from './newsroom.ts'

/* What log, metrics and traces tell of requests: the same, whichever way they were answered. */

const room = await newsroom(t)
const { slug } = await story(room.editor)
const url = `/v1/articles/${slug}`
const everything = new Set(['all'])

type Line = Record<string, unknown> & { msg: string; reqId?: string }

/** An instance whose log can be read. */
async function told(t: Test, more: Partial<Config> = {}) {
  const lines: Line[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  const db = openDatabase({ url: room.url, size: 4 }, () => {})
  const app = await buildApp({ config: { ...room.config, ...more }, db }, pino(stream))
  t.teardown(async () => {
    await app.close()
    await db.close()
  })
  const base = await app.listen({ host: '127.0.0.1', port: 0 })
  /** Asks over a socket; the line of the log that tells of it. */
  const ask = async (path: string, init: RequestInit = {}) => {
    const reply = await fetch(base + path, init)
    await reply.text()
    const id = reply.headers.get('x-request-id')
    for (let tries = 0; tries < 200; tries++) {
      const line = lines.find(({ reqId, route }) => reqId === id && route !== undefined)
      if (line) return line
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    throw new Error(`the log does not tell of ${path}`)
  }
  return { app, ask, lines }
}

t.test('one line for each request', async (t) => {
  const { app, ask, lines } = await told(t)
  const route = '/v1/articles/:idOrSlug'
  const made = await ask(url)
  t.match(made, { method: 'GET', route, status: 200, cache: 'made' })
  t.ok(Number(made.dbMs) > 0 && Number(made.dbMs) <= Number(made.ms), `${made.dbMs} of ${made.ms}`)
  t.match(made.msg, new RegExp(`^GET ${url} 200 \\d+ ms$`))
  const kept = await ask(url)
  t.match(kept, { method: 'GET', route, status: 200, cache: 'kept', dbMs: 0 })
  app.delivery.store.drop(everything)
  const again = await ask(url)
  t.match(again, { method: 'GET', route, status: 200, cache: 'made' })
  t.ok(Number(again.dbMs) > 0, 'at the door too')
  t.same(Object.keys(again).sort(), Object.keys(made).sort(), 'with the same fields')

  const { key } = (await room.editor('POST', '/v1/keys', { name: 'The desk', scopes: ['admin'] }))
    .json
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ headline: 'Told', body: { markdown: 'Text.' } })
  const write = await ask('/v1/articles', { method: 'POST', headers, body })
  t.match(write, { method: 'POST', route: '/v1/articles', status: 201, key: 'The desk' })
  t.equal(write.cache, undefined)
  t.ok(Number(write.dbMs) > 1, `a transaction behind a body: ${write.dbMs} ms`)
  const refused = await ask('/v1/keys')
  t.match(refused, { status: 401, route: '/v1/keys', dbMs: 0 })
  t.match(await ask('/v1/nowhere'), { status: 404, route: 'none' })
  t.equal(lines.filter(({ route }) => route !== undefined).length, 6, 'and no second one')
})

t.test('what was asked at the same time counts once', async (t) => {
  const at = (began: number, ended: number) => ({ pool: 'reader', began, ended })
  t.equal(spentIn([]), 0)
  t.equal(spentIn([at(5, 7), at(0, 4), at(1, 3), at(3, 5)]), 7)
})

t.test('metrics tell of routes, cache, pools, event loop and standbys', async (t) => {
  const metric = async (name: string) => {
    const { text } = await room.reader('GET', '/metrics')
    return text.split('\n').filter((line) => line.startsWith(name))
  }
  await room.reader('GET', url)
  const [count = ''] = (await metric('http_request_duration_seconds_count')).filter((line) =>
    line.includes('route="/v1/articles/:idOrSlug"'),
  )
  t.match(count, /method="GET",route="\/v1\/articles\/:idOrSlug",status="200"\} [1-9]/)
  t.match(await metric('database_seconds_count'), [/pool="(reader|editor)"\} [1-9]/])
  t.equal((await metric('database_connections')).length, 6)
  t.match(await metric('nodejs_eventloop_lag_p99_seconds'), [/ [\d.e-]+$/])

  // All connections are held: who waits is seen, and /metrics answers nevertheless.
  const clients = await Promise.all([1, 2, 3, 4].map(() => room.db.reader.$client.connect()))
  const waiting = room.db.reader.$client.query('select 1')
  t.match(await metric('database_waiting{pool="reader"'), [/ 1$/])
  t.match(await metric('database_connections{pool="reader",state="busy"'), [/ 4$/])
  for (const client of clients) client.release()
  await waiting

  const slot = `seen_${process.pid}`
  await room.sql(`select pg_create_physical_replication_slot('${slot}', true)`)
  t.teardown(() => room.sql(`select pg_drop_replication_slot('${slot}')`))
  await room.sql('create table written as select generate_series(1, 1000) as n')
  const { app } = await told(t)
  const { text } = await callerOf(app, undefined)('GET', '/metrics')
  t.match(text, new RegExp(`^replication_lag_bytes\\{slot="${slot}"\\} [1-9]\\d+$`, 'm'))
})

t.test('metrics are answered while the database is not', async (t) => {
  const db = openDatabase({ url: room.url, size: 1 }, () => {})
  const app = await buildApp({ config: room.config, db })
  const client = await db.editor.$client.connect()
  const began = performance.now()
  const { status, text } = await callerOf(app, undefined)('GET', '/metrics')
  t.equal(status, 200)
  t.match(text, /^database_connections\{pool="editor",state="busy"\} 1$/m)
  t.ok(performance.now() - began < 3000, `${Math.round(performance.now() - began)} ms`)
  client.release()
  await app.close()
  await db.close()
})

t.test('every metric that the dashboard shows exists', async (t) => {
  const file = new URL('../docs/grafana-dashboard.json', import.meta.url)
  const dashboard = JSON.parse(await readFile(file, 'utf8'))
  // With what only some have: what runs in the background, and a replica (this one is none, and is said to be away).
  const db = openDatabase({ url: room.url, size: 4, replicaUrls: [room.url] }, () => {})
  const { config } = room
  const app = await buildApp({ config, db })
  const { signal } = new AbortController()
  const silent = pino({ level: 'silent' })
  const stop = await startJobs({ config, db, metrics: app.metrics, log: silent, signal })
  t.teardown(async () => {
    await stop()
    await app.close()
    await db.close()
  })
  const reader = callerOf(app, undefined)
  await reader('GET', url)
  const { text } = await reader('GET', '/metrics')
  const types = new Map(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type]) => [name, type]),
  )
  const exists = (name: string) => {
    const [, base = name] = /^(\w+)_(?:bucket|sum|count)$/.exec(name) ?? []
    return types.has(name) || types.get(base) === 'histogram'
  }
  type Panel = { title: string; targets: { expr: string }[] }
  const named = (dashboard.panels as Panel[]).flatMap(({ title, targets }) =>
    targets.flatMap(({ expr }) =>
      [...expr.matchAll(/\b([a-z][a-z0-9]*(?:_[a-z0-9]+)+)\b(?=[{[])/g)].map(([, name = '']) => ({
        title,
        name,
      })),
    ),
  )
  t.ok(named.length >= dashboard.panels.length, `${named.length} names`)
  for (const { title, name } of named) t.ok(exists(name), `${title}: ${name}`)
  t.notOk(exists('http_request_duration_seconds_total'), 'and what does not is found')
  const ours = [...types.keys()].filter((name) => !/^(nodejs|process)_/.test(name))
  const shown = named.map(({ name }) => name.replace(/_(bucket|count)$/, ''))
  t.same(
    ours.filter((name) => !shown.includes(name)),
    ['cache_answers'],
    'all of ours are shown but those',
  )
})

t.test('traces are sent to a collector, as part of the caller’s', async (t) => {
  const received: { url: string; type: string; body: Buffer }[] = []
  const collector = createServer(async (request, reply) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const type = String(request.headers['content-type'])
    received.push({ url: request.url ?? '', type, body: Buffer.concat(parts) })
    reply.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  }).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  t.teardown(() => collector.close())
  const { port } = collector.address() as AddressInfo
  const { app, ask, lines } = await told(t, { otlpEndpoint: `http://127.0.0.1:${port}` })
  // It is loaded in the background.
  await new Promise((resolve) => setTimeout(resolve, 3000))
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const parent = 'b7ad6b7169203331'
  await ask(url, { headers: { traceparent: `00-${traceId}-${parent}-01` } })
  await ask(`${url}?token=planted`, {
    headers: { traceparent: '00-11111111111111111111111111111111-2222222222222222-00' },
  })
  await app.close()
  t.same(
    received.map(({ url, type }) => [url, type]),
    [['/v1/traces', 'application/x-protobuf']],
    JSON.stringify(lines.filter(({ err }) => err)),
  )
  const body = received[0]?.body ?? Buffer.alloc(0)
  for (const part of ['dateline', 'GET /v1/articles/:idOrSlug', 'postgresql reader', 'url.path']) {
    t.ok(body.includes(part), part)
  }
  t.ok(body.includes(Buffer.from(traceId, 'hex')), 'the trace that the caller named')
  t.ok(body.includes(Buffer.from(parent, 'hex')), 'below its span')
  t.notOk(body.includes(Buffer.alloc(16, 0x11)), 'one that is not sampled is left out')
  t.notOk(body.includes('planted'), 'no query')
})
