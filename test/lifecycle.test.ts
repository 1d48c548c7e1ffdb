import t from 'tap'
import { draft, get, inSeconds, must, patch, publish, source, story } from './factories.ts'
import { type Call, newsroom } from './newsroom.ts'

const { editor, reader, as, sql } = await newsroom(t)
const any = { 'if-match': '*' }
const KILL = { reason: 'The source withdrew.', notice: 'Withdrawn by the editors.' }

type Made = Awaited<ReturnType<typeof draft>>
const kill = (id: string, input: object = {}) =>
  must(editor, 'POST', `/v1/articles/${id}/kill`, { ...KILL, ...input })
const unpublish = (id: string, input: object = {}) =>
  must(editor, 'POST', `/v1/articles/${id}/unpublish`, input)

/** An article in each state that a verb can meet. */
const STATES = {
  draft: () => draft(editor),
  scheduled: () => story(editor, {}, { at: inSeconds(3600) }),
  embargoed: () => story(editor, {}, { embargoUntil: inSeconds(3600) }),
  visible: () => story(editor),
  expired: async () => {
    const made = await story(editor, {}, { expiresAt: inSeconds(3600) })
    await sql(
      "update articles set publish_at = now() - interval '2 h', expires_at = now() - interval '1 h' where id = $1",
      [made.id],
    )
    return made
  },
  unpublished: async () => {
    const { id } = await story(editor)
    return (await unpublish(id)).json
  },
  killed: async () => {
    const { id } = await story(editor)
    return (await kill(id)).json
  },
} satisfies Record<string, () => Promise<Made>>
type State = keyof typeof STATES

const CORRECTION = { kind: 'correction', text: 'It left at eight.' }

/** Each verb, and from which states it goes; from all others it is 409 `wrong_state`. */
const VERBS: [string, object, State[]][] = [
  [
    'publish',
    { expiresAt: null },
    ['draft', 'scheduled', 'embargoed', 'visible', 'expired', 'unpublished'],
  ],
  ['unpublish', {}, ['scheduled', 'embargoed', 'visible', 'expired']],
  ['kill', KILL, ['draft', 'scheduled', 'embargoed', 'visible', 'expired', 'unpublished']],
  ['revive', {}, ['killed']],
  ['corrections', CORRECTION, ['visible', 'expired', 'unpublished']],
]

const traces = async (id: string) => {
  const [row] = await sql(
    `select a.version, a.status, a.updated_at, (select count(*)::int from revisions where article_id = a.id) as revisions,
      (select count(*)::int from changes where resource_id = a.id) as changes from articles a where id = $1`,
    [id],
  )
  return row
}

t.test('each verb goes from its states and from no other', async (t) => {
  for (const [state, put] of Object.entries(STATES) as [State, () => Promise<Made>][]) {
    for (const [verb, body, from] of VERBS) {
      const { id, version } = await put()
      const before = await traces(id)
      const reply = await editor('POST', `/v1/articles/${id}/${verb}`, body)
      const after = await traces(id)
      if (from.includes(state)) {
        t.match(reply, { status: 200, json: { version: version + 1 } }, `${verb} from ${state}`)
        t.equal(after?.revisions, version + 1, 'one revision more')
        t.equal(after?.changes, version + 1, 'one change more')
      } else {
        t.match(reply, { status: 409, json: { code: 'wrong_state' } }, `${verb} from ${state}`)
        t.same(after, before, 'nothing written')
      }
    }
  }
})

t.test('each verb needs its scope', async (t) => {
  const writer = await as('content:write', 'drafts:read')
  const publisher = await as('content:publish')
  for (const [verb, body] of VERBS) {
    const { id } = await (verb === 'revive' ? STATES.killed() : STATES.visible())
    const path = `/v1/articles/${id}/${verb}`
    t.match(await reader('POST', path, body), { status: 401 }, verb)
    const before = await traces(id)
    t.match(await writer('POST', path, body), { status: 403, json: { code: 'forbidden' } }, verb)
    t.same(await traces(id), before)
    const reply = await publisher('POST', path, body)
    t.equal(reply.status, verb === 'corrections' ? 403 : 200, verb)
  }
  const { id } = await draft(editor)
  t.equal((await writer('POST', `/v1/articles/${id}/publish`)).status, 403)
  await publish(editor, id)
  for (const change of [{ summary: 'x' }, { body: { markdown: 'x' } }]) {
    t.match(await writer('PATCH', `/v1/articles/${id}`, change, any), { status: 403 })
  }
  t.match(await writer('POST', `/v1/articles/${id}/revisions/1/restore`), { status: 403 })
  const { id: later } = await STATES.scheduled()
  t.equal((await writer('PATCH', `/v1/articles/${later}`, { summary: 'x' }, any)).status, 403)
  const { id: back } = await STATES.unpublished()
  t.equal((await writer('PATCH', `/v1/articles/${back}`, { summary: 'x' }, any)).status, 200)
})

t.test('verbs heed If-Match', async (t) => {
  for (const [verb, body, [state = 'draft']] of VERBS) {
    const made = await STATES[state]()
    const path = `/v1/articles/${made.id}/${verb}`
    const stale = await editor('POST', path, body, { 'if-match': `"${made.version - 1}-x"` })
    t.match(stale, { status: 412, json: { code: 'version_stale' } }, verb)
    const weak = await editor('POST', path, body, { 'if-match': `W/"${made.version}-x"` })
    t.equal(weak.status, 412, `${verb}: a weak tag never matches`)
    const { headers } = await must(editor, 'GET', `/v1/articles/${made.id}?fields=slug`)
    const good = await editor('POST', path, body, { 'if-match': String(headers.etag) })
    t.equal(good.status, 200, verb)
  }
})

t.test('what readers get after each verb', async (t) => {
  const { id, slug } = await draft(editor, { headline: 'A life' })
  await patch(editor, `/v1/articles/${id}`, { slug: 'a-life-of-its-own' })
  // The slug that it had only as a draft tells nobody anything.
  const names = [id, slug, 'a-life-of-its-own']
  const statuses = async () =>
    (await Promise.all(names.map((name) => reader('GET', `/v1/articles/${name}`)))).map(
      (reply) => reply.status,
    )
  t.same(await statuses(), [404, 404, 404], 'a draft never was')
  const at = async (verb: string, input: object, expected: number[]) => {
    await must(editor, 'POST', `/v1/articles/${id}/${verb}`, input)
    t.same(await statuses(), expected, `${verb} ${JSON.stringify(input)}`)
  }
  await at('kill', KILL, [404, 404, 404])
  await at('revive', {}, [404, 404, 404])
  await at('publish', { at: inSeconds(3600) }, [404, 404, 404])
  await at('unpublish', {}, [404, 404, 404])
  await at('publish', {}, [200, 404, 200])
  await at('unpublish', {}, [410, 404, 410])
  await at('publish', { at: inSeconds(3600) }, [410, 404, 410])
  await at('publish', { at: inSeconds(1) }, [410, 404, 410])
  await at('unpublish', {}, [410, 404, 410])
  await at('publish', {}, [200, 404, 200])
  await at('publish', { embargoUntil: inSeconds(3600) }, [410, 404, 410])
  await at('publish', { embargoUntil: inSeconds(7200) }, [410, 404, 410])
  await at('publish', { embargoUntil: null }, [200, 404, 200])
  await at('kill', { ...KILL, legal: true }, [451, 404, 451])
  await at('revive', {}, [451, 404, 451])
  await at('kill', KILL, [410, 404, 410])
  await at('revive', { reason: 'Settled.' }, [410, 404, 410])
  await at('publish', {}, [200, 404, 200])
  const kept = await get(editor, `/v1/articles/${id}/revisions?limit=100`)
  t.same(
    kept.data.map(({ event }: { event: string }) => event.replace('article.', '')).toReversed(),
    [
      ...['created', 'updated', 'killed', 'revived', 'scheduled', 'unpublished', 'published'],
      ...['unpublished', 'scheduled', 'scheduled', 'unpublished', 'published', 'embargo-set'],
      ...['embargo-set', 'embargo-lifted', 'killed', 'revived', 'killed', 'revived', 'published'],
    ],
  )
})

t.test('publishing again starts with times of its own', async (t) => {
  const { id } = await story(editor, {}, { expiresAt: inSeconds(3600) })
  const first = await get(editor, `/v1/articles/${id}`)
  await unpublish(id)
  const again = await publish(editor, id)
  t.equal(again.expiresAt, null)
  t.ok(again.publishAt > first.publishAt)
  t.equal(again.publishedAt, first.publishedAt, 'the date shown stays')
  t.ok((await get(reader, `/v1/articles/${id}`)).updatedAt >= again.publishAt)
})

t.test('what has expired is published again only with another expiry, or none', async (t) => {
  const { id } = await STATES.expired()
  const before = await traces(id)
  const reply = await editor('POST', `/v1/articles/${id}/publish`)
  t.match(reply, { status: 422, json: { errors: [{ pointer: '/expiresAt' }] } })
  t.same(await traces(id), before)
  const later = inSeconds(3600)
  t.match(await publish(editor, id, { expiresAt: later }), { expiresAt: later })
  t.equal((await reader('GET', `/v1/articles/${id}`)).status, 200)
})

t.test('an embargo is set and extended after publication', async (t) => {
  const { id, publishedAt } = await story(editor)
  const until = inSeconds(3600)
  const set = await publish(editor, id, { embargoUntil: until })
  t.match(set, { status: 'published', embargoUntil: until, publishedAt })
  const gone = await reader('GET', `/v1/articles/${id}`)
  t.match(gone, { status: 410, json: { gone: { kind: 'article', notice: null } } })
  const later = inSeconds(7200)
  t.match(await publish(editor, id, { embargoUntil: later }), { embargoUntil: later })
  t.equal((await reader('GET', `/v1/articles/${id}`)).json.gone.since, gone.json.gone.since)
  const lifted = await publish(editor, id, { embargoUntil: null })
  t.match(lifted, { embargoUntil: null, publishedAt })
  t.equal((await reader('GET', `/v1/articles/${id}`)).status, 200)
})

t.test('the date shown moves with the schedule until it is past', async (t) => {
  const one = inSeconds(3600)
  const two = inSeconds(7200)
  const { id, publishedAt } = await story(editor, {}, { at: one })
  t.equal(publishedAt, one)
  t.equal((await publish(editor, id, { embargoUntil: two })).publishedAt, two)
  t.equal((await publish(editor, id, { embargoUntil: null })).publishedAt, one)
  t.match(await publish(editor, id, { publishedAt: '1999-12-31T23:59:59+01:00' }), {
    publishedAt: '1999-12-31T22:59:59.000Z',
    publishAt: one,
  })
  t.equal((await publish(editor, id, { at: two })).publishedAt, '1999-12-31T22:59:59.000Z')
})

t.test('what was killed is neither read nor changed', async (t) => {
  const words = 'zqkilledwords'
  const speaker = await source(editor, { name: 'Zqkilledspeaker' })
  const { id } = await story(editor, {
    headline: `Headline ${words}`,
    body: { markdown: `“It was ${words},” she said.` },
    quotes: [{ text: `It was ${words}`, speaker: speaker.id }],
  })
  await patch(editor, `/v1/articles/${id}`, { summary: `${words} too` })
  const [quoted] = (await get(editor, `/v1/articles/${id}?include=quotes`)).quotes
  await kill(id, { reason: 'reason zqsecret' })
  const calls: [string, Call][] = [
    ['nobody', reader],
    ['a read key', await as('read')],
    ['a writer', await as('content:write', 'content:publish')],
  ]
  const paths = [
    ...['', '?include=quotes,sources,corrections&body=html,text,markdown,blocks'].map((q) => q),
    ...['?asOf=2026-01-01T00:00:00Z', '/revisions', '/revisions/1', '/revisions/2'],
    ...['/diff?from=1&to=2', '/quotes'],
  ].map((rest) => `/v1/articles/${id}${rest}`)
  paths.push(`/v1/quotes/${quoted.id}`, `/v1/quotes/${quoted.id}/similar`)
  paths.push(`/v1/sources/${speaker.slug}`, `/v1/articles?q=${words}`, `/v1/quotes?q=${words}`)
  for (const [who, call] of calls) {
    for (const path of paths) {
      const { status, text, headers } = await call('GET', path)
      const all = text
        .replaceAll(path, '')
        .replaceAll(words, (w, at) => (text.includes(`?q=${w}`) && at < 0 ? '' : w))
      // The caller's own words come back in the addresses of the list and of its feed.
      const own = (all + JSON.stringify(headers)).replaceAll(`q=${words}`, '')
      t.notMatch(own, /zqkilledwords|zqsecret/, `${who} ${path} ${status}`)
      t.ok(path.includes('?q=') ? status === 200 : status >= 400, `${who} ${path} ${status}`)
    }
  }
  const before = await traces(id)
  const refused: [string, string, unknown][] = [
    ['PATCH', `/v1/articles/${id}`, { summary: 'again' }],
    ['POST', `/v1/articles/${id}/revisions/1/restore`, undefined],
    ['POST', `/v1/articles/${id}/corrections`, CORRECTION],
    ['POST', `/v1/articles/${id}/publish`, {}],
    ['PATCH', `/v1/quotes/${quoted.id}`, { occasion: 'never' }],
    ['POST', '/v1/quotes', { article: id, text: words }],
    ['DELETE', `/v1/quotes/${quoted.id}`, undefined],
    ['DELETE', `/v1/articles/${id}`, undefined],
  ]
  for (const [method, path, body] of refused) {
    const reply = await editor(method, path, body, any)
    t.equal(reply.status, 409, `${method} ${path}`)
  }
  t.same(await traces(id), before, 'nothing written')
  t.match(await get(editor, `/v1/articles/${id}`), { status: 'killed' }, 'editors still read it')
  t.equal(
    (await get(editor, `/v1/articles/${id}/revisions/1`)).article.headline,
    `Headline ${words}`,
  )
  const [last] = (await get(editor, `/v1/articles/${id}/revisions?limit=1`)).data
  t.match(last, { event: 'article.killed', reason: 'reason zqsecret' }, 'the reason is for editors')
  const noReason = await as('read')
  t.equal((await noReason('GET', `/v1/articles/${id}/revisions`)).status, 403)
})

t.test(
  'an article is deleted only when nobody, readers or partners, can have had it',
  async (t) => {
    const code: Record<string, [number, string?]> = {
      draft: [204],
      scheduled: [204],
      embargoed: [409, 'was_visible'],
      visible: [409, 'was_visible'],
      expired: [409, 'was_visible'],
      unpublished: [409, 'was_visible'],
      killed: [409, 'was_visible'],
    }
    for (const [state, put] of Object.entries(STATES)) {
      const { id, slug } = await put()
      const [status = 0, problem] = code[state] ?? []
      const reply = await editor('DELETE', `/v1/articles/${id}`, undefined, any)
      t.equal(reply.status, status, state)
      if (problem) t.equal(reply.json.code, problem)
      else {
        t.equal((await editor('GET', `/v1/articles/${id}`)).status, 404)
        t.equal((await reader('GET', `/v1/articles/${slug}`)).status, 404)
        t.same(await sql('select * from revisions where article_id = $1', [id]), [])
        const rows = await sql(
          'select operation, event, from_version, to_version from changes where resource_id = $1 order by id desc limit 1',
          [id],
        )
        t.match(rows, [{ operation: 'delete', event: 'article.deleted', to_version: null }])
      }
    }
    const { id } = await draft(editor)
    await kill(id)
    t.equal(
      (await editor('DELETE', `/v1/articles/${id}`, undefined, any)).status,
      204,
      'never seen',
    )
  },
)

t.test('bad times and bad kills are refused with their rule, and nothing is written', async (t) => {
  const cases: [string, object, number, string][] = [
    ['publish', { at: '2020-01-01T00:00:00Z' }, 422, '/at'],
    ['publish', { at: inSeconds(-60) }, 422, '/at'],
    ['publish', { at: '2030-01-01T00:00:00' }, 400, '/at'],
    ['publish', { at: '2030-01-01' }, 400, '/at'],
    ['publish', { at: '2030-02-30T00:00:00Z' }, 400, '/at'],
    ['publish', { embargoUntil: '2030-01-01T00:00' }, 400, '/embargoUntil'],
    ['publish', { publishedAt: '2020-01-01T00:00:00' }, 400, '/publishedAt'],
    ['publish', { expiresAt: inSeconds(-1) }, 422, '/expiresAt'],
    ['publish', { at: inSeconds(3600), expiresAt: inSeconds(1800) }, 422, '/expiresAt'],
    ['publish', { embargoUntil: inSeconds(60), expiresAt: inSeconds(30) }, 422, '/embargoUntil'],
    ['publish', { from: inSeconds(60) }, 400, ''],
    ['kill', {}, 400, '/reason'],
    ['kill', { notice: 'x' }, 400, '/reason'],
    ['kill', { reason: 'x' }, 400, '/notice'],
    ['kill', { reason: ' ', notice: 'x' }, 400, '/reason'],
    ['kill', { reason: 'x', notice: '' }, 400, '/notice'],
    ['unpublish', { reason: '' }, 400, '/reason'],
  ]
  const { id } = await story(editor)
  const before = await traces(id)
  for (const [verb, body, status, pointer] of cases) {
    const reply = await editor('POST', `/v1/articles/${id}/${verb}`, body)
    t.equal(reply.status, status, `${verb} ${JSON.stringify(body)}`)
    const errors: { pointer: string; message: string }[] = reply.json.errors
    t.ok(
      errors.some((e) => e.pointer === pointer && e.message !== '') || pointer === '',
      JSON.stringify(errors),
    )
  }
  t.same(await traces(id), before)
  const equal = inSeconds(60)
  const both = await editor('POST', `/v1/articles/${id}/publish`, {
    embargoUntil: equal,
    expiresAt: equal,
  })
  t.equal(both.status, 422, 'an embargo to the instant of expiry leaves no instant')
  const empty = await must(editor, 'POST', '/v1/articles', {})
  const reply = await editor('POST', `/v1/articles/${empty.json.id}/publish`)
  t.match(reply, {
    status: 422,
    json: { code: 'rule_broken', errors: [{ pointer: '/headline' }, { pointer: '/body' }] },
  })
  t.match(await traces(empty.json.id), { version: 1, status: 'draft', revisions: 1, changes: 1 })
  for (const change of [{ headline: null }, { body: null }]) {
    t.equal((await editor('PATCH', `/v1/articles/${id}`, change, any)).status, 422)
  }
  t.same(await traces(id), before)
})
