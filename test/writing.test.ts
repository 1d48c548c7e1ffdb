import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { OPERATOR } from '../src/actor.ts'
import { transaction } from '../src/db/transaction.ts'
import { createKey } from '../src/keys/commands.ts'
import { category, draft, get, must, quote, source, story } from './factories.ts'
import { newsroom } from './newsroom.ts'
import { runs } from './size.ts'

const room = await newsroom(t)
const { editor, reader, sql } = room

/** One of each kind, in its first version, with a change it can take. */
async function oneOfEach(): Promise<[path: string, change: object][]> {
  const { id: article } = await draft(editor)
  const { id: quoted } = await draft(editor)
  const { id: words } = await quote(editor, { article: quoted, text: 'eight' })
  return [
    [`/v1/articles/${article}`, { byline: 'Changed' }],
    [`/v1/quotes/${words}`, { cue: 'Changed' }],
    [`/v1/sources/${(await source(editor)).id}`, { title: 'Changed' }],
    [`/v1/categories/${(await category(editor)).id}`, { description: 'Changed' }],
  ]
}

t.test('PATCH and DELETE need If-Match', async (t) => {
  for (const [path, change] of await oneOfEach()) {
    const before = await must(editor, 'GET', path)
    for (const [method, body] of [
      ['PATCH', change],
      ['DELETE', undefined],
    ] as const) {
      const absent = await editor(method, path, body)
      t.match(absent, {
        status: 428,
        json: { code: 'version_required', errors: [{ header: 'If-Match' }] },
      })
      const tag = before.headers.etag ?? ''
      const stale = tag.replace(/^"(\d+)-/, (_, version) => `"${Number(version) + 1}-`)
      for (const wrong of [stale, `W/${tag}, ${stale}`, tag.slice(1, -1), '']) {
        const reply = await editor(method, path, body, { 'if-match': wrong })
        t.match(reply, {
          status: 412,
          json: { code: 'version_stale', errors: [{ header: 'If-Match' }] },
        })
      }
    }
    t.equal((await must(editor, 'GET', path)).text, before.text, 'nothing was changed')
  }
})

t.test('If-Match takes the ETag of any representation of the current version', async (t) => {
  for (const [path, change] of await oneOfEach()) {
    const shaped = await must(editor, 'GET', `${path}?fields=id`)
    const tag = shaped.headers.etag ?? ''
    t.match(tag, /^"1-[0-9a-z]{8,13}"$/)
    t.not(tag, (await must(editor, 'GET', path)).headers.etag, 'other bytes have another tag')
    const [member = ''] = Object.keys(change)
    const patch = (value: string, expected: string) =>
      editor('PATCH', path, { [member]: value }, { 'if-match': expected })
    const second = await patch('Second', tag)
    t.match(second, { status: 200, json: { version: 2, [member]: 'Second' } })
    t.match(second.headers.etag, /^"2-/)
    t.equal((await patch('Again', tag)).status, 412)
    t.equal((await patch('Third', 'W/"2-x", "17-abc" ,"2-whatever"')).status, 200)
    const fourth = await patch('Fourth', '*')
    t.match(fourth, { status: 200, json: { version: 4, [member]: 'Fourth' } })
    const last = { 'if-match': fourth.headers.etag ?? '' }
    t.equal((await editor('DELETE', path, undefined, last)).status, 204)
    t.equal((await patch('Gone', '*')).status, 404)
  }
})

t.test('a verb heeds If-Match and does not need it', async (t) => {
  const { id } = await draft(editor)
  const path = `/v1/articles/${id}/publish`
  const stale = await editor('POST', path, {}, { 'if-match': '"2-x"' })
  t.match(stale, { status: 412, json: { code: 'version_stale' } })
  t.equal((await reader('GET', `/v1/articles/${id}`)).status, 404)
  const seen = await must(editor, 'POST', path, {}, { 'if-match': '"1-x"' })
  t.equal(seen.json.version, 2)
  t.equal((await editor('POST', path)).status, 200)
})

t.test('of many who change the same version, one wins', async (t) => {
  for (const [path] of await oneOfEach()) {
    const [, , kind] = path.split('/')
    const member = {
      articles: 'byline',
      quotes: 'cue',
      sources: 'title',
      categories: 'description',
    }[kind ?? ''] as string
    const writers = kind === 'articles' ? 50 : 10
    for (let round = 1; round <= runs(2); round++) {
      const tag = (await must(editor, 'GET', path)).headers.etag ?? ''
      const replies = await Promise.all(
        Array.from({ length: writers }, (_, i) =>
          editor('PATCH', path, { [member]: `Writer ${i} of ${round}` }, { 'if-match': tag }),
        ),
      )
      const won = replies.filter((reply) => reply.status === 200)
      t.equal(won.length, 1, `${kind}, round ${round}`)
      t.equal(replies.filter((reply) => reply.status === 412).length, writers - 1)
      const now = await get(editor, path)
      t.match(now, { version: round + 1, [member]: won[0]?.json[member] })
    }
  }
})

t.test('changes that come at once without a version all go in', async (t) => {
  const { id } = await draft(editor)
  const names = ['headline', 'summary', 'byline', 'language'] as const
  const replies = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      editor('PATCH', `/v1/articles/${id}`, { [names[i % 4] ?? '']: 'pt' }, { 'if-match': '*' }),
    ),
  )
  t.same(
    replies.map((reply) => reply.json.version).sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => i + 2),
    'each made a version of its own',
  )
  const pt = { headline: 'pt', summary: 'pt', byline: 'pt', language: 'pt' }
  t.match(await get(editor, `/v1/articles/${id}`), { version: 21, ...pt })
})

t.test('what fails late leaves nothing behind', async (t) => {
  const { id } = await draft(editor, { headline: 'Whole' })
  const before = await get(editor, `/v1/articles/${id}?include=quotes`)
  const reply = await editor(
    'PATCH',
    `/v1/articles/${id}`,
    {
      headline: 'Half',
      slug: 'half-a-change',
      body: { markdown: 'Other text.' },
      quotes: [{ text: 'Other text' }, { text: 'Other', spans: [{ start: 0, end: 500 }] }],
    },
    { 'if-match': '*' },
  )
  t.equal(reply.status, 422)
  t.same(await get(editor, `/v1/articles/${id}?include=quotes`), before)
  t.same(await sql("select * from slugs where slug = 'half-a-change'"), [])
})

/** How many articles have this headline. */
async function count(headline: string): Promise<number> {
  const [row] = await sql('select count(*)::int as n from articles where headline = $1', [headline])
  return Number(row?.n)
}
const repeatable = (key: string) => ({ 'idempotency-key': key })

t.test('a POST with an Idempotency-Key is done once', async (t) => {
  const input = { headline: 'Once', body: { markdown: 'Only “once”.' } }
  const post = (body: object = input, query = '') =>
    editor('POST', `/v1/articles${query}`, body, repeatable('key-1'))
  const first = await post()
  t.equal(first.status, 201)
  await must(
    editor,
    'PATCH',
    `/v1/articles/${first.json.id}`,
    { summary: 'x' },
    { 'if-match': '*' },
  )
  const second = await post()
  t.equal(second.status, 201)
  t.equal(second.text, first.text, 'the same bytes, whatever happened since')
  for (const name of ['location', 'etag', 'content-type', 'cache-control']) {
    t.equal(second.headers[name], first.headers[name], name)
  }
  t.equal(await count('Once'), 1)
  for (const other of [
    await post({ ...input, summary: 'Other' }),
    await post(input, '?body=text'),
  ]) {
    t.match(other, {
      status: 422,
      json: { code: 'idempotency_mismatch', errors: [{ header: 'Idempotency-Key' }] },
    })
  }
  t.equal(await count('Once'), 1)
})

t.test('identical requests that come together do the work once', async (t) => {
  for (let round = 0; round < runs(2); round++) {
    const headline = `together-${round}`
    const replies = await Promise.all(
      Array.from({ length: 10 }, () =>
        editor('POST', '/v1/articles', { headline }, repeatable(headline)),
      ),
    )
    t.same([...new Set(replies.map((reply) => reply.status))], [201])
    t.equal(new Set(replies.map((reply) => reply.text)).size, 1)
    t.equal(await count(headline), 1)
  }
  const mixed = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      editor('POST', '/v1/articles', { headline: `Mixed ${i % 2}` }, repeatable('mixed')),
    ),
  )
  const made = mixed.filter((reply) => reply.status === 201)
  t.equal(made.length, 5, 'one request and its repeats')
  t.equal(new Set(made.map((reply) => reply.text)).size, 1)
  t.equal(mixed.filter((reply) => reply.status === 422).length, 5)
  t.equal((await count('Mixed 0')) + (await count('Mixed 1')), 1)
})

t.test('work that failed is not remembered', async (t) => {
  const post = () =>
    editor(
      'POST',
      '/v1/articles',
      { headline: 'Retry', categories: ['retried'] },
      repeatable('retry'),
    )
  t.equal((await post()).status, 422)
  t.equal((await post()).status, 422)
  t.same(await sql("select * from idempotency_keys where key = 'retry'"), [])
  await category(editor, { name: 'Retried' })
  t.equal((await post()).status, 201)
  t.equal((await post()).status, 201)
  t.equal(await count('Retry'), 1)
})

t.test('an Idempotency-Key belongs to an API key and a path, for 24 hours', async (t) => {
  const other = await room.as('content:write')
  const post = (call = editor) =>
    call('POST', '/v1/articles', { headline: 'Scope' }, repeatable('scope'))
  const [first, second] = [await post(), await post(other)]
  t.not(second.json.id, first.json.id)
  const named = { kind: 'person', name: 'Scope' }
  t.equal((await editor('POST', '/v1/sources', named, repeatable('scope'))).status, 201)
  t.equal(await count('Scope'), 2)

  const age = (by: string) =>
    sql(
      "update idempotency_keys set created_at = now() - $1::interval where key = 'scope' and path = '/v1/articles'",
      [by],
    )
  await age('23 h 59 min')
  t.equal((await post()).text, first.text)
  await age('24 h 1 s')
  const anew = await post()
  t.equal(anew.status, 201)
  t.not(anew.json.id, first.json.id)
  t.equal(await count('Scope'), 3)
  t.equal((await post()).text, anew.text)
})

t.test('verbs and quotes honour it too', async (t) => {
  const { id } = await draft(editor)
  const path = `/v1/articles/${id}/publish`
  const first = await editor('POST', path, {}, repeatable('verb'))
  const second = await editor('POST', path, {}, repeatable('verb'))
  t.equal(second.text, first.text)
  t.equal((await get(editor, `/v1/articles/${id}`)).version, 2)
  const added = { article: id, text: 'eight' }
  const [one, two] = await Promise.all([
    editor('POST', '/v1/quotes', added, repeatable('verb')),
    editor('POST', '/v1/quotes', added, repeatable('verb')),
  ])
  t.equal(one.text, two.text)
  t.equal((await get(editor, `/v1/articles/${id}`)).version, 3)
  for (const key of ['', 'with space', 'x'.repeat(256), 'é']) {
    const reply = await editor('POST', '/v1/articles', {}, repeatable(key))
    t.match(reply, { status: 400, json: { errors: [{ header: 'Idempotency-Key' }] } }, key)
  }
  t.equal((await editor('POST', '/v1/articles', {}, repeatable('x'.repeat(255)))).status, 201)
})

/** The service in a process of its own, on the test's database; where it listens, and its end. */
async function serve(t: Test) {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../src/main.ts', import.meta.url))],
    {
      env: { PATH: process.env.PATH, DATABASE_URL: room.url, PORT: String(port), RATE_LIMIT: '0' },
      stdio: 'ignore',
    },
  )
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; ; tries++) {
    if (
      await fetch(`${url}/readyz`).then(
        (r) => r.ok,
        () => false,
      )
    )
      break
    if (tries === 600) throw new Error('the service did not start')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return { url, kill: () => child.kill('SIGKILL') }
}

t.test('a POST that was answered with 2xx survives the death of the process', async (t) => {
  const { key } = await transaction(room.db, (tx) =>
    createKey({ tx, actor: OPERATOR }, { name: 'Crash', scopes: ['admin'] }),
  )
  const { url, kill } = await serve(t)
  const answered: string[] = []
  let sent = 0
  const writer = async () => {
    for (;;) {
      const headline = `Crash ${sent++}`
      const quotes = [{ text: headline }]
      const body = JSON.stringify({ headline, body: { markdown: headline }, quotes })
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
      const reply = await fetch(`${url}/v1/articles`, { method: 'POST', body, headers })
      if (reply.status === 201) answered.push(((await reply.json()) as { id: string }).id)
      if (answered.length === 60) kill()
    }
  }
  // Each writer ends when its connection does.
  await Promise.allSettled([writer(), writer(), writer(), writer()])
  const rows = await sql(
    `select a.id, count(q.id)::int as quotes from articles a left join quotes q on q.article_id = a.id
     where a.headline like 'Crash %' group by a.id`,
  )
  const there = new Set(rows.map((row) => row.id))
  t.ok(answered.length >= 60 && sent > answered.length, `${answered.length} of ${sent} answered`)
  t.same(
    answered.filter((id) => !there.has(id)),
    [],
    'all that were answered are there',
  )
  t.ok(
    rows.every((row) => row.quotes === 1),
    'each whole',
  )
})

t.test('a write is there for whoever reads next', async (t) => {
  for (let i = 0; i < 10; i++) {
    const { id, slug } = await story(editor, { headline: `Next ${i}` })
    t.equal((await reader('GET', `/v1/articles/${slug}`)).json.id, id)
  }
})
