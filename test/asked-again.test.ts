import { request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { get } from './factories.ts'
import { type Newsroom, newsroom } from './newsroom.ts'

// It takes a minute or two on idle cores, and several on busy ones.
t.setTimeout(900_000)

/*
 * A read that was asked before is asked again without the framework (src/delivery/front.ts), and what is
 * kept is given out there: whoever asks is told the same, header by header.
 */

type Heard = { status: number; headers: string[]; body: string }
type Way = { method?: 'GET' | 'HEAD'; headers?: Record<string, string> }

/** What is of the moment, of the clock and of a socket. */
const OF_THE_MOMENT = /^(x-request-id|date|connection|keep-alive|transfer-encoding): /

function heard(status: number, headers: [string, unknown][], body: string): Heard {
  const lines = headers.map(([name, value]) => `${name.toLowerCase()}: ${value}`)
  return { status, headers: lines.filter((line) => !OF_THE_MOMENT.test(line)).sort(), body }
}

/** Asks the framework, behind the back of the door before it. */
async function within({ app }: Newsroom, url: string, way: Way = {}): Promise<Heard> {
  const { statusCode, headers, payload } = await app.inject({ url, ...way })
  return heard(statusCode, Object.entries(headers), payload)
}

/** Asks over a socket: whatever answers first. */
async function ask({ app }: Newsroom, path: string, way: Way = {}): Promise<Heard> {
  const { port } = app.server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    const request = send({ port, path, ...way }, async (response) => {
      const { statusCode = 0, rawHeaders } = response
      const pairs = rawHeaders.flatMap((name, i): [string, unknown][] =>
        i % 2 ? [] : [[name, rawHeaders[i + 1]]],
      )
      resolve(heard(statusCode, pairs, await text(response)))
    })
    request.on('error', reject).end()
  })
}

/** Reads of every kind: each by one name, and by another, for which the same statement is sent. */
async function readsOf({ as }: Newsroom): Promise<[string, string][]> {
  // What is told to a key is nobody else's, and not remembered.
  const reader = await as('read')
  const two = async (path: string) => (await get(reader, `${path}?limit=2`)).data
  const [article, another] = await two('/v1/articles')
  const [quote, other] = await two('/v1/quotes')
  const [source, party] = await two('/v1/sources')
  const [category, desk] = await two('/v1/categories')
  const { next } = (await get(reader, '/v1/articles?limit=2&category=harbour')).page
  return [
    [`/v1/articles/${article.slug}`, `/v1/articles/${another.slug}`],
    [`/v1/articles/${article.id}`, `/v1/articles/${another.id}`],
    [
      `/v1/articles/${article.id}?include=categories,sources,quotes,corrections&body=markdown`,
      `/v1/articles/${another.id}?include=categories,sources,quotes,corrections&body=markdown`,
    ],
    [
      `/v1/articles/${article.slug}?fields=updatedAt`,
      `/v1/articles/${another.slug}?fields=updatedAt`,
    ],
    ...['', '?limit=2', '?q=harbour&highlight=true', '?language=-de&sort=headline&limit=3'].map(
      (query): [string, string] => [`/v1/articles${query}`, `/v1/articles${query}`],
    ),
    ['/v1/articles?limit=2&category=harbour', '/v1/articles?limit=2&category=town'],
    [`/v1/articles?speaker=${source.id}`, `/v1/articles?speaker=${party.id}`],
    [
      `/v1/articles?limit=2&category=harbour&cursor=${next}`,
      `/v1/articles?limit=2&category=harbour&cursor=${next}`,
    ],
    [`/v1/quotes/${quote.id}`, `/v1/quotes/${other.id}`],
    ['/v1/quotes?limit=3', '/v1/quotes?limit=3'],
    [`/v1/quotes?limit=1&article=${article.slug}`, `/v1/quotes?limit=1&article=${another.slug}`],
    [`/v1/sources/${source.slug}`, `/v1/sources/${party.slug}`],
    ['/v1/sources?include=counts', '/v1/sources?include=counts'],
    [`/v1/categories/${category.id}`, `/v1/categories/${desk.id}`],
    ['/v1/categories?sort=position', '/v1/categories?sort=position'],
  ]
}

async function open(t: Test, settings: Record<string, string>): Promise<Newsroom> {
  const ARTICLE_URL = 'https://paper.example/{category}/{slug}'
  const room = await newsroom(t, { seeded: true, settings: { ARTICLE_URL, ...settings } })
  // What has just changed has no Last-Modified yet.
  await room.sql(`update articles set updated_at = updated_at - interval '1 h'`)
  // On a busy machine the database's heartbeat comes late now and then, and answers are told as not to be
  // kept; here it is always in time, so that two answers can be compared.
  const inTime = { sure: () => true, seconds: () => 10, clock: () => Date.UTC(2100) }
  Object.assign(room.app.delivery.watch, inTime)
  await room.app.listen({ port: 0 })
  return room
}

for (const CACHE_MB of ['0', '64']) {
  t.test(`asked again, the answer is the same, with CACHE_MB=${CACHE_MB}`, async (t) => {
    const room = await open(t, { CACHE_MB })
    const { plans, store, keeps } = room.app.delivery
    const lost = () => store.counts.drops + store.counts.refusals
    t.equal(keeps, CACHE_MB !== '0')
    for (const [path, other] of await readsOf(room)) {
      store.drop(new Set(['all']))
      t.notOk(plans?.find(path), `${path} is not known yet`)
      const first = await ask(room, path)
      t.equal(first.status, 200, path)
      t.same(first, await within(room, path), 'through the door or not')
      for (const url of [path, other]) {
        t.ok(plans?.find(url), `${url} is known`)
        const [etag = ''] = (await within(room, url)).headers.filter((line) => /^etag: /.test(line))
        for (const headers of [
          {},
          { 'accept-encoding': 'br, gzip' },
          { 'if-none-match': 'W/"x"' },
          { 'if-none-match': etag.slice('etag: '.length) },
        ]) {
          for (const method of ['GET', 'HEAD'] as const) {
            const way = { method, headers }
            const said = `${method} ${url} ${JSON.stringify(headers)}`
            store.drop(new Set(['all']))
            const wanted = await within(room, url, way)
            t.equal(wanted.status, headers['if-none-match']?.startsWith('"') ? 304 : 200, said)
            store.drop(new Set(['all']))
            const before = lost()
            const again = await ask(room, url, way)
            // Of compressed bytes as text nothing is left to compare but their number.
            t.same(again, { ...wanted, body: again.body }, `${said}, asked again`)
            if (!('accept-encoding' in headers)) t.equal(again.body, wanted.body, said)
            // A heartbeat that comes late has dropped everything.
            const kept = store.find(url) !== undefined || lost() > before
            t.equal(kept, keeps, 'kept where there is a cache')
            t.same(await ask(room, url, way), again, `${said}, once more`)
          }
        }
      }
    }
  })
}

t.test('lists and items lead to their formats, however they are asked', async (t) => {
  const room = await open(t, { CACHE_MB: '0' })
  for (const [path, feed] of [
    ['/v1/articles?category=harbour&limit=1', '/feeds/latest.rss?category=harbour'],
    ['/v1/articles?category=town&limit=1', '/feeds/latest.rss?category=town'],
    ['/v1/articles/council-adopts-sea-wall-levy', '/v1/articles/council-adopts-sea-wall-levy.md'],
    ['/v1/categories/harbour', '/feeds/categories/harbour.atom'],
    ['/v1/sources/delphine-orrock', '/feeds/quotes/delphine-orrock.json'],
  ] as const) {
    for (const time of ['first', 'again']) {
      const { headers } = await ask(room, path)
      const [link, ...others] = headers.filter((line) => line.startsWith('link: '))
      t.match(link, `<http://127.0.0.1:3000${feed}>; rel="alternate"`, `${path} ${time}`)
      t.equal(link?.includes('rel="next"'), path.includes('limit='), `${path} ${time}`)
      t.same(others, [])
    }
  }
})

t.test('feeds, sitemaps and formats are asked of the framework each time', async (t) => {
  const room = await open(t, { CACHE_MB: '0' })
  const { plans } = room.app.delivery
  for (const path of [
    '/feeds/latest.rss?limit=2',
    '/feeds/categories/harbour.json',
    '/feeds/quotes/delphine-orrock.atom',
    '/sitemaps/news.xml',
    '/sitemaps/index.xml',
    '/v1/articles/council-adopts-sea-wall-levy.ninjs',
    '/v1/articles/council-adopts-sea-wall-levy.html',
  ]) {
    const first = await ask(room, path)
    t.equal(first.status, 200, path)
    t.notOk(plans?.find(path), path)
    t.same(await ask(room, path), first, path)
  }
  // An item is not mistaken for one of its formats, nor the other way round.
  const item = '/v1/articles/council-adopts-sea-wall-levy'
  await ask(room, item)
  t.ok(plans?.find(item))
  t.notOk(plans?.find(`${item}.md`))
  t.match((await ask(room, `${item}.md`)).headers.join('\n'), 'content-type: text/markdown')
})
