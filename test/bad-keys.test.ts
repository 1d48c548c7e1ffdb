import { Writable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { buildApp } from '../src/app.ts'
import { makeKey } from '../src/keys/secret.ts'
import { newsroom } from './newsroom.ts'
import { type Document, operationsOf, urlOf } from './openapi-operations.ts'
import { tracesOf } from './traces.ts'

/* Keys that are wrong, late, too weak or in the wrong place; and what is never told or logged. */

const NOBODY_S_ID = '01939a2e-7c1b-7c6e-8f0a-2b9a6b1f4c11'
const room = await newsroom(t)
const made = (scopes: string[]) => room.editor('POST', '/v1/keys', { name: 'made', scopes })
const get = (path: string, headers: Record<string, string>) =>
  room.reader('GET', path, undefined, headers)
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

t.test('where the key may stand', async (t) => {
  const { key } = (await made(['admin'])).json
  for (const authorization of [
    `Bearer ${key}`,
    `bearer ${key}`,
    basic(`:${key}`),
    basic(`feed reader:${key}`),
    basic(`${key}:${key}`),
  ]) {
    t.equal((await get('/v1/keys', { authorization })).status, 200, authorization.slice(0, 20))
  }
  for (const authorization of [key, `Token ${key}`, basic(`${key}:`), `Bearer ${key} ${key}`]) {
    const { status, json } = await get('/v1/articles', { authorization })
    t.same([status, json.code], [401, 'unauthenticated'], authorization.slice(0, 20))
  }
  const elsewhere: Record<string, string>[] = [
    { 'x-api-key': key },
    { 'api-key': key },
    { 'proxy-authorization': `Bearer ${key}` },
    { cookie: `key=${key}; authorization=Bearer ${key}` },
  ]
  for (const headers of elsewhere) {
    t.equal((await get('/v1/keys', headers)).status, 401, Object.keys(headers).join())
  }
  for (const name of ['api_key', 'key', 'access_token', 'authorization']) {
    const list = await room.reader('GET', `/v1/articles?${name}=${key}`)
    t.same([list.status, list.json.errors[0].parameter], [400, name])
    t.equal((await room.reader('GET', `/v1/keys?${name}=${key}`)).status, 401, name)
    t.notMatch(list.text, key, 'the key is not told again')
  }
})

t.test('wrong, expired and revoked keys are 401 everywhere', async (t) => {
  const { key, id } = (await made(['admin'])).json
  const late = (await made(['admin'])).json
  await room.sql(`update api_keys set expires_at = now() where id = $1`, [late.id])
  t.equal((await get('/v1/articles', { authorization: `Bearer ${key}` })).status, 200)
  t.equal((await room.editor('DELETE', `/v1/keys/${id}`)).status, 204)
  const wrong: Record<string, string> = {
    revoked: key,
    expired: late.key,
    unknown: makeKey().key,
    'with a typing error': `${key.slice(0, -1)}${key.endsWith('x') ? 'y' : 'x'}`,
    'of another prefix': makeKey().key.replace(/^dl_\w{10}/, late.prefix),
    'far too long': 'x'.repeat(5000),
    'not one of ours': 'secret',
  }
  for (const [name, key] of Object.entries(wrong)) {
    for (const authorization of [`Bearer ${key}`, basic(`u:${key}`)]) {
      for (const path of ['/v1/articles', '/v1/articles/none', '/v1/keys', '/v1/nowhere']) {
        const { status, json, headers, text } = await get(path, { authorization })
        t.same([status, json.code], [401, 'unauthenticated'], `${name}: ${path}`)
        t.match(headers, { 'www-authenticate': /Bearer.*Basic/, 'cache-control': 'no-store' })
        t.notOk(text.includes(key), 'the key is not told again')
      }
    }
  }
})

t.test('every operation that asks for a key has one asked for', async (t) => {
  const traces = await tracesOf(room)
  const read = await room.as('read')
  const operations = operationsOf((await room.app.reference()).swagger() as unknown as Document)
  const locked = operations.filter(({ raw }) => {
    const security = raw.security as object[]
    return security.length > 0 && security.every((way) => Object.keys(way).length > 0)
  })
  t.ok(locked.length > 15, 'there are such operations')
  t.ok(
    operations.filter(({ method }) => method !== 'GET').every((write) => locked.includes(write)),
    'every write is among them',
  )
  for (const operation of locked) {
    const url = urlOf(operation, { id: NOBODY_S_ID, idOrSlug: 'some-slug' })
    const before = await traces()
    const headers = { 'if-match': '*' }
    const body = operation.body?.example
    const nobody = await room.reader(operation.method, url, body, headers)
    t.same([nobody.status, nobody.json.code], [401, 'unauthenticated'], operation.id)
    const reader = await read(operation.method, url, body, headers)
    t.same([reader.status, reader.json.code], [403, 'forbidden'], operation.id)
    t.match(reader.headers, { 'cache-control': 'no-store' })
    t.same(await traces(), before, 'no trace')
  }
})

t.test('a key can do what its scopes say and no more', async (t) => {
  const traces = await tracesOf(room)
  const writer = await room.as('content:write')
  const publisher = await room.as('content:publish')
  const drafter = await room.as('drafts:read')
  const text = { headline: 'Harbour wall', body: { markdown: 'It holds.' } }
  const { slug } = (await writer('POST', '/v1/articles', text)).json
  const path = `/v1/articles/${slug}`
  const refused = async (name: string, reply: ReturnType<typeof writer>, scope: string) => {
    const before = await traces()
    const { status, json } = await reply
    t.same([status, json.code], [403, 'forbidden'], name)
    t.match(json.detail, scope, 'names the scope')
    t.same(await traces(), before, 'no trace')
  }
  const any = { 'if-match': '*' }
  await refused('publish', writer('POST', `${path}/publish`, {}), 'content:publish')
  await refused('write', publisher('PATCH', path, { summary: 'x' }, any), 'content:write')
  await refused('write', drafter('POST', '/v1/articles', {}), 'content:write')
  await refused('keys', publisher('GET', '/v1/keys'), 'admin')
  await refused('drafts', writer('GET', '/v1/articles?status=draft'), 'drafts:read')
  await refused('drafts', room.reader('GET', '/v1/articles?status=published'), 'drafts:read')
  await refused('drafts', room.reader('GET', '/v1/quotes?state=suggested'), 'drafts:read')
  await refused('drafts', room.reader('GET', '/v1/articles?fields=publishAt'), 'drafts:read')
  t.equal((await writer('GET', path)).status, 404, 'a writer without drafts:read is a reader')
  t.equal((await publisher('POST', `${path}/publish`, {})).status, 200)
  await refused('live', writer('PATCH', path, { summary: 'x' }, any), 'content:publish')
  await refused('live', writer('DELETE', path, undefined, any), 'content:publish')
})

t.test('PUBLIC_READ=false: reading needs a key too', async (t) => {
  const closed = await newsroom(t, { settings: { PUBLIC_READ: 'false' } })
  const read = await closed.as('read')
  for (const path of ['/v1/articles', '/v1/quotes', '/v1/sources', '/v1/categories']) {
    t.equal((await closed.reader('GET', path)).status, 401, path)
    t.equal((await read('GET', path)).status, 200, path)
  }
  t.equal((await closed.reader('GET', '/livez')).status, 200, 'health needs none')
})

t.test('neither keys nor the words of a draft are in the log', async (t) => {
  const WORDS = 'The minister resigns tomorrow'
  let log = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      log += chunk
      done()
    },
  })
  const own = await newsroom(t)
  const app = await buildApp({ config: own.config, db: own.db }, pino({ level: 'trace' }, stream))
  t.teardown(() => app.close())
  const { key } = (await own.editor('POST', '/v1/keys', { name: 'desk', scopes: ['admin'] })).json
  const authorization = `Bearer ${key}`
  const send = async (method: string, url: string, payload?: object | string, more = {}) => {
    const headers = { authorization, 'content-type': 'application/json', ...more }
    const answer = await app.inject({
      method: method as 'GET',
      url,
      headers,
      ...(payload !== undefined && { payload }),
    })
    return [answer.statusCode, answer.body] as const
  }
  const article = { headline: WORDS, slug: 'held', body: { markdown: WORDS } }
  t.match(await send('POST', '/v1/articles', article), [201])
  t.match(await send('POST', '/v1/articles', article), [409])
  t.match(await send('POST', '/v1/articles', `{"headline":"${WORDS}"`), [400])
  t.match(await send('POST', '/v1/articles', { [WORDS]: 1 }), [400])
  t.match(await send('PATCH', '/v1/articles/held', { body: null }, { 'if-match': '"9-x"' }), [412])
  t.match(await send('GET', `/v1/articles?api_key=${key}`), [400])
  t.match(await send('GET', '/v1/articles', undefined, { authorization: `Basic ${key}` }), [401])
  t.match(await send('GET', `/v1/articles/${key}`), [400])

  // The database fails in the midst of a write, in two ways: with an error, and in a trigger that
  // quotes the row, as PostgreSQL does itself when it cannot convert a value.
  const fail = async (sql: string, mend: string, due = 500) => {
    await own.sql(sql)
    const [status, body] = await send('POST', '/v1/articles', { ...article, slug: 'again' })
    await own.sql(mend)
    t.equal(status, due)
    t.notMatch(body, WORDS, 'the answer explains nothing')
  }
  await fail('alter table articles rename to gone', 'alter table gone rename to articles')
  await fail(
    `create function quoting() returns trigger language plpgsql as
       'begin raise exception ''bad value: %'', new.headline using errcode = ''22P02'',
         detail = new.plain_text; end';
     create trigger quoting before insert on articles for each row execute function quoting()`,
    'drop function quoting cascade',
    400,
  )

  const lines = log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(
    lines.filter(({ err, reqId }) => err && reqId).map(({ err }) => err.reason.code),
    ['42P01', '22P02'],
    'both failures are in the log',
  )
  t.ok(log.includes('POST /v1/articles 201'), 'requests are in the log')
  const [, publicPart] = /^(dl_\w{10})_/.exec(key) ?? []
  t.ok(log.includes(`api_key=${publicPart}`), 'which key was sent in the URL can be seen')
  t.notOk(log.includes(key.slice(14)), 'its secret cannot')
  t.notOk(log.includes(Buffer.from(key).toString('base64')), 'nor in base64')
  t.notOk(log.includes('minister'), 'no words')
})

t.test('no answer to a reader tells of a draft', async (t) => {
  const WORDS = 'Zaventem'
  const { id } = (
    await room.editor('POST', '/v1/articles', {
      headline: WORDS,
      slug: 'under-wraps',
      body: { markdown: `${WORDS} is to be closed.` },
      quotes: [{ text: 'is to be closed' }],
    })
  ).json
  for (const path of [
    '/v1/articles/under-wraps',
    `/v1/articles/${id}`,
    '/v1/articles?q=Zaventem',
    '/v1/quotes?article=under-wraps',
    `/v1/quotes?article=${id}`,
    '/v1/quotes?q=closed',
    '/v1/articles/under-wraps?fields=headline&include=quotes',
  ]) {
    const { status, text } = await room.reader('GET', path)
    t.not(status, 500, path)
    t.notMatch(text.replaceAll(path, ''), WORDS, path)
    if (!path.includes('?')) t.equal(status, 404, path)
  }
  // Writing answers as it does where nothing is: whether the draft exists is nobody's business.
  for (const method of ['PATCH', 'DELETE']) {
    const real = await room.reader(method, '/v1/articles/under-wraps', {}, { 'if-match': '*' })
    const none = await room.reader(method, '/v1/articles/not-there', {}, { 'if-match': '*' })
    t.same([real.status, real.json.detail], [none.status, none.json.detail], method)
  }
})
