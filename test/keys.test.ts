import { crc32 } from 'node:zlib'
import t from 'tap'
import { buildApp } from '../src/app.ts'
import { draft, get, inSeconds, must, story } from './factories.ts'
import { type Call, newsroom } from './newsroom.ts'

const room = await newsroom(t)
const { editor, reader, sql, app } = room

const make = async (input: object = {}) =>
  (await must(editor, 'POST', '/v1/keys', { name: 'Front end', scopes: ['read'], ...input })).json

/** A call with this header. */
const withHeader =
  (name: string, value: string): Call =>
  (method, path, body, headers) =>
    reader(method, path, body, { [name]: value, ...headers })
const bearer = (key: string) => withHeader('authorization', `Bearer ${key}`)

t.test('a key has a form by which it is known, and a checksum', async (t) => {
  const { key, prefix } = await make()
  t.match(key, /^dl_[0-9A-Za-z]{10}_[0-9A-Za-z]{38}$/)
  t.equal(prefix, key.slice(0, 13))
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const sum = [...key.slice(-6)].reduce((n, digit) => n * 62 + digits.indexOf(digit), 0)
  t.equal(sum, crc32(key.slice(0, -6)), 'the last six say the CRC-32 of the rest in base 62')
  const keys = await Promise.all(Array.from({ length: 20 }, () => make()))
  t.equal(new Set(keys.map((made) => made.key.slice(14))).size, 20)
  t.equal((await bearer(key)('GET', '/v1/articles')).status, 200)
  for (let i = 0; i < key.length; i += 3) {
    const typo = key.slice(0, i) + (key[i] === 'x' ? 'y' : 'x') + key.slice(i + 1)
    t.equal((await bearer(typo)('GET', '/v1/articles')).status, 401, `another character at ${i}`)
  }
})

t.test('a key is shown once and stored only as a hash', async (t) => {
  const created = await must(editor, 'POST', '/v1/keys', { name: 'Hidden', scopes: ['admin'] })
  const { key, id } = created.json
  t.match(created.json, { name: 'Hidden', scopes: ['admin'], revokedAt: null, lastUsedAt: null })
  t.equal(created.headers.location, `/v1/keys/${id}`)
  t.equal(created.headers['cache-control'], 'no-store')
  const secret = key.slice(14, -6)
  for (const path of [`/v1/keys/${id}`, '/v1/keys?limit=100']) {
    const { text } = await must(editor, 'GET', path)
    t.match(text, id)
    t.notMatch(text, secret, path)
    t.notMatch(text, /hash/)
  }
  const repeated = await editor(
    'POST',
    '/v1/keys',
    { name: 'Repeated', scopes: ['read'] },
    { 'idempotency-key': 'keys' },
  )
  t.match(
    repeated,
    { status: 400, json: { errors: [{ header: 'Idempotency-Key' }] } },
    'an answer with a secret is not kept to be given again',
  )
  const tables = await sql("select tablename as name from pg_tables where schemaname = 'public'")
  t.ok(tables.length >= 8)
  for (const { name } of tables) {
    const [row] = await sql(`select coalesce(json_agg(x)::text, '') as text from ${name} x`)
    t.notMatch(row?.text, secret, `${name}`)
  }
  const [row] = await sql('select encode(hash, $2) as hash from api_keys where id = $1', [
    id,
    'hex',
  ])
  t.match(row?.hash, /^[0-9a-f]{64}$/)
})

t.test('each scope allows what it says', async (t) => {
  const { id } = await draft(editor)
  const hidden = `/v1/articles/${id}`
  const any = { 'if-match': '*' }
  const operations: Record<string, (call: Call) => ReturnType<Call>> = {
    'list articles': (call) => call('GET', '/v1/articles'),
    'read a draft': (call) => call('GET', hidden),
    'ask for a status': (call) => call('GET', '/v1/articles?status=draft'),
    'ask for an editor’s field': (call) => call('GET', '/v1/articles?fields=status'),
    'write an article': (call) => call('POST', '/v1/articles', {}),
    'change an article': (call) => call('PATCH', hidden, {}, any),
    'write a source': (call) => call('POST', '/v1/sources', { kind: 'person', name: 'X' }),
    'write a category': (call) => call('POST', '/v1/categories', { name: 'X' }),
    'publish an article': (call) => call('POST', `${hidden}/publish`, { at: 'never' }),
    'list keys': (call) => call('GET', '/v1/keys'),
    'make a key': (call) => call('POST', '/v1/keys', { name: 'X', scopes: ['read'] }),
    'revoke a key': (call) => call('DELETE', '/v1/keys/01939a2e-7c1b-7c6e-8f0a-2b9a6b1f4c11'),
  }
  //                    list draft status field write change source category publish keys make revoke
  const expected: Record<string, string> = {
    '': /*             */ '200 404 403 403 401 401 401 401 401 401 401 401',
    read: /*           */ '200 404 403 403 403 403 403 403 403 403 403 403',
    'drafts:read': /*  */ '200 200 200 200 403 403 403 403 403 403 403 403',
    'content:write': /**/ '200 404 403 403 201 200 201 201 403 403 403 403',
    'content:publish': '200 404 403 403 403 403 403 403 400 403 403 403',
    syndication: /*    */ '200 404 403 403 403 403 403 403 403 403 403 403',
    'embargo:read': /* */ '200 404 403 403 403 403 403 403 403 403 403 403',
    admin: /*          */ '200 200 200 200 201 200 201 201 400 200 201 404',
  }
  for (const [scope, statuses] of Object.entries(expected)) {
    const call = scope === '' ? reader : await room.as(scope as 'read')
    const found = []
    for (const operation of Object.values(operations)) found.push((await operation(call)).status)
    t.equal(found.join(' '), statuses, scope || 'nobody')
  }
  const writer = await room.as('content:write')
  const refused = await writer('POST', `${hidden}/publish`)
  t.match(
    refused.json,
    { code: 'forbidden', detail: /content:publish/ },
    'it says which is missing',
  )
})

t.test('a key ends when it expires, and at once when it is revoked', async (t) => {
  const { key, id } = await make({ expiresAt: inSeconds(3600) })
  const call = bearer(key)
  t.equal((await call('GET', '/v1/articles')).status, 200)
  await sql("update api_keys set expires_at = now() - interval '1 ms' where id = $1", [id])
  t.match(await call('GET', '/v1/articles'), { status: 401, json: { code: 'unauthenticated' } })
  t.match(
    await editor('POST', '/v1/keys', { name: 'x', scopes: ['read'], expiresAt: inSeconds(-1) }),
    {
      status: 422,
      json: { errors: [{ pointer: '/expiresAt' }] },
    },
  )

  const other = await make({ scopes: ['admin'] })
  t.equal((await bearer(other.key)('GET', '/v1/keys')).status, 200)
  t.equal((await editor('DELETE', `/v1/keys/${other.id}`)).status, 204)
  t.equal((await bearer(other.key)('GET', '/v1/keys')).status, 401)
  t.equal((await bearer(other.key)('GET', '/v1/articles')).status, 401)
  const { revokedAt } = await get(editor, `/v1/keys/${other.id}`)
  t.ok(Math.abs(Date.parse(revokedAt) - Date.now()) < 10_000)
  t.equal((await editor('DELETE', `/v1/keys/${other.id}`)).status, 204, 'again changes nothing')
  t.equal((await get(editor, `/v1/keys/${other.id}`)).revokedAt, revokedAt)
  t.equal(
    (await get(editor, '/v1/keys?limit=100')).data.some((k: { id: string }) => k.id === other.id),
    true,
  )
})

t.test('a key is sent as Bearer or as the password of Basic, and nowhere else', async (t) => {
  const { key } = await make({ scopes: ['drafts:read'] })
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  const ask = (header: string) =>
    withHeader('authorization', header)('GET', '/v1/articles?status=draft')
  for (const header of [
    `Bearer ${key}`,
    `bearer ${key}`,
    basic(`anyone:${key}`),
    basic(`:${key}`),
  ]) {
    t.equal((await ask(header)).status, 200, header.replace(key, 'KEY'))
  }
  for (const header of [
    key,
    `Token ${key}`,
    `Bearer ${key} ${key}`,
    'Bearer',
    'Bearer ',
    '',
    basic(`${key}:`),
    basic('x:y'),
    'Bearer dl_AAAAAAAAAA_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  ]) {
    const reply = await ask(header)
    t.equal(reply.status, 401, header.replace(key, 'KEY'))
    t.match(reply.headers['www-authenticate'], /^Bearer .*Basic /)
    t.equal(reply.headers['cache-control'], 'no-store')
    t.notMatch(reply.text, key)
  }
  t.equal((await reader('GET', `/v1/articles?key=${key}`)).status, 400)
  for (const name of ['x-api-key', 'api-key', 'cookie']) {
    t.equal((await withHeader(name, key)('GET', '/v1/articles?status=draft')).status, 403, name)
  }
})

t.test('a wrong key is refused also where none is needed', async (t) => {
  const { slug } = await story(editor)
  const wrong = bearer((await make()).key.replace(/.$/, (c: string) => (c === '0' ? '1' : '0')))
  for (const path of [
    '/v1/articles',
    `/v1/articles/${slug}`,
    '/v1/sources',
    '/v1/articles?nonsense=1',
  ]) {
    t.equal((await wrong('GET', path)).status, 401, path)
  }
  t.equal(
    (await wrong('POST', '/v1/articles', '{')).status,
    401,
    'before anything else is looked at',
  )
})

t.test('the answer says who may keep it', async (t) => {
  const { slug } = await story(editor)
  const policy = async (call: Call, path: string) =>
    (await call('GET', path)).headers['cache-control']
  const read = await room.as('read')
  for (const path of [`/v1/articles/${slug}`, '/v1/articles', '/v1/quotes']) {
    t.match(await policy(reader, path), /^public, max-age=0.*must-revalidate/, path)
    t.equal(await policy(read, path), 'private, no-cache')
    t.equal(await policy(editor, path), 'no-store')
    t.equal((await reader('GET', path)).headers.vary, 'Accept-Encoding, Authorization')
  }
  t.equal(await policy(reader, '/v1/articles?status=draft'), 'no-store')
})

t.test('PUBLIC_READ=false makes reading need a key', async (t) => {
  const closed = await newsroom(t, { settings: { PUBLIC_READ: 'false' } })
  await story(closed.editor, { headline: 'Members only' })
  for (const path of ['/v1/articles', '/v1/articles/members-only', '/v1/quotes', '/v1/sources']) {
    t.equal((await closed.reader('GET', path)).status, 401, path)
  }
  const read = await closed.as('read')
  t.equal((await read('GET', '/v1/articles/members-only')).status, 200)
  t.equal((await (await closed.as('syndication'))('GET', '/v1/articles')).status, 403)
  for (const path of ['/livez', '/readyz', '/openapi.json', '/docs/']) {
    t.equal((await closed.reader('GET', path)).status, 200, path)
  }
})

t.test('the last use is recorded without a write for each request', async (t) => {
  const second = await buildApp({ config: room.config, db: room.db })
  const { key, id } = await make()
  const { key: idle, id: idleId } = await make()
  const ask = (url: string) => second.inject({ url, headers: { authorization: `Bearer ${key}` } })
  const used = async (id: string) => (await get(editor, `/v1/keys/${id}`)).lastUsedAt
  const writes = async () => {
    const [row] = await sql('select xmin::text as x, last_used_at from api_keys where id = $1', [
      id,
    ])
    return row?.x
  }
  const before = await writes()
  for (let i = 0; i < 10; i++) t.equal((await ask('/v1/articles')).statusCode, 200)
  t.equal(await writes(), before, 'the row was not written')
  t.equal(await used(id), null)
  await second.close()
  t.not(await writes(), before)
  t.ok(Math.abs(Date.parse(await used(id)) - Date.now()) < 10_000)
  t.equal(await used(idleId), null)
  t.equal((await bearer(idle)('GET', '/v1/articles')).status, 200)
  t.ok(app, 'the first service runs on')
})

t.test('a key is asked for by valid input', async (t) => {
  const refused = async (input: object, ...pointers: string[]) => {
    const reply = await editor('POST', '/v1/keys', input)
    t.equal(reply.status, 400, JSON.stringify(input))
    t.same(
      reply.json.errors.map((e: { pointer: string }) => e.pointer),
      pointers,
    )
  }
  await refused({}, '/name', '/scopes')
  await refused({ name: '', scopes: [] }, '/name', '/scopes')
  await refused({ name: 'x', scopes: ['read', 'read'] }, '/scopes')
  await refused(
    { name: 'x', scopes: ['write'], expiresAt: '2030-01-01' },
    '/scopes/0',
    '/expiresAt',
  )
  await refused({ name: 'x', scopes: ['read'], key: 'mine' }, '/key')
  t.equal((await editor('GET', '/v1/keys/x')).status, 400)
  t.equal((await editor('DELETE', '/v1/keys/01939a2e-7c1b-7c6e-8f0a-2b9a6b1f4c11')).status, 404)
})
