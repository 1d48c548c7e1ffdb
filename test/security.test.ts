import { performance } from 'node:perf_hooks'
import Fastify from 'fastify'
import t from 'tap'
import { readConfig } from '../src/config.ts'
import { demandPolicies } from '../src/http/policies.ts'
import { findActor } from '../src/keys/queries.ts'
import { makeKey, withChecksum } from '../src/keys/secret.ts'
import { another } from './delivery-program.ts'
import { story } from './factories.ts'
import { callerOf, newsroom } from './newsroom.ts'
import { exampleRequest } from './openapi-examples.ts'
import { type Document, operationsOf } from './openapi-operations.ts'

/* What docs/security.md promises and no other test shows. */

const room = await newsroom(t)
const PAPER = 'https://paper.example'

t.test('a route of which nobody has said who may call it ends the start', async (t) => {
  const handler = async () => 'x'
  const app = Fastify()
  const admit = demandPolicies(app)
  t.throws(() => app.get('/forgotten', handler), /nobody has said who may call GET \/forgotten/)
  app.get('/open', { config: { open: true } }, handler)
  app.get('/scoped', { config: { scope: 'admin' } }, handler)
  admit('readers')
  app.get('/read', handler)
  t.throws(() => app.post('/written', handler), /POST \/written/)
  app.post('/written', { config: { scope: 'content:write' } }, handler)
  await app.close()

  const nested = Fastify()
  demandPolicies(nested)
  nested.register(async (v1) => {
    v1.get('/forgotten', handler)
  })
  await t.rejects(nested.ready() as unknown as Promise<void>, /GET \/forgotten/)
})

t.test('a key that is revoked is refused by every instance', async (t) => {
  const other = (await another(t, room)).app
  const { id, key } = (await room.editor('POST', '/v1/keys', { name: 'desk', scopes: ['admin'] }))
    .json
  const calls = [room.app, other].map((app) => callerOf(app, `Bearer ${key}`))
  const statuses = () =>
    Promise.all(calls.map(async (call) => (await call('GET', '/v1/keys')).status))
  t.same(await statuses(), [200, 200])
  await room.editor('DELETE', `/v1/keys/${id}`)
  t.same(await statuses(), [401, 401], 'at once')
})

t.test('what a revoked key had open ends with it, on every instance', async (t) => {
  const other = (await another(t, room)).app
  const apps = [room.app, other]
  const partner = (await room.editor('POST', '/v1/partners', { name: 'The Isle Record' })).json
  const made = async () => {
    const body = { name: 'mirror', scopes: ['syndication'], partner: partner.id }
    return (await room.editor('POST', '/v1/keys', body)).json
  }
  const bases = await Promise.all(
    apps.map(async (app) => {
      const listening = app.server.address() as { port: number } | null
      if (listening) return `http://127.0.0.1:${listening.port}`
      return app.listen({ host: '127.0.0.1', port: 0 })
    }),
  )
  for (const [how, end] of [
    ['revoked', (id: string) => room.editor('DELETE', `/v1/keys/${id}`)],
    [
      'its partner ended',
      () => room.editor('DELETE', `/v1/partners/${partner.id}`, undefined, { 'if-match': '*' }),
    ],
  ] as const) {
    const { id, key } = await made()
    const headers = { authorization: `Bearer ${key}` }
    const { page } = (await callerOf(room.app, headers.authorization)('GET', '/v1/changes')).json
    const streams = await Promise.all(
      bases.map(async (base) => {
        const stream = await fetch(`${base}/v1/changes/stream`, { headers })
        t.equal(stream.status, 200)
        return { ended: stream.text() }
      }),
    )
    const polls = bases.map((base) =>
      fetch(`${base}/v1/changes?wait=20&cursor=${page.next}`, { headers }),
    )
    await new Promise((resolve) => setTimeout(resolve, 300))
    const began = performance.now()
    t.ok((await end(id)).status < 300, how)
    await Promise.all(streams.map(({ ended }) => ended))
    const statuses = (await Promise.all(polls)).map(({ status }) => status)
    const ms = Math.round(performance.now() - began)
    t.comment(`${how}: ended after ${ms} ms`)
    t.same(statuses, [401, 401])
    t.ok(ms < 2500, `${how}: a wait takes 5 s by itself`)
  }
})

t.test('a known public part is not told from an unknown one by time', async (t) => {
  const { key } = (await room.editor('POST', '/v1/keys', { name: 'desk', scopes: ['read'] })).json
  /** A wrong key of the known public part: the checksum is over both. */
  const wrong = () => {
    const body = makeKey().key.slice(13, -6)
    return withChecksum(key.slice(0, 13) + body)
  }
  const known: number[] = []
  const unknown: number[] = []
  const time = async (text: string, into: number[]) => {
    const began = performance.now()
    const actor = await findActor(room.db, text)
    into.push(performance.now() - began)
    if (actor) t.fail('a wrong key was taken for a good one')
  }
  for (let i = 0; i < 400; i++) {
    await time(wrong(), known)
    await time(makeKey().key, unknown)
  }
  const median = (list: number[]) => list.sort((a, b) => a - b)[list.length >> 1] ?? 0
  const [a, b] = [median(known), median(unknown)]
  t.comment(`known ${(a * 1000).toFixed(0)} µs, unknown ${(b * 1000).toFixed(0)} µs`)
  t.ok(Math.abs(a - b) < 0.25 * Math.max(a, b), 'within the noise')
})

t.test('without CORS_ORIGINS no page of another site may see an answer', async (t) => {
  await story(room.editor, { slug: 'told' })
  for (const path of ['/v1/articles/told', '/v1/articles/none', '/v1/keys']) {
    const { headers } = await room.reader('GET', path, undefined, { origin: PAPER })
    t.equal(headers['access-control-allow-origin'], undefined, path)
  }
})

t.test('the pages of CORS_ORIGINS may', async (t) => {
  const { app } = await another(t, room, { corsOrigins: [PAPER, 'http://localhost:5173'] })
  const base = await app.listen({ host: '127.0.0.1', port: 0 })
  const get = (path: string, headers: Record<string, string>) => fetch(base + path, { headers })
  const paths = ['/v1/articles/told', '/v1/articles', '/v1/articles/none', '/v1/keys', '/v1/x']
  for (let round = 0; round < 3; round++) {
    // Made, kept, and asked again behind the door.
    if (round === 2) app.delivery.store.drop(new Set(['all']))
    for (const path of paths) {
      const nobody = await get(path, {})
      t.equal(nobody.headers.get('access-control-allow-origin'), null, `${path} of no page`)
      t.match(nobody.headers.get('vary'), /Origin/, path)
      for (const origin of [PAPER, 'http://localhost:5173']) {
        const { headers } = await get(path, { origin })
        t.equal(headers.get('access-control-allow-origin'), origin, path)
        t.match(headers.get('access-control-expose-headers'), /ETag.*RateLimit/)
        t.match(headers.get('vary'), /Origin/)
        t.equal(headers.get('access-control-allow-credentials'), null)
      }
      const stranger = await get(path, { origin: 'https://paper.example.evil.example' })
      t.equal(stranger.headers.get('access-control-allow-origin'), null, `${path} of another`)
    }
  }
  const ask = (origin: string) =>
    fetch(`${base}/v1/articles/told`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization,if-match,content-type',
      },
    })
  const may = await ask(PAPER)
  t.equal(may.status, 204)
  t.equal(may.headers.get('access-control-allow-origin'), PAPER)
  t.match(may.headers.get('access-control-allow-methods'), /PATCH/)
  t.match(may.headers.get('access-control-allow-headers')?.toLowerCase(), /authorization.*if-match/)
  t.equal((await ask('https://evil.example')).headers.get('access-control-allow-origin'), null)
})

t.test('CORS_ORIGINS=* is the same on every answer, kept or not', async (t) => {
  const { app } = await another(t, room, { corsOrigins: ['*'] })
  const base = await app.listen({ host: '127.0.0.1', port: 0 })
  for (let round = 0; round < 3; round++) {
    if (round === 2) app.delivery.store.drop(new Set(['all']))
    for (const path of ['/v1/articles/told', '/v1/articles', '/v1/articles/none', '/v1/keys']) {
      for (const headers of [{}, { origin: PAPER }] as Record<string, string>[]) {
        const answer = await fetch(base + path, { headers })
        t.equal(answer.headers.get('access-control-allow-origin'), '*', path)
        t.notMatch(answer.headers.get('vary'), /Origin/, path)
      }
    }
  }
  for (const wrong of ['*,https://a.example', 'paper.example', 'https://a.example/', 'null']) {
    t.throws(() => readConfig({ CORS_ORIGINS: wrong }), /CORS_ORIGINS must be/, wrong)
  }
  t.same(readConfig({ CORS_ORIGINS: 'https://a.example, http://b.example:81' }).corsOrigins, [
    'https://a.example',
    'http://b.example:81',
  ])
})

t.test('what fails inside is explained to nobody', async (t) => {
  const broken = await newsroom(t, { seeded: true })
  const operations = operationsOf((await broken.app.reference()).swagger() as unknown as Document)
  const requests = []
  for (const operation of operations) {
    requests.push({ operation, request: await exampleRequest(broken, operation) })
  }
  await broken.sql('alter schema reader rename to gone_reader')
  await broken.sql('alter schema editor rename to gone_editor')
  await broken.sql('alter table articles rename to gone_articles')
  let failed = 0
  for (const { operation, request } of requests) {
    const { method, url, body, headers } = request
    for (const call of [broken.editor, broken.reader]) {
      const reply = await call(method, url, body, headers)
      if (reply.status < 500) continue
      failed++
      t.match(reply.json, { code: /^(internal|unavailable)$/, errors: [] }, operation.id)
      const told = JSON.stringify({ ...reply.json, instance: '', type: '' })
      t.notMatch(
        told,
        /relation|schema|column|select |insert |gone_|articles|pg_|\.ts\b|\/src\/|node_modules|at \w+ \(/i,
        operation.id,
      )
    }
  }
  t.ok(failed > 30, `${failed} requests failed`)
})
