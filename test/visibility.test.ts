import { mock } from 'node:test'
import { sql as statement } from 'drizzle-orm'
import t from 'tap'
import { driverError } from '../src/db/sqlstate.ts'
import {
  category,
  draft,
  get,
  inSeconds,
  must,
  patch,
  publish,
  quote,
  source,
  story,
  walk,
} from './factories.ts'
import { type Call, newsroom } from './newsroom.ts'

const room = await newsroom(t)
const { editor, reader, sql } = room
const readers: [string, Call][] = [
  ['nobody', reader],
  ['a read key', await room.as('read')],
  ['a writer who may not read drafts', await room.as('content:write', 'content:publish')],
]

/** A whole story whose every part carries a word of its own. */
type Parts = {
  word: string
  article: string
  /** Slugs that it had only as a draft: they never lead a reader anywhere. */
  working: string[]
  /** Ids, slugs and old slugs, by kind. */
  names: Record<'articles' | 'categories' | 'sources' | 'quotes', string[]>
}

async function tell(word: string): Promise<Parts> {
  const top = await category(editor, { name: `Top ${word}` })
  const below = await category(editor, { name: `Below ${word}`, parent: top.id })
  const trust = await source(editor, { kind: 'organization', name: `Trust ${word}` })
  const named = await source(editor, { name: `Named ${word}`, organization: trust.id })
  const speaker = await source(editor, { name: `Speaker ${word}` })
  const { id } = await draft(editor, {
    headline: `Headline ${word}`,
    summary: `Summary ${word}`,
    body: { markdown: `“It was ${word},” she said.` },
    categories: [below.id],
    sources: [named.id, trust.id],
    quotes: [{ text: `It was ${word}`, speaker: speaker.id }],
  })
  const parts = [
    ['articles', id],
    ['categories', below.id],
    ['sources', named.id],
  ] as const
  for (const [kind, id] of parts) {
    await patch(editor, `/v1/${kind}/${id}`, { slug: `renamed-${kind}-${word}` })
  }
  const { quotes } = await get(editor, `/v1/articles/${id}?include=quotes`)
  return {
    word,
    article: id,
    working: [`headline-${word}`, `below-${word}`, `named-${word}`],
    names: {
      articles: [id, `headline-${word}`, `renamed-articles-${word}`],
      categories: [below.id, `below-${word}`, `renamed-categories-${word}`, top.id, top.slug],
      sources: [
        ...[named.id, `named-${word}`, `renamed-sources-${word}`],
        ...[speaker.id, speaker.slug, trust.id, trust.slug],
      ],
      quotes: [quotes[0].id],
    },
  }
}

const FILTERS = [
  ['articles', 'category', 'categories'],
  ['articles', 'source', 'sources'],
  ['articles', 'speaker', 'sources'],
  ['quotes', 'article', 'articles'],
  ['quotes', 'speaker', 'sources'],
  ['sources', 'organization', 'sources'],
  ['categories', 'parent', 'categories'],
] as const

const LISTS = [
  '/v1/articles?include=categories,sources,quotes&body=html,text,markdown,blocks',
  ...['publishedAt', '-updatedAt', 'headline'].map((sort) => `/v1/articles?sort=${sort}`),
  ...['-saidAt', 'saidAt', '-createdAt', 'createdAt'].map((sort) => `/v1/quotes?sort=${sort}`),
  ...['name', '-name', '-createdAt', 'createdAt'].map((sort) => `/v1/sources?sort=${sort}`),
  ...['name', 'position', '-createdAt'].map((sort) => `/v1/categories?sort=${sort}`),
]
const KINDS = ['articles', 'quotes', 'sources', 'categories']

const UNKNOWN_ID = '01939a2e-7c1b-7c6e-8f0a-2b9a6b1f4c11'

/** Status and body of a GET, without the name asked for and what differs between any two answers. */
async function answerFor(call: Call, path: (name: string) => string, name: string) {
  const { status, text } = await call('GET', path(name))
  return `${status} ${text.replaceAll(name, 'NAME').replace(/"requestId":"[^"]*"/, '')}`
}

const withoutNearest = (answer: string) => answer.replace(/; did you mean [\w-]+\?/, '.')

/** How what never was is answered for; asked once for each path. */
function forUnknown(call: Call) {
  const answers = new Map<string, Promise<string>>()
  return (path: (name: string) => string, like: string): Promise<string> => {
    const name = like.length === UNKNOWN_ID.length ? UNKNOWN_ID : 'was-never-there'
    const key = path(name)
    const known = answers.get(key) ?? answerFor(call, path, name)
    answers.set(key, known)
    return known
  }
}

/**
 * Where something of the story can be had, or told from what never was; and how much was tried. What
 * was visible says at its own addresses that it is gone, and no more.
 */
async function leaks(call: Call, { word, names, working }: Parts, wasVisible: boolean) {
  const unknown = forUnknown(call)
  const found: string[] = []
  let tried = 0
  const like = async (path: (name: string) => string, name: string, status: number) => {
    const [is, never] = await Promise.all([answerFor(call, path, name), unknown(path, name)])
    tried++
    // A name is told the nearest that can be seen, whatever it is itself; never one of these.
    const same = withoutNearest(is) === withoutNearest(never) && !is.includes(word)
    if (!same || !is.startsWith(`${status} `)) found.push(`${path(name)}: ${is}`)
  }
  const gone = async (path: (name: string) => string, name: string) => {
    const is = await answerFor(call, path, name)
    tried++
    if (!is.startsWith('410 ') || is.includes(word)) found.push(`${path(name)}: ${is}`)
  }
  const items = Object.entries(names).flatMap(([kind, list]) =>
    list.map((name) => {
      const path = (n: string) => `/v1/${kind}/${n}`
      return wasVisible && !working.includes(name) ? gone(path, name) : like(path, name, 404)
    }),
  )
  const filters = FILTERS.flatMap(([list, parameter, kind]) =>
    names[kind].flatMap((name) => [
      like((n) => `/v1/${list}?${parameter}=${n}`, name, 400),
      like((n) => `/v1/${list}?${parameter}=-${n}`, name, 400),
    ]),
  )
  const lists = LISTS.map(async (list) => {
    const rows = await walk(call, `${list}&limit=100`)
    tried++
    if (rows.length === 0 || JSON.stringify(rows).includes(word)) found.push(list)
  })
  const searches = KINDS.map(async (kind) => {
    tried++
    if ((await get(call, `/v1/${kind}?q=${word}`)).data.length > 0) found.push(`search in ${kind}`)
  })
  await Promise.all([...items, ...filters, ...lists, ...searches])
  return { found, tried }
}

/** The paths of `leaks` on which a story cannot be had. */
async function missing(call: Call, { word, names, working }: Parts): Promise<string[]> {
  const seen = (list: string[]) => list.filter((name) => !working.includes(name))
  const paths = [
    ...Object.entries(names).flatMap(([kind, list]) =>
      seen(list).map((name) => `/v1/${kind}/${name}`),
    ),
    ...FILTERS.flatMap(([list, parameter, kind]) =>
      seen(names[kind]).map((name) => `/v1/${list}?${parameter}=${name}`),
    ),
  ]
  const found: string[] = []
  for (const path of paths) {
    const { status } = await call('GET', path)
    if (status !== 200 && status !== 301) found.push(`${path}: ${status}`)
  }
  for (const list of LISTS) {
    if (!JSON.stringify(await walk(call, `${list}&limit=100`)).includes(word)) found.push(list)
  }
  for (const kind of KINDS) {
    if ((await get(call, `/v1/${kind}?q=${word}`)).data.length === 0)
      found.push(`search in ${kind}`)
  }
  return found
}

const hide: Record<string, (id: string) => Promise<unknown>> = {
  drafted: async () => {},
  scheduled: (id) => publish(editor, id, { at: inSeconds(3600) }),
  embargoed: (id) => publish(editor, id, { embargoUntil: inSeconds(3600) }),
  expired: async (id) => {
    await publish(editor, id, { expiresAt: inSeconds(3600) })
    await sql(
      `update articles set publish_at = now() - interval '2 h', expires_at = now() - interval '1 ms'
       where id = $1`,
      [id],
    )
  },
  unpublished: async (id) => {
    await publish(editor, id)
    await must(editor, 'POST', `/v1/articles/${id}/unpublish`)
  },
  killed: async (id) => {
    await publish(editor, id)
    await must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'Wrong', notice: 'Withdrawn.' })
  },
}

const WERE_VISIBLE = ['expired', 'unpublished', 'killed']

const control = await tell('brightly')
await publish(editor, control.article)
const hidden = new Map<string, Parts>()
for (const [state, put] of Object.entries(hide)) {
  const parts = await tell(`zq${state}`)
  await put(parts.article)
  hidden.set(state, parts)
}

t.test('what is published can be had on every path', async (t) => {
  for (const [who, call] of readers) t.same(await missing(call, control), [], who)
})

for (const [i, [state, parts]] of [...hidden].entries()) {
  t.test(`what is ${state} does not exist for readers`, async (t) => {
    // Nobody, and one of the others in turn.
    for (const [who, call] of [readers[0], readers[1 + (i % 2)]].filter((r) => r !== undefined)) {
      const { found, tried } = await leaks(call, parts, WERE_VISIBLE.includes(state))
      t.same(found, [], who)
      t.equal(tried, 117, 'paths tried')
    }
  })
}

t.test('an editor sees all of it, what is killed only when asked', async (t) => {
  const drafts = await room.as('drafts:read')
  for (const [state, { word, names, article }] of hidden) {
    const paths = Object.entries(names).flatMap(([kind, list]) =>
      list.map((name) => `/v1/${kind}/${name}`),
    )
    const statuses = await Promise.all(paths.map(async (p) => (await drafts('GET', p)).status))
    t.same(
      statuses.filter((status) => status !== 200 && status !== 301),
      [],
      state,
    )
    const found = (await get(drafts, `/v1/articles?q=${word}`)).data
    t.equal(found.length, state === 'killed' ? 0 : 1, state)
    const status = { drafted: 'draft' }[state] ?? state
    const asked = await walk(drafts, `/v1/articles?status=${status}&fields=id`)
    t.ok(
      asked.some(({ id }) => id === article),
      `status=${status}`,
    )
    const others = await walk(drafts, `/v1/articles?status=-${status}&fields=id`)
    t.notOk(
      others.some(({ id }) => id === article),
      `status=-${status}`,
    )
    for (const [who, call] of readers) {
      t.equal((await call('GET', `/v1/articles?status=${status}`)).status, 403, who)
    }
  }
})

t.test('who is named only in a suggested quote stays unseen until it is confirmed', async (t) => {
  const speaker = await source(editor, { name: 'Only Suggested' })
  const { id, slug } = await story(editor, {
    headline: 'Suggestions',
    body: { markdown: '“Perhaps zqmaybe,” she said.' },
    quotes: [{ text: 'Perhaps zqmaybe', speaker: speaker.id, suggested: true }],
  })
  const [{ id: suggested }] = (await get(editor, `/v1/articles/${id}?include=quotes`)).quotes
  const paraphrase = await quote(editor, {
    article: id,
    text: 'She was zqmaybe unsure.',
    kind: 'paraphrase',
    suggested: true,
    speaker: speaker.id,
  })
  for (const [who, call] of readers) {
    t.same((await get(call, `/v1/articles/${id}?include=quotes`)).quotes, [], who)
    t.same((await get(call, `/v1/quotes?article=${slug}`)).data, [])
    t.same((await get(call, '/v1/quotes?q=zqmaybe')).data, [])
    for (const quoteId of [suggested, paraphrase.id]) {
      t.equal((await call('GET', `/v1/quotes/${quoteId}`)).status, 404)
    }
    t.equal((await call('GET', '/v1/sources/only-suggested')).status, 404)
    t.equal((await call('GET', '/v1/articles?speaker=only-suggested')).status, 400)
    t.equal((await call('GET', `/v1/quotes?speaker=${speaker.id}`)).status, 400)
    t.equal((await call('GET', '/v1/quotes?state=-suggested,-altered')).status, 403)
  }
  t.same((await get(editor, '/v1/quotes?q=zqmaybe')).data.length, 2)
  await must(editor, 'POST', `/v1/quotes/${paraphrase.id}/confirm`)
  t.match((await get(reader, `/v1/articles/${id}?include=quotes`)).quotes, [
    { id: paraphrase.id, state: null, speaker: { slug: 'only-suggested' } },
  ])
  t.equal((await reader('GET', '/v1/sources/only-suggested')).status, 200)
  t.equal((await reader('GET', `/v1/quotes/${suggested}`)).status, 404)
})

t.test('an organisation shows with its people only where it is visible itself', async (t) => {
  const trust = await source(editor, { kind: 'organization', name: 'Quiet Trust' })
  const person = await source(editor, { name: 'Loud Person', organization: trust.id })
  const { id } = await story(editor, { sources: [person.id] })
  const seen = async (call: Call) => [
    (await get(call, `/v1/sources/${person.slug}`)).organization?.slug ?? null,
    (await get(call, `/v1/articles/${id}?include=sources`)).sources[0].organization?.slug ?? null,
  ]
  t.same(await seen(reader), [null, null])
  t.equal((await reader('GET', '/v1/sources/quiet-trust')).status, 404)
  t.equal((await reader('GET', '/v1/sources?organization=quiet-trust')).status, 400)
  t.same(await seen(editor), ['quiet-trust', 'quiet-trust'])
  await story(editor, { sources: [trust.id] })
  t.same(await seen(reader), ['quiet-trust', 'quiet-trust'])
})

t.test('what is shared shows only its visible side', async (t) => {
  const top = await category(editor, { name: 'Shared top' })
  const open = await category(editor, { name: 'Shared open', parent: top.id })
  await category(editor, { name: 'Shared closed', parent: top.id })
  const person = await source(editor, { name: 'Shared Person' })
  const parts = { categories: [open.id], sources: [person.id] }
  const shown = await story(editor, parts)
  const closed = await draft(editor, { ...parts, categories: [open.id, 'shared-closed'] })
  const ids = async (call: Call, query: string) =>
    (await walk(call, `/v1/articles?${query}&fields=id`)).map((a) => a.id)
  for (const query of ['category=shared-top', `category=${open.id}`, `source=${person.slug}`]) {
    t.same(await ids(reader, query), [shown.id], query)
    t.same(new Set(await ids(editor, query)), new Set([shown.id, closed.id]), query)
  }
  const children = async (call: Call) =>
    (await walk(call, '/v1/categories?parent=shared-top')).map((c) => c.slug)
  t.same(await children(reader), ['shared-open'])
  t.same(await children(editor), ['shared-closed', 'shared-open'])
})

t.test('text comes and goes by the clock of the database alone', async (t) => {
  const { id, slug } = await draft(editor, { headline: 'By the clock' })
  await publish(editor, id, { at: inSeconds(3600) })
  const set = (column: string, offset: string) =>
    sql(`update articles set ${column} = clock_timestamp() + $2::interval where id = $1`, [
      id,
      offset,
    ])
  const seen = async () => {
    const statuses = await Promise.all(
      [`/v1/articles/${id}`, `/v1/articles/${slug}`].map((path) => reader('GET', path)),
    )
    const listed = (await get(reader, '/v1/articles?q=clock')).data.length
    return `${statuses.map((reply) => reply.status).join(' ')} ${listed}`
  }
  const [unseen, there, gone] = ['404 404 0', '200 200 1', '410 410 0']
  t.equal(await seen(), unseen)
  await set('publish_at', '-1 ms')
  t.equal(await seen(), there)
  await set('embargo_until', '10 s')
  t.equal(await seen(), unseen)
  await set('embargo_until', '-1 ms')
  t.equal(await seen(), there)
  await set('expires_at', '10 s')
  t.equal(await seen(), there)
  // Nobody does anything, and soon it is so.
  const becomes = async (wanted: string) => {
    for (let tries = 0; tries < 200 && (await seen()) !== wanted; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return seen()
  }
  await set('expires_at', '300 ms')
  t.equal(await becomes(gone), gone, 'it vanished by itself')
  await sql('update articles set expires_at = null, embargo_until = null where id = $1', [id])
  await set('publish_at', '10 s')
  t.equal(await seen(), unseen)
  await set('publish_at', '300 ms')
  t.equal(await becomes(there), there, 'it appeared by itself')

  for (const days of [-3, 3]) {
    mock.timers.enable({ apis: ['Date'], now: Date.now() + days * 86_400_000 })
    t.equal(await seen(), there, `our own clock is ${days} days off`)
    const now = await draft(editor, { headline: `Off by ${days}` })
    const { publishAt } = await publish(editor, now.id)
    t.equal((await reader('GET', `/v1/articles/${now.id}`)).status, 200)
    await set('publish_at', '1 h')
    t.equal(await seen(), unseen)
    mock.timers.reset()
    t.ok(Math.abs(Date.parse(publishAt) - Date.now()) < 10_000)
    await set('publish_at', '-1 ms')
  }
})

t.test('for readers nothing was updated before it became visible', async (t) => {
  const { id } = await draft(editor)
  await publish(editor, id, { at: inSeconds(3600), embargoUntil: inSeconds(7200) })
  await sql(
    `update articles set updated_at = '2026-01-01T00:00:00Z', publish_at = '2026-01-02T00:00:00Z',
     embargo_until = null where id = $1`,
    [id],
  )
  const updated = async (call: Call) =>
    (await get(call, `/v1/articles/${id}?fields=updatedAt`)).updatedAt
  t.equal(await updated(reader), '2026-01-02T00:00:00.000Z')
  t.equal(await updated(editor), '2026-01-01T00:00:00.000Z')
  await sql("update articles set embargo_until = '2026-01-03T00:00:00Z' where id = $1", [id])
  t.equal(await updated(reader), '2026-01-03T00:00:00.000Z')
  await sql("update articles set updated_at = '2026-01-04T00:00:00Z' where id = $1", [id])
  t.equal(await updated(reader), '2026-01-04T00:00:00.000Z')
})

t.test('an ETag from before says nothing about what is hidden now', async (t) => {
  const { id } = await story(editor)
  const { headers } = await must(reader, 'GET', `/v1/articles/${id}`)
  const known = { 'if-none-match': headers.etag ?? '' }
  t.equal((await reader('GET', `/v1/articles/${id}`, undefined, known)).status, 304)
  await must(editor, 'POST', `/v1/articles/${id}/unpublish`)
  t.equal((await reader('GET', `/v1/articles/${id}`, undefined, known)).status, 410)
  const star = { 'if-none-match': '*' }
  t.equal((await reader('GET', `/v1/articles/${id}`, undefined, star)).status, 410)
})

t.test('the database refuses readers every table', async (t) => {
  const relations = await sql(
    `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('public', 'editor', 'reader', 'drizzle') and c.relkind in ('r', 'p', 'v', 'm')`,
  )
  const denied = async (text: string) => {
    try {
      await room.db.reader.execute(statement.raw(text))
      return 'allowed'
    } catch (error) {
      return driverError(error)?.code
    }
  }
  t.equal(
    (await room.db.reader.execute(statement`select current_user as u`)).rows[0]?.u,
    'dateline_reader',
  )
  const count = { reader: 0, others: 0 }
  for (const { schema, name } of relations) {
    const code = await denied(`select * from ${schema}.${name} limit 1`)
    if (schema === 'reader') {
      count.reader++
      t.equal(code, 'allowed', `${schema}.${name}`)
    } else {
      count.others++
      t.equal(code, '42501', `${schema}.${name}: insufficient_privilege`)
    }
  }
  t.ok(count.reader >= 8 && count.others >= 16, JSON.stringify(count))
  const change = "update reader.articles set headline = 'x'"
  t.not(await denied(change), 'allowed')
  t.equal(await denied(`begin; set transaction read write; ${change}`), '42501')
})
