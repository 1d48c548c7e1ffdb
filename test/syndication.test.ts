import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { OPERATOR } from '../src/actor.ts'
import { sweep } from '../src/changes/sweep.ts'
import { importFile } from '../src/intake/files.ts'
import { FORMATS } from '../src/syndication/formats.ts'
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
import { type Element, elements, readFeed, strictXml, textIn } from './feed-readers.ts'
import { htmlParts } from './format-checks.ts'
import { type Call, newsroom } from './newsroom.ts'
import { plansOf } from './plans.ts'

/* Feeds, sitemaps and formats over HTTP: addresses, parameters, pages, what is gone, caches. */

const HUB = 'https://hub.example/'
const ARTICLE_URL = 'https://paper.example/{category}/{slug}'
const FEEDS = ['rss', 'atom', 'json'] as const
const ITEMS = ['ninjs', 'jsonld', 'html', 'md', 'txt'] as const
const KILL = { reason: 'zqreason', notice: 'Withdrawn by the editors.' }

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Made = any

/** The ids of a feed's entries in its order, whatever its format; those that tell of a kill too. */
function idsIn(text: string): string[] {
  const { format, feed } = readFeed(text)
  const entries: Made[] = (format === 'atom' ? feed.entries : feed.items) ?? []
  return entries.map(({ id, guid }) => String(guid?.value ?? id).replace('urn:uuid:', ''))
}

/** The ids of what a feed says is gone, and the notices. */
function goneIn(text: string): [string, string | undefined][] {
  if (text.startsWith('{')) {
    const { removed } = JSON.parse(text)._dateline
    return removed.map((one: Made) => [one.id.replace('urn:uuid:', ''), one.notice ?? undefined])
  }
  return elements(strictXml(text), 'at:deleted-entry').map((one) => [
    String(one.attributes.ref).replace('urn:uuid:', ''),
    textIn(one, 'at:comment'),
  ])
}

/** Where a feed says that its next page is. */
function nextIn(text: string): string | undefined {
  if (text.startsWith('{')) return JSON.parse(text).next_url
  const root = strictXml(text)
  const links = [...elements(root, 'link'), ...elements(root, 'atom:link')]
  return links.find(({ attributes }) => attributes.rel === 'next')?.attributes.href
}

const pathOf = (url: string) => url.replace(/^https?:\/\/[^/]+/, '')

async function tell(editor: Call, input: object = {}, publication: object = {}) {
  const { id, slug } = await story(editor, input, publication)
  return { id, slug } as { id: string; slug: string }
}

t.test('every format has a row in docs/formats.md', async (t) => {
  const { readFile } = await import('node:fs/promises')
  const page = await readFile(new URL('../docs/formats.md', import.meta.url), 'utf8')
  for (const format of FORMATS) t.ok(page.includes(`\`${format}\``), format)
})

t.test('feeds list what the list lists, in every format, page by page', async (t) => {
  const room = await newsroom(t, { seeded: true, settings: { ARTICLE_URL } })
  const { reader } = room
  for (const query of [
    '',
    'category=harbour',
    'category=-harbour&language=en',
    'speaker=delphine-orrock',
    'source=marlhythe-harbour-trust&sort=-updatedAt',
    'q=ferry+or+wall',
    'publishedAfter=2026-04-01T00:00:00Z&publishedBefore=2026-06-01T00:00:00Z',
  ]) {
    const listed: string[] = []
    let page = await get(reader, `/v1/articles?${query}&limit=7&fields=slug`.replace('?&', '?'))
    for (;;) {
      listed.push(...page.data.map(({ id }: Made) => id))
      if (page.page.next === null) break
      page = await get(
        reader,
        `/v1/articles?${query}&limit=7&fields=slug&cursor=${page.page.next}`.replace('?&', '?'),
      )
    }
    t.ok(listed.length > 0, `${query} finds some`)
    for (const suffix of FEEDS) {
      const found: string[] = []
      let url: string | undefined = `/feeds/latest.${suffix}?${query}&limit=4`.replace('?&', '?')
      let pages = 0
      while (url !== undefined && pages++ < 50) {
        const reply = await must(reader, 'GET', url)
        found.push(...idsIn(reply.text))
        const next = nextIn(reply.text)
        const header = /<([^>]*)>; rel="next"/.exec(reply.headers.link ?? '')?.[1]
        t.equal(header, next, 'the header says the same')
        url = next && pathOf(next)
      }
      t.same(found, listed, `${suffix} ${query}`)
    }
  }
  const quotes = await get(reader, '/v1/quotes?speaker=delphine-orrock&limit=100')
  for (const suffix of FEEDS) {
    const { text } = await must(reader, 'GET', `/feeds/quotes/delphine-orrock.${suffix}?limit=100`)
    t.same(
      idsIn(text),
      quotes.data.map(({ id }: Made) => id),
      suffix,
    )
    t.notOk(text.includes('canary'), suffix)
    const { text: below } = await must(
      reader,
      'GET',
      `/feeds/categories/harbour.${suffix}?limit=100`,
    )
    const inside = await get(reader, '/v1/articles?category=harbour&limit=100&fields=slug')
    t.same(
      idsIn(below),
      inside.data.map(({ id }: Made) => id),
      `harbour.${suffix}`,
    )
  }
})

t.test('a feed says whose it is, and where else it is', async (t) => {
  const settings = { ARTICLE_URL, WEBSUB_HUB: HUB, PUBLICATION_NAME: 'The Lantern' }
  const { reader } = await newsroom(t, { seeded: true, settings })
  const API = 'http://127.0.0.1:3000'
  const path = '/feeds/categories/harbour'
  for (const [suffix, type] of [
    ['rss', 'application/rss+xml'],
    ['atom', 'application/atom+xml'],
    ['json', 'application/feed+json'],
  ] as const) {
    const url = `${path}.${suffix}?language=en`
    const { text, headers } = await must(reader, 'GET', url)
    t.equal(headers['content-type'], `${type}; charset=utf-8`)
    t.match(headers.link, `<${API}${url}>; rel="self"; type="${type}"`)
    t.match(headers.link, `<${HUB}>; rel="hub"`)
    const { feed } = readFeed(text)
    t.equal(feed.title.value ?? feed.title, 'The Lantern: Harbour')
    if (suffix === 'json') {
      t.match(JSON.parse(text), {
        version: 'https://jsonfeed.org/version/1.1',
        feed_url: API + url,
        home_page_url: 'https://paper.example/',
        language: 'en',
        hubs: [{ type: 'WebSub', url: HUB }],
      })
    } else {
      const links = suffix === 'rss' ? feed.atom.links : feed.links
      t.has(links, [
        { rel: 'self', href: API + url, type },
        { rel: 'hub', href: HUB },
      ])
    }
  }
  const list = await must(
    reader,
    'GET',
    '/v1/articles?category=harbour&limit=1&fields=slug&q=ferry',
  )
  t.match(
    list.headers.link,
    `<${API}/feeds/latest.rss?category=harbour&q=ferry>; rel="alternate"; type="application/rss+xml"`,
  )
  t.match(list.headers.link, /rel="next"/)
  const item = await must(reader, 'GET', '/v1/articles/council-adopts-sea-wall-levy')
  for (const suffix of ITEMS) {
    t.match(item.headers.link, `<${API}/v1/articles/council-adopts-sea-wall-levy.${suffix}>`)
  }
  const found = [
    ...String(item.headers.link).matchAll(/<([^>]*)>; rel="alternate"; type="([^"]*)"/g),
  ]
  t.equal(found.length, 5)
  for (const [, url = '', type = ''] of found) {
    const reply = await must(reader, 'GET', pathOf(url))
    t.match(reply.headers['content-type'], type, url)
  }
  for (const [path, feed] of [
    ['/v1/categories/harbour', '/feeds/categories/harbour.json'],
    ['/v1/sources/delphine-orrock', '/feeds/quotes/delphine-orrock.json'],
  ] as const) {
    t.match((await must(reader, 'GET', path)).headers.link, `<${API}${feed}>; rel="alternate"`)
    await must(reader, 'GET', feed)
  }
  t.notMatch((await reader('GET', '/v1/articles/nothing')).headers.link, /./)
  const page = await must(reader, 'GET', '/v1/articles/council-adopts-sea-wall-levy.html')
  const links = [...page.text.matchAll(/<link rel="alternate" type="([^"]*)" href="([^"]*)"/g)]
  t.equal(links.length, 4 + 6)
  for (const [, type = '', url = ''] of links) {
    t.match((await must(reader, 'GET', pathOf(url))).headers['content-type'], type, url)
  }
})

t.test('nothing is ignored, and what is not there says what is', async (t) => {
  const { reader } = await newsroom(t, { seeded: true })
  for (const [path, parameter] of [
    ['/feeds/latest.rss?limt=1', 'limt'],
    ['/feeds/latest.atom?fields=headline', 'fields'],
    ['/feeds/latest.json?sort=headline', 'sort'],
    ['/feeds/latest.json?limit=0', 'limit'],
    ['/feeds/latest.rss?category=nothing', 'category'],
    ['/feeds/latest.rss?status=draft', 'status'],
    ['/feeds/latest.rss?cursor=x', 'cursor'],
    ['/feeds/latest.rss?q=a&q=b', 'q'],
    [
      '/feeds/latest.rss?publishedAfter=2026-02-01T00:00:00Z&publishedBefore=2026-01-01T00:00:00Z',
      'publishedBefore',
    ],
    ['/feeds/categories/harbour.rss?category=town', 'category'],
    ['/feeds/quotes/delphine-orrock.rss?speaker=x', 'speaker'],
    ['/feeds/quotes/delphine-orrock.rss?state=suggested', 'state'],
    ['/sitemaps/news.xml?limit=5', 'limit'],
    ['/sitemaps/index.xml?cursor=x', 'cursor'],
    ['/v1/articles/council-adopts-sea-wall-levy.html?fields=headline', 'fields'],
  ] as const) {
    const reply = await reader('GET', path)
    t.match(reply, { status: 400, json: { errors: [{ parameter }] } }, path)
  }
  for (const [path, names] of [
    ['/feeds/latest.xml', 'rss, atom, json'],
    ['/feeds/categories/harbour.html', 'rss, atom, json'],
    ['/feeds/quotes/delphine-orrock.', 'rss, atom, json'],
    ['/feeds/quotes/delphine-orrock.constructor', 'rss, atom, json'],
    ['/v1/articles/council-adopts-sea-wall-levy.pdf', 'ninjs, jsonld, html, md, txt'],
    ['/v1/articles/council-adopts-sea-wall-levy.rss', 'ninjs, jsonld, html, md, txt'],
    ['/v1/articles/a.b.c', 'ninjs, jsonld, html, md, txt'],
  ] as const) {
    const reply = await reader('GET', path)
    t.match(reply, { status: 404, json: { code: 'not_found' } }, path)
    t.match(reply.json.detail, names, path)
  }
  const near = await reader('GET', '/v1/articles/council-adopts-sea-wall-levy.htm')
  t.match(near.json.detail, 'did you mean html?')
  for (const path of ['/feeds/latest.rss', '/sitemaps/news.xml', '/v1/articles/x.md']) {
    t.match(await reader('POST', path, {}), { status: 405, headers: { allow: 'GET, HEAD' } }, path)
  }
  for (const path of ['/feeds', '/feeds/latest', '/feeds/categories/harbour', '/sitemaps']) {
    t.match(await reader('GET', path), { status: 404, headers: { vary: /Authorization/ } }, path)
  }
})

t.test('addresses of before lead on, with their ending and query', async (t) => {
  const { editor, reader } = await newsroom(t)
  const desk = await category(editor, { name: 'Desk' })
  const who = await source(editor, { name: 'Who' })
  const { id, slug } = await tell(editor, {
    categories: [desk.id],
    quotes: [{ text: 'The 7.40 boat left at eight', speaker: who.id }],
  })
  await patch(editor, `/v1/articles/${id}`, { slug: 'new-story' })
  await patch(editor, `/v1/categories/${desk.id}`, { slug: 'new-desk' })
  await patch(editor, `/v1/sources/${who.id}`, { slug: 'new-who' })
  for (const [path, location] of [
    ...ITEMS.map((suffix) => [
      `/v1/articles/${slug}.${suffix}`,
      `/v1/articles/new-story.${suffix}`,
    ]),
    [`/feeds/categories/${desk.slug}.atom?limit=1`, '/feeds/categories/new-desk.atom?limit=1'],
    [`/feeds/quotes/${who.slug}.json`, '/feeds/quotes/new-who.json'],
  ] as [string, string][]) {
    t.match(await reader('GET', path), { status: 301, headers: { location } }, path)
    t.equal((await reader('GET', location)).status, 200, location)
  }
  for (const suffix of ITEMS)
    t.equal((await reader('GET', `/v1/articles/${id}.${suffix}`)).status, 200)
  t.equal((await reader('GET', `/feeds/categories/${desk.id}.rss`)).status, 200)
})

t.test('they are read like everything else', async (t) => {
  const room = await newsroom(t, { seeded: true })
  const { reader, as } = room
  const drafts = await get(room.editor, '/v1/articles?status=draft,scheduled,embargoed&limit=100')
  t.ok(drafts.data.length > 2)
  const paths = [
    '/feeds/latest.rss?limit=3',
    '/feeds/quotes/delphine-orrock.json?limit=3',
    '/feeds/categories/harbour.atom?limit=3',
    '/sitemaps/news.xml',
    '/sitemaps/index.xml',
    ...ITEMS.map((suffix) => `/v1/articles/council-adopts-sea-wall-levy.${suffix}`),
  ]
  for (const path of paths) {
    const first = await reader('GET', path)
    t.match(first, {
      status: 200,
      headers: {
        vary: 'Accept-Encoding, Authorization',
        'cache-control': /^public, max-age=0, s-maxage=\d+, must-revalidate$/,
        'surrogate-key': /\ball$/,
        'cache-groups': /"all"$/,
        etag: /^"/,
        'x-content-type-options': 'nosniff',
      },
    })
    const etag = { 'if-none-match': String(first.headers.etag) }
    t.match(await reader('GET', path, undefined, etag), { status: 304, text: '' }, path)
    const head = await room.app.inject({ method: 'HEAD', url: path })
    t.match(head, { statusCode: 200, body: '', headers: { etag: first.headers.etag } }, path)
    const packed = await room.app.inject({ url: path, headers: { 'accept-encoding': 'gzip' } })
    if (first.text.length > 2000) t.equal(packed.headers['content-encoding'], 'gzip', path)
    const key = await as('read')
    t.match(await key('GET', path), {
      status: 200,
      headers: { vary: 'Authorization', 'cache-control': 'private, no-cache' },
    })
    t.equal((await key('GET', path, undefined, etag)).status, 304, path)
    t.equal((await reader('GET', path, undefined, { authorization: 'Bearer x' })).status, 401, path)
    const seen = await room.editor('GET', path)
    t.match(seen, { status: 200, headers: { 'cache-control': 'no-store' } }, path)
    t.equal(seen.text, first.text, 'an editor is shown no more')
  }
  for (const { slug, id } of drafts.data) {
    for (const suffix of ITEMS) {
      for (const call of [reader, room.editor]) {
        t.equal((await call('GET', `/v1/articles/${slug}.${suffix}`)).status, 404, slug)
      }
    }
    t.notOk((await must(room.editor, 'GET', '/feeds/latest.atom?limit=100')).text.includes(id))
  }
  const page = await must(reader, 'GET', '/v1/articles/council-adopts-sea-wall-levy.html')
  t.match(page.headers['content-security-policy'], /^default-src 'none'; .*style-src 'sha256-/)

  const closed = await newsroom(t, { settings: { PUBLIC_READ: 'false' } })
  const { slug } = await tell(closed.editor)
  const made = await must(closed.editor, 'POST', '/v1/keys', { name: 'reader', scopes: ['read'] })
  const basic = `Basic ${Buffer.from(`feed:${made.json.key}`).toString('base64')}`
  for (const path of ['/feeds/latest.rss', '/sitemaps/news.xml', `/v1/articles/${slug}.html`]) {
    t.equal((await closed.reader('GET', path)).status, 401, path)
    const reply = await closed.reader('GET', path, undefined, { authorization: basic })
    t.equal(reply.status, 200, `${path} with HTTP Basic`)
  }
})

t.test('a kill shows in every format', async (t) => {
  const room = await newsroom(t, { settings: { ARTICLE_URL } })
  const { editor, reader } = room
  const desk = await category(editor, { name: 'Desk' })
  const who = await source(editor, { name: 'Who' })
  const input = (n: number) => ({
    headline: `Story ${n}`,
    body: { markdown: `“It was number ${n},” she said.` },
    categories: [desk.id],
    quotes: [{ text: `It was number ${n}`, speaker: who.id }],
  })
  const kept = await tell(editor, input(1))
  const killed = await tell(editor, input(2))
  const legal = await tell(editor, input(3))
  const quotesOf = async (id: string) =>
    (await get(editor, `/v1/articles/${id}?include=quotes`)).quotes.map(({ id }: Made) => id)
  const said = await quotesOf(killed.id)
  const before = new Map<string, string>()
  const feeds = FEEDS.flatMap((suffix) => [
    `/feeds/latest.${suffix}`,
    `/feeds/categories/${desk.slug}.${suffix}`,
    `/feeds/quotes/${who.slug}.${suffix}`,
  ])
  const items = (slug: string) => ITEMS.map((suffix) => `/v1/articles/${slug}.${suffix}`)
  for (const path of [...feeds, ...items(killed.slug), ...items(legal.slug)]) {
    before.set(path, String((await must(reader, 'GET', path)).headers.etag))
  }
  t.match((await must(reader, 'GET', '/sitemaps/news.xml')).text, 'Story 2')
  await must(editor, 'POST', `/v1/articles/${killed.id}/kill`, KILL)
  await must(editor, 'POST', `/v1/articles/${legal.id}/kill`, { ...KILL, legal: true })

  for (const suffix of FEEDS) {
    for (const feed of ['latest', `categories/${desk.slug}`]) {
      const path = `/feeds/${feed}.${suffix}`
      const etag = { 'if-none-match': before.get(path) ?? '' }
      const { text, status } = await reader('GET', path, undefined, etag)
      t.equal(status, 200, `${path} is another one`)
      t.same(
        goneIn(text),
        [
          [legal.id, KILL.notice],
          [killed.id, KILL.notice],
        ],
        path,
      )
      t.notMatch(text, /zqreason|Story [23]/, path)
      const told = suffix !== 'atom' && feed === 'latest' ? [legal.id, killed.id] : []
      t.same(idsIn(text), [...told, kept.id], path)
    }
    const { text } = await must(reader, 'GET', `/feeds/quotes/${who.slug}.${suffix}`)
    t.ok(
      goneIn(text).some(([id]) => id === said[0]),
      `its quote is gone from ${suffix}`,
    )
    t.notMatch(text, /number [23]/)
  }
  const [item] = elements(strictXml((await must(reader, 'GET', '/feeds/latest.rss')).text), 'item')
  t.match(
    [textIn(item as Element, 'title'), textIn(item as Element, 'description')],
    ['Withdrawn', KILL.notice],
  )
  for (const [{ slug }, status] of [
    [killed, 410],
    [legal, 451],
  ] as const) {
    for (const path of items(slug)) {
      for (const headers of [{}, { 'if-none-match': before.get(path) ?? '' }]) {
        t.match(
          await reader('GET', path, undefined, headers),
          { status, json: { gone: { kind: 'article', notice: KILL.notice } } },
          path,
        )
      }
    }
  }
  t.notMatch((await must(reader, 'GET', '/sitemaps/news.xml')).text, /Story [23]/)
  const filtered = await must(reader, 'GET', '/feeds/latest.rss?language=en')
  t.same(idsIn(filtered.text), [kept.id], 'no notices among what was chosen')

  await must(editor, 'POST', `/v1/articles/${killed.id}/revive`)
  t.same(
    goneIn((await must(reader, 'GET', '/feeds/latest.atom')).text).length,
    2,
    'until it is back',
  )
  await publish(editor, killed.id)
  const back = (await must(reader, 'GET', '/feeds/latest.atom')).text
  t.same(goneIn(back), [[legal.id, KILL.notice]])
  t.ok(idsIn(back).includes(killed.id))
  t.notOk(
    goneIn((await must(reader, 'GET', `/feeds/quotes/${who.slug}.atom`)).text).some(
      ([id]) => id === said[0],
    ),
  )
})

t.test(
  'whatever takes an article away leaves a tombstone, and the latest come first',
  async (t) => {
    const room = await newsroom(t)
    const { editor, reader, sql, db } = room
    const gone = async () =>
      goneIn((await must(reader, 'GET', '/feeds/latest.atom')).text).map(([id]) => id)
    const taken = await tell(editor)
    await must(editor, 'POST', `/v1/articles/${taken.id}/unpublish`)
    const held = await tell(editor)
    await publish(editor, held.id, { embargoUntil: inSeconds(3600) })
    const expired = await tell(editor, {}, { expiresAt: inSeconds(3600) })
    await sql(
      `update articles set publish_at = now() - interval '2 h', expires_at = now() - interval '1 h' where id = $1`,
      [expired.id],
    )
    const never = await draft(editor)
    await must(editor, 'POST', `/v1/articles/${never.id}/kill`, KILL)
    t.same(await gone(), [held.id, taken.id, expired.id], 'not swept')
    await sweep(db)
    await sql('select 1')
    t.same(await gone(), [held.id, taken.id, expired.id], 'swept')
    const all = await sql(
      `select resource_id from reader.gone where kind = 'article' order by since desc`,
    )
    t.same(
      await gone(),
      all.map((row) => row.resource_id),
      'those of the view that answers for one',
    )
    const page2 = (await must(reader, 'GET', '/feeds/latest.atom?limit=1')).text
    t.equal(goneIn(page2).length, 3)

    await sql(`insert into articles (id, slug, status, headline, language, body, publish_at, published_at,
      first_visible_at, gone_at, announced, created_at, updated_at, notice)
    select gen_random_uuid(), 'bulk-' || n, case when n % 2 = 0 then 'unpublished' else 'killed' end, 'h', 'en', '[{}]',
      now(), now(), now(), now() + n * interval '1 s', false, now(), now(), 'Gone ' || n
    from generate_series(1, 2000) n`)
    await sql('analyze articles')
    const notices = goneIn((await must(reader, 'GET', '/feeds/latest.atom')).text).map(([, n]) => n)
    t.same(
      notices,
      Array.from({ length: 100 }, (_, i) => `Gone ${2000 - i}`),
    )
    const plans = await plansOf(room)
    room.app.delivery.store.drop(new Set(['all']))
    const nodes = await plans('/feeds/latest.json?limit=2')
    const read = nodes.filter((node) => node['Index Name'] === 'articles_withdrawn_idx')
    t.ok(
      read.length > 0 && read.every((node) => Number(node['Actual Rows']) <= 100),
      'from its index',
    )
  },
)

t.test('a correction shows in every format', async (t) => {
  const { editor, reader } = await newsroom(t)
  const { id, slug } = await tell(editor, { headline: 'Six boats lost' })
  const paths = [
    ...FEEDS.map((suffix) => `/feeds/latest.${suffix}`),
    '/sitemaps/news.xml',
    ...ITEMS.map((suffix) => `/v1/articles/${slug}.${suffix}`),
  ]
  const before = new Map<string, string>()
  for (const path of paths) before.set(path, (await must(reader, 'GET', path)).text)
  const text = 'An earlier version had <six> boats & more.'
  await must(
    editor,
    'POST',
    `/v1/articles/${id}/corrections`,
    { kind: 'correction', text, changes: { headline: 'Seven boats lost' } },
    { 'if-match': '*' },
  )
  const { updatedAt } = await get(reader, `/v1/articles/${id}`)
  for (const path of paths) {
    const now = (await must(reader, 'GET', path)).text
    t.not(now, before.get(path), path)
    t.match(now, 'Seven boats lost', path)
    if (path.endsWith('.xml')) {
      t.match(now, `<lastmod>${updatedAt}</lastmod>`)
      continue
    }
    const said =
      path.endsWith('.rss') || path.endsWith('.atom') ? htmlParts(htmlParts(now).text).text : now
    const plain = path.endsWith('json') || path.endsWith('.html') ? htmlParts(said).text : said
    t.ok(
      plain.includes(text) || said.includes(text) || plain.replaceAll('\\', '').includes(text),
      path,
    )
  }
  const item = JSON.parse((await must(reader, 'GET', `/v1/articles/${slug}.jsonld`)).text)
  t.match(item.correction, [{ '@type': 'CorrectionComment', text }])
  await must(
    editor,
    'POST',
    `/v1/articles/${id}/corrections`,
    { kind: 'retraction', text: 'None of it happened.' },
    { 'if-match': '*' },
  )
  const again = JSON.parse((await must(reader, 'GET', `/v1/articles/${slug}.jsonld`)).text)
  t.equal(again.creativeWorkStatus, 'Retracted')
})

t.test('a sitemap holds two days, to the second, in files of a thousand', async (t) => {
  const room = await newsroom(t, { settings: { ARTICLE_URL } })
  const { editor, reader, sql } = room
  const titles = async (path = '/sitemaps/news.xml') =>
    elements(strictXml((await must(reader, 'GET', path)).text), 'news:title').map(
      ({ text }) => text,
    )
  const ago = (seconds: number) => ({ publishedAt: inSeconds(-seconds) })
  const DAYS = 2 * 86_400
  await tell(editor, { headline: 'Old' }, ago(DAYS + 60))
  await tell(editor, { headline: 'Nearly old' }, ago(DAYS - 3))
  const harbour = await category(editor, { name: 'Harbour' })
  const zh = { headline: 'New', language: 'zh-Hant', categories: [harbour.id] }
  await tell(editor, { ...zh, leadImage: { url: 'https://img.example/a.jpg' } }, ago(60))
  t.same(await titles(), ['New', 'Nearly old'])
  const reply = await must(reader, 'GET', '/sitemaps/news.xml')
  t.match(reply.headers['cache-control'], /s-maxage=[0-3],/)
  const [url] = elements(strictXml(reply.text), 'url') as [Element]
  t.equal(textIn(url, 'loc'), 'https://paper.example/harbour/new')
  t.same(
    ['news:name', 'news:language', 'image:loc'].map((name) => elements(url, name)[0]?.text),
    ['Dateline', 'zh-tw', 'https://img.example/a.jpg'],
  )
  t.ok(room.app.delivery.store.find('/sitemaps/news.xml'), 'it is kept')
  await new Promise((resolve) => setTimeout(resolve, 3500))
  t.notOk(room.app.delivery.store.find('/sitemaps/news.xml'), 'until it is another one')
  t.same(await titles(), ['New'])
  t.same(await titles('/sitemaps/news.xml?category=-harbour'), [])

  // In one second, so that files are cut among equals.
  await sql(`insert into articles (id, slug, status, headline, language, body, publish_at, published_at,
      announced, created_at, updated_at)
    select gen_random_uuid(), 'bulk-' || n, 'published', 'Bulk ' || n, 'en', '[{}]', now(),
      date_trunc('second', now() - interval '1 h'), true, now(), now()
    from generate_series(1, 2345) n`)
  const index = strictXml((await must(reader, 'GET', '/sitemaps/index.xml')).text)
  const files = elements(index, 'loc').map(({ text }) => pathOf(text))
  t.equal(files.length, 3)
  t.equal(files[0], '/sitemaps/news.xml')
  t.ok(elements(index, 'lastmod').every(({ text }) => Date.parse(text) > Date.now() - 60_000))
  const found = []
  for (const file of files) {
    const some = await titles(file)
    t.ok(some.length <= 1000, `${file} has ${some.length}`)
    found.push(...some)
  }
  t.equal(found.length, 2346)
  t.equal(new Set(found).size, 2346)
  const english = strictXml((await must(reader, 'GET', '/sitemaps/index.xml?language=zh')).text)
  t.same(
    elements(english, 'loc').map(({ text }) => pathOf(text)),
    ['/sitemaps/news.xml?language=zh'],
  )
})

/** An article as another newsroom has it: without what each gives for itself. */
function essence({ body, quotes, sources, categories, ...article }: Made) {
  const { headline, summary, byline, language, leadImage, publishedAt, slug } = article
  return {
    ...{ headline, summary, byline, language, leadImage, publishedAt, slug },
    text: body.text,
    html: body.html,
    quotes: quotes.map(
      ({ text, kind, speaker, saidAt, occasion, cue, original, state, spans }: Made) => {
        return { text, kind, speaker: speaker?.slug, saidAt, occasion, cue, original, state, spans }
      },
    ),
    sources: sources.map(({ slug, kind, name, title, url, role, note, description }: Made) => {
      return { slug, kind, name, title, url, role, note, description }
    }),
    categories: categories.map(({ slug }: Made) => slug),
  }
}

t.test('Markdown goes from one newsroom into another', async (t) => {
  const from = await newsroom(t, { seeded: true })
  const into = await newsroom(t)
  const folder = await mkdtemp(join(tmpdir(), 'dateline-md-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const all = 'body=html,text&include=categories,sources,quotes'
  const list = await get(from.reader, `/v1/articles?limit=100&${all}`)
  t.ok(list.data.length > 20)
  for (const article of list.data) {
    const { text } = await must(from.reader, 'GET', `/v1/articles/${article.slug}.md`)
    const file = join(folder, `${article.slug}.md`)
    await writeFile(file, text)
    const options = { publish: true, confirmQuotes: false, dryRun: false }
    const result = await importFile(into.db, OPERATOR, file, options)
    if ('fault' in result) t.fail(`${article.slug}: ${result.fault.message}`)
    const there = await get(into.editor, `/v1/articles/${article.slug}?${all}`)
    t.equal(there.origin.id, `urn:uuid:${article.id}`)
    const [a, b] = [essence(article), essence(there)]
    // Who is quoted is a source of the copy.
    const listed = new Set(a.sources.map(({ slug }: Made) => slug))
    b.sources = b.sources.filter(({ slug }: Made) => listed.has(slug))
    t.same(b, a, article.slug)
    const again = await importFile(into.db, OPERATOR, file, options)
    t.match(again, { taken: { outcome: /unchanged|same|kept/ } }, 'the same again changes nothing')
  }
})

t.test('what a feed shows and does not makes it another one at once', async (t: Test) => {
  const room = await newsroom(t, { settings: { ARTICLE_URL } })
  const { editor, reader } = room
  const desk = await category(editor, { name: 'Desk' })
  const other = await category(editor, { name: 'Other' })
  const who = await source(editor, { name: 'Who' })
  const { id, slug } = await tell(editor, {
    categories: [desk.id],
    quotes: [{ text: 'The 7.40 boat left at eight', speaker: who.id }],
  })
  await tell(editor, { headline: 'Elsewhere', categories: [other.id] })
  const paths = {
    latest: '/feeds/latest.rss',
    desk: `/feeds/categories/${desk.id}.atom`,
    other: `/feeds/categories/${other.id}.json`,
    who: `/feeds/quotes/${who.id}.rss`,
    sitemap: '/sitemaps/news.xml',
    index: '/sitemaps/index.xml',
    ninjs: `/v1/articles/${id}.ninjs`,
    page: `/v1/articles/${slug}.html`,
  }
  const { store } = room.app.delivery
  const dropped = async (change: () => Promise<unknown>) => {
    for (const path of Object.values(paths)) await must(reader, 'GET', path)
    const kept = Object.entries(paths).filter(([, path]) => store.find(path))
    t.equal(kept.length, Object.keys(paths).length, 'all are kept')
    await change()
    return kept.filter(([, path]) => !store.find(path)).map(([name]) => name)
  }
  const summary = async () => patch(editor, `/v1/articles/${id}`, { summary: 'So.' })
  t.same(await dropped(summary), ['latest', 'desk', 'who', 'sitemap', 'index', 'ninjs', 'page'])
  const renamed = () => patch(editor, `/v1/categories/${desk.id}`, { name: 'Desk two' })
  t.same(await dropped(renamed), ['latest', 'desk', 'who', 'ninjs', 'page'])
  const called = () => patch(editor, `/v1/sources/${who.id}`, { name: 'Who else' })
  t.same(await dropped(called), ['who', 'ninjs', 'page'], 'RSS and Atom have no speakers')
  const unseen = () => draft(editor, { headline: 'Nobody sees it', categories: [desk.id] })
  t.same(await dropped(unseen), [])
  const another = () => tell(editor, { headline: 'One more', categories: [other.id] })
  t.same(await dropped(another), ['latest', 'desk', 'other', 'sitemap', 'index'])
})
