import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { newsroom, type Reply } from './newsroom.ts'
import { exampleRequest } from './openapi-examples.ts'
import {
  type Document,
  exampleOf,
  inUrl,
  type Operation,
  operationsOf,
  type Parameter,
  urlOf,
} from './openapi-operations.ts'

/*
 * Every parameter of every read in the document, with what callers send by mistake or on purpose: a
 * 400 that names it, or the sensible answer; never a 500, and never slow. test/fuzz.test.ts looks for
 * what nobody thought of; here stands what somebody did. A parameter added tomorrow is covered.
 */

const room = await newsroom(t, { seeded: true })
// A stream that is begun never ends.
const isStream = ({ responses }: Operation) =>
  'text/event-stream' in (responses[200]?.content ?? {})
const operations = operationsOf(
  (await room.app.reference()).swagger() as unknown as Document,
).filter((one) => one.method === 'GET' && !isStream(one))
/** Nothing that is refused, or asked of a small newsroom, takes longer, on a busy machine too; in ms. */
const SLOW = 5000

/** In a URL, encoded. */
const NOBODY = '01939a2e-7c1b-7c6e-8f0a-2b9a6b1f4c11'
const ALL: Record<string, string> = {
  empty: '',
  'a space': '%20',
  NUL: 'a%00b',
  '10,000 characters': 'x'.repeat(10_000),
  '10,000 commas': ','.repeat(10_000),
  'no UTF-8': 'harbour%FF',
  'half an escape': 'harbour%',
  SQL: inUrl(`x' or 1=1; drop table articles; --`),
  'SQL in an identifier': inUrl('"; select pg_sleep(60); --'),
  tsquery: inUrl('a & !b <-> (c:* | d:A)'),
  LIKE: inUrl('%_\\'),
  'another type': inUrl('{"a":[1]}'),
  'a thousand ids': Array.from({ length: 1000 }, () => NOBODY).join(','),
  'a hundred and one ids': Array.from({ length: 101 }, (_, i) =>
    NOBODY.replace(/...$/, String(100 + i)),
  ).join(','),
  'an emoji': inUrl('🚢'),
  'a lone surrogate': '%ED%A0%80',
}

/** What words to look for may be: anything that has a letter or a digit. */
const TAKES_ANYTHING = ['SQL', 'SQL in an identifier', 'tsquery', 'another type']

/** How a parameter is asked for, and nothing else that could be at fault. */
const base = async (operation: Operation) => {
  const { url } = await exampleRequest(room, operation, () => false)
  return (name: string, value: string) =>
    `${url}${url.includes('?') ? '&' : '?'}${encodeURIComponent(name)}=${value}`
}

async function timely(path: string, headers: Record<string, string> = {}): Promise<Reply> {
  const started = performance.now()
  const reply = await room.editor('GET', path, undefined, headers)
  const ms = performance.now() - started
  assert.ok(reply.status < 500, `${reply.status} to ${path.slice(0, 200)}: ${reply.text}`)
  assert.ok(ms < SLOW, `${Math.round(ms)} ms for ${path.slice(0, 200)}`)
  return reply
}

const named = ({ json }: Reply): string[] =>
  json.errors.map((e: { parameter?: string }) => e.parameter)

/** It is refused, and the fault is the parameter's. */
async function refuses(what: string, path: string, parameter: string): Promise<void> {
  const reply = await timely(path)
  const told = `${what}: ${path.slice(0, 200)} was answered ${reply.status} ${reply.text.slice(0, 300)}`
  assert.equal(reply.status, 400, told)
  assert.ok(named(reply).includes(parameter), told)
}

/** A value that the parameter takes. */
const goodOf = (p: Parameter) => {
  const { schema } = p
  const items = (schema.items as { enum?: string[] } | undefined)?.enum
  const one = exampleOf(p) ?? (schema.enum as unknown[] | undefined)?.[0] ?? items?.[0]
  return inUrl(one ?? schema.minimum ?? schema.default ?? '2026-01-01T00:00:00Z')
}

/** The values that stand in a path for the parameters of its template. */
function valuesIn(template: string, path: string): Record<string, string> {
  const pattern = template.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, '(?<$1>[^/]+?)')
  return { ...new RegExp(`^${pattern}$`).exec(path)?.groups }
}

const inQuery = ({ parameters }: Operation) => parameters.filter((p) => p.in === 'query')

for (const operation of operations) {
  for (const parameter of inQuery(operation)) {
    const { name, schema } = parameter
    t.test(`${operation.id} ${name}`, async (t) => {
      const ask = await base(operation)
      for (const [what, value] of Object.entries(ALL)) {
        if (name === 'q' && TAKES_ANYTHING.includes(what)) await timely(ask(name, value))
        else if (name === 'q' && what === 'a thousand ids')
          await refuses(what, ask(name, value), 'q')
        else await refuses(what, ask(name, value), name)
      }
      const good = goodOf(parameter)
      await refuses('repeated', `${ask(name, good)}&${encodeURIComponent(name)}=${good}`, name)
      const array = `${name}[]`
      await refuses('as an array', ask(array, good), array)
      const otherwise = name.toUpperCase()
      await refuses('its name in capitals', ask(otherwise, good), otherwise)
      const words = [schema.enum, (schema.items as { enum?: string[] } | undefined)?.enum]
      for (const word of words.flatMap((list) => (list as string[] | undefined) ?? [])) {
        const changed = word === word.toUpperCase() ? word.toLowerCase() : word.toUpperCase()
        if (/[a-z]/i.test(word)) await refuses('in capitals', ask(name, changed), name)
        await refuses('misspelt', ask(name, `${inUrl(word)}x`), name)
      }
      t.pass('whatever it was asked')
    })
  }

  for (const { name, in: place } of operation.parameters) {
    if (place !== 'path') continue
    t.test(`${operation.id} {${name}}`, async (t) => {
      const { url } = await exampleRequest(room, operation, () => false)
      const others = valuesIn(operation.path, url.split('?')[0] ?? '')
      for (const [what, value] of Object.entries(ALL)) {
        // An empty segment is another path.
        if (value === '') continue
        const reply = await timely(urlOf(operation, { ...others, [name]: value }))
        assert.ok([400, 404].includes(reply.status), `${what}: ${reply.status} ${reply.text}`)
      }
      t.pass('whatever it was asked')
    })
  }
}

const lists = operations.filter((one) => inQuery(one).some(({ name }) => name === 'cursor'))
const first = new Map<string, { url: string; next: string }>()
for (const operation of lists) {
  const ask = await base(operation)
  // A sitemap is cut by itself.
  if (!inQuery(operation).some(({ name }) => name === 'limit')) continue
  const { json, headers } = await room.editor('GET', ask('limit', '1'))
  // A feed says it in the header, the change feed in the page only.
  const [, linked] = /[?&]cursor=([^&>]*)[^>]*>; rel="next"/.exec(headers.link ?? '') ?? []
  const next = json?.page?.next ?? linked
  if (next) first.set(operation.id, { url: ask('limit', '1'), next })
}

t.test('cursors of every list', async (t) => {
  t.ok(first.size >= 5, [...first.keys()].join(', '))
  for (const operation of lists) {
    const page = first.get(operation.id)
    if (!page) continue
    const at = (cursor: string) => `${page.url}&cursor=${cursor}`
    const refused = async (what: string, path: string) => {
      const reply = await timely(path)
      const told = `${operation.id} ${what}: ${reply.status} ${reply.text}`
      assert.deepEqual([reply.status, reply.json?.code], [400, 'invalid_cursor'], told)
      assert.deepEqual(named(reply), ['cursor'], told)
    }
    const parts = JSON.parse(Buffer.from(page.next, 'base64url').toString()) as unknown[]
    const forge = (i: number, value: unknown) =>
      Buffer.from(JSON.stringify(parts.with(i, value))).toString('base64url')
    t.equal((await timely(at(page.next))).status, 200, operation.id)
    for (const [what, cursor] of Object.entries({
      'cut short by one': page.next.slice(0, -1),
      'cut in half': page.next.slice(0, page.next.length / 2),
      'a letter longer': `${page.next}A`,
      'in capitals': page.next.toUpperCase(),
      'another version': forge(0, 2),
      'no version': forge(0, null),
      'no values': forge(1, []),
      'five values': forge(1, ['1', '2', '3', '4', '5']),
      'a value that is no text': forge(1, [1]),
      'a value with NUL': forge(1, ['a\0']),
      'a value that is half a character': forge(1, ['\ud800']),
      'a value too long': forge(1, ['x'.repeat(2001)]),
      'an id that is none': forge(2, '17'),
      'SQL for an id': forge(2, "' or 1=1 --"),
      'another list': forge(3, 'AAAAAAAAAAAA'),
      'more of it': Buffer.from(JSON.stringify([...parts, 1])).toString('base64url'),
      'an object': Buffer.from('{}').toString('base64url'),
      'no JSON': 'AAAA',
    })) {
      await refused(what, at(cursor))
    }
    // Forged so that it fits: nobody is served anything they could not ask for.
    for (const value of ['0', '-1', '', 'infinity', '9999-12-31 23:59:59+00', 'x']) {
      await timely(
        at(
          forge(
            1,
            (parts[1] as string[]).map(() => value),
          ),
        ),
      )
    }
    for (const [other, { next }] of first) {
      if (other !== operation.id) await refused(`of ${other}`, at(next))
    }
    for (const parameter of inQuery(operation)) {
      const { name, description = '', schema } = parameter
      const shapes =
        /^(fields.*|include|body|highlight|count|facets|limit|cursor|tree|snapshot)$/.test(name)
      if (shapes || schema.default !== undefined) continue
      const { url } = await exampleRequest(room, operation, (p) => p.name === name)
      const other = await room.editor('GET', url)
      if (other.status !== 200) continue
      await refused(`with ${name} beside it (${description})`, `${url}&limit=1&cursor=${page.next}`)
    }
    for (const sort of (inQuery(operation).find((p) => p.name === 'sort')?.schema.enum ??
      []) as string[]) {
      if (sort !== 'relevance') await refused(`sort=${sort}`, `${at(page.next)}&sort=${sort}`)
    }
  }
})

t.test('words that mean nothing', async (t) => {
  for (const operation of operations) {
    if (!inQuery(operation).some(({ name }) => name === 'q')) continue
    const { url: path } = await exampleRequest(room, operation, () => false)
    for (const q of ['the', 'the of and', '"the"', '-the', 'or', 'or or', 'the or of', 'o os a']) {
      const reply = await timely(`${path}?q=${inUrl(q)}`)
      t.equal(reply.status, 200, `${path} ${q}`)
    }
    for (const q of ['"', '-', '- -', '""', '&!|', '()', '<->', ':*', '*', '"-"', "'", '\\']) {
      const reply = await timely(`${path}?q=${inUrl(q)}`)
      t.match(reply, { status: 400, json: { errors: [{ parameter: 'q' }] } }, `${path} ${q}`)
    }
    // The longest that is taken, and what it costs most to look for.
    const long = [
      'a'.repeat(500),
      'ab '.repeat(166),
      `${'x or '.repeat(99)}x`,
      `"${'sea wall '.repeat(55)}"`,
      Array.from({ length: 100 }, (_, i) => `-w${i}`).join(' '),
    ]
    for (const q of long) {
      t.equal((await timely(`${path}?q=${inUrl(q)}`)).status, 200, `${path} ${q.slice(0, 20)}`)
    }
  }
})

const HEADERS: Record<string, string[]> = {
  'accept-encoding': [
    ...['', ',', ';', ';q=', 'gzip;q=', 'gzip;q=2', 'gzip;q=-1', 'gzip;;q=1', 'gzip;q=x, br;q='],
    ...['*', '*;q=0', 'identity;q=0', 'identity;q=0, *;q=0', 'zstd', '\u00ff', 'gzip '.repeat(500)],
    'gzip, '.repeat(2000),
  ],
  accept: [
    '',
    ',',
    ';',
    'text/html',
    'application/json;q=0',
    '*',
    '/',
    '\u00ff',
    'a/b;'.repeat(999),
  ],
  'accept-language': ['', '-', 'xx-', '*;q=9', 'e'.repeat(5000)],
  'if-none-match': [
    ...['', ',', '"', '""', 'W/', 'W/""', 'w/"x"', '"x', 'x"', '"\u00ff"', '*, "x"', '"*"', '**'],
    ...['"x",'.repeat(3000), '"'.repeat(9999)],
  ],
  'if-modified-since': ['', '0', '-1', 'now', '2026-01-01', 'Mon, 99 Foo 9999 99:99:99 GMT'],
  range: ['bytes=0-1', 'bytes=', 'bytes=9-1', 'pages=1-2'],
  'if-match': ['', '*', '"x"'],
  'content-type': ['', 'x', 'application/json'],
}

t.test('headers that are malformed change nothing', async (t) => {
  const open = operations.filter(({ path }) =>
    /^\/v1\/(articles|quotes|sources|categories)/.test(path),
  )
  const { key } = (await room.editor('POST', '/v1/keys', { name: 'x', scopes: ['admin'] })).json
  for (const operation of open) {
    const { url } = await exampleRequest(room, operation, () => false)
    const ask = (headers: Record<string, string>) =>
      room.app.inject({ method: 'GET', url, headers })
    for (const authorization of [undefined, `Bearer ${key}`]) {
      const own = authorization === undefined ? {} : { authorization }
      const { statusCode } = await ask(own)
      for (const [name, values] of Object.entries(HEADERS)) {
        for (const value of values) {
          const started = performance.now()
          const reply = await ask({ ...own, [name]: value })
          const told = `${operation.id} ${name}: ${value.slice(0, 60)}: ${reply.statusCode}`
          const expected = name === 'if-none-match' && value === '*' ? 304 : statusCode
          assert.equal(reply.statusCode, expected, told)
          assert.ok(performance.now() - started < SLOW, told)
        }
      }
    }
  }
  t.pass('whatever the header')
})

t.test('a target in absolute form is the same request', async (t) => {
  const address = new URL(await room.app.listen({ host: '127.0.0.1', port: 0 }))
  const ask = async (target: string) => {
    const socket = connect(Number(address.port), '127.0.0.1')
    socket.write(`GET ${target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`)
    const [head = '', body] = (await text(socket)).split('\r\n\r\n')
    // Made or kept, the order of the headers differs.
    const [status, ...headers] = head.split('\r\n').filter((line) => !/^(date|x-req)/i.test(line))
    return { status, headers: headers.sort(), body }
  }
  const plain = await ask('/v1/articles?limit=1')
  t.match(plain.status, / 200 /)
  t.match(plain.headers.join(), /s-maxage=10.*rel="next".*vary/)
  for (const host of ['http://b.example', 'HTTPS://b.example:8', 'http://']) {
    t.same(await ask(`${host}/v1/articles?limit=1`), plain, host)
  }
  t.match((await ask('http://b.example')).status, / 404 /)
})

t.test('a statement that takes too long is given up, and said to be', async (t) => {
  await room.sql(`create or replace function reader.words_alike(of_kind text, given text[])
    returns table (word text, alike text[]) language sql
    as 'select given[1], array[pg_sleep(60)::text]'`)
  const started = performance.now()
  const reply = await room.reader('GET', '/v1/sources?q=%22madruo%22')
  const ms = performance.now() - started
  t.match(reply, {
    status: 503,
    headers: { 'retry-after': '1', 'cache-control': 'no-store' },
    json: { code: 'unavailable', errors: [] },
  })
  t.notMatch(reply.text, /pg_sleep|statement|timeout/)
  t.ok(ms > 9000 && ms < 15_000, `after ${Math.round(ms)} ms`)
  t.equal((await room.reader('GET', '/v1/sources?q=quil')).status, 200, 'and it goes on')
})
