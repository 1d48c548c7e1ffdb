import t from 'tap'
import {
  category,
  draft,
  get,
  inSeconds,
  must,
  partner as partnerOf,
  patch,
  publish,
  source,
  story,
} from './factories.ts'
import { type Call, callerOf, newsroom } from './newsroom.ts'

const room = await newsroom(t)
const { editor, reader, app } = room

const harbour = await category(editor, { name: 'Harbour' })
const ferries = await category(editor, { name: 'Ferries', parent: harbour.id })
const town = await category(editor, { name: 'Town' })

/** A partner with a key of its own. */
const partner = (input?: object, scopes?: string[]) => partnerOf(room, input, scopes)

/** What this caller finds in the list. */
const listed = async (call: Call, path = '/v1/articles?fields=headline') =>
  (await get(call, path)).data.map((one: { headline: string }) => one.headline)

t.test('a partner reads what it is entitled to, on every path', async (t) => {
  await story(editor, { headline: 'On the quay', categories: [harbour.id] })
  await story(editor, { headline: 'On the boat', categories: [ferries.id] })
  await story(editor, { headline: 'Na vila', categories: [town.id], language: 'pt-PT' })
  await story(editor, { headline: 'Nowhere' })
  const cases: [input: object, expected: string[]][] = [
    [{}, ['Nowhere', 'Na vila', 'On the boat', 'On the quay']],
    [{ languages: ['pt'] }, ['Na vila']],
    [{ categories: { allowed: ['harbour'] } }, ['On the boat', 'On the quay']],
    [{ categories: { allowed: ['harbour'], excluded: ['ferries'] } }, ['On the quay']],
    [{ categories: { excluded: ['harbour'] } }, ['Nowhere', 'Na vila']],
    [{ languages: ['en'], categories: { allowed: ['town', 'ferries'] } }, ['On the boat']],
  ]
  for (const [input, expected] of cases) {
    const { call } = await partner(input)
    const name = JSON.stringify(input)
    t.same(await listed(call), expected, name)
    t.equal((await get(call, '/v1/articles?count=exact')).meta.count, expected.length, name)
    for (const headline of ['On the quay', 'On the boat', 'Na vila', 'Nowhere']) {
      const slug = headline.toLowerCase().replaceAll(' ', '-')
      const { status } = await call('GET', `/v1/articles/${slug}`)
      t.equal(status, expected.includes(headline) ? 200 : 404, `${headline} of ${name}`)
    }
    const { meta } = await get(call, '/v1/articles?facets=category,language')
    const counts = Object.fromEntries(
      meta.facets.category.map((f: { slug: string; count: number }) => [f.slug, f.count]),
    )
    t.equal(
      counts.harbour ?? 0,
      expected.filter((one) => one.startsWith('On the')).length,
      `facets of ${name}`,
    )
    t.same(
      (await get(call, '/v1/categories')).data
        .map((c: { slug: string }) => c.slug)
        .includes('town'),
      expected.includes('Na vila'),
    )
  }
})

t.test(
  'what it may not have does not show through sources, quotes, searches and old slugs',
  async (t) => {
    const quill = await source(editor, { name: 'Petra Quill' })
    const inTown = await story(editor, {
      headline: 'The mayor resigns',
      categories: [town.id],
      body: { markdown: '“I have had enough of zinnias,” said Quill.' },
      quotes: [{ text: 'I have had enough of zinnias', speaker: quill.id }],
    })
    await patch(editor, `/v1/articles/${inTown.id}`, { slug: 'mayor-gone' })
    const { call } = await partner({ categories: { allowed: ['harbour'] } })
    t.same((await get(call, '/v1/articles?q=zinnias')).data, [])
    t.same((await get(call, '/v1/quotes?q=zinnias')).data, [])
    t.same((await get(call, '/v1/quotes?count=exact')).meta, { count: 0 })
    for (const path of [
      `/v1/sources/${quill.id}`,
      '/v1/sources/petra-quill',
      '/v1/categories/town',
      '/v1/articles/the-mayor-resigns',
      '/v1/articles/mayor-gone',
      `/v1/articles/${inTown.id}`,
    ]) {
      t.equal((await call('GET', path)).status, 404, path)
    }
    t.equal((await call('GET', '/v1/articles?speaker=petra-quill')).status, 400)
    t.equal((await reader('GET', '/v1/articles/the-mayor-resigns')).status, 301)
    await must(editor, 'POST', `/v1/articles/${inTown.id}/kill`, {
      reason: 'r',
      notice: 'Withdrawn.',
    })
    t.equal((await reader('GET', `/v1/articles/${inTown.id}`)).status, 410)
    t.equal((await call('GET', `/v1/articles/${inTown.id}`)).status, 404, 'it never had it')
    const entitled = await partner({ categories: { allowed: ['town'] } })
    t.equal((await entitled.call('GET', `/v1/articles/${inTown.id}`)).status, 410)
  },
)

t.test('early access: under embargo, with the scope and the entitlement', async (t) => {
  const { id } = await draft(editor, { headline: 'Embargoed' })
  await publish(editor, id, { embargoUntil: inSeconds(3600) })
  const both = await partner({ earlyAccess: true }, ['read', 'syndication', 'embargo:read'])
  const found = await get(both.call, `/v1/articles/${id}`)
  t.match(found, { headline: 'Embargoed', embargoUntil: /^\d{4}-.*Z$/ })
  t.notOk('status' in found)
  t.ok((await listed(both.call)).includes('Embargoed'))
  const { embargoUntil } = await get(both.call, `/v1/articles/${id}?fields=embargoUntil`)
  t.ok(embargoUntil)
  const withoutScope = await partner({ earlyAccess: true })
  const withoutEntitlement = await partner({}, ['read', 'embargo:read'])
  for (const { call } of [withoutScope, withoutEntitlement]) {
    t.equal((await call('GET', `/v1/articles/${id}`)).status, 404)
    t.notOk((await listed(call)).includes('Embargoed'))
  }
  t.equal((await reader('GET', `/v1/articles/${id}`)).status, 404)
  const later = await draft(editor, { headline: 'Scheduled' })
  await publish(editor, later.id, { at: inSeconds(3600) })
  t.equal((await both.call('GET', `/v1/articles/${later.id}`)).status, 404, 'a schedule is none')
})

t.test('partners are made, changed and ended', async (t) => {
  const made = await must(editor, 'POST', '/v1/partners', {
    name: 'Isle Times',
    contact: 'desk',
    languages: ['pt-br', 'en'],
    formats: ['rss', 'ninjs'],
    rateLimit: 5,
    categories: { allowed: ['harbour', 'town'], excluded: ['ferries'] },
  })
  t.match(made.json, {
    version: 1,
    languages: ['pt-BR', 'en'],
    earlyAccess: false,
    endedAt: null,
    categories: {
      allowed: [{ slug: 'harbour', name: 'Harbour' }, { slug: 'town' }],
      excluded: [{ slug: 'ferries' }],
    },
  })
  const path = `/v1/partners/${made.json.id}`
  t.equal(made.headers.location, path)
  const changed = await patch(editor, path, { languages: null, categories: { excluded: null } })
  t.match(changed, { version: 2, languages: null, categories: { excluded: [] } })
  t.equal(changed.categories.allowed.length, 2, 'what is not given stays')
  t.equal((await editor('PATCH', path, { name: 'x' }, { 'if-match': '"1-x"' })).status, 412)
  t.equal((await editor('PATCH', path, { name: 'x' })).status, 428)
  const wrong: [object, number, string][] = [
    [{ name: '' }, 400, '/name'],
    [{ name: 'x', languages: [] }, 400, '/languages'],
    [{ name: 'x', formats: ['pdf'] }, 400, '/formats/0'],
    [
      { name: 'x', categories: { allowed: ['nowhere', 'harbour', 'neither'] } },
      422,
      '/categories/allowed/0',
    ],
    [
      { name: 'x', categories: { allowed: ['town'], excluded: ['town'] } },
      422,
      '/categories/excluded',
    ],
    [{ name: 'x', rateLimit: 0 }, 400, '/rateLimit'],
    [{ name: 'x', earlyAccess: 'yes' }, 400, '/earlyAccess'],
    [{ name: 'x', endedAt: inSeconds(1) }, 400, '/endedAt'],
  ]
  for (const [input, status, pointer] of wrong) {
    const reply = await editor('POST', '/v1/partners', input)
    t.equal(reply.status, status, JSON.stringify(input))
    t.ok(
      reply.json.errors.some((e: { pointer: string }) => e.pointer === pointer),
      reply.text,
    )
  }
  const key = await must(editor, 'POST', '/v1/keys', {
    ...{ name: 'k', scopes: ['read'], partner: made.json.id },
  })
  t.equal(key.json.partner, made.json.id)
  const call = callerOf(app, `Bearer ${key.json.key}`)
  const { headers } = await call('GET', '/v1/articles')
  t.match(headers['ratelimit-policy'], /q=5;/, 'its own limit, though there is none for others')
  t.equal(headers['cache-control'], 'private, no-cache')
  for (const scopes of [['drafts:read'], ['content:write', 'read'], ['admin']]) {
    const reply = await editor('POST', '/v1/keys', { name: 'k', scopes, partner: made.json.id })
    t.match(reply, { status: 422, json: { errors: [{ pointer: '/scopes/0' }] } }, scopes.join())
  }
  const nobody = '01990000-0000-7000-8000-000000000009'
  const reply = await editor('POST', '/v1/keys', { name: 'k', scopes: ['read'], partner: nobody })
  t.match(reply, { status: 422, json: { code: 'unknown_reference' } })
  t.equal((await editor('GET', `/v1/partners/${nobody}`)).status, 404)

  await must(editor, 'DELETE', path, undefined, { 'if-match': '*' })
  t.equal((await call('GET', '/v1/articles')).status, 401, 'its keys are revoked')
  t.ok((await get(editor, path)).endedAt, 'it stays known')
  t.equal((await editor('PATCH', path, { name: 'x' }, { 'if-match': '*' })).status, 409)
  t.equal(
    (await editor('POST', '/v1/keys', { name: 'k', scopes: ['read'], partner: made.json.id }))
      .status,
    409,
  )
  const writer = await room.as('content:write', 'content:publish', 'drafts:read')
  for (const [method, at] of [
    ['GET', '/v1/partners'],
    ['GET', path],
    ['POST', '/v1/partners'],
  ] as const) {
    t.equal((await writer(method, at, method === 'POST' ? { name: 'x' } : undefined)).status, 403)
  }
})

t.test('a category that an entitlement names is not deleted, and merged in it too', async (t) => {
  const old = await category(editor, { name: 'Old' })
  const heir = await category(editor, { name: 'Heir' })
  const { id, call } = await partner({ categories: { allowed: [old.id] } })
  const refused = await editor('DELETE', `/v1/categories/${old.id}`, undefined, { 'if-match': '*' })
  t.match(refused, { status: 409, json: { references: [{ kind: 'partner', id }] } })
  await story(editor, { headline: 'Of the heir', categories: [heir.id] })
  t.same(await listed(call), [])
  await must(editor, 'DELETE', `/v1/categories/${old.id}?reassignTo=heir`, undefined, {
    'if-match': '*',
  })
  t.match((await get(editor, `/v1/partners/${id}`)).categories.allowed, [{ slug: 'heir' }])
  t.same(await listed(call), ['Of the heir'])
})

t.test('why a partner has an article, or not', async (t) => {
  const { id } = await partner({ languages: ['en'], categories: { excluded: ['ferries'] } })
  const boat = await story(editor, { headline: 'Boat', categories: [ferries.id], language: 'pt' })
  const explain = (article: string) => get(editor, `/v1/articles/${article}/access?partner=${id}`)
  const denied = await explain(boat.id)
  t.match(denied, { access: false, rule: 'language' })
  t.same(
    denied.rules.filter((r: { passes: boolean }) => !r.passes).map((r: { rule: string }) => r.rule),
    ['language', 'excludedCategories'],
  )
  t.match(JSON.stringify(denied), 'It is in Ferries, which is excluded.')
  t.match(denied.rules.at(-1), { rule: 'formats', passes: true, detail: /has all formats/ })
  const quay = await story(editor, { headline: 'Quay', categories: [harbour.id] })
  t.match(await explain(quay.id), { access: true, rule: null })
  await patch(editor, `/v1/partners/${id}`, { formats: ['rss'] })
  const limited = await explain(quay.id)
  t.match(limited, { access: true, rule: null })
  t.match(limited.rules.at(-1).detail, /as JSON, rss\./)
  await must(editor, 'POST', `/v1/articles/${quay.id}/unpublish`)
  t.match(await explain(quay.slug), { access: false, rule: 'published' })
  const later = await draft(editor)
  await publish(editor, later.id, { embargoUntil: inSeconds(600) })
  t.match(await explain(later.id), { access: false, rule: 'embargo' })
  const path = `/v1/articles/${quay.id}/access`
  t.equal((await editor('GET', path)).status, 400)
  t.equal((await editor('GET', `${path}?partner=${quay.id}`)).status, 404)
  t.equal((await reader('GET', `${path}?partner=${id}`)).status, 401)
})
