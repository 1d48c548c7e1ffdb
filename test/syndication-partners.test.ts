import t from 'tap'
import { FORMATS } from '../src/syndication/formats.ts'
import {
  category,
  draft,
  get,
  inSeconds,
  must,
  partner,
  patch,
  publish,
  source,
  story,
  walk,
} from './factories.ts'
import { elements, strictXml } from './feed-readers.ts'
import { type Call, callerOf, newsroom } from './newsroom.ts'

/* What partners get of feeds, sitemaps and formats: what they are entitled to, and nothing else. */

const room = await newsroom(t)
const { editor, reader, app, sql } = room
const KILL = { reason: 'zqreason', notice: 'Withdrawn by the editors.' }

const harbour = await category(editor, { name: 'Harbour' })
const town = await category(editor, { name: 'Town' })
const quill = await source(editor, { name: 'Petra Quill', title: 'Harbour master' })

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Made = any

const bare = (urn: string) => urn.replace('urn:uuid:', '')
const feedOf = async (call: Call, path = '/feeds/latest.json') =>
  JSON.parse((await must(call, 'GET', path)).text)
const titlesOf = async (call: Call, path?: string) =>
  (await feedOf(call, path)).items.map(({ title }: Made) => title)
const removedOf = async (call: Call, path?: string): Promise<string[]> =>
  (await feedOf(call, path))._dateline.removed.map(({ id }: Made) => bare(id))

/** An address of each format. */
const addressesOf = (slug: string): Record<(typeof FORMATS)[number], string[]> => ({
  rss: ['/feeds/latest.rss', '/feeds/categories/harbour.rss', '/feeds/quotes/petra-quill.rss'],
  atom: ['/feeds/latest.atom', '/feeds/categories/harbour.atom', '/feeds/quotes/petra-quill.atom'],
  jsonfeed: ['/feeds/latest.json', '/feeds/categories/harbour.json'],
  sitemap: ['/sitemaps/news.xml', '/sitemaps/index.xml'],
  ninjs: [`/v1/articles/${slug}.ninjs`],
  jsonld: [`/v1/articles/${slug}.jsonld`],
  html: [`/v1/articles/${slug}.html`],
  markdown: [`/v1/articles/${slug}.md`],
  text: [`/v1/articles/${slug}.txt`],
})

const told = (headline: string, input: object = {}) =>
  story(editor, {
    headline,
    body: { markdown: `“It was ${headline}, I think,” she said.` },
    quotes: [{ text: `It was ${headline}, I think`, speaker: quill.id }],
    ...input,
  })

const quay = await told('On the quay', { categories: [harbour.id] })
await told('In town', { categories: [town.id] })
await told('Na vila', { categories: [town.id], language: 'pt-PT' })

t.test('an entitlement to some formats is to these and to JSON', async (t) => {
  const all = await partner(room)
  for (const format of FORMATS) {
    const { call, id } = await partner(room, { formats: [format] })
    for (const [other, paths] of Object.entries(addressesOf(quay.slug))) {
      for (const path of paths) {
        t.equal((await all.call('GET', path)).status, 200, `${path} of all formats`)
        const reply = await call('GET', path)
        if (other === format) {
          t.equal(reply.status, 200, `${path} of ${format}`)
          continue
        }
        t.match(reply, { status: 403, json: { code: 'forbidden' } }, `${path} of ${format}`)
        t.match(reply.json.detail, `the format ${other}; you may have JSON and ${format}.`)
        t.equal(reply.headers['cache-control'], 'no-store')
      }
    }
    for (const path of ['/v1/articles', `/v1/articles/${quay.slug}`, '/v1/changes']) {
      t.equal((await call('GET', path)).status, 200, `${path} of ${format}`)
    }
    // What is not there at all is no matter of entitlement, nor is what cannot be asked.
    t.equal((await call('GET', '/feeds/latest.xml')).status, 404)
    t.equal((await call('GET', '/feeds/latest.rss?limt=1')).status, 400)
    await patch(editor, `/v1/partners/${id}`, { formats: null })
    t.equal((await call('GET', '/sitemaps/news.xml')).status, 200, 'at once')
  }
  const both = await partner(room, { formats: ['atom', 'ninjs'] })
  const { json } = await both.call('GET', '/feeds/latest.rss')
  t.match(json.detail, 'you may have JSON and atom, ninjs.')
  t.equal((await reader('GET', '/feeds/latest.rss')).status, 200, 'nobody is restricted')
  // Feed readers can do nothing else.
  const basic = `Basic ${Buffer.from(`feed:${both.key}`).toString('base64')}`
  t.equal((await callerOf(app, basic)('GET', '/feeds/latest.atom')).status, 200)
})

t.test('they get the stories they may have', async (t) => {
  const { call } = await partner(room, {
    languages: ['en'],
    categories: { allowed: ['harbour', 'town'] },
  })
  t.same(await titlesOf(call), ['In town', 'On the quay'])
  t.same(await titlesOf(call, '/feeds/categories/town.json'), ['In town'])
  t.equal((await feedOf(call, '/feeds/quotes/petra-quill.json')).items.length, 2)
  const map = strictXml((await must(call, 'GET', '/sitemaps/news.xml')).text)
  t.same(
    elements(map, 'news:title').map(({ text }) => text),
    ['In town', 'On the quay'],
  )
  const index = strictXml((await must(call, 'GET', '/sitemaps/index.xml')).text)
  t.equal(elements(index, 'sitemap').length, 1)
  const narrow = await partner(room, { categories: { allowed: ['harbour'] } })
  t.same(await titlesOf(narrow.call), ['On the quay'])
  t.equal((await narrow.call('GET', '/feeds/categories/town.rss')).status, 404)
  t.equal((await narrow.call('GET', '/feeds/latest.rss?category=town')).status, 400)
  for (const suffix of ['ninjs', 'jsonld', 'html', 'md', 'txt']) {
    t.equal((await narrow.call('GET', `/v1/articles/in-town.${suffix}`)).status, 404, suffix)
    t.equal((await call('GET', `/v1/articles/na-vila.${suffix}`)).status, 404, suffix)
    t.equal((await reader('GET', `/v1/articles/na-vila.${suffix}`)).status, 200, suffix)
  }
  const whole = await must(narrow.call, 'GET', '/v1/articles/on-the-quay.html')
  t.notMatch(whole.text, /Town|vila/)
  t.match(whole.headers, { 'cache-control': 'private, no-cache', vary: 'Authorization' })
})

t.test('formats say what the change feed says', async (t) => {
  const { call } = await partner(room, { languages: ['en'] })
  const rows: Made[] = []
  for (let next = 'snapshot=true'; ; ) {
    const { data, page } = await get(call, `/v1/changes?body=text,html&${next}`)
    if (data.length === 0) break
    rows.push(...data.filter(({ event }: Made) => event === 'snapshot'))
    next = `cursor=${page.next}`
  }
  const articles: Made[] = rows.flatMap(({ article }) => article ?? [])
  t.ok(articles.length >= 2)
  const { items } = await feedOf(call, '/feeds/latest.json?limit=100')
  t.same(
    items.map(({ id }: Made) => bare(id)).toSorted(),
    articles.map(({ id }) => id).toSorted(),
    'the same stories',
  )
  for (const article of articles) {
    const { version, headline, updatedAt, leadImage, sources, quotes, corrections } = article
    const item = items.find(({ id }: Made) => bare(id) === article.id)
    t.match(item, { title: headline, date_modified: updatedAt })
    t.same(item._dateline, { version, leadImage, sources, quotes, corrections }, headline)
    const ninjs = (await must(call, 'GET', `/v1/articles/${article.id}.ninjs`)).json
    t.match(ninjs, {
      version: String(version),
      versionCreated: updatedAt,
      headlines: [{ value: headline }],
      bodies: [{}, { value: article.body.text }],
    })
    t.notOk('embargoedUntil' in ninjs)
  }
})

t.test('under an embargo there is only the format with a word for it', async (t) => {
  const early = await partner(room, { earlyAccess: true }, ['read', 'syndication', 'embargo:read'])
  const late = await partner(room, {}, ['read', 'syndication', 'embargo:read'])
  const embargoUntil = inSeconds(3600)
  const made = await draft(editor, { headline: 'Kept back', categories: [harbour.id] })
  await publish(editor, made.id, { embargoUntil })
  const json = await get(early.call, '/v1/articles/kept-back')
  t.equal(json.embargoUntil, embargoUntil, 'JSON has it')
  const ninjs = (await must(early.call, 'GET', '/v1/articles/kept-back.ninjs')).json
  t.match(ninjs, { embargoedUntil: embargoUntil, version: String(json.version) })
  for (const [format, paths] of Object.entries(addressesOf('kept-back'))) {
    for (const path of paths) {
      if (format === 'ninjs') t.equal((await late.call('GET', path)).status, 404, path)
      else if (path.startsWith('/v1/')) t.equal((await early.call('GET', path)).status, 404, path)
      else t.notMatch((await must(early.call, 'GET', path)).text, /Kept back|kept-back/, path)
    }
  }
  await must(editor, 'POST', `/v1/articles/${made.id}/publish`, { embargoUntil: null })
  t.match((await titlesOf(early.call))[0], 'Kept back')
  t.notOk('embargoedUntil' in (await must(early.call, 'GET', '/v1/articles/kept-back.ninjs')).json)
})

t.test('they are told of removals of what they may have had', async (t) => {
  const inHarbour = await told('Harbour story', { categories: [harbour.id] })
  const inTown = await told('Town story', { categories: [town.id] })
  const foreign = await told('Vila', { categories: [harbour.id], language: 'pt' })
  const quoteOf = async (id: string) =>
    (await get(editor, `/v1/articles/${id}?include=quotes`)).quotes[0].id as string
  const quotes = new Map<string, string>()
  for (const { id } of [inHarbour, inTown, foreign]) quotes.set(id, await quoteOf(id))
  const deleted = await quoteOf(quay.id)
  const before = await removedOf(reader)
  await must(editor, 'POST', `/v1/articles/${inHarbour.id}/kill`, KILL)
  await must(editor, 'POST', `/v1/articles/${inTown.id}/kill`, { ...KILL, legal: true })
  await must(editor, 'POST', `/v1/articles/${foreign.id}/unpublish`)
  await must(editor, 'DELETE', `/v1/quotes/${deleted}`, undefined, { 'if-match': '*' })
  const never = await draft(editor, { categories: [harbour.id] })
  await must(editor, 'POST', `/v1/articles/${never.id}/kill`, KILL)

  t.same(await removedOf(reader), [foreign.id, inTown.id, inHarbour.id, ...before])
  const cases: [input: object, gone: string[]][] = [
    [{}, [foreign.id, inTown.id, inHarbour.id]],
    [{ languages: ['en'] }, [inTown.id, inHarbour.id]],
    [{ categories: { allowed: ['harbour'] } }, [foreign.id, inHarbour.id]],
    [{ languages: ['en'], categories: { allowed: ['harbour'] } }, [inHarbour.id]],
    [{ categories: { excluded: ['harbour'] } }, [inTown.id]],
    [{ languages: ['de'] }, []],
  ]
  for (const [input, gone] of cases) {
    const { call } = await partner(room, input)
    const name = JSON.stringify(input)
    t.same(await removedOf(call), gone, name)
    for (const suffix of ['rss', 'atom']) {
      const { text } = await must(call, 'GET', `/feeds/latest.${suffix}`)
      const refs = elements(strictXml(text), 'at:deleted-entry').map(({ attributes }) =>
        bare(attributes.ref ?? ''),
      )
      t.same(refs, gone, `${name} ${suffix}`)
      if (suffix === 'atom') continue
      const withdrawn = elements(strictXml(text), 'item').filter((item) =>
        elements(item, 'title').some(({ text }) => text === 'Withdrawn'),
      )
      const killed = gone.filter((id) => id !== foreign.id)
      t.equal(withdrawn.length, killed.length, `${name}: the killed as items`)
    }
    const list = await get(call, '/v1/quotes?limit=1&speaker=petra-quill').catch(() => undefined)
    // Of a speaker nobody may read there is no feed.
    if (list === undefined) continue
    t.same(
      (await removedOf(call, '/feeds/quotes/petra-quill.json')).toSorted(),
      gone.map((id) => quotes.get(id)).toSorted(),
      `the quotes in them, of ${name}`,
    )
    for (const id of [inHarbour.id, inTown.id]) {
      const { status } = await call('GET', `/v1/articles/${id}.md`)
      t.equal(status, gone.includes(id) ? (id === inTown.id ? 451 : 410) : 404, `${id} of ${name}`)
    }
  }
  t.ok((await removedOf(reader, '/feeds/quotes/petra-quill.json')).includes(deleted))
  await must(editor, 'POST', `/v1/articles/${foreign.id}/publish`)
  const { call } = await partner(room)
  t.same(await removedOf(call), [inTown.id, inHarbour.id], 'until it is back')
})

t.test('however much is gone, it is looked for among the latest only', async (t) => {
  await sql(`insert into articles (id, slug, status, headline, language, body, publish_at, published_at,
      first_visible_at, gone_at, announced, created_at, updated_at)
    select gen_random_uuid(), 'bulk-' || n, 'unpublished', 'h', case when n % 100 = 0 then 'fi' else 'sv' end,
      '[{}]', now(), now(), now(), now() + n * interval '1 s', false, now(), now()
    from generate_series(1, 30000) n`)
  await sql('analyze articles')
  const { call, id } = await partner(room, { languages: ['fi'] })
  const gone = await removedOf(call)
  const wanted = await sql(`select id from articles where slug like 'bulk-%' and language = 'fi'
    order by gone_at desc limit 10`)
  t.same(
    gone,
    wanted.map(({ id }) => id),
    'of the thousand latest',
  )
  const began = performance.now()
  for (let i = 0; i < 5; i++) await removedOf(call)
  t.comment(`${Math.round((performance.now() - began) / 5)} ms of 30,000 gone, for partner ${id}`)
  const all = await partner(room)
  t.equal((await removedOf(all.call)).length, 100)
})

t.test('the feed of a partner is walked to its end', async (t) => {
  const { call } = await partner(room, { languages: ['en'] })
  const listed = (await walk(call, '/v1/articles?fields=headline&limit=2')).map(({ id }) => id)
  const found: string[] = []
  for (let url: string | undefined = '/feeds/latest.json?limit=2'; url; ) {
    const feed: Made = await feedOf(call, url)
    found.push(...feed.items.filter(({ url }: Made) => url).map(({ id }: Made) => bare(id)))
    url = feed.next_url?.replace(/^https?:\/\/[^/]+/, '')
  }
  t.same(found, listed)
})
