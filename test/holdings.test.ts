import { request } from 'node:http'
import t from 'tap'
import { sweep } from '../src/changes/sweep.ts'
import { transaction } from '../src/db/transaction.ts'
import { noteNotified } from '../src/holdings/commands.ts'
import { shownIn } from '../src/holdings/given.ts'
import {
  category,
  draft,
  get,
  inSeconds,
  keyOf,
  must,
  partner,
  patch,
  publish,
  story,
  walk,
} from './factories.ts'
import { type Call, callerOf, newsroom } from './newsroom.ts'

const room = await newsroom(t)
const { editor, app, db, reader } = room
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Any = any

const harbour = await category(editor, { name: 'Harbour' })
const town = await category(editor, { name: 'Town' })

/** What a partner has of an article, as editors are told. */
async function held(article: string, of: { id: string }): Promise<Any> {
  const all = await walk(editor, `/v1/articles/${article}/recipients`)
  return all.find(({ id }) => id === of.id)
}
const short = (one: Any) =>
  one && [one.state, one.degree, one.version].filter((x) => x !== null).join(' ')
const outcome = async (article: string, version: number, of: { id: string }, query = '') => {
  const report = await get(editor, `/v1/articles/${article}/reports/${version}${query}`)
  return report.partners.find(({ id }: Any) => id === of.id)?.outcome
}
const kill = async (id: string) =>
  (await must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'wrong', notice: 'Gone.' })).json
/** All of the feed from a cursor on: the last cursor is not asked with. */
async function rest(call: Call, cursor?: string, path = '/v1/changes?limit=100') {
  const { data, page } = await get(call, cursor ? `${path}&cursor=${cursor}` : path)
  return { data, next: page.next as string }
}

t.test('a feed gives, and its next cursor acknowledges', async (t) => {
  const p = await partner(room)
  const { id } = await story(editor)
  t.equal(short(await held(id, p)), 'missing', 'it should have it')
  const { next } = await rest(p.call, undefined, '/v1/changes?limit=100&snapshot=true')
  let end = next
  for (;;) {
    const page = await rest(p.call, end)
    if (page.data.length === 0 && page.next === end) break
    end = page.next
  }
  t.match(await held(id, p), {
    ...{ state: 'current', degree: 'acknowledged', version: 2, currentVersion: 2, how: 'cursor' },
    ...{ name: 'The Record', endedAt: null, notified: null },
    given: { version: 2, removed: false, how: 'changes' },
    acknowledged: { version: 2, removed: false, how: 'cursor' },
  })
  await patch(editor, `/v1/articles/${id}`, { summary: 'More.' })
  t.equal(short(await held(id, p)), 'stale acknowledged 2')
  const page = await rest(p.call, end)
  t.equal(short(await held(id, p)), 'current given 3')
  await rest(p.call, page.next)
  t.equal(short(await held(id, p)), 'current acknowledged 3')
  const killed = await kill(id)
  t.equal(short(await held(id, p)), 'must-remove acknowledged 3')
  t.equal(await outcome(id, killed.version, p), 'pending')
  t.equal(await outcome(id, killed.version, p, '?overdueAfter=0'), 'overdue')
  const last = await rest(p.call, page.next)
  t.equal(short(await held(id, p)), 'removed given 4')
  t.equal(await outcome(id, killed.version, p), 'delivered')
  t.equal(await outcome(id, killed.version, p, '?overdueAfter=0&expect=acknowledged'), 'overdue')
  await rest(p.call, last.next)
  t.equal(short(await held(id, p)), 'removed acknowledged 4')
  t.equal(await outcome(id, killed.version, p), 'acknowledged')
})

t.test('items, lists and their formats give what is in their bytes', async (t) => {
  const p = await partner(room)
  const one = await story(editor, { headline: 'Item' })
  const two = await story(editor, { headline: 'List' })
  const three = await story(editor, { headline: 'Headline only' })
  const head = (url: string, headers: Record<string, string>) =>
    app.inject({ method: 'HEAD', url, headers })
  await head(`/v1/articles/${one.id}`, { authorization: `Bearer ${p.key}` })
  t.equal(await held(one.id, p).then(short), 'missing', 'a HEAD gives nothing')
  await must(reader, 'GET', `/v1/articles/${one.id}`)
  await must(editor, 'GET', `/v1/articles/${one.id}`)
  t.equal(await held(one.id, p).then(short), 'missing', 'and nobody else’s reading')
  const { headers } = await must(p.call, 'GET', `/v1/articles/${one.slug}`)
  t.match(await held(one.id, p), { state: 'current', degree: 'given', version: 2, how: 'item' })
  await must(p.call, 'GET', `/v1/articles?ids=${two.id}&body=html`)
  t.match(await held(two.id, p), { state: 'current', degree: 'given', version: 2, how: 'list' })
  t.same(await get(p.call, `/v1/articles?ids=${three.id}&fields=headline`), {
    data: [{ id: three.id, headline: 'Headline only', version: 2 }],
    page: { limit: 20, next: null },
  })
  t.match(await held(three.id, p), {
    state: 'current',
    degree: 'notified',
    version: 2,
    how: 'list',
  })
  await patch(editor, `/v1/articles/${three.id}`, { summary: 'x' })
  await must(p.call, 'GET', `/v1/articles/${three.id}?fields=headline`)
  t.match(await held(three.id, p), { degree: 'notified', version: 3, how: 'item' })

  const q = await partner(room)
  const known = { 'if-none-match': String(headers.etag) }
  await head(`/v1/articles/${one.slug}`, { authorization: `Bearer ${q.key}`, ...known })
  await q.call('GET', `/v1/articles/${one.slug}`, undefined, { 'if-none-match': '*' })
  t.equal(await held(one.id, q).then(short), 'missing', '* names no bytes')
  t.equal((await q.call('GET', `/v1/articles/${one.slug}`, undefined, known)).status, 304)
  t.equal(await held(one.id, q).then(short), 'current given 2', 'whoever names the bytes has them')
})

t.test('formats, feeds and sitemaps give what is in theirs', async (t) => {
  const p = await partner(room)
  const one = await story(editor, { headline: 'In a format', categories: [harbour.id] })
  const fetched = (path: string) => must(p.call, 'GET', path)
  await fetched('/sitemaps/news.xml')
  t.match(await held(one.id, p), { degree: 'notified', version: 2, how: 'sitemap' })
  const paths: [path: string, how: string][] = [
    ...['rss', 'atom', 'json'].map((suffix): [string, string] => [
      `/feeds/latest.${suffix}`,
      'feed',
    ]),
    ['/feeds/categories/harbour.atom', 'feed'],
    ...['ninjs', 'jsonld', 'html', 'md', 'txt'].map((suffix): [string, string] => [
      `/v1/articles/${one.slug}.${suffix}`,
      'format',
    ]),
  ]
  let version = 2
  for (const [path, how] of paths) {
    const { headers } = await fetched(path)
    t.match(await held(one.id, p), { state: 'current', degree: 'given', version, how }, path)
    const known = { 'if-none-match': String(headers.etag) }
    t.equal((await p.call('GET', path, undefined, known)).status, 304, path)
    version = (await patch(editor, `/v1/articles/${one.id}`, { summary: `After ${path}` })).version
    t.equal(await held(one.id, p).then(short), `stale given ${version - 1}`)
  }
  const killed = await kill(one.id)
  t.equal(await held(one.id, p).then(short), `must-remove given ${version - 1}`)
  await fetched('/feeds/latest.atom')
  t.match(await held(one.id, p), { state: 'removed', version: killed.version, how: 'feed' })
  const q = await partner(room)
  await fetched('/feeds/latest.rss')
  t.equal(await held(one.id, q), undefined, 'to whom it never had')
})

t.test('an article that is answered to be gone was told to be gone', async (t) => {
  const p = await partner(room)
  const other = await partner(room)
  const { id, slug } = await story(editor, { headline: 'Asked for' })
  await get(p.call, `/v1/articles/${id}`)
  const { version } = await kill(id)
  t.equal((await p.call('GET', `/v1/articles/${slug}`)).status, 410)
  t.equal((await other.call('GET', `/v1/articles/${slug}`)).status, 410)
  t.match(await held(id, p), { state: 'removed', degree: 'given', version, how: 'item' })
  t.equal(await held(id, other), undefined, 'what it never had')
  t.equal(await outcome(id, version, other), 'never-had')
})

t.test('webhooks notify: of a text less than it is, of a removal all there is', async (t) => {
  const p = await partner(room)
  const { id } = await story(editor, { headline: 'By webhook' })
  const ledger = async () =>
    (await get(editor, `/v1/audit?id=${id}&limit=1`)).data[0] as { position: number; at: string }
  const notify = async (version: number, op: 'upsert' | 'remove', position?: number) => {
    const row = await ledger()
    await transaction(db, (tx) =>
      noteNotified(tx, {
        ...{ partnerId: p.id, articleId: id, version, op },
        ...{ position: position ?? row.position, at: new Date() },
      }),
    )
  }
  await notify(2, 'upsert')
  const first = (await ledger()).position
  t.match(await held(id, p), { state: 'current', degree: 'notified', version: 2, how: 'webhook' })
  await get(p.call, `/v1/articles/${id}`)
  await patch(editor, `/v1/articles/${id}`, { summary: 'More' })
  await notify(3, 'upsert')
  t.match(await held(id, p), {
    ...{ state: 'stale', degree: 'given', version: 2, notified: { version: 3, how: 'webhook' } },
  })
  const { version } = await kill(id)
  await notify(version, 'remove')
  t.match(await held(id, p), {
    state: 'removed',
    degree: 'notified',
    version,
    given: { version: 2 },
  })
  await notify(2, 'upsert', first)
  t.match(await held(id, p), { state: 'removed', notified: { version } }, 'delivered again, late')
})

t.test('a stream gives what it sent, and where it is resumed acknowledges', async (t) => {
  const p = await partner(room)
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const stream = (headers: Record<string, string> = {}) => {
    const ids: string[] = []
    const call = request(`${address}/v1/changes/stream`, {
      headers: { authorization: `Bearer ${p.key}`, ...headers },
    })
    const started = new Promise<void>((resolve) => {
      call.on('response', (response) => {
        response.setEncoding('utf8').on('data', (text) => {
          for (const [, id = ''] of text.matchAll(/^id: (.*)$/gm)) ids.push(id)
        })
        resolve()
      })
    })
    call.on('error', () => {})
    call.end()
    const until = async (count: number) => {
      for (let i = 0; i < 200 && ids.length < count; i++)
        await new Promise((r) => setTimeout(r, 25))
      return ids
    }
    return { started, until, end: () => call.destroy() }
  }
  const first = stream()
  await first.started
  const { id } = await story(editor, { headline: 'Streamed' })
  const { id: second } = await story(editor, { headline: 'Streamed too' })
  const ids = await first.until(2)
  first.end()
  await new Promise((r) => setTimeout(r, 100))
  t.match(await held(id, p), { state: 'current', degree: 'given', how: 'stream' })
  const resumed = stream({ 'last-event-id': ids[0] ?? '' })
  await resumed.started
  resumed.end()
  t.equal(await held(id, p).then(short), 'current acknowledged 2')
  t.equal(await held(second, p).then(short), 'current given 2', 'only what came before')
})

t.test('each feed acknowledges what it told, and no more', async (t) => {
  const p = await partner(room, { earlyAccess: true })
  const early = callerOf(
    app,
    `Bearer ${await keyOf(editor, p.id, ['syndication', 'embargo:read'])}`,
  )
  const kills = '/v1/changes?limit=100&types=article.killed'
  const { next: quiet } = await rest(p.call, undefined, kills)
  const { id } = await story(editor, { headline: 'Two feeds' })
  const all = await rest(p.call, undefined, '/v1/changes?limit=100&snapshot=true')
  let whole = all.next
  for (let data = all.data; data.length > 0; ) ({ data, next: whole } = await rest(p.call, whole))
  await patch(editor, `/v1/articles/${id}`, { summary: 'More' })
  const given = await rest(p.call, whole)
  const { next: later } = await rest(p.call, quiet, kills)
  await rest(p.call, later, kills)
  t.equal(await held(id, p).then(short), 'current given 3', 'the feed of kills knows nothing of it')
  const { next } = await rest(early)
  await rest(early, next)
  t.equal(await held(id, p).then(short), 'current acknowledged 3', 'another feed told it too')
  await kill(id)
  const told = await rest(p.call, given.next)
  t.equal(await held(id, p).then(short), 'removed given 4')
  const both = await rest(p.call, later, kills)
  await rest(p.call, both.next, kills)
  t.equal(
    await held(id, p).then(short),
    'removed acknowledged 4',
    'told by both, acknowledged in one',
  )
  await rest(p.call, told.next)
  t.equal(await held(id, p).then(short), 'removed acknowledged 4')
})

t.test('acknowledged in words: a cursor, a position, articles', async (t) => {
  const p = await partner(room)
  const { next: from } = await rest(p.call)
  let begin = from
  for (let more = true; more; ) {
    const page = await rest(p.call, begin)
    begin = page.next
    more = page.data.length > 0
  }
  const stories = []
  for (let i = 0; i < 4; i++) stories.push(await story(editor, { headline: `Words ${i}` }))
  const [a, b, c, d] = stories.map(({ id }) => id as string) as [string, string, string, string]
  const ack = (body: object) => p.call('POST', '/v1/changes/ack', body)
  const page = await get(p.call, `/v1/changes?limit=2&cursor=${begin}`)
  t.match(await ack({ cursor: page.page.next }), { status: 200, json: { articles: null } })
  t.same([await held(a, p), await held(b, p)].map(short), [
    'current acknowledged 2',
    'current acknowledged 2',
  ])
  const more = await get(p.call, `/v1/changes?limit=1&cursor=${page.page.next}`)
  const { position } = more.data[0]
  t.match(await ack({ position }), { status: 200, json: { position, articles: null } })
  t.match(await held(c, p), { degree: 'acknowledged', how: 'ack' })
  await get(p.call, `/v1/articles/${d}`)
  t.match(await ack({ articles: [{ id: d, version: 2 }] }), { status: 200, json: { articles: 1 } })
  t.match(await held(d, p), { degree: 'acknowledged', how: 'ack', version: 2 })
  await patch(editor, `/v1/articles/${d}`, { summary: 'x' })
  await get(p.call, `/v1/articles/${d}`)
  t.equal((await ack({ articles: [{ id: d, version: 2 }] })).status, 200, 'it was overtaken')
  t.match(await held(d, p), { degree: 'given', version: 3, acknowledged: { version: 2 } })
  t.equal((await ack({ articles: [{ id: d }] })).status, 200)
  t.match(await held(d, p), { degree: 'acknowledged', version: 3 })
  const { version } = await kill(d)
  t.equal((await ack({ articles: [{ id: d, removed: true }] })).status, 200)
  t.match(await held(d, p), { state: 'removed', degree: 'acknowledged', version })
})

t.test('what cannot be acknowledged is refused, and nothing half done', async (t) => {
  const [p, other] = [await partner(room), await partner(room)]
  const one = await story(editor, { headline: 'Given' })
  await get(p.call, `/v1/articles/${one.id}`)
  const { next: theirs } = await rest(other.call)
  const { next } = await rest(p.call)
  const two = await story(editor, { headline: 'Not given' })
  const early = callerOf(
    app,
    `Bearer ${await keyOf(editor, p.id, ['syndication', 'embargo:read'])}`,
  )
  const decoded = JSON.parse(Buffer.from(next, 'base64url').toString())
  const forged = (values: string[], id = decoded[2]) =>
    Buffer.from(JSON.stringify([1, values, id, decoded[3]])).toString('base64url')
  const articles = (...list: object[]) => ({ articles: list })
  const many = Array.from({ length: 1001 }, (_, i) => ({
    id: `01990000-0000-7000-8000-${String(i).padStart(12, '0')}`,
  }))
  const wrong: [body: unknown, status: number, code: string, pointer: string][] = [
    [{}, 400, 'invalid_request', ''],
    [{ cursor: next, position: 1 }, 400, 'invalid_request', ''],
    [{ kursor: next }, 400, 'invalid_request', '/kursor'],
    [{ cursor: 'x' }, 400, 'invalid_cursor', '/cursor'],
    [{ cursor: theirs }, 400, 'invalid_cursor', '/cursor'],
    [{ cursor: forged(['5', 'nothing']) }, 400, 'invalid_cursor', '/cursor'],
    [{ cursor: forged(['-5']) }, 400, 'invalid_cursor', '/cursor'],
    [{ cursor: forged(['999999999999999']) }, 422, 'never_given', '/cursor'],
    [{ cursor: forged(['5', 'article'], two.id) }, 422, 'never_given', '/cursor'],
    [{ position: -1 }, 400, 'invalid_request', '/position'],
    [{ position: 1e15 }, 400, 'invalid_request', '/position'],
    [{ position: 1.5 }, 400, 'invalid_request', '/position'],
    [{ position: 999_999_999 }, 422, 'never_given', '/position'],
    [articles(), 400, 'invalid_request', '/articles'],
    [articles(...many), 400, 'invalid_request', '/articles'],
    [articles({ id: one.slug }), 400, 'invalid_request', '/articles/0/id'],
    [articles({ id: one.id }, { id: one.id }), 400, 'invalid_request', '/articles'],
    [articles({ id: one.id, version: 0 }), 400, 'invalid_request', '/articles/0/version'],
    [articles({ id: one.id, version: 2 }, { id: two.id }), 422, 'never_given', '/articles/1'],
    [articles({ id: one.id, version: 3 }), 422, 'never_given', '/articles/0'],
    [articles({ id: one.id, version: 1 }), 422, 'never_given', '/articles/0'],
    [articles({ id: one.id, removed: true }), 422, 'never_given', '/articles/0'],
    [articles({ id: many[0]?.id }), 422, 'never_given', '/articles/0'],
  ]
  for (const [body, status, code, pointer] of wrong) {
    const reply = await p.call('POST', '/v1/changes/ack', body)
    const name = JSON.stringify(body).slice(0, 80)
    t.equal(reply.status, status, name)
    t.equal(reply.json.code, code, name)
    t.equal(reply.json.errors[0].pointer, pointer, name)
  }
  t.equal((await early('POST', '/v1/changes/ack', { cursor: next })).json.code, 'invalid_cursor')
  t.equal((await held(one.id, p)).acknowledged, null)
  t.equal((await held(one.id, p)).degree, 'given')
  const nobody = await room.as('syndication')
  t.equal((await nobody('POST', '/v1/changes/ack', { position: 0 })).status, 403)
  const readOnly = callerOf(app, `Bearer ${await keyOf(editor, p.id, ['read'])}`)
  t.equal((await readOnly('POST', '/v1/changes/ack', { position: 0 })).status, 403)
  t.equal((await reader('POST', '/v1/changes/ack', { position: 0 })).status, 401)
  // A cursor that nobody handed out acknowledges nothing that was not given.
  const forgery = await p.call('GET', `/v1/changes?cursor=${forged(['999999999'])}`)
  t.equal(forgery.status, 400)
  const last = await story(editor, { headline: 'After the forgery' })
  await get(p.call, `/v1/changes?limit=100&cursor=${next}`)
  t.equal(await held(last.id, p).then(short), 'current given 2')
})

t.test('entitlements, embargoes and times decide what is to be had', async (t) => {
  const p = await partner(room, { categories: { allowed: ['harbour'] } })
  const other = await partner(room, { earlyAccess: true }, ['read', 'syndication', 'embargo:read'])
  const { id } = await story(editor, { headline: 'Moves', categories: [harbour.id] })
  const { version } = await get(p.call, `/v1/articles/${id}`)
  await patch(editor, `/v1/partners/${p.id}`, { categories: { allowed: ['town'] } })
  t.equal(await held(id, p).then(short), 'must-remove given 2')
  const ack = await p.call('POST', '/v1/changes/ack', { articles: [{ id, removed: true }] })
  t.equal(ack.status, 200, 'it may say so, though nobody told it of this one')
  t.equal(await held(id, p).then(short), 'removed acknowledged 2')
  await patch(editor, `/v1/partners/${p.id}`, { categories: { allowed: ['harbour'] } })
  t.equal(await held(id, p).then(short), 'missing acknowledged 2')
  await get(p.call, `/v1/articles/${id}`)
  t.equal(await held(id, p).then(short), 'current given 2', 'given back')
  await patch(editor, `/v1/articles/${id}`, { categories: [town.id] })
  t.equal(await held(id, p).then(short), `must-remove given ${version}`)
  t.equal(await held(id, other).then(short), 'missing')

  const made = await draft(editor, { headline: 'Early' })
  await publish(editor, made.id, { embargoUntil: inSeconds(0.6), expiresAt: inSeconds(1.4) })
  t.equal(await held(made.id, p), undefined)
  t.equal(await held(made.id, other).then(short), 'missing')
  await get(other.call, `/v1/articles/${made.id}`)
  t.equal(await held(made.id, other).then(short), 'current given 2')
  await new Promise((r) => setTimeout(r, 1500))
  await sweep(db)
  t.equal(await held(made.id, other).then(short), 'must-remove given 2')
  t.equal(
    await outcome(made.id, 2, other, '?overdueAfter=0'),
    'overdue',
    'its end has that version',
  )
  t.equal((await other.call('GET', `/v1/articles/${made.id}`)).status, 410)
  t.equal(await held(made.id, other).then(short), 'removed given 2')
  t.equal(await outcome(made.id, 2, other), 'delivered')
})

t.test('partners that end keep what they have, in every list', async (t) => {
  const p = await partner(room, { name: 'Was one' })
  const { id } = await story(editor, { headline: 'Kept by the gone' })
  await get(p.call, `/v1/articles/${id}`)
  await must(editor, 'DELETE', `/v1/partners/${p.id}`, undefined, { 'if-match': '*' })
  t.match(await held(id, p), { state: 'must-remove', version: 2, endedAt: /Z$/ })
  t.match(await walk(editor, `/v1/partners/${p.id}/holdings`), [{ id, state: 'must-remove' }])
  const { version } = await kill(id)
  t.equal(await outcome(id, version, p, '?overdueAfter=0'), 'overdue')
})

t.test('what a partner has: pages, states, counts', async (t) => {
  const p = await partner(room)
  const stories: Any[] = []
  for (let i = 0; i < 7; i++) {
    stories.push(await story(editor, { headline: `Held ${i}` }))
    await get(p.call, `/v1/articles/${stories[i].id}`)
  }
  const ids = stories.map(({ id }) => id as string)
  await patch(editor, `/v1/articles/${ids[1]}`, { summary: 'x' })
  await patch(editor, `/v1/articles/${ids[4]}`, { summary: 'x' })
  await must(editor, 'POST', `/v1/articles/${ids[2]}/unpublish`)
  await kill(ids[5] ?? '')
  await p.call('GET', `/v1/articles/${ids[5]}`)
  const path = `/v1/partners/${p.id}/holdings`
  const whole = await walk(editor, `${path}?limit=2`)
  t.same(
    whole.map(({ id }) => id),
    ids.toReversed(),
  )
  const expected: Record<string, number[]> = {
    ...{ current: [6, 3, 0], stale: [4, 1], 'must-remove': [2], removed: [5], missing: [] },
  }
  for (const [state, of] of Object.entries(expected)) {
    for (const query of [`state=${state}`, `state=${state}&limit=1`]) {
      const rows = await walk(editor, `${path}?${query}`)
      t.same(
        rows.map(({ id }) => id),
        of.map((i) => ids[i]),
        query,
      )
      t.ok(rows.every((row) => row.state === state))
    }
    t.equal((await get(editor, `${path}?state=${state}&count=exact`)).meta.count, of.length)
  }
  t.equal((await walk(editor, `${path}?state=removed,stale&degree=given`)).length, 3)
  t.equal((await walk(editor, `${path}?degree=acknowledged`)).length, 0)
  t.equal((await walk(editor, `${path}?ids=${ids[0]},${ids[2]}`)).length, 2)
  const { page } = await get(editor, `${path}?limit=2`)
  const wrong: [string, number, string][] = [
    ['state=rotten', 400, 'state'],
    ['degree=perhaps', 400, 'degree'],
    ['limit=0', 400, 'limit'],
    ['cursor=x', 400, 'cursor'],
    [`cursor=${page.next}&state=stale`, 400, 'cursor'],
    ['partner=x', 400, 'partner'],
  ]
  for (const [query, status, parameter] of wrong) {
    const reply = await editor('GET', `${path}?${query}`)
    t.equal(reply.status, status, query)
    t.equal(reply.json.errors[0].parameter, parameter, query)
  }
  const nobody = '01990000-0000-7000-8000-00000000dead'
  t.equal((await editor('GET', `/v1/partners/${nobody}/holdings`)).status, 404)
  t.equal((await editor('GET', `/v1/articles/${nobody}/recipients`)).status, 404)
  t.equal((await editor('GET', `/v1/articles/${ids[0]}/recipients?state=x`)).status, 400)
  for (const call of [p.call, reader, await room.as('read')]) {
    t.ok([401, 403].includes((await call('GET', path)).status))
    t.ok([401, 403].includes((await call('GET', `/v1/articles/${ids[0]}/recipients`)).status))
  }
  t.equal((await (await room.as('drafts:read'))('GET', path)).status, 403)
})

t.test('a report, in JSON and as CSV that no spreadsheet runs', async (t) => {
  const evil = await partner(room, { name: '=HYPERLINK("http://x";"click")' })
  const plain = await partner(room, { name: 'Comma, "quoted"' })
  const { id, slug } = await story(editor, { headline: 'Reported' })
  await get(evil.call, `/v1/articles/${id}`)
  const { version } = await kill(id)
  const report = await get(editor, `/v1/articles/${slug}/reports/${version}?overdueAfter=0`)
  t.match(report, {
    article: { id, slug, headline: 'Reported', version },
    change: { version, event: 'article.killed', op: 'remove' },
    ...{ overdueAfter: 0, expect: 'delivered', proof: /each second/ },
    counts: { overdue: 1, delivered: 0, acknowledged: 0, pending: 0, removed: 0 },
  })
  t.equal(report.partners.length, report.counts.neverHad + 1)
  const csv = await must(editor, 'GET', `/v1/articles/${id}/reports/${version}.csv?overdueAfter=0`)
  t.match(csv.headers['content-type'], 'text/csv')
  t.match(csv.headers['content-disposition'], `report-${slug}-${version}.csv`)
  const lines = csv.text.split('\r\n')
  t.equal(lines.length, report.partners.length + 2)
  t.match(lines[0], /^id,name,endedAt,outcome,/)
  const line = (of: { id: string }) => lines.find((one) => one.startsWith(of.id)) ?? ''
  t.ok(
    line(evil).startsWith(`${evil.id},"'=HYPERLINK(""http://x"";""click"")",,overdue,`),
    line(evil),
  )
  t.ok(line(plain).startsWith(`${plain.id},"Comma, ""quoted""",,never-had,`), line(plain))
  for (const [n, status] of [
    [version + 1, 404],
    [1, 404],
    [0, 400],
    ['x', 400],
  ] as const)
    for (const ending of ['', '.csv']) {
      const reply = await editor('GET', `/v1/articles/${id}/reports/${n}${ending}`)
      t.equal(reply.status, status, `${n}${ending}`)
    }
  for (const query of ['overdueAfter=-1', 'overdueAfter=99999999', 'expect=love', 'x=1'])
    t.equal((await editor('GET', `/v1/articles/${id}/reports/2?${query}`)).status, 400, query)
  t.equal((await (await room.as('read'))('GET', `/v1/articles/${id}/reports/2`)).status, 403)

  const taken = await story(editor, { headline: 'Unpublished, then killed' })
  await get(plain.call, `/v1/articles/${taken.id}`)
  await must(editor, 'POST', `/v1/articles/${taken.id}/unpublish`)
  const last = await kill(taken.id)
  t.match(await get(editor, `/v1/articles/${taken.id}/reports/${last.version}`), {
    change: { event: 'article.unpublished', version: last.version - 1, op: 'remove' },
  })
})

t.test('an answer that names what is gone tells of it', async (t) => {
  const objects = () => [{ id: 'a', version: 3 }]
  const read = { members: ['id', 'body'], objects, removed: ['b'] }
  const sent = {
    how: 'feed',
    method: 'GET',
    status: 200,
    known: undefined,
    name: undefined,
    read,
  } as const
  t.same(shownIn(sent), [
    { how: 'feed', article: 'a', version: 3, what: 'text' },
    { how: 'feed', article: 'b', what: 'gone' },
  ])
  t.same(shownIn({ ...sent, how: undefined }), [], 'of a route that gives articles only')
})

t.test('it is written each second, though nobody asks', async (t) => {
  const p = await partner(room)
  const { id } = await story(editor, { headline: 'Each second' })
  await get(p.call, `/v1/articles/${id}`)
  const written = () => room.sql('select from holdings where partner_id = $1', [p.id])
  for (let i = 0; i < 100 && (await written()).length === 0; i++)
    await new Promise((r) => setTimeout(r, 50))
  t.equal((await written()).length, 1)
})

t.test('metrics, and nothing is lost when it stops', async (t) => {
  const p = await partner(room)
  const { id } = await story(editor, { headline: 'At the end' })
  const { text } = await reader('GET', '/metrics')
  t.match(text, /^holdings_buffered \d+$/m)
  t.match(text, /^holdings_flush_failures_total 0$/m)
  await get(p.call, `/v1/articles/${id}`)
  await app.close()
  const [row] = await room.sql('select given_version from holdings where partner_id = $1', [p.id])
  t.equal(row?.given_version, 2)
})
