import { Writable } from 'node:stream'
import pino from 'pino'
import t from 'tap'
import { OPERATOR } from '../src/actor.ts'
import { buildApp } from '../src/app.ts'
import { transaction } from '../src/db/transaction.ts'
import { createKey } from '../src/keys/commands.ts'
import { get, must, patch, quote, source, story } from './factories.ts'
import { newsroom } from './newsroom.ts'

const room = await newsroom(t)
const { editor, reader, sql, db } = room
const any = { 'if-match': '*' }
const LABEL = 'a nurse at the clinic'

t.test('an anonymous source is a label and what describes it', async (t) => {
  const made = await source(editor, {
    kind: 'anonymous',
    name: LABEL,
    description: 'Works nights; on the ward for 12 years, since 2014. Room 7.40, ward 3-B.',
  })
  t.match(made, {
    kind: 'anonymous',
    name: LABEL,
    title: null,
    url: null,
    organization: null,
    sameAs: [],
  })
  const columns = await sql(
    `select table_schema || '.' || table_name || '.' || column_name as c from information_schema.columns
     where table_name = 'sources' and table_schema in ('public', 'reader', 'editor')
       and column_name ~ 'real|identity|contact|mail|phone|secret|note'`,
  )
  t.same(columns, [], 'there is no place for an identity')
})

t.test('identifying members and contact details are refused', async (t) => {
  const trust = await source(editor, { kind: 'organization', name: 'Clinic Trust' })
  const count = async () => (await sql('select count(*)::int as n from sources'))[0]?.n
  const before = await count()
  const cases: [object, string][] = [
    [{ title: 'Head nurse' }, '/title'],
    [{ url: 'https://clinic.example/zqnurse' }, '/url'],
    [{ sameAs: ['https://www.wikidata.example/Q1'] }, '/sameAs'],
    [{ organization: trust.id }, '/organization'],
    ...[
      'write to zqnurse@clinic.example',
      'zq.nurse+tips@mail.clinic.example',
      'https://clinic.example/zqnurse',
      'see www.clinic.example',
      'signal: @zqnurse',
      '@zqnurse',
      '+44 20 7946 0958',
      'call 020 7946 0958 at night',
      '(020) 7946-0958',
      '0049.30.1234567',
    ].flatMap((contact): [object, string][] => [
      [{ name: contact }, '/name'],
      [{ description: `Met twice. ${contact}` }, '/description'],
    ]),
  ]
  for (const [input, pointer] of cases) {
    const body = { kind: 'anonymous', name: LABEL, ...input }
    const reply = await editor('POST', '/v1/sources', body)
    t.match(reply, { status: 422, json: { code: 'rule_broken', errors: [{ pointer }] } }, pointer)
    t.notMatch(reply.text.replace(/"instance":"[^"]*"/, ''), /zq|7946|Head/, 'it is not repeated')
  }
  const all = await editor('POST', '/v1/sources', {
    kind: 'anonymous',
    name: '@zqnurse',
    title: 'Head nurse',
    url: 'https://clinic.example/',
  })
  t.same(
    all.json.errors.map((e: { pointer: string }) => e.pointer).sort(),
    ['/name', '/title', '/url'],
    'all that is wrong',
  )
  t.equal(await count(), before)
})

t.test('what is no contact is not taken for one', async (t) => {
  for (const name of [
    'an official',
    'two of 1,200 workers',
    'a witness of 12 March 2026',
    'a man who paid 12,000 euros',
    'someone at 10 Harbour Street',
    'an employee, 2019-2024',
    'who saw it on 2026-03-12',
  ]) {
    const reply = await editor('POST', '/v1/sources', { kind: 'anonymous', name })
    t.equal(reply.status, 201, `${name}: ${reply.text}`)
  }
})

t.test('one that is anonymous stays so under a PATCH', async (t) => {
  const { id, version } = await source(editor, { kind: 'anonymous', name: LABEL })
  const path = `/v1/sources/${id}`
  for (const change of [
    { title: 'Nurse' },
    { url: 'https://clinic.example/' },
    { sameAs: ['https://clinic.example/'] },
    { name: 'mail nurse@clinic.example' },
    { description: '+44 20 7946 0958' },
  ]) {
    t.match(await editor('PATCH', path, change, any), { status: 422 }, JSON.stringify(change))
  }
  t.equal((await get(editor, path)).version, version)
  t.equal((await patch(editor, path, { description: 'Works nights.' })).version, version + 1)
})

t.test('one that was named does not become anonymous by a PATCH', async (t) => {
  const named = await source(editor, {
    name: 'Zqnamed Person',
    title: 'Nurse',
    url: 'https://clinic.example/zq',
  })
  const path = `/v1/sources/${named.id}`
  const before = await get(editor, path)
  for (const change of [
    { kind: 'anonymous' },
    { kind: 'anonymous', name: LABEL },
    { kind: 'anonymous', name: LABEL, title: null, url: null },
  ]) {
    t.equal((await editor('PATCH', path, change, any)).status, 422, JSON.stringify(change))
  }
  t.same(await get(editor, path), before)
  const staying = await editor('PATCH', path, { kind: 'anonymous', name: LABEL }, any)
  t.ok(
    staying.json.errors.some((e: { pointer: string }) => e.pointer === '/title'),
    'what would stay is named',
  )

  // As the refusal says: another one, and the named one merged into it.
  const label = await source(editor, { kind: 'anonymous', name: LABEL })
  const made = await story(editor, {
    body: { markdown: '“It was so,” the nurse said.' },
    quotes: [{ text: 'It was so', speaker: named.id }],
    sources: [named.id],
  })
  await must(editor, 'DELETE', `${path}?reassignTo=${label.slug}`, undefined, any)
  const seen = await must(reader, 'GET', `/v1/articles/${made.id}?include=sources,quotes`)
  t.notMatch(seen.text, /[Zz]qnamed/)
  t.match(seen.json.quotes, [{ speaker: { id: label.id, name: LABEL } }])
  for (const name of [named.id, named.slug]) {
    const reply = await reader('GET', `/v1/sources/${name}`)
    t.not(reply.status, 301, 'its name leads nowhere')
    t.notMatch(reply.text, new RegExp(label.slug))
  }
  const [last] = (await get(editor, `/v1/articles/${made.id}/revisions?limit=1`)).data
  t.notMatch(JSON.stringify(last), /zqnamed/i, 'nor does the reason of the merge name it')
  const { article } = await get(
    editor,
    `/v1/articles/${made.id}/revisions/${last.version}?include=sources,quotes`,
  )
  t.notMatch(JSON.stringify(article), /zqnamed/i)
})

t.test('no log line and no error holds what was sent', async (t) => {
  const lines: string[] = []
  const sink = new Writable({
    write(chunk, _, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const app = await buildApp({ config: room.config, db }, pino({ level: 'trace' }, sink))
  t.teardown(() => app.close())
  const { key } = await transaction(db, (tx) =>
    createKey({ tx, actor: OPERATOR }, { name: 'logged', scopes: ['admin'] }),
  )
  const headers = { authorization: `Bearer ${key}`, 'if-match': '*' }
  const send = (method: 'POST' | 'PATCH', url: string, payload: object | string) =>
    app.inject({
      method,
      url,
      headers: { ...headers, 'content-type': 'application/json' },
      payload,
    })
  const label = await source(editor, { kind: 'anonymous', name: LABEL })
  const statuses = []
  for (const payload of [
    { kind: 'anonymous', name: 'zqsecret@clinic.example' },
    { kind: 'anonymous', name: LABEL, description: 'zqsecret +44 20 7946 0958' },
    { kind: 'anonymous', name: LABEL, title: 'zqsecret' },
    { kind: 'anonymous', name: LABEL, realName: 'zqsecret' },
    { kind: 'anonymous', name: LABEL, zqsecret: 'x' },
    { kind: 'zqsecret', name: LABEL },
    '{"kind":"anonymous","name":"zqsecret',
  ]) {
    const made = await send('POST', '/v1/sources', payload)
    const changed = await send('PATCH', `/v1/sources/${label.id}`, payload)
    statuses.push(made.statusCode, changed.statusCode)
    for (const { body } of [made, changed]) {
      // A member that does not exist is named, so that it can be found; what it holds is not.
      if (!JSON.stringify(payload).includes('"zqsecret":')) t.notMatch(body, /zqsecret/, body)
    }
  }
  t.ok(
    statuses.every((status) => status === 400 || status === 422),
    String(statuses),
  )
  t.ok(lines.length >= statuses.length, `${lines.length} lines`)
  t.notMatch(lines.join(''), /zqsecret|7946/)
  const stored = await sql(
    `select 'changes' as at from changes c where c::text ~ 'zqsecret'
     union all select 'sources' from sources s where s::text ~ 'zqsecret'
     union all select 'slugs' from slugs s where s::text ~ 'zqsecret'
     union all select 'answers' from idempotency_keys k where k::text ~ 'zqsecret'`,
  )
  t.same(stored, [])
})

t.test('the API says so', async (t) => {
  const { components } = await get(reader, '/openapi.json')
  const kind = JSON.stringify(components.schemas.Source.properties.kind)
  t.match(kind, /no field can hold an identity/)
  const { id } = await story(editor, { body: { markdown: '“So,” a nurse said.' } })
  const label = await source(editor, { kind: 'anonymous', name: LABEL })
  await quote(editor, { article: id, text: 'So', speaker: label.slug } as never)
  t.match((await get(reader, `/v1/quotes?speaker=${label.slug}`)).data, [
    { speaker: { id: label.id, slug: label.slug, name: LABEL } },
  ])
})

t.test('nothing beside an anonymous source tells how to reach them', async (t) => {
  const label = await source(editor, { kind: 'anonymous', name: 'a clerk' })
  const named = await source(editor, { name: 'Open Clerk' })
  const body = { markdown: '“We sail,” she said.' }
  for (const text of ['jane@example.org', 't.me/jdoe', 'see (@jdoe)', 'john [at] example.org']) {
    const faults = async (input: object) => {
      const reply = await editor('POST', '/v1/articles', { headline: 'x', body, ...input })
      return [reply.status, ...(reply.json.errors ?? []).map((e: { pointer: string }) => e.pointer)]
    }
    t.same(await faults({ sources: [{ source: label.id, note: text }] }), [422, '/sources/0/note'])
    const quote = { text: 'We sail', speaker: label.id, cue: text }
    t.same(await faults({ quotes: [quote] }), [422, '/quotes/0/cue'])
    t.same(await faults({ sources: [{ source: named.id, note: text }] }), [201])
  }
})
