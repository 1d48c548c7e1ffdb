import { type ChildProcess, fork } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { openResolver } from '../src/webhooks/names.ts'
import { excerptOf, retryAfter } from '../src/webhooks/outcome.ts'
import { openSender, type SenderOptions } from '../src/webhooks/sender.ts'
import { makeSecret, signedHeaders } from '../src/webhooks/signature.ts'
import { startNameServer } from './name-server.ts'
import { runs } from './size.ts'

/*
 * Webhooks sent over real connections on loopback to receivers that are processes of their own,
 * most of them hostile (test/hostile-receiver.ts).
 */

type Counts = Record<string, { connections: number; open: number }>
const program = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** A process of receivers; the slow ones pause 100 ms between two bytes. */
async function startReceivers() {
  const child = fork(program('hostile-receiver.ts'), ['100'])
  const [{ ports }] = (await once(child, 'message')) as [{ ports: Record<string, number> }]
  t.teardown(() => child.connected && child.disconnect())
  return { child, ports }
}
async function countsOf(child: ChildProcess): Promise<Counts> {
  child.send('counts')
  const [{ counts }] = (await once(child, 'message')) as [{ counts: Counts }]
  return counts
}

const { child, ports } = await startReceivers()
const url = (name: string, path = '/') =>
  `${name === 'slowTls' ? 'https' : 'http'}://127.0.0.1:${ports[name]}${path}`
const secrets = [makeSecret()]
const message = () => ({ id: 'msg_1', at: new Date(), body: '{"event":"article.killed"}', secrets })
const open = (options: Partial<SenderOptions> = {}) =>
  openSender({
    ...{ allow: ['127.0.0.0/8'], publicUrl: 'https://api.paper.example', timeout: 1000 },
    ...options,
  })
const sender = open()
const send = (name: string, path?: string) => sender.send({ ...message(), url: url(name, path) })

t.test('secrets are whsec_ and 24 to 64 random bytes', async (t) => {
  const made = Array.from({ length: 100 }, makeSecret)
  t.equal(new Set(made).size, 100)
  for (const secret of made) {
    const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64')
    t.match(secret, /^whsec_[A-Za-z0-9+/]+=*$/)
    t.ok(bytes.length >= 24 && bytes.length <= 64)
  }
})

t.test('every valid secret signs, and the library of the standard agrees', async (t) => {
  const text = fc.oneof(fc.json(), fc.string({ unit: 'binary' }))
  fc.assert(
    fc.property(fc.uuid(), text, fc.integer({ min: 1, max: 3 }), (id, body, count) => {
      const given = Array.from({ length: count }, makeSecret)
      const at = new Date()
      const headers = signedHeaders({ id, at, body }, given)
      for (const secret of given)
        new Webhook(secret).verify(body, headers, { jsonParse: false } as never)
      // By hand, as the specification has it.
      const key = Buffer.from((given[0] ?? '').slice(6), 'base64')
      const signed = `${id}.${Math.floor(at.getTime() / 1000)}.${body}`
      const expected = createHmac('sha256', key).update(signed).digest('base64')
      return headers['webhook-signature'].split(' ')[0] === `v1,${expected}`
    }),
    { numRuns: runs(100) },
  )
  const one = { id: 'msg_1', at: new Date(), body: '{}' }
  const headers = signedHeaders(one, [makeSecret(), makeSecret()])
  t.throws(() => new Webhook(makeSecret()).verify('{}', headers), /No matching signature/)
  t.throws(() => signedHeaders(one, []), RangeError)
  for (const id of ['', 'a.b', 'a b', 'ä', 'a\r\nb']) {
    t.throws(() => signedHeaders({ ...one, id }, secrets), RangeError, JSON.stringify(id))
  }
})

t.test('a webhook is a signed POST of JSON that names Dateline', async (t) => {
  const body = JSON.stringify({ title: '“Ænglisc” — 新聞 🗞' })
  const both = [makeSecret(), makeSecret()]
  const to = url('good', '/hooks/a%20b?token=x&y=%2F')
  const outcome = await sender.send({ id: 'msg_2', at: new Date(), body, secrets: both, url: to })
  t.match(outcome, { ok: true, status: 200, error: null, detail: null, gone: false })
  t.equal(outcome.retryAfter, null)
  t.ok(outcome.ms >= 0 && outcome.ms < 1000 && Number.isInteger(outcome.ms))
  const { method, url: path, headers, body: got } = JSON.parse(outcome.excerpt ?? '')
  t.equal(method, 'POST')
  t.equal(path, '/hooks/a%20b?token=x&y=%2F')
  t.equal(got, body)
  t.match(headers, {
    host: `127.0.0.1:${ports.good}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'Dateline (+https://api.paper.example)',
    'accept-encoding': 'identity',
    'webhook-id': 'msg_2',
  })
  for (const secret of both) t.same(new Webhook(secret).verify(got, headers), JSON.parse(body))
})

t.test('the status decides', async (t) => {
  for (const status of [200, 201, 202, 204, 299]) {
    t.match(await send('good', `/status/${status}`), { ok: true, status, error: null })
  }
  for (const status of [300, 301, 302, 303, 304, 307, 308]) {
    const at = `/status/${status}?location=${encodeURIComponent(url('silent'))}`
    t.match(await send('good', at), { ok: false, status, error: 'redirect' })
  }
  t.equal((await countsOf(child)).silent?.connections, 0, 'no redirect is followed')
  for (const status of [400, 401, 404, 409, 410, 413, 422, 429, 500, 502, 503, 504, 599, 999]) {
    const outcome = await send('good', `/status/${status}?retry-after=7`)
    t.match(outcome, { ok: false, status, error: 'status', gone: status === 410 })
    t.equal(outcome.retryAfter, status === 429 || status === 503 ? 7 : null)
    t.equal(outcome.excerpt, `says ${status}`)
  }
})

t.test('Retry-After is seconds or a date, from nothing to a day', async (t) => {
  const now = Date.parse('2026-11-22T12:00:00Z')
  const day = 86_400
  for (const [text, date, expected] of [
    ['120', undefined, 120],
    ['0', undefined, 0],
    [' 5 ', undefined, 5],
    ['86400', undefined, day],
    ['86401', undefined, day],
    ['99999999999999999999999', undefined, day],
    ['Sun, 22 Nov 2026 12:01:30 GMT', undefined, 90],
    ['Sunday, 22-Nov-26 12:01:30 GMT', undefined, 90],
    ['Sun Nov 22 12:01:30 2026', undefined, 90],
    ['Sun, 22 Nov 2026 11:00:00 GMT', undefined, 0],
    ['Tue, 22 Nov 2044 12:00:00 GMT', undefined, day],
    // by the receiver's own clock, which is an hour ahead
    ['Sun, 22 Nov 2026 13:01:30 GMT', 'Sun, 22 Nov 2026 13:00:00 GMT', 90],
    ['Sun, 22 Nov 2026 12:01:30 GMT', 'now', 90],
    ...['', '-1', '1.5', '1e3', '0x10', '+5', '5 s', 'soon', 'tomorrow 2044', '12:00', '５'].map(
      (none) => [none, undefined, null] as const,
    ),
  ] as const) {
    t.equal(retryAfter({ 'retry-after': text, date }, now), expected, `${text} at ${date}`)
  }
  t.equal(retryAfter({}, now), null)
})

t.test('an excerpt is text that can be stored and shown', async (t) => {
  const of = (text: string | Buffer, headers = {}) =>
    excerptOf(Buffer.from(text as string), headers)
  t.equal(of(''), null)
  t.equal(of(' \r\n '), null)
  t.equal(of('a\u0000b\u001b[31mc\u0085\n\td\r\n'), 'ab[31mc\n\td')
  t.equal(of(Buffer.from([0x61, 0xff, 0xfe, 0x62])), 'a\ufffd\ufffdb')
  t.equal(of('🗞'.repeat(1001).slice(0, 2000)), '🗞'.repeat(1000))
  t.equal(of(Buffer.from('a🗞').subarray(0, 3)), 'a')
  t.equal(of('x', { 'content-encoding': 'gzip' }), null)
  t.equal(of('x', { 'content-encoding': 'identity' }), 'x')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
      const excerpt = excerptOf(Buffer.from(bytes), {}) ?? ''
      return excerpt.isWellFormed() && !excerpt.includes('\0') && [...excerpt].length <= 1000
    }),
    { numRuns: runs(200) },
  )
})

/** What comes of each hostile receiver; the longest that it may take in ms; whether it is `ok`. */
const EXPECTED: Record<string, [error: string | null, detail?: string | RegExp]> = {
  silent: ['timeout'],
  slowHead: ['timeout'],
  slowBody: ['timeout'],
  slowTls: ['timeout'],
  endlessBody: [null],
  endlessChunks: [null],
  endlessExtension: ['too_large', 'HPE_CHUNK_EXTENSIONS_OVERFLOW'],
  endlessTrailers: ['too_large', 'HPE_HEADER_OVERFLOW'],
  endlessInterim: ['too_large'],
  manyInterim: ['too_large'],
  fewInterim: [null],
  endlessLines: ['too_large'],
  endlessHeaders: ['too_large', 'HPE_HEADER_OVERFLOW'],
  hugeHeader: ['too_large', 'HPE_HEADER_OVERFLOW'],
  bomb: [null],
  garbage: ['protocol', 'HPE_INVALID_CONSTANT'],
  contradiction: ['protocol', /^HPE_/],
  upgrade: ['reset'],
  slam: ['reset'],
  reset: ['reset', 'ECONNRESET'],
  cutShort: ['reset'],
  twoAnswers: [null],
}

t.test('whatever a receiver does, there is an outcome in time', async (t) => {
  const hostile = Object.keys(ports).filter((name) => name !== 'good')
  t.same(Object.keys(EXPECTED), hostile)
  const earlier = await countsOf(child)
  await Promise.all(
    hostile.map(async (name) => {
      const outcome = await send(name)
      const [error, detail] = EXPECTED[name] ?? []
      t.match(outcome, { ok: error === null, error, gone: false, retryAfter: null }, name)
      if (detail) t.match(outcome.detail, detail, name)
      t.ok(outcome.ms < 2500, `${name} took ${outcome.ms} ms`)
      if (error === 'timeout') t.ok(outcome.ms >= 990, `${name} took ${outcome.ms} ms`)
      if (name === 'bomb') t.equal(outcome.excerpt, null, 'it is not unpacked')
      if (name === 'endlessBody') t.equal(outcome.excerpt, 'spam '.repeat(200).trim())
    }),
  )
  // Each attempt was one connection, and it is gone.
  await sleep(200)
  const now = await countsOf(child)
  for (const name of hostile) {
    const connections = (now[name]?.connections ?? 0) - (earlier[name]?.connections ?? 0)
    t.same({ connections, open: now[name]?.open }, { connections: 1, open: 0 }, name)
  }
})

t.test('what is not reached is told from what does not answer', async (t) => {
  const names = await startNameServer({ 'inside.example': () => ['10.255.255.1'] })
  t.teardown(() => names.close())
  const { send } = open({ resolve: openResolver([names.address]), timeout: 1000 })
  const to = (url: string) => send({ ...message(), url })
  t.match(await to('http://nowhere.example/'), { error: 'dns', detail: 'ENOTFOUND', status: null })
  t.match(await to('http://silent.example/'), { error: 'timeout', detail: null })
  t.match(await to('http://inside.example/'), { error: 'refused_address', detail: null, ms: /\d/ })
  t.match(await to('http://10.255.255.1/'), { error: 'refused_address', status: null })
  t.match(await to('not a url'), { error: 'refused_address' })
  t.match(await to('http://127.0.0.1:1/'), { error: 'connect', detail: 'ECONNREFUSED' })
  t.match(await to(`https://127.0.0.1:${ports.good}/`), {
    error: 'tls',
    detail: /SSL|EPROTO|ECONN/,
  })
})

t.test('a host that hangs holds four connections, and nobody waits for it', async (t) => {
  const { send, hasRoom } = open()
  const to = (name: string) => send({ ...message(), url: url(name) })
  const connections = async () => (await countsOf(child)).silent?.connections ?? 0
  const before = await connections()
  const hanging = Array.from({ length: 4 }, () => to('silent'))
  t.notOk(hasRoom(url('silent', '/elsewhere')))
  t.ok(hasRoom(url('slowHead')) && hasRoom('http://partner.example/'))
  t.match(await to('silent'), { ok: false, error: 'busy', status: null, ms: 0 })
  t.match(await to('good'), { ok: true })
  for (const outcome of await Promise.all(hanging)) t.equal(outcome.error, 'timeout')
  t.equal(await connections(), before + 4)
  t.ok(hasRoom(url('silent')))
})

t.test('closing breaks off what is under way', async (t) => {
  const { send, close } = open({ timeout: 60_000 })
  const hanging = ['silent', 'slowHead', 'slowBody', 'slowTls'].map((name) =>
    send({ ...message(), url: url(name) }),
  )
  await sleep(300)
  const started = performance.now()
  await close()
  t.ok(performance.now() - started < 1000)
  for (const outcome of await Promise.all(hanging))
    t.match(outcome, { ok: false, error: 'stopped' })
  t.match(await send({ ...message(), url: url('good') }), { error: 'stopped', ms: 0 })
})

t.test('hostile receivers cost less than 50 MB and delay nobody', async (t) => {
  const [hostile, other] = await Promise.all([startReceivers(), startReceivers()])
  const task = {
    ports: { ...hostile.ports, good: other.ports.good },
    // as many at once as the sender allows by itself
    ...{ atOnce: 4, each: 4 * Math.min(runs(3), 10) },
    timeout: runs(1) === 1 ? 1500 : 15_000,
  }
  const load = fork(program('webhook-load.ts'), [JSON.stringify(task)], {
    execArgv: ['--expose-gc'],
  })
  const [report] = await once(load, 'message')
  t.comment(JSON.stringify(report))
  const { before, during, start, peak, outcomes } = report
  t.ok(peak - start < 50, `${Math.round(peak - start)} MB more than ${Math.round(start)}`)
  t.ok(during.count > 20, `${during.count} good ones meanwhile`)
  t.equal(during.failures, 0)
  const told = `${JSON.stringify(before)}, then ${JSON.stringify(during)}`
  t.ok(during.p50 < before.p50 + 50, told)
  t.ok(during.p95 < 1000, told)
  for (const [name, [error]] of Object.entries(EXPECTED)) {
    t.same(Object.keys(outcomes[name]), [error ?? 'ok'], name)
  }
})
