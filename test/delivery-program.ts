import type { Test } from 'tap'
import { buildApp } from '../src/app.ts'
import { openDatabase } from '../src/db/client.ts'
import { type Call, callerOf, type Newsroom, newsroom, type Reply } from './newsroom.ts'

/*
 * A random program of reads and writes on two instances of one newsroom, each with its cache, and the
 * answers of a third that has none to compare with.
 */

/** Within this, in ms, an instance must have heard what another has written. */
const HEARD = 100
/** How near a boundary reads, one after the other, may differ for it, in ms before the first and after the last. */
const NEAR = 100

export type Trio = { rooms: [Newsroom, Newsroom]; plain: Call; editors: [Call, Call] }

/** A second service on a newsroom's database, closed with the test. */
export async function another(
  t: Test,
  room: Newsroom,
  changes: Partial<Newsroom['config']> = {},
): Promise<Newsroom> {
  const config = { ...room.config, ...changes }
  const db = openDatabase({ url: room.url, size: 4 }, () => {})
  const app = await buildApp({ config, db })
  t.teardown(async () => {
    await app.close()
    await db.close()
  })
  return { ...room, db, app, config, reader: callerOf(app, undefined) }
}

/** Two instances with a cache and one without. */
export async function trio(t: Test): Promise<Trio> {
  const ARTICLE_URL = 'https://paper.example/{category}/{slug}'
  const first = await newsroom(t, { settings: { ARTICLE_URL, CACHE_MB: '16' } })
  const second = await another(t, first)
  const plain = await another(t, first, { cacheBytes: 0 })
  const key = `Bearer ${await keyOf(first)}`
  return {
    rooms: [first, second],
    plain: plain.reader,
    editors: [callerOf(first.app, key), callerOf(second.app, key)],
  }
}

async function keyOf({ editor }: Newsroom): Promise<string> {
  const made = await editor('POST', '/v1/keys', { name: 'program', scopes: ['admin'] })
  return made.json.key
}

/** What must be the same. A request's id is its own, and the second is that of the asking. */
function essence({ status, headers, text }: Reply): string {
  const body = text
    .replace(/"requestId":"[^"]*"/, '')
    .replace(/("kind":"(?:quote|source|category)".*)"since":"[^"]*"/, '$1')
  const { etag, location, link } = headers
  return JSON.stringify([status, body, etag, location, link, headers['cache-groups']])
}

/** Pseudo-random numbers (mulberry32): the same program for the same seed. */
function dice(seed: number) {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number) => Math.floor(next() * n)
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T
  const some = <T>(list: readonly T[], most: number): T[] => {
    const count = Math.min(below(most + 1), list.length)
    return [...new Set(Array.from({ length: count }, () => one(list)))]
  }
  return { below, one, some }
}

type Made = { id: string; slug: string }
type World = {
  articles: Made[]
  sources: Made[]
  categories: Made[]
  quotes: string[]
  slugs: string[]
  boundaries: number[]
}

/**
 * A program of so many steps; the first answer that was older than the rule allows, or undefined. Half of what it
 * asks is of the addresses that match `often`, if there are any in two hundred.
 */
export async function play(
  { rooms, plain, editors }: Trio,
  { steps, seed, often = /^/ }: { steps: number; seed: number; often?: RegExp },
): Promise<{ fault: string | undefined; steps: number; writes: number }> {
  const { below, one, some } = dice(seed)
  const world: World = {
    ...{ articles: [], sources: [], categories: [], quotes: [], slugs: ['nothing-yet'] },
    boundaries: [],
  }
  let [done, writes, number] = [0, 0, 0]
  const name = () => `${one(['Amber', 'Basalt', 'Cobalt', 'Dune', 'Ember'])} ${seed} ${number++}`
  const fresh = () => {
    const slug = `slug-${seed}-${number++}`
    world.slugs.push(slug)
    return slug
  }
  const ids = (list: Made[], most: number) => some(list, most).map(({ id }) => id)
  const any = { 'if-match': '*' }

  /** Writes; refusals are answers too. */
  const write = async (method: string, path: string, body?: object): Promise<Reply> => {
    writes++
    const by = one(editors)
    const reply = await by(method, path, body, method === 'POST' ? {} : any)
    if (reply.status >= 500) throw new Error(`${method} ${path}: ${reply.text}`)
    return reply
  }
  const content = () => {
    const words = name()
    return {
      headline: name(),
      body: { markdown: `It was said. “${words}” was the answer.` },
      categories: ids(world.categories, 2),
      sources: ids(world.sources, 2),
      quotes: below(2) ? [{ text: words, speaker: one(world.sources).id, kind: 'direct' }] : [],
    }
  }
  const keep = (list: Made[], { status, json }: Reply) => {
    if (status === 201) list.push({ id: json.id, slug: json.slug })
    if (status === 201 || status === 200) world.slugs.push(json.slug)
    return json
  }
  const noteQuotes = (json: { quotes?: { id: string }[] } | undefined) => {
    for (const { id } of json?.quotes ?? []) if (!world.quotes.includes(id)) world.quotes.push(id)
  }

  const article = () => one(world.articles).id
  const times = () => {
    const at = (ms: number) => {
      const time = Date.now() + ms
      world.boundaries.push(time)
      return new Date(time).toISOString()
    }
    return one([
      () => ({}),
      () => ({}),
      () => ({}),
      () => ({ at: at(20 + below(300)) }),
      () => ({ embargoUntil: at(20 + below(300)) }),
      () => ({ expiresAt: at(20 + below(400)) }),
    ])()
  }
  const WRITES: (() => Promise<unknown>)[] = [
    async () => {
      const json = keep(
        world.articles,
        await write('POST', '/v1/articles?include=quotes', content()),
      )
      noteQuotes(json)
      if (json.id && below(4)) await write('POST', `/v1/articles/${json.id}/publish`, times())
    },
    () => write('POST', `/v1/articles/${article()}/publish`, times()),
    () => write('POST', `/v1/articles/${article()}/publish`, {}),
    () => write('PATCH', `/v1/articles/${article()}`, { headline: name() }),
    () =>
      write('PATCH', `/v1/articles/${article()}`, { slug: below(2) ? fresh() : one(world.slugs) }),
    () => write('PATCH', `/v1/articles/${article()}`, { categories: ids(world.categories, 2) }),
    () => write('PATCH', `/v1/articles/${article()}`, { sources: ids(world.sources, 2) }),
    async () => {
      const path = `/v1/articles/${article()}?include=quotes&onQuoteChange=mark`
      noteQuotes((await write('PATCH', path, content())).json)
    },
    () => write('POST', `/v1/articles/${article()}/unpublish`, {}),
    () =>
      write('POST', `/v1/articles/${article()}/kill`, {
        ...{ reason: 'r', notice: name(), legal: below(2) === 1 },
      }),
    () => write('POST', `/v1/articles/${article()}/revive`, {}),
    () => write('POST', `/v1/articles/${article()}/corrections`, { kind: 'update', text: name() }),
    async () => {
      if (world.quotes.length === 0) return
      await write('PATCH', `/v1/quotes/${one(world.quotes)}`, { speaker: one(world.sources).id })
    },
    async () => {
      if (world.quotes.length === 0) return
      await write('DELETE', `/v1/quotes/${one(world.quotes)}`)
    },
    () => write('PATCH', `/v1/sources/${one(world.sources).id}`, { name: name() }),
    () => write('PATCH', `/v1/sources/${one(world.sources).id}`, { slug: fresh() }),
    () =>
      write('PATCH', `/v1/sources/${one(world.sources).id}`, {
        organization: below(3) ? one(world.sources.slice(0, 2)).id : null,
      }),
    async () => {
      const organization = below(2) ? one(world.sources.slice(0, 2)).id : null
      const input = { kind: 'person', name: name(), organization }
      if (world.sources.length < 8) keep(world.sources, await write('POST', '/v1/sources', input))
    },
    () => write('PATCH', `/v1/categories/${one(world.categories).id}`, { name: name() }),
    () => write('PATCH', `/v1/categories/${one(world.categories).id}`, { slug: fresh() }),
    () =>
      write('PATCH', `/v1/categories/${one(world.categories).id}`, {
        parent: below(3) ? one(world.categories).id : null,
      }),
    () => write('PATCH', `/v1/categories/${one(world.categories).id}`, { position: below(3) }),
    async () => {
      const parent = below(2) ? one(world.categories).id : null
      const made = { name: name(), parent }
      if (world.categories.length < 7)
        keep(world.categories, await write('POST', '/v1/categories', made))
    },
    async () => {
      const kind = one(['sources', 'categories'] as const)
      const list = world[kind]
      if (list.length < 6 || below(4)) return
      const gone = one(list.slice(2))
      const { status } = await write('DELETE', `/v1/${kind}/${gone.id}?reassignTo=${one(list).id}`)
      if (status === 204) world[kind] = list.filter((one) => one !== gone)
    },
  ]

  const named = (list: Made[]) => (below(2) ? one(list).id : one(world.slugs))
  const includes = () => {
    const all = some(['categories', 'sources', 'quotes', 'corrections'], 4)
    return all.length > 0 ? `include=${all.join(',')}` : 'body=none'
  }
  // With quotation marks only whole words are found, so that what was meant is told.
  const misspelt = () => `%22${one(['ambre', 'basallt', 'coblat', 'duen', 'mber'])}%22`
  /** What is asked of names, of counts and of whole speakers: more seldom, each. */
  const SELDOM: (() => string)[] = [
    () => '/v1/quotes?limit=5&include=speaker&fields=text',
    () => `/v1/quotes?speaker=${one(world.sources).id}&include=speaker`,
    () => `/v1/quotes/${one(world.quotes) ?? one(world.articles).id}?include=speaker`,
    () => `/v1/sources?q=${misspelt()}&kind=-organization&limit=3`,
    () => `/v1/sources?q=${misspelt()}&organization=${one(world.sources.slice(0, 2)).id}`,
    () => '/v1/sources?sort=-quoteCount&include=counts&fields=name&limit=5',
    () => `/v1/sources/${named(world.sources)}?include=counts&fields=name`,
    () => `/v1/categories?q=${misspelt()}&fields=name`,
    () => `/v1/categories?q=${misspelt()}&parent=${one(world.categories).id}`,
    () => '/v1/categories?tree=true&include=counts&fields=name',
    () => `/v1/categories/${named(world.categories)}?include=counts&fields=name`,
    () =>
      `/v1/sources?q=${one(['amber', 'basalt', 'cobalt'])}&sort=relevance&facets=kind,organization`,
  ]
  const READS: (() => string)[] = [
    () => `/v1/articles/${named(world.articles)}?${includes()}`,
    () => `/v1/articles/${named(world.articles)}`,
    () => `/v1/articles/${named(world.articles)}?fields=url,headline`,
    () => `/v1/articles/${named(world.articles)}?fields=headline&include=related`,
    () => `/v1/articles?limit=5&${includes()}`,
    () => `/v1/articles?category=${one(world.categories).id}&${includes()}`,
    () => `/v1/articles?category=-${one(world.categories).id}&limit=3`,
    () => `/v1/articles?source=${one(world.sources).id}&fields=headline`,
    () => `/v1/articles?speaker=${one(world.sources).id}&${includes()}`,
    () => `/v1/articles?speaker=${one(world.sources).id}&category=${one(world.categories).id}`,
    () => `/v1/articles?q=${one(['amber', 'basalt', 'cobalt'])}&sort=headline`,
    () => `/v1/quotes/${one(world.quotes) ?? one(world.articles).id}`,
    () => `/v1/quotes/${one(world.quotes) ?? one(world.articles).id}?fields=text`,
    () => `/v1/quotes/${one(world.quotes) ?? one(world.articles).id}/similar`,
    () => '/v1/quotes?limit=5',
    () => `/v1/quotes?speaker=${one(world.sources).id}`,
    () => `/v1/quotes?article=${one(world.articles).id}&fields=text`,
    () => `/v1/quotes?q=${one(['amber', 'basalt', 'cobalt'])}&highlight=true&limit=5`,
    () => `/v1/quotes?speaker=${one(world.sources).id}&q=${one(['ambre', 'basallt', 'coballt'])}`,
    () => `/v1/quotes?facets=speaker,category,kind,language,month&limit=1`,
    () => `/v1/articles?source=${one(world.sources).id}&q=${one(['ambre', 'basallt', 'coballt'])}`,
    () => `/v1/articles?facets=category,source,speaker,language,month&limit=1`,
    () => `/v1/sources/${named(world.sources)}`,
    () => '/v1/sources?limit=10',
    () => `/v1/sources?organization=${one(world.sources).id}`,
    () => `/v1/categories/${named(world.categories)}`,
    () => `/feeds/latest.${one(['rss', 'atom', 'json'])}?limit=3`,
    () =>
      `/feeds/latest.json?category=-${one(world.categories).id}&speaker=${one(world.sources).id}`,
    () => `/feeds/categories/${named(world.categories)}.${one(['rss', 'atom', 'json'])}`,
    () => `/feeds/quotes/${named(world.sources)}.${one(['rss', 'atom', 'json'])}`,
    () => `/sitemaps/${one(['news', 'index'])}.xml`,
    () => `/v1/articles/${named(world.articles)}.${one(['ninjs', 'jsonld', 'html', 'md', 'txt'])}`,
    () => '/v1/categories?sort=position',
    () => one(SELDOM)(),
    () => one(SELDOM)(),
    () => one(SELDOM)(),
    () => `/v1/categories?parent=${one(world.categories).id}`,
    () => `/v1/categories?q=${one(['amber', 'basalt', 'cobalt'])}&sort=relevance&count=exact`,
  ]

  const read = (kind = /^/, tries = 200): string => {
    const path = one(READS)()
    return kind.test(path) || tries === 0 ? path : read(kind, tries - 1)
  }

  /** Are both instances' answers those of the database? In time, where another has written. */
  const check = async (path: string, deadline: number): Promise<string | undefined> => {
    for (;;) {
      const began = Date.now()
      const theirs = []
      for (const { reader } of rooms) theirs.push(essence(await reader('GET', path)))
      const ours = essence(await plain('GET', path))
      done += theirs.length
      const older = theirs.findIndex((one) => one !== ours)
      if (older === -1) return undefined
      const ended = Date.now()
      const boundary = world.boundaries.some((time) => time > began - NEAR && time < ended + NEAR)
      if (performance.now() < deadline || boundary) continue
      return `${path} of instance ${older}\n${theirs[older]}\nis not\n${ours}`
    }
  }

  for (const input of [{ name: name() }, { name: name() }]) {
    keep(world.categories, await write('POST', '/v1/categories', input))
    keep(world.sources, await write('POST', '/v1/sources', { kind: 'organization', ...input }))
  }
  keep(world.sources, await write('POST', '/v1/sources', { kind: 'person', name: name() }))
  for (let i = 0; i < 4; i++) {
    const made = keep(world.articles, await write('POST', '/v1/articles?include=quotes', content()))
    noteQuotes(made)
    await write('POST', `/v1/articles/${made.id}/publish`, {})
  }
  while (done < steps) {
    if (world.articles.length > 8) world.articles.shift()
    // Both have everything, then one change is made.
    const asked = [...new Set(Array.from({ length: 16 }, (_, i) => (i % 2 ? read() : read(often))))]
    for (const path of asked) {
      for (const { reader } of rooms) await reader('GET', path)
      done += rooms.length
    }
    const before = writes
    await one(WRITES)()
    done += writes - before
    const deadline = performance.now() + HEARD
    for (const path of asked) {
      const fault = await check(path, deadline)
      if (fault) return { fault, steps: done, writes }
    }
  }
  return { fault: undefined, steps: done, writes }
}
