import t from 'tap'
import {
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
import { newsroom } from './newsroom.ts'

const { as, editor, reader, sql } = await newsroom(t)
const any = { 'if-match': '*' }

const remove = (name: string, query = '') =>
  editor('DELETE', `/v1/sources/${name}${query}`, undefined, any)

type Detail = { pointer?: string; parameter?: string }
const places = (reply: { json: { errors: Detail[] } }) =>
  reply.json.errors.map((e) => e.pointer ?? e.parameter)

t.test('a source is created, read, changed and deleted', async (t) => {
  const trust = await source(editor, { kind: 'organization', name: 'Harbour Trust' })
  const created = await editor('POST', '/v1/sources', {
    kind: 'person',
    name: 'Ида Ленц',
    title: 'Harbour master',
    organization: 'harbour-trust',
    url: 'https://people.example/lenz',
    description: 'Since 2019.',
    sameAs: ['https://wiki.example/Q1', 'https://isni.example/2'],
  })
  t.equal(created.status, 201)
  t.equal(created.headers.location, `/v1/sources/${created.json.slug}`)
  t.match(created.json, {
    version: 1,
    slug: /^ida-l/,
    kind: 'person',
    name: 'Ида Ленц',
    title: 'Harbour master',
    organization: { id: trust.id, slug: 'harbour-trust', name: 'Harbour Trust' },
    url: 'https://people.example/lenz',
    description: 'Since 2019.',
    sameAs: ['https://wiki.example/Q1', 'https://isni.example/2'],
  })
  const { id, slug } = created.json
  for (const name of [id, slug]) {
    const read = await editor('GET', `/v1/sources/${name}`)
    t.equal(read.text, created.text)
    t.equal(read.headers.etag, created.headers.etag)
  }
  const changed = await patch(editor, `/v1/sources/${slug}`, {
    title: null,
    organization: null,
    url: null,
    description: null,
    sameAs: null,
    slug: 'ida-lenz',
  })
  t.match(changed, { version: 2, name: 'Ида Ленц', title: null, organization: null, sameAs: [] })
  t.equal((await editor('GET', `/v1/sources/${slug}`)).headers.location, '/v1/sources/ida-lenz')
  const shaped = await get(editor, '/v1/sources/ida-lenz?fields=name,kind')
  t.same(shaped, { id, kind: 'person', name: 'Ида Ленц' })

  t.equal((await remove(slug)).status, 204, 'also by an old slug')
  t.equal((await editor('GET', `/v1/sources/${id}`)).status, 404)
  t.equal((await editor('GET', '/v1/sources/ida-lenz')).status, 404)
  const next = await source(editor, { name: 'Ida Lenz' })
  t.equal(next.slug, 'ida-lenz-2', 'a used slug is never given out again')
})

t.test('nobody can tell who an anonymous source is', async (t) => {
  const trust = await source(editor, { kind: 'organization', name: 'Leaky Trust' })
  const label = { kind: 'anonymous', name: 'a person familiar with the matter' }
  const identity = {
    title: 'Deputy harbour master',
    organization: trust.slug,
    url: 'https://people.example/x',
    sameAs: ['https://wiki.example/Q9'],
  }
  const refused = await editor('POST', '/v1/sources', { ...label, ...identity })
  t.equal(refused.status, 422)
  t.same(places(refused), ['/title', '/organization', '/url', '/sameAs'])
  const { id } = await source(editor, { ...label, description: 'Spoke twice.' })
  for (const [name, value] of Object.entries(identity)) {
    const reply = await editor('PATCH', `/v1/sources/${id}`, { [name]: value }, any)
    t.equal(reply.status, 422, name)
    t.same(places(reply), [`/${name}`])
  }
  const named = await source(editor, { kind: 'person', name: 'Ned Farrow', ...identity })
  const path = `/v1/sources/${named.id}`
  const turned = await editor('PATCH', path, { kind: 'anonymous', title: null }, any)
  t.equal(turned.status, 422)
  t.same(places(turned), ['/organization', '/url', '/sameAs'], 'what would stay')
  t.match(await get(editor, path), { kind: 'person', version: 1 })
  await t.rejects(
    sql("update sources set kind = 'anonymous' where id = $1", [named.id]),
    { message: /sources_anonymous_check/ },
    'the database refuses too',
  )
})

t.test('a source belongs to an organization or a publication', async (t) => {
  const paper = await source(editor, { kind: 'publication', name: 'The Tidewater Post' })
  const person = await source(editor, { name: 'Member Person' })
  const member = await source(editor, { name: 'Member', organization: paper.id })
  t.equal(member.organization.id, paper.id)
  const cases: [string, object, string][] = [
    [person.slug, { organization: 'no-such-org' }, 'unknown_reference'],
    [member.slug, { organization: person.slug }, 'rule_broken'],
    [paper.slug, { organization: paper.slug }, 'rule_broken'],
    [paper.slug, { kind: 'person' }, 'rule_broken'],
  ]
  for (const [name, change, code] of cases) {
    const reply = await editor('PATCH', `/v1/sources/${name}`, change, any)
    t.match(reply, { status: 422, json: { code } }, JSON.stringify(change))
    t.same(places(reply), [`/${Object.keys(change)[0]}`])
  }
  t.equal((await patch(editor, `/v1/sources/${paper.slug}`, { kind: 'organization' })).version, 2)
})

t.test('what others refer to is not deleted, and they are named', async (t) => {
  const trust = await source(editor, { kind: 'organization', name: 'Wanted Trust' })
  const member = await source(editor, { name: 'Wanted Member', organization: trust.id })
  const article = await draft(editor, { sources: [trust.id] })
  const spoken = await quote(editor, { article: article.id, text: 'x', speaker: trust.id })
  const refused = await remove(trust.slug)
  t.equal(refused.status, 409)
  t.equal(refused.json.code, 'in_use')
  t.same(refused.json.references, [
    { kind: 'article', id: article.id, slug: article.slug },
    { kind: 'quote', id: spoken.id },
    { kind: 'source', id: member.id, slug: member.slug },
  ])
  t.match(await get(editor, `/v1/articles/${article.id}?include=sources,quotes`), {
    version: 2,
    sources: [{ id: trust.id }],
    quotes: [{ speaker: { id: trust.id } }],
  })
})

t.test('reassignTo merges one source into another', async (t) => {
  const old = await source(editor, { kind: 'organization', name: 'Port Office' })
  await patch(editor, `/v1/sources/${old.id}`, { slug: 'port-bureau' })
  const heir = await source(editor, {
    kind: 'organization',
    name: 'Port Authority',
    organization: old.id,
  })
  const member = await source(editor, { name: 'Merge Member', organization: old.id })
  const other = await source(editor, { name: 'Merge Bystander' })
  const both = await story(editor, {
    body: { markdown: '“We listened,” it said.' },
    sources: [
      other.id,
      { source: old.id, role: 'first' },
      member.id,
      { source: heir.id, role: 'second' },
    ],
    quotes: [{ text: 'We listened', speaker: old.id }],
  })
  const spoken = await draft(editor, { quotes: [{ text: 'x', speaker: old.id }] })
  const untouched = await draft(editor, { sources: [heir.id] })

  for (const [name, slug] of [
    ['no-such-source', old.slug],
    [old.id, 'port-bureau'],
  ]) {
    const reply = await remove(slug ?? '', `?reassignTo=${name}`)
    t.equal(reply.status, 422, `into ${name}`)
    t.same(places(reply), ['reassignTo'])
  }
  t.equal((await remove('port-bureau', `?reassignTo=${heir.slug}`)).status, 204)

  const after = await get(editor, `/v1/articles/${both.id}?include=sources,quotes`)
  t.equal(after.version, both.version + 1, 'one new version, however often it named it')
  t.match(after.sources, [{ id: other.id }, { id: heir.id, role: 'first' }, { id: member.id }])
  t.equal(after.sources.length, 3)
  t.match(after.quotes, [{ speaker: { id: heir.id }, version: 2 }])
  t.match(await get(editor, `/v1/articles/${spoken.id}?include=quotes`), {
    version: 2,
    quotes: [{ speaker: { id: heir.id } }],
  })
  t.equal((await get(editor, `/v1/articles/${untouched.id}`)).version, 1)
  t.match(await get(editor, `/v1/sources/${member.id}`), {
    version: 2,
    organization: { id: heir.id },
  })
  t.equal((await get(editor, `/v1/sources/${heir.id}`)).organization, null)
  for (const slug of ['port-office', 'port-bureau']) {
    const moved = await reader('GET', `/v1/sources/${slug}`)
    t.match(moved, { status: 301, headers: { location: '/v1/sources/port-authority' } })
  }
  t.equal((await editor('GET', `/v1/sources/${old.id}`)).status, 404)
  t.equal((await get(reader, '/v1/articles?source=port-office&fields=id')).data[0].id, both.id)
})

t.test('a merge keeps the rules of what it merges', async (t) => {
  const speaker = await source(editor, { name: 'Speaking Person' })
  const report = await source(editor, { kind: 'document', name: 'Report' })
  const trust = await source(editor, { kind: 'organization', name: 'Rule Trust' })
  await source(editor, { name: 'Rule Member', organization: trust.id })
  await draft(editor, { quotes: [{ text: 'x', speaker: speaker.id }] })
  for (const [from, into] of [
    [speaker, report],
    [trust, speaker],
  ]) {
    const reply = await remove(from.id, `?reassignTo=${into.id}`)
    t.equal(reply.status, 422, `${from.kind} into ${into.kind}`)
    t.same(places(reply), ['reassignTo'])
    t.equal((await editor('GET', `/v1/sources/${from.id}`)).status, 200)
  }
})

t.test('who becomes anonymous is no longer led to by their name', async (t) => {
  const named = await source(editor, { name: 'Whistle Blower' })
  const label = await source(editor, { kind: 'anonymous', name: 'an official' })
  const { id } = await story(editor, { quotes: [{ text: 'x', speaker: named.id }] })
  const turned = await editor('PATCH', `/v1/sources/${named.id}`, { kind: 'anonymous' }, any)
  t.equal(turned.status, 422, 'its slug would go on naming them')
  t.same(places(turned), ['/kind'])
  t.equal((await remove(named.id, `?reassignTo=${label.id}`)).status, 204)
  const { quotes } = await get(reader, `/v1/articles/${id}?include=quotes`)
  t.match(quotes, [{ speaker: { id: label.id, name: 'an official' } }])
  t.equal((await reader('GET', '/v1/sources/whistle-blower')).status, 410)
  t.equal((await editor('GET', '/v1/sources/whistle-blower')).status, 404)
  t.equal((await source(editor, { name: 'Whistle Blower' })).slug, 'whistle-blower-2')

  const other = await source(editor, { kind: 'anonymous', name: 'a second official' })
  t.equal((await remove(other.id, `?reassignTo=${label.id}`)).status, 204)
  t.equal((await editor('GET', `/v1/sources/${other.slug}`)).status, 301, 'one label to another')
})

t.test('what published articles show of it is changed only with content:publish', async (t) => {
  const writer = await as('content:write')
  const trust = await source(editor, { kind: 'organization', name: 'Shown Trust' })
  const person = await source(editor, { name: 'Shown Person', organization: trust.id })
  const speaker = await source(editor, { name: 'Shown Speaker' })
  const heir = await source(editor, { kind: 'organization', name: 'Shown Heir' })
  const { id } = await draft(editor, {
    sources: [person.id],
    quotes: [{ text: 'eight', speaker: speaker.id }],
  })
  const shown = [trust, person, speaker].map((one) => `/v1/sources/${one.id}`)
  for (const path of shown) {
    t.equal((await writer('PATCH', path, { description: 'Free.' }, any)).status, 200)
  }
  await publish(editor, id, { at: inSeconds(3600) })
  for (const path of shown) {
    const { version } = await get(editor, path)
    t.equal((await writer('PATCH', path, { name: 'X' }, any)).status, 403, path)
    const merged = await writer('DELETE', `${path}?reassignTo=${heir.id}`, undefined, any)
    t.equal(merged.status, 403)
    t.equal((await get(editor, path)).version, version)
  }
  t.equal((await writer('PATCH', `/v1/sources/${heir.id}`, { name: 'X' }, any)).status, 200)
  const both = await as('content:write', 'content:publish')
  t.equal((await both('PATCH', shown[0] ?? '', { name: 'X' }, any)).status, 200)
})

t.test('merges that cross end in one source', async (t) => {
  const [a, b] = [
    await source(editor, { name: 'Cross A' }),
    await source(editor, { name: 'Cross B' }),
  ]
  const { id } = await draft(editor, { sources: [a.id, b.id] })
  const replies = await Promise.all([
    remove(a.id, `?reassignTo=${b.id}`),
    remove(b.id, `?reassignTo=${a.id}`),
  ])
  const statuses = replies.map((reply) => reply.status).sort()
  t.equal(statuses[0], 204)
  t.ok([404, 422].includes(statuses[1] ?? 0), `the other one finds it gone: ${statuses[1]}`)
  const { sources } = await get(editor, `/v1/articles/${id}?include=sources`)
  t.equal(sources.length, 1)
})

t.test('sources are listed', async (t) => {
  const trust = await source(editor, { kind: 'organization', name: 'Zz list trust' })
  for (const name of ['Zz angstrom', 'Zz list beta', 'Zz list alpha']) {
    await source(editor, { name, organization: trust.slug })
  }
  await source(editor, { kind: 'anonymous', name: 'Zz list anonymous' })
  const names = async (query: string) =>
    (await walk(editor, `/v1/sources?${query}`)).map((s) => s.name)
  const members = await names(`organization=${trust.slug}`)
  t.equal(members.length, 3)
  t.same(await names(`organization=${trust.slug}&sort=-name&limit=1`), members.toReversed())
  t.same(await names('q=zz list&kind=anonymous,organization'.replaceAll(' ', '%20')), [
    'Zz list anonymous',
    'Zz list trust',
  ])
  t.same(await names('q=zz&kind=-person&sort=createdAt'), ['Zz list trust', 'Zz list anonymous'])
  t.same(await names(`q=zz&organization=-${trust.id}&sort=-createdAt`), [
    'Zz list anonymous',
    'Zz list trust',
  ])
  const { data } = (await must(editor, 'GET', `/v1/sources?organization=${trust.id}&fields=slug`))
    .json
  t.same(Object.keys(data[0]), ['id', 'slug'])
})
