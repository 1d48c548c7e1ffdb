import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import t from 'tap'
import { encodingFor } from '../src/http/encoding.ts'
import { httpDate } from '../src/http-date.ts'
import { another } from './delivery-program.ts'
import {
  category,
  draft,
  inSeconds,
  must,
  patch,
  publish,
  quote,
  source,
  story,
} from './factories.ts'
import { type Call, type Newsroom, newsroom } from './newsroom.ts'

/*
 * HTTP caching by the book. Everything is asked three times: of a service without a cache, then twice
 * of one with it, so that the answer is made once and given once.
 */

const room = await newsroom(t)
const { editor, as } = room
const plain = await another(t, room, { cacheBytes: 0 })
const readers: [string, Call][] = [
  ['without a cache', plain.reader],
  ['made', room.reader],
  ['kept', room.reader],
]
const long = {
  markdown: Array.from({ length: 80 }, (_, i) => `Paragraph ${i} of it.`).join('\n\n'),
}

/** Waits until something is so much older than now. */
const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function everyone(path: string, check: (call: Call, who: string) => Promise<void>) {
  room.app.delivery.store.drop(new Set(['all']))
  for (const [who, call] of readers) await check(call, `${path} ${who}`)
}

t.test('304 has the headers of the 200, and no body', async (t) => {
  const desk = await category(editor)
  const { slug } = await story(editor, { body: long, categories: [desk.id] })
  await story(editor, { categories: [desk.id] })
  await pass(2100)
  for (const path of [`/v1/articles/${slug}`, '/v1/articles?limit=1']) {
    await everyone(path, async (call, who) => {
      const full = await call('GET', path)
      t.equal(full.status, 200, who)
      const known = { 'if-none-match': full.headers.etag ?? '' }
      const not = await call('GET', path, undefined, known)
      t.equal(not.status, 304, who)
      t.equal(not.text, '')
      for (const name of [
        'etag',
        'cache-control',
        'vary',
        'cache-groups',
        'surrogate-key',
        'link',
      ]) {
        t.equal(not.headers[name], full.headers[name], `${who} ${name}`)
        if (name !== 'link') t.ok(full.headers[name], `${who} ${name}`)
      }
      t.equal(not.headers['last-modified'], full.headers['last-modified'])
      t.equal(not.headers['content-type'], undefined)
      t.not(not.headers['x-request-id'], full.headers['x-request-id'])
      t.equal(full.headers.vary, 'Accept-Encoding, Authorization')
      t.equal(full.headers['cache-control'], 'public, max-age=0, s-maxage=10, must-revalidate', who)
    })
  }
})

t.test(
  'If-None-Match decides before If-Modified-Since; what is malformed matches nothing',
  async (t) => {
    const { slug } = await story(editor, { body: long })
    await pass(2100)
    const path = `/v1/articles/${slug}`
    await everyone(path, async (call, who) => {
      const { headers } = await call('GET', path)
      const etag = headers.etag ?? ''
      const modified = headers['last-modified'] ?? ''
      t.ok(modified, who)
      const cases: [Record<string, string>, number][] = [
        [{ 'if-none-match': etag }, 304],
        [{ 'if-none-match': `W/${etag}` }, 304],
        [{ 'if-none-match': `"x", ${etag}` }, 304],
        [{ 'if-none-match': `"a,b" ,, ${etag},` }, 304],
        [{ 'if-none-match': '*' }, 304],
        [{ 'if-none-match': '"x"', 'if-modified-since': modified }, 200],
        [{ 'if-none-match': etag, 'if-modified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' }, 304],
        [{ 'if-none-match': etag.slice(1, -1) }, 200],
        [{ 'if-none-match': etag.slice(0, -1) }, 200],
        [{ 'if-none-match': '' }, 200],
        [{ 'if-modified-since': modified }, 304],
        [{ 'if-modified-since': 'Fri, 01 Jan 2100 00:00:00 GMT' }, 304],
        [{ 'if-modified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' }, 200],
        [{ 'if-modified-since': '2100-01-01T00:00:00Z' }, 200],
        [{ 'if-modified-since': '1' }, 200],
        [{ 'if-modified-since': 'yesterday' }, 200],
      ]
      for (const [given, status] of cases) {
        const reply = await call('GET', path, undefined, given)
        t.equal(reply.status, status, `${who} ${JSON.stringify(given)}`)
      }
    })
  },
)

t.test('HTTP dates in the three forms, and nothing else', async (t) => {
  const time = Date.UTC(1994, 10, 6, 8, 49, 37)
  t.equal(httpDate('Sun, 06 Nov 1994 08:49:37 GMT'), time)
  t.equal(httpDate('Sunday, 06-Nov-94 08:49:37 GMT'), time)
  t.equal(httpDate('Sun Nov  6 08:49:37 1994'), time)
  for (const none of [
    '',
    '0',
    '1994',
    '1994-11-06',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 99 Nov 1994 08:49:37 GMT',
  ])
    t.equal(httpDate(none), undefined, none)
})

t.test('HEAD is GET without the body', async (t) => {
  const { slug } = await story(editor, { body: long })
  const paths = [`/v1/articles/${slug}`, '/v1/articles', '/v1/articles/no-such-thing', '/v1/quotes']
  for (const path of paths) {
    for (const { app } of [plain, room, room]) {
      for (const encoding of ['identity', 'gzip', 'br']) {
        const headers = { 'accept-encoding': encoding }
        const get = await app.inject({ method: 'GET', url: path, headers })
        const head = await app.inject({ method: 'HEAD', url: path, headers })
        t.equal(head.statusCode, get.statusCode)
        t.equal(head.payload, '')
        const own = { date: '', 'x-request-id': '', connection: '' }
        t.same({ ...head.headers, ...own }, { ...get.headers, ...own }, `${path} ${encoding}`)
        t.equal(Number(head.headers['content-length']), get.rawPayload.length)
      }
    }
  }
})

t.test('errors say who may keep them, and are never 304', async (t) => {
  const withdrawn = await story(editor)
  const { headers } = await room.reader('GET', `/v1/articles/${withdrawn.slug}`)
  const known = { 'if-none-match': headers.etag ?? '' }
  t.equal(
    (await room.reader('GET', `/v1/articles/${withdrawn.slug}`, undefined, known)).status,
    304,
  )
  await must(editor, 'POST', `/v1/articles/${withdrawn.id}/unpublish`)
  const killed = await story(editor)
  const kill = { reason: 'r', notice: 'Withdrawn.', legal: true }
  await must(editor, 'POST', `/v1/articles/${killed.id}/kill`, kill)
  const cases: [string, number][] = [
    ['/v1/articles/never-was', 404],
    [`/v1/articles/${withdrawn.slug}`, 410],
    [`/v1/articles/${killed.id}`, 451],
  ]
  for (const [path, status] of cases) {
    await everyone(path, async (call, who) => {
      for (const given of [known, { 'if-none-match': '*' }, {}]) {
        const reply = await call('GET', path, undefined, given)
        t.equal(reply.status, status, who)
        const policy = 'public, max-age=0, s-maxage=10, must-revalidate'
        t.equal(reply.headers['cache-control'], policy, who)
        t.equal(reply.headers.vary, 'Accept-Encoding, Authorization')
        t.equal(reply.headers['surrogate-key'], 'absence:article all')
        t.equal(reply.json.requestId, reply.headers['x-request-id'], 'each request has its own id')
      }
    })
  }
  const read = await as('read')
  for (const [path, status] of cases) {
    const reply = await read('GET', path)
    t.equal(reply.status, status)
    t.match(reply.headers, { 'cache-control': 'private, no-cache', vary: 'Authorization' })
    t.notOk(reply.headers['cache-groups'])
  }
  for (const path of ['/v1/articles?limit=0', '/v1/audit', '/v1/articles?status=draft']) {
    t.equal((await room.reader('GET', path)).headers['cache-control'], 'no-store', path)
  }
  const wrong = await room.reader('GET', '/v1/articles', undefined, { authorization: 'Bearer no' })
  t.match(wrong, { status: 401, headers: { 'cache-control': 'no-store' } })
})

t.test('a URL that cannot be decoded has the headers of every answer', async (t) => {
  const { status, headers } = await room.reader('GET', '/v1/articles/%ZZ')
  t.equal(status, 400)
  t.match(headers, {
    vary: /Authorization/,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  t.match(headers['x-request-id'], /^[0-9a-f-]{36}$/)
})

t.test('Last-Modified: on items that show nothing of others, once two seconds old', async (t) => {
  const { slug } = await story(editor)
  const path = `/v1/articles/${slug}`
  const modified = async (call: Call, path: string) =>
    (await call('GET', path)).headers['last-modified']
  for (const [who, call] of readers) t.equal(await modified(call, path), undefined, `${who}, young`)
  await pass(2100)
  const [row] = await room.sql('select updated_at from articles where slug = $1', [slug])
  const expected = new Date(row?.updated_at as Date).toUTCString()
  for (const [who, call] of readers) t.equal(await modified(call, path), expected, who)
  const desk = await category(editor)
  await patch(editor, path, { categories: [desk.id] })
  await pass(2100)
  t.ok(await modified(room.reader, path))
  t.ok(await modified(room.reader, `/v1/categories/${desk.slug}`))
  const more = await modified(room.reader, `${path}?include=categories`)
  t.equal(more, undefined, 'a category that is renamed does not move the date')
  t.equal(await modified(room.reader, '/v1/articles'), undefined, 'a list has none')
})

t.test('s-maxage ends before the next boundary', async (t) => {
  const { id } = await story(editor, {}, { expiresAt: inSeconds(5.5) })
  const policy = async (call: Call) => (await call('GET', '/v1/articles')).headers['cache-control']
  // What another instance wrote is heard of within 100 ms.
  await pass(100)
  for (const [who, call] of readers) {
    t.match(await policy(call), /^public, max-age=0, s-maxage=[45], must-revalidate$/, who)
  }
  await publish(editor, id, { expiresAt: inSeconds(0.9) })
  await pass(20)
  t.equal(await policy(room.reader), 'public, max-age=0, s-maxage=0, must-revalidate')
  await pass(1200)
  t.equal(await policy(room.reader), 'public, max-age=0, s-maxage=10, must-revalidate')
  t.equal((await room.reader('GET', `/v1/articles/${id}`)).status, 410)
})

t.test('Accept-Encoding, after RFC 9110 section 12.5.3', async (t) => {
  const cases: [string | undefined, string][] = [
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip', 'gzip'],
    ['gzip, br', 'br'],
    ['br;q=0.5, gzip', 'gzip'],
    ['gzip;q=0, br;q=0', 'identity'],
    ['*', 'br'],
    ['*;q=0', 'identity'],
    ['GZIP', 'gzip'],
    ['zstd', 'identity'],
    ['identity, gzip;q=0.5', 'identity'],
    [';;;,,q=', 'identity'],
    ['gzip;q=nonsense', 'identity'],
  ]
  for (const [header, encoding] of cases) t.equal(encodingFor(header), encoding, String(header))
})

t.test(
  'each encoding is the same answer, with an ETag of its own that If-Match takes',
  async (t) => {
    const { slug } = await story(editor, { body: long })
    const path = `/v1/articles/${slug}`
    const bytes = async (app: Newsroom['app'], encoding: string, given = {}) => {
      const headers = { 'accept-encoding': encoding, ...given }
      return app.inject({ method: 'GET', url: path, headers })
    }
    const tags = new Set<string>()
    for (const { app } of [plain, room, room]) {
      const whole = (await bytes(app, 'identity')).rawPayload
      const gzip = await bytes(app, 'gzip')
      const br = await bytes(app, 'br')
      t.equal(gzip.headers['content-encoding'], 'gzip')
      t.equal(br.headers['content-encoding'], 'br')
      t.same(gunzipSync(gzip.rawPayload), whole)
      t.same(brotliDecompressSync(br.rawPayload), whole)
      t.equal(Number(gzip.headers['content-length']), gzip.rawPayload.length)
      t.ok(gzip.rawPayload.length < whole.length && br.rawPayload.length < whole.length)
      for (const one of [gzip, br]) {
        tags.add(String(one.headers.etag))
        const again = await bytes(app, 'br', { 'if-none-match': one.headers.etag })
        t.equal(again.statusCode, 304)
        t.equal(again.headers.etag, one.headers.etag)
        t.equal(again.headers['content-encoding'], undefined)
      }
    }
    t.equal(tags.size, 2, [...tags].join(' '))
    const [tag = ''] = tags
    await must(editor, 'PATCH', path, { summary: 'New.' }, { 'if-match': tag })
    const small = await room.app.inject({
      url: '/v1/articles?limit=1&fields=slug',
      headers: { 'accept-encoding': 'br' },
    })
    t.equal(small.headers['content-encoding'], undefined, 'too small to be worth it')
  },
)

t.test('groups name what an answer depends on: of an item, nothing more', async (t) => {
  const groupsOf = async (path: string) => {
    const { headers } = await room.reader('GET', path)
    const list = (headers['cache-groups'] ?? '').split(', ').map((name) => name.slice(1, -1))
    t.equal(headers['surrogate-key'], list.join(' '))
    t.ok(
      list.length <= 32 &&
        list.every((name) => /^[a-z]+(:[\w-]+)?$/.test(name) && name.length <= 32),
      path,
    )
    return list
  }
  const words = (list: string[]) => list.map((name) => name.split(':')[0]).sort()
  const desk = await category(editor, { name: 'Desk' })
  const below = await category(editor, { name: 'Below', parent: desk.id })
  const speaker = await source(editor)
  const article = await story(editor, { categories: [below.id], sources: [speaker.id] })
  const said = await quote(editor, {
    article: article.id,
    text: 'left at eight',
    speaker: speaker.id,
  })
  t.same(words(await groupsOf(`/v1/articles/${article.slug}`)), ['all', 'article'])
  t.same(words(await groupsOf(`/v1/articles/${article.slug}?include=categories`)), [
    'all',
    'article',
    'category',
    'category',
  ])
  t.same(words(await groupsOf(`/v1/articles/${article.slug}?include=quotes`)), [
    'all',
    'article',
    'source',
  ])
  t.same(words(await groupsOf(`/v1/articles/${article.slug}?include=sources`)), [
    'all',
    'article',
    'org',
    'source',
  ])
  t.same(words(await groupsOf(`/v1/quotes/${said.id}`)), ['all', 'article', 'source'])
  t.same(words(await groupsOf(`/v1/quotes/${said.id}?fields=text`)), ['all', 'article'])
  t.same(words(await groupsOf(`/v1/categories/${below.slug}`)), [
    'all',
    'category',
    'category',
    'filed',
  ])
  t.same(words(await groupsOf(`/v1/sources/${speaker.slug}`)), ['all', 'named', 'org', 'source'])
  t.same(words(await groupsOf('/v1/articles')), ['all', 'articles'])
  t.same(words(await groupsOf(`/v1/articles?category=${desk.id}`)), ['all', 'filed', 'in'])
  t.same(words(await groupsOf(`/v1/quotes?speaker=${speaker.id}&fields=text`)), [
    'all',
    'named',
    'said',
  ])
  const crowd = []
  for (let i = 0; i < 40; i++) crowd.push((await source(editor, { name: `Person ${i}` })).id)
  const crowded = await story(editor, { sources: crowd })
  const many = await groupsOf(`/v1/articles/${crowded.slug}?include=sources`)
  t.same(words(many), ['all', 'article', 'sources'], 'beyond 32, its kind')
})

t.test('to the holder of a key nothing is kept, and its answers are conditional too', async (t) => {
  const { slug } = await story(editor)
  const read = await as('read')
  const path = `/v1/articles/${slug}`
  const first = await read('GET', path)
  t.match(first.headers, { 'cache-control': 'private, no-cache', vary: 'Authorization' })
  const known = { 'if-none-match': first.headers.etag ?? '' }
  const again = await read('GET', path, undefined, known)
  t.equal(again.status, 304)
  t.equal(again.headers['cache-control'], 'private, no-cache')
  const { hits } = room.app.delivery.store.counts
  await read('GET', path)
  t.equal(room.app.delivery.store.counts.hits, hits)
  await patch(editor, path, { summary: 'Other.' })
  t.equal((await read('GET', path, undefined, known)).status, 200)
  t.ok((await draft(editor)).id)
})
