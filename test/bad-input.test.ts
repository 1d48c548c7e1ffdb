import { Readable } from 'node:stream'
import t from 'tap'
import { newsroom, type Reply } from './newsroom.ts'
import { tracesOf } from './traces.ts'

/*
 * Bad input: each is answered with a problem that names every fault, and leaves no trace. One
 * newsroom for all of it; `council-adopts-sea-wall-levy` and its like are of seeds/.
 */

const room = await newsroom(t, { seeded: true })
const traces = await tracesOf(room)
const ARTICLE = '/v1/articles/council-adopts-sea-wall-levy'
const NOBODY_S_ID = '01939a2e-7c1b-7c6e-8f0a-2b9a6b1f4c11'
const current = (await room.editor('GET', ARTICLE)).headers.etag ?? ''

type Bad = {
  method?: string
  path?: string
  body?: unknown
  headers?: Record<string, string>
}
/** Status, code, and what is named: pointers into the body, parameters, headers. */
type Refusal = [status: number, code: string, ...named: string[]]

function refusal({ status, json }: Reply): Refusal {
  const named = (json?.errors ?? []).map(
    (e: { pointer?: string; parameter?: string; header?: string }) =>
      e.pointer ?? e.parameter ?? e.header,
  )
  return [status, json?.code, ...named]
}

/** Sends it as an administrator and compares how it is refused; nothing may have been written. */
function refuses(name: string, bad: Bad, expected: Refusal): void {
  t.test(name, async (t) => {
    const { method = 'POST', path = '/v1/articles', body, headers } = bad
    const before = await traces()
    const reply = await room.editor(method, path, body, headers)
    t.same(refusal(reply), expected, reply.text.slice(0, 1000))
    t.match(reply.headers['content-type'], /^application\/problem\+json/)
    t.match(reply.json, { type: /^http/, title: /\w/, detail: /\w/, requestId: /\w/ })
    for (const { message } of reply.json?.errors ?? []) t.match(message, /\w/, 'says what is wrong')
    t.same(await traces(), before, 'no trace')
  })
}
const list = (query: string): Bad => ({ method: 'GET', path: `/v1/articles?${query}` })
const patch = (body: unknown, headers: Record<string, string> = { 'if-match': '*' }): Bad => ({
  method: 'PATCH',
  path: ARTICLE,
  body,
  headers,
})

// the body as bytes
refuses('no body', {}, [400, 'invalid_request', ''])
refuses('malformed JSON', { body: '{"headline":' }, [400, 'malformed_json', ''])
refuses('an empty body', { body: '' }, [400, 'malformed_json'])
refuses('two values', { body: '{}{}' }, [400, 'malformed_json', ''])
refuses('invalid UTF-8', { body: Buffer.from('{"headline":"\xff"}', 'latin1') }, [
  400,
  'malformed_json',
  '',
])
refuses('10 MB', { body: JSON.stringify({ headline: 'x'.repeat(10_000_000) }) }, [
  413,
  'payload_too_large',
])
for (const type of [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/xml',
  'json',
]) {
  refuses(type, { body: '{"headline":"x"}', headers: { 'content-type': type } }, [
    415,
    'unsupported_media_type',
  ])
}

refuses(
  'a body where none is taken',
  { method: 'DELETE', path: ARTICLE, body: {}, headers: { 'if-match': '*' } },
  [400, 'invalid_request', ''],
)

// the body as JSON
for (const body of ['null', '[]', '"x"', '1', 'true']) {
  refuses(`${body} as a body`, { body }, [400, 'invalid_request', ''])
}
refuses('an empty list as a verb takes none', { path: `${ARTICLE}/publish`, body: '[]' }, [
  400,
  'invalid_request',
  '',
])
refuses('an unknown member', { body: { titel: 'x' } }, [400, 'invalid_request', '/titel'])
refuses('an unknown member further down', patch({ leadImage: { size: 1 } }), [
  400,
  'invalid_request',
  '/leadImage/size',
])
refuses('a member that cannot be written', patch({ version: 7 }), [
  400,
  'invalid_request',
  '/version',
])
refuses('a member twice', { body: '{"headline":"a","headline":"b"}' }, [
  400,
  'invalid_request',
  '/headline',
])
refuses('a member twice, in other letters', { body: '{"headline":"a","\\u0068eadline":"b"}' }, [
  400,
  'invalid_request',
  '/headline',
])
refuses(
  'a member twice, further down',
  { body: '{"quotes":[{"text":"a"},{"text":"b","text":"c"}]}' },
  [400, 'invalid_request', '/quotes/1/text'],
)
refuses('__proto__', { body: '{"__proto__":{"admin":true}}' }, [
  400,
  'invalid_request',
  '/__proto__',
])
refuses(
  '__proto__ further down',
  { body: '{"leadImage":{"url":"https://a.example/","__proto__":{}}}' },
  [400, 'invalid_request', '/leadImage/__proto__'],
)
refuses('constructor', { body: '{"constructor":{"prototype":{}}}' }, [
  400,
  'invalid_request',
  '/constructor',
])
refuses('nesting without end', { body: `{"body":${'['.repeat(50_000)}${']'.repeat(50_000)}}` }, [
  400,
  'invalid_request',
  '',
])

// texts
for (const [name, text] of [
  ['NUL', '\\u0000'],
  ['a lone high surrogate', '\\ud800'],
  ['a lone low surrogate', '\\udc00x'],
]) {
  refuses(
    name ?? '',
    {
      body: `{"headline":"a${text}","summary":"${text}","body":{"markdown":"${text}"},
        "quotes":[{"text":"${text}"}],"leadImage":{"url":"https://a.example/","alt":"${text}"}}`,
    },
    [
      400,
      'invalid_request',
      '/headline',
      '/summary',
      '/leadImage/alt',
      '/body/markdown',
      '/quotes/0/text',
    ],
  )
}
refuses(
  'NUL in a block',
  {
    body: { body: { blocks: [{ _type: 'block', children: [{ _type: 'span', text: 'a\0' }] }] } },
  },
  [400, 'invalid_request', '/body/blocks/0/children/0/text'],
)
refuses('a headline of 301 characters', { body: { headline: '😀'.repeat(301) } }, [
  400,
  'invalid_request',
  '/headline',
])
t.test('a headline of 300 characters, 600 UTF-16 units, is none of it', async (t) => {
  const headline = '😀'.repeat(300)
  const { status, json } = await room.editor('POST', '/v1/articles', { headline })
  t.equal(status, 201)
  t.equal(json.headline, headline)
})
refuses(
  'over-long fields, all at once',
  {
    path: '/v1/sources',
    body: {
      kind: 'person',
      name: 'x'.repeat(301),
      title: 'x'.repeat(301),
      description: 'x'.repeat(5001),
    },
  },
  [400, 'invalid_request', '/name', '/title', '/description'],
)
refuses('100,001 characters of text', { body: { body: { markdown: 'x'.repeat(100_001) } } }, [
  422,
  'rule_broken',
  '/body/markdown',
])

// values
refuses(
  'wrong types, all at once',
  {
    body: { headline: 1, summary: [], categories: 'town', sources: [1], leadImage: { url: null } },
  },
  [400, 'invalid_request', '/headline', '/summary', '/leadImage/url', '/categories', '/sources/0'],
)
refuses('a body in two formats', { body: { body: { markdown: 'a', html: 'b' } } }, [
  400,
  'invalid_request',
  '/body',
])
refuses('an id that is none', { body: { quotes: [{ id: '17', text: 'x' }] } }, [
  400,
  'invalid_request',
  '/quotes/0/id',
])
for (const slug of ['Über', 'a--b', '-a', 'a_b', '', 'x'.repeat(101), NOBODY_S_ID]) {
  refuses(`the slug ${slug.slice(0, 40)}`, { body: { slug } }, [400, 'invalid_request', '/slug'])
}
refuses('a language that is none', { body: { language: 'en_GB' } }, [
  400,
  'invalid_request',
  '/language',
])
for (const at of [
  '2026-02-30T10:00:00Z',
  '2026-05-04T25:00:00Z',
  '2026-05-04T10:00:00',
  '2026-05-04',
  '0001-01-01T00:00:00+14:00',
  '9999-12-31T23:59:59-14:00',
  'tomorrow',
]) {
  refuses(`the time ${at}`, { path: `${ARTICLE}/publish`, body: { at } }, [
    400,
    'invalid_request',
    '/at',
  ])
}
refuses(
  'a time that is past',
  { path: `${ARTICLE}/publish`, body: { at: '2020-01-01T00:00:00Z' } },
  [422, 'rule_broken', '/at'],
)
refuses(
  'a key without scopes, with one twice, with one that is none',
  {
    path: '/v1/keys',
    body: { name: '', scopes: ['read', 'root'], expiresAt: 'never' },
  },
  [400, 'invalid_request', '/name', '/scopes/1', '/expiresAt'],
)

// references and rules
refuses(
  'unknown slugs, all at once',
  {
    body: {
      categories: ['town', 'nowhere', 'harbour', 'nothing'],
      sources: ['nobody', { source: 'no-one' }],
      quotes: [{ text: 'x', speaker: 'no-speaker' }],
    },
  },
  [
    422,
    'unknown_reference',
    '/categories/1',
    '/categories/3',
    '/sources/0',
    '/sources/1/source',
    '/quotes/0/speaker',
  ],
)
refuses('a quote of no article', { path: '/v1/quotes', body: { article: 'none', text: 'x' } }, [
  422,
  'unknown_reference',
  '/article',
])
for (const parent of ['town', 'council']) {
  refuses(
    `a category that is its own ancestor, by ${parent}`,
    {
      method: 'PATCH',
      path: '/v1/categories/town',
      body: { parent },
      headers: { 'if-match': '*' },
    },
    [422, 'rule_broken', '/parent'],
  )
}
refuses(
  'a category that takes its own place',
  {
    method: 'DELETE',
    path: '/v1/categories/town?reassignTo=town',
    headers: { 'if-match': '*' },
  },
  [422, 'rule_broken', 'reassignTo'],
)
refuses('a slug that is taken', patch({ slug: 'sea-wall-levy-explained' }), [
  409,
  'slug_taken',
  '/slug',
])
refuses(
  'an anonymous source with a name behind it',
  {
    path: '/v1/sources',
    body: { kind: 'anonymous', name: 'A neighbour', title: 'Baker', url: 'https://a.example/' },
  },
  [422, 'rule_broken', '/title', '/url'],
)

// parameters
refuses('an unknown parameter', list('categroy=town'), [400, 'invalid_request', 'categroy'])
refuses('a parameter where none is allowed', { method: 'GET', path: '/livez?x=1' }, [
  400,
  'invalid_request',
  'x',
])
refuses('a parameter of another kind', list('organization=tin-hall'), [
  400,
  'invalid_request',
  'organization',
])
refuses('a parameter twice', list('limit=1&limit=1'), [400, 'invalid_request', 'limit'])
for (const limit of [
  '0',
  '1e9',
  '101',
  '-1',
  '1.5',
  '',
  '%201',
  '0x10',
  '%D9%A3',
  '1000000000000',
]) {
  refuses(`limit=${limit}`, list(`limit=${limit}`), [400, 'invalid_request', 'limit'])
}
refuses(
  'values that are not known, all at once',
  list('sort=x&fields=a,b&include=c&body=d&status=e'),
  [400, 'invalid_request', ...['status', 'sort', 'include', 'fields', 'fields', 'body']],
)
refuses('any of it and none of it', list('category=town,-town'), [
  400,
  'invalid_request',
  'category',
])
refuses('an empty value in a list', list('category=town,'), [400, 'invalid_request', 'category'])
refuses('a body and none', list('body=none,html'), [400, 'invalid_request', 'body'])
refuses('unknown slugs as filters', list('category=town,nowhere&source=-nobody&speaker=no-one'), [
  400,
  'invalid_request',
  ...['category', 'source', 'speaker'],
])
refuses('NUL in a search', list('q=a%00b'), [400, 'invalid_request', 'q'])
refuses('a search without a word', list('q=%22%26%22'), [400, 'invalid_request', 'q'])
refuses('501 characters to look for', list(`q=${'x'.repeat(501)}`), [400, 'invalid_request', 'q'])
for (const text of ['%FF', '%ED%A0%80', '%C0%80', '%', '%ZZ', '%E2%82']) {
  refuses(`${text} in a query`, list(`q=harbour${text}`), [400, 'invalid_request', 'q'])
  refuses(`${text} in a path`, { method: 'GET', path: `/v1/articles/a${text}` }, [
    400,
    'invalid_request',
  ])
}
for (const [path, parameter] of [
  ['/v1/articles/a%00b', 'idOrSlug'],
  ['/v1/articles/%22', 'idOrSlug'],
  [`/v1/sources/${'x'.repeat(101)}`, 'idOrSlug'],
  ['/v1/quotes/17', 'id'],
  [`/v1/quotes/${NOBODY_S_ID}x`, 'id'],
  ['/v1/keys/harbour', 'id'],
] as const) {
  refuses(path, { method: 'GET', path }, [400, 'invalid_request', parameter])
}
refuses(
  'a path, a query and a body at once',
  {
    method: 'PATCH',
    path: '/v1/quotes/17?fields=x&y=1',
    body: { text: '', z: 1 },
    headers: { 'if-match': '*' },
  },
  [400, 'invalid_request', 'id', 'fields', 'y', '/text', '/z'],
)
refuses('what is not there', { method: 'GET', path: `/v1/quotes/${NOBODY_S_ID}` }, [
  404,
  'not_found',
])
refuses('no such path', { method: 'GET', path: '/v1/editions' }, [404, 'not_found'])
refuses('no such method', { method: 'PUT', path: ARTICLE, body: {} }, [405, 'method_not_allowed'])

// versions
refuses('PATCH without If-Match', patch({ summary: 'x' }, {}), [
  428,
  'version_required',
  'If-Match',
])
refuses('DELETE without If-Match', { method: 'DELETE', path: ARTICLE }, [
  428,
  'version_required',
  'If-Match',
])
for (const [name, tag] of [
  ['a stale tag', '"99-x"'],
  ['a weak tag, though of the current version', `W/${current}`],
  ['a tag without quotes', current.replaceAll('"', '')],
  ['something else', 'yes'],
  ['nothing', ''],
] as const) {
  refuses(`If-Match: ${name}`, patch({ summary: 'x' }, { 'if-match': tag }), [
    412,
    'version_stale',
    'If-Match',
  ])
}

// Idempotency-Key
for (const key of ['', 'with space', 'ä', 'x'.repeat(256)]) {
  refuses(
    `the Idempotency-Key ${JSON.stringify(key.slice(0, 20))}`,
    {
      body: {},
      headers: { 'idempotency-key': key },
    },
    [400, 'invalid_request', 'Idempotency-Key'],
  )
}

t.test('an Idempotency-Key that was used for something else', async (t) => {
  const headers = { 'idempotency-key': 'once' }
  t.equal((await room.editor('POST', '/v1/articles', { headline: 'a' }, headers)).status, 201)
  const before = await traces()
  const other = await room.editor('POST', '/v1/articles', { headline: 'b' }, headers)
  t.same(refusal(other), [422, 'idempotency_mismatch', 'Idempotency-Key'])
  t.same(await traces(), before, 'no trace')
})

t.test('405 says what is allowed', async (t) => {
  const reply = await room.editor('PUT', ARTICLE, {})
  t.equal(reply.headers.allow, 'DELETE, GET, HEAD, PATCH')
})

t.test('an unknown parameter is answered with those that are known', async (t) => {
  const { json } = await room.reader('GET', '/v1/articles?categroy=town')
  t.match(json.errors, [{ parameter: 'categroy', message: /category, source, speaker/ }])
})

t.test('a body that does not say its length is cut off too', async (t) => {
  const chunk = 'x'.repeat(64 * 1024)
  const answer = await room.app.inject({
    method: 'POST',
    url: '/v1/articles',
    headers: { authorization: await adminKey(), 'content-type': 'application/json' },
    payload: Readable.from(Array.from({ length: 160 }, () => chunk)),
  })
  t.equal(answer.statusCode, 413)
  t.equal(answer.json().code, 'payload_too_large')
})

async function adminKey(): Promise<string> {
  const { json } = await room.editor('POST', '/v1/keys', { name: 'admin', scopes: ['admin'] })
  return `Bearer ${json.key}`
}

t.test('cursors', async (t) => {
  const next = async (path: string) => (await room.reader('GET', path)).json.page.next as string
  const cursor = await next('/v1/articles?limit=1')
  const parts = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  const forge = (...changes: [number, unknown][]) => {
    const forged = changes.reduce((parts, [i, value]) => parts.with(i, value), parts)
    return Buffer.from(JSON.stringify(forged)).toString('base64url')
  }
  t.equal((await room.reader('GET', `/v1/articles?cursor=${forge()}`)).status, 200, 'as it came')

  const bad: Record<string, string> = {
    'cut off': `/v1/articles?cursor=${cursor.slice(0, -3)}`,
    'a letter more': `/v1/articles?cursor=${cursor}A`,
    'no base64url': `/v1/articles?cursor=${cursor.slice(0, -1)}.`,
    'no JSON': `/v1/articles?cursor=${Buffer.from('x').toString('base64url')}`,
    empty: '/v1/articles?cursor=e30',
    'of another version': `/v1/articles?cursor=${forge([0, 2])}`,
    'with no id': `/v1/articles?cursor=${forge([2, 'x'])}`,
    'with two values': `/v1/articles?cursor=${forge([1, ['infinity', 'infinity']])}`,
    'of another filter': `/v1/articles?category=town&cursor=${cursor}`,
    'of another search': `/v1/articles?q=town&cursor=${cursor}`,
    'of another sort': `/v1/articles?sort=headline&cursor=${cursor}`,
    'of another list': `/v1/quotes?cursor=${await next('/v1/sources?limit=1')}`,
  }
  for (const value of [
    ...['', 'x', 'now', '-infinity', '1', '2026-02-31 10:00:00+00', '0000-01-01 00:00:00+00'],
    ...[
      '2026-01-01 24:00:00+00',
      '2026-01-01 10:00:00+16',
      '2026-13-01 00:00:00+00',
      '\0',
      '\ud800',
    ],
  ]) {
    const name = `with the time ${JSON.stringify(value)}`
    bad[name] = `/v1/articles?cursor=${forge([1, [value]])}`
  }
  for (const [name, path] of Object.entries(bad)) {
    t.same(refusal(await room.reader('GET', path)), [400, 'invalid_cursor', 'cursor'], name)
  }
})
