import t from 'tap'
import { sweep } from '../src/changes/sweep.ts'
import {
  category,
  draft,
  get,
  inSeconds,
  must,
  patch,
  publish,
  source,
  story,
} from './factories.ts'
import { newsroom } from './newsroom.ts'

const { editor, reader, as, sql, db } = await newsroom(t)
const any = { 'if-match': '*' }
const KILL = { reason: 'zqreason', notice: 'Withdrawn by the editors.' }
const SINCE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

let count = 0

/** A published story with a quote, a speaker, a named source and a category of its own. */
async function tell(publication: object = {}) {
  const n = ++count
  const above = await category(editor, { name: `Above ${n}` })
  const section = await category(editor, { name: `Section ${n}`, parent: above.id })
  const named = await source(editor, { name: `Named ${n}` })
  const speaker = await source(editor, { name: `Speaker ${n}` })
  const article = await story(
    editor,
    {
      headline: `Story ${n}`,
      body: { markdown: `“It was number ${n},” she said.` },
      categories: [section.id],
      sources: [named.id],
      quotes: [{ text: `It was number ${n}`, speaker: speaker.id }],
    },
    publication,
  )
  const [quote] = (await get(editor, `/v1/articles/${article.id}?include=quotes`)).quotes
  const parts = [
    [`/v1/quotes/${quote.id}`, 'quote'],
    [`/v1/quotes/${quote.id}/similar`, 'quote'],
    ...[named.id, named.slug, speaker.id, speaker.slug].map((x) => [`/v1/sources/${x}`, 'source']),
    ...[section.id, section.slug, above.id, above.slug].map((x) => [
      `/v1/categories/${x}`,
      'category',
    ]),
  ] as [string, string][]
  const own = [article.id, article.slug].map((x) => [`/v1/articles/${x}`, 'article'])
  return { article, quote, named, speaker, section, parts, own: own as [string, string][] }
}

t.test('what was visible says that it is gone, of which kind and since when', async (t) => {
  const { article, parts, own } = await tell()
  const tags = new Map<string, string>()
  for (const [path] of [...own, ...parts]) {
    const reply = await reader('GET', path)
    t.equal(reply.status, 200, path)
    tags.set(path, String(reply.headers.etag))
  }
  const started = (await sql('select now() as now'))[0]?.now as Date
  await must(editor, 'POST', `/v1/articles/${article.id}/unpublish`, { reason: 'zqreason' })
  await sweep(db)
  const readers = [reader, await as('read'), await as('content:write')]
  for (const call of readers) {
    for (const [path, kind] of [...own, ...parts]) {
      const headers = { 'if-none-match': tags.get(path) ?? '' }
      for (const reply of [
        await call('GET', path),
        await call('GET', path, undefined, headers),
        await call('GET', path, undefined, { 'if-none-match': '*' }),
      ]) {
        t.match(reply, {
          status: 410,
          json: { code: 'gone', status: 410, gone: { kind, notice: null, since: SINCE } },
        })
        t.notMatch(reply.text, /zqreason|number \d|Named|Speaker/, path)
        const since = Date.parse(reply.json.gone.since)
        t.ok(since >= started.getTime() - 1 && since <= started.getTime() + 5000, path)
      }
    }
  }
  const [path = ''] = own[0] ?? []
  const once = (await reader('GET', path)).json.gone.since
  await new Promise((resolve) => setTimeout(resolve, 1100))
  for (const [path] of parts) {
    const before = (await reader('GET', path)).json.gone.since
    await sweep(db)
    t.equal((await reader('GET', path)).json.gone.since, before, 'since stays')
  }
  await patch(editor, `/v1/articles/${article.id}`, { summary: 'while it is away' })
  t.equal((await reader('GET', path)).json.gone.since, once)
})

t.test('a killed article tells its notice, and 451 when it was for legal reasons', async (t) => {
  for (const [legal, status, code] of [
    [false, 410, 'gone'],
    [true, 451, 'legally_removed'],
  ] as const) {
    const { article, own, parts } = await tell()
    const etag = (await reader('GET', `/v1/articles/${article.id}`)).headers.etag ?? ''
    await must(editor, 'POST', `/v1/articles/${article.id}/kill`, { ...KILL, legal })
    for (const [path, kind] of own) {
      for (const headers of [{}, { 'if-none-match': etag }]) {
        const reply = await reader('GET', path, undefined, headers)
        t.match(reply, {
          status,
          json: { code, detail: KILL.notice, gone: { kind, notice: KILL.notice, since: SINCE } },
        })
        t.notMatch(reply.text, /zqreason/)
      }
    }
    await sweep(db)
    for (const [path, kind] of parts) {
      t.match(
        await reader('GET', path),
        { status: 410, json: { gone: { kind, notice: null } } },
        path,
      )
    }
    await must(editor, 'POST', `/v1/articles/${article.id}/revive`)
    for (const [path] of own) {
      const reply = await reader('GET', path)
      t.match(reply, { status, json: { gone: { notice: KILL.notice } } }, 'until it is back')
    }
    await publish(editor, article.id)
    for (const [path] of [...own, ...parts]) t.equal((await reader('GET', path)).status, 200, path)
    await must(editor, 'POST', `/v1/articles/${article.id}/unpublish`)
    for (const [path] of own)
      t.match(await reader('GET', path), { status: 410, json: { gone: { notice: null } } })
  }
})

t.test('what a visible article no longer says is gone too', async (t) => {
  const { article, quote, parts, own } = await tell()
  await must(editor, 'DELETE', `/v1/quotes/${quote.id}`, undefined, any)
  await patch(editor, `/v1/articles/${article.id}`, { sources: [], categories: [] })
  for (const [path, kind] of parts) {
    t.match(
      await reader('GET', path),
      { status: 410, json: { gone: { kind, since: SINCE } } },
      path,
    )
  }
  for (const [path] of own) t.equal((await reader('GET', path)).status, 200)
})

t.test(
  'a source or category that is deleted after it was seen leaves its name behind',
  async (t) => {
    const { article, named, section } = await tell()
    await patch(editor, `/v1/articles/${article.id}`, { sources: [], categories: [] })
    for (const [kind, { id, slug }] of [
      ['sources', named],
      ['categories', section],
    ] as const) {
      await must(editor, 'DELETE', `/v1/${kind}/${id}`, undefined, any)
      t.equal((await reader('GET', `/v1/${kind}/${id}`)).status, 410, `${kind} by id`)
      t.equal((await reader('GET', `/v1/${kind}/${slug}`)).status, 410, `${kind} by slug`)
      t.equal((await editor('GET', `/v1/${kind}/${id}`)).status, 404)
    }
  },
)

t.test('what only time showed and hid is gone as well, whether or not a job ran', async (t) => {
  for (const swept of [true, false]) {
    const { article, own, parts } = await tell({ at: inSeconds(3600), expiresAt: inSeconds(7200) })
    for (const [path] of [...own, ...parts]) t.equal((await reader('GET', path)).status, 404, path)
    await sql("update articles set publish_at = now() - interval '1 ms' where id = $1", [
      article.id,
    ])
    for (const [path] of [...own, ...parts]) t.equal((await reader('GET', path)).status, 200, path)
    if (swept) await sweep(db)
    await must(editor, 'POST', `/v1/articles/${article.id}/unpublish`)
    if (swept) await sweep(db)
    for (const [path] of [...own, ...parts]) {
      t.equal((await reader('GET', path)).status, 410, `${path} ${swept ? 'swept' : 'not swept'}`)
    }
  }
})

t.test('an expired article is gone since it expired, also once it is taken back', async (t) => {
  const { article, own, parts } = await tell({ expiresAt: inSeconds(3600) })
  const [row] = await sql(
    `update articles set publish_at = now() - interval '2 h', expires_at = date_trunc('milliseconds', now() - interval '1 h')
     where id = $1 returning expires_at::text as expires`,
    [article.id],
  )
  const since = new Date(String(row?.expires)).toISOString()
  const told = async () => {
    for (const [path] of own) {
      t.match(await reader('GET', path), { status: 410, json: { gone: { notice: null, since } } })
    }
  }
  await told()
  await sweep(db)
  await told()
  for (const [path] of parts) t.equal((await reader('GET', path)).status, 410)
  await must(editor, 'POST', `/v1/articles/${article.id}/unpublish`)
  await told()
})

t.test('what was never visible is 404 for ever', async (t) => {
  const { id, slug } = await draft(editor, { headline: 'Never seen' })
  const paths = [`/v1/articles/${id}`, `/v1/articles/${slug}`]
  const all404 = async (state: string) => {
    await sweep(db)
    for (const path of paths) {
      const reply = await reader('GET', path)
      t.match(reply, { status: 404, json: { code: 'not_found' } }, state)
      t.notOk('gone' in reply.json)
    }
  }
  await all404('draft')
  await publish(editor, id, { at: inSeconds(3600) })
  await all404('scheduled')
  await must(editor, 'POST', `/v1/articles/${id}/kill`, { ...KILL, legal: true })
  await all404('killed')
  await must(editor, 'DELETE', `/v1/articles/${id}`, undefined, any)
  await all404('deleted')
})

t.test('to an editor nothing is gone', async (t) => {
  const { article, own, parts } = await tell()
  await must(editor, 'POST', `/v1/articles/${article.id}/kill`, { ...KILL, legal: true })
  const drafts = await as('drafts:read')
  for (const [path] of [...own, ...parts]) t.equal((await drafts('GET', path)).status, 200, path)
})

t.test('a verb that waits for a lock knows what became visible meanwhile', async (t) => {
  const { id } = await draft(editor)
  await publish(editor, id, { at: inSeconds(1) })
  const hold = sql(
    'select pg_sleep(2.5) from (select id from articles where id = $1 for update) x',
    [id],
  )
  await new Promise((resolve) => setTimeout(resolve, 100))
  const [unpublished] = await Promise.all([
    must(editor, 'POST', `/v1/articles/${id}/unpublish`),
    (async () => {
      await new Promise((resolve) => setTimeout(resolve, 1500))
      t.equal((await reader('GET', `/v1/articles/${id}`)).status, 200, 'seen while it waits')
    })(),
    hold,
  ])
  t.equal(unpublished.json.status, 'unpublished')
  t.equal((await reader('GET', `/v1/articles/${id}`)).status, 410)
  t.equal((await editor('DELETE', `/v1/articles/${id}`, undefined, any)).status, 409)
})

t.test('a category above is gone when what it was seen through moves away', async (t) => {
  const above = (await must(editor, 'POST', '/v1/categories', { name: 'Zq above' })).json
  const desk = (await must(editor, 'POST', '/v1/categories', { name: 'Zq desk' })).json
  await story(editor, { categories: [desk.id] })
  const status = async () => (await reader('GET', `/v1/categories/${above.id}`)).status
  t.equal(await status(), 404)
  await patch(editor, `/v1/categories/${desk.id}`, { parent: above.id })
  t.equal(await status(), 200)
  await patch(editor, `/v1/categories/${desk.id}`, { parent: null })
  t.equal(await status(), 410)
})

t.test('a slug that readers never saw it under leads nobody anywhere', async (t) => {
  const { id, slug } = await draft(editor, { headline: 'Zq working title' })
  const path = (name: string) => `/v1/articles/${name}`
  await patch(editor, path(id), { slug: 'zq-published-title' })
  await publish(editor, id)
  t.equal((await reader('GET', path(slug))).status, 404)
  t.equal((await editor('GET', path(slug))).status, 301)
  await patch(editor, path(id), { slug: 'zq-second-title' })
  t.match(await reader('GET', path('zq-published-title')), {
    status: 301,
    headers: { location: /zq-second-title/ },
  })
  await must(editor, 'POST', `${path(id)}/unpublish`)
  await patch(editor, path(id), { slug: 'zq-hidden-title' })
  await patch(editor, path(id), { slug: 'zq-last-title' })
  const statuses = async () =>
    Promise.all(
      [slug, 'zq-published-title', 'zq-second-title', 'zq-hidden-title', 'zq-last-title'].map(
        async (name) => (await reader('GET', path(name))).status,
      ),
    )
  t.same(await statuses(), [404, 410, 410, 404, 404])
  await publish(editor, id)
  t.same(await statuses(), [404, 301, 301, 404, 200])
})
