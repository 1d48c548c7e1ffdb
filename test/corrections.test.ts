import t from 'tap'
import { draft, get, must, patch, publish, story } from './factories.ts'
import { newsroom } from './newsroom.ts'

const { editor, reader, as, sql } = await newsroom(t)
const any = { 'if-match': '*' }
const NOTE = { kind: 'correction', text: 'An earlier version gave a wrong time.' }

const traces = async (id: string) => {
  const [row] = await sql(
    `select a.version, a.headline, a.plain_text, a.status,
      (select count(*)::int from corrections where article_id = a.id) as corrections,
      (select count(*)::int from revisions where article_id = a.id) as revisions,
      (select count(*)::int from changes where resource_id = a.id) as changes from articles a where id = $1`,
    [id],
  )
  return row
}

const told = async () => {
  const made = await story(editor, {
    headline: 'The boat left at seven',
    body: { markdown: 'The boat left at seven.\n\n“It was late,” she said.' },
    quotes: [{ text: 'It was late' }],
  })
  const { quotes, body, version } = await get(
    editor,
    `/v1/articles/${made.id}?include=quotes&body=blocks`,
  )
  return {
    id: made.id as string,
    quote: quotes[0],
    blocks: body.blocks,
    version,
    path: `/v1/articles/${made.id}`,
  }
}

t.test('a correction is a note and, in the same version, the changes it describes', async (t) => {
  const { id, path, version, blocks } = await told()
  const changes = {
    headline: 'The boat left at eight',
    body: { markdown: 'The boat left at eight.\n\n“It was late,” she said.' },
  }
  const etag = (await must(editor, 'GET', path)).headers.etag ?? ''
  const reply = await must(
    editor,
    'POST',
    `${path}/corrections?include=corrections&body=text&reason=A%20reader%20wrote`,
    { ...NOTE, block: blocks[0]._key, changes },
    { 'if-match': etag },
  )
  t.match(reply, {
    status: 200,
    json: {
      version: version + 1,
      headline: changes.headline,
      body: { text: 'The boat left at eight.\n\n“It was late,” she said.' },
      corrections: [
        {
          ...NOTE,
          fromVersion: version,
          toVersion: version + 1,
          block: blocks[0]._key,
          quote: null,
        },
      ],
    },
  })
  t.match(await traces(id), { version: version + 1, revisions: version + 1, changes: version + 1 })
  const [row] = await sql('select * from changes where resource_id = $1 order by id desc limit 1', [
    id,
  ])
  t.match(row, {
    event: 'article.corrected',
    reason: 'A reader wrote',
    part_kind: 'correction',
    part_id: reply.json.corrections[0].id,
    from_version: version,
    to_version: version + 1,
  })
  const seen = await get(reader, `${path}?include=corrections`)
  t.match(seen, { headline: changes.headline, corrections: [NOTE] })
  const apart = Date.parse(seen.updatedAt) - Date.parse(seen.corrections[0].at)
  t.ok(apart >= 0 && apart < 5000, 'the note and the change, in one transaction')
  t.notOk('corrections' in (await get(reader, path)), 'absent unless asked for')
  t.match((await get(reader, '/v1/articles?include=corrections')).data, [{ corrections: [NOTE] }])
  const before = await get(editor, `${path}/revisions/${version}?include=corrections`)
  t.same(before.article.corrections, [])
  const after = await get(editor, `${path}/revisions/${version + 1}?include=corrections`)
  t.same(after.article.corrections, reply.json.corrections)
})

t.test('several corrections come in order, of each kind', async (t) => {
  const { path, version } = await told()
  const kinds = ['correction', 'clarification', 'update', 'retraction']
  for (const kind of kinds) await must(editor, 'POST', `${path}/corrections`, { kind, text: kind })
  const { corrections } = await get(reader, `${path}?include=corrections`)
  t.same(
    corrections.map((c: { kind: string; toVersion: number }) => [c.kind, c.toVersion]),
    kinds.map((kind, i) => [kind, version + 1 + i]),
  )
})

t.test('a correction of a quote shows on the quote', async (t) => {
  const { path, quote, version } = await told()
  await must(editor, 'POST', `${path}/corrections`, { ...NOTE, quote: quote.id })
  await must(editor, 'POST', `${path}/corrections`, NOTE)
  const note = { ...NOTE, quote: quote.id, fromVersion: version, toVersion: version + 1 }
  const own = (await get(reader, `/v1/quotes/${quote.id}`)).corrections
  t.equal(own.length, 1)
  t.match(own, [note])
  t.match((await get(reader, `${path}?include=quotes`)).quotes[0].corrections, [note])
  t.match((await get(reader, `/v1/quotes?article=${quote.article.id}`)).data[0].corrections, [note])
  t.equal((await get(reader, `${path}?include=corrections`)).corrections.length, 2)
})

t.test('what is refused is refused whole', async (t) => {
  const { id, path, quote, version } = await told()
  const other = await told()
  const before = await traces(id)
  const changes = { body: { markdown: 'The boat left at eight.\n\n“It was late,” she said.' } }
  const cases: [object, Record<string, string>, number, object][] = [
    [{ ...NOTE, changes }, {}, 428, { code: 'version_required' }],
    [{ ...NOTE, changes }, { 'if-match': `"${version - 1}-x"` }, 412, { code: 'version_stale' }],
    [{ ...NOTE, changes }, { 'if-match': `W/"${version}-x"` }, 412, { code: 'version_stale' }],
    [NOTE, { 'if-match': '"99-x"' }, 412, { code: 'version_stale' }],
    [{ ...NOTE, block: 'nosuch' }, {}, 422, { errors: [{ pointer: '/block' }] }],
    [
      { ...NOTE, block: 'nosuch', quote: other.quote.id },
      {},
      422,
      { code: 'rule_broken', errors: [{ pointer: '/block' }, { pointer: '/quote' }] },
    ],
    [{ ...NOTE, changes: { headline: null } }, any, 422, { code: 'rule_broken' }],
    [
      { ...NOTE, changes: { body: { markdown: '“It was early,” she said.' } } },
      any,
      409,
      { code: 'quote_altered', quotes: [{ id: quote.id, found: 'It was early' }] },
    ],
    [
      { ...NOTE, quote: quote.id, changes: { quotes: [] } },
      any,
      422,
      { errors: [{ pointer: '/quote' }] },
    ],
    [{ ...NOTE, changes: { categories: ['nosuch'] } }, any, 422, { code: 'unknown_reference' }],
    [{ ...NOTE, changes: { status: 'draft' } }, any, 400, { code: 'invalid_request' }],
    [{ ...NOTE, kind: 'erratum' }, {}, 400, { errors: [{ pointer: '/kind' }] }],
    [{ ...NOTE, text: ' ' }, {}, 400, { errors: [{ pointer: '/text' }] }],
    [{ kind: 'correction' }, {}, 400, { errors: [{ pointer: '/text' }] }],
    [{ ...NOTE, from: 1 }, {}, 400, { code: 'invalid_request' }],
  ]
  for (const [body, headers, status, json] of cases) {
    const reply = await editor('POST', `${path}/corrections`, body, headers)
    t.match(reply, { status, json }, JSON.stringify(body))
    t.same(await traces(id), before, 'nothing written')
  }
  const writer = await as('content:write')
  t.equal((await writer('POST', `${path}/corrections`, NOTE)).status, 403, 'it is live at once')
})

t.test('only what readers have seen is corrected', async (t) => {
  const { id } = await draft(editor)
  const path = `/v1/articles/${id}/corrections`
  const refused = async (state: string) => {
    const before = await traces(id)
    const reply = await editor('POST', path, NOTE)
    t.match(reply, { status: 409, json: { code: 'wrong_state' } }, state)
    t.same(await traces(id), before)
  }
  await refused('draft')
  await publish(editor, id, { at: new Date(Date.now() + 3_600_000).toISOString() })
  await refused('scheduled')
  await must(editor, 'POST', `/v1/articles/${id}/unpublish`)
  await refused('never seen')
  await publish(editor, id)
  await must(editor, 'POST', path, NOTE)
  await must(editor, 'POST', `/v1/articles/${id}/unpublish`)
  await must(editor, 'POST', path, NOTE)
  await must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'x', notice: 'y' })
  await refused('killed')
  await must(editor, 'POST', `/v1/articles/${id}/revive`)
  await refused('draft again')
  await publish(editor, id)
  t.equal((await get(reader, `/v1/articles/${id}?include=corrections`)).corrections.length, 2)
})

t.test('corrections of what is hidden are hidden with it', async (t) => {
  const { path, quote } = await told()
  await must(editor, 'POST', `${path}/corrections`, { ...NOTE, text: 'zqhidden', quote: quote.id })
  await must(editor, 'POST', `${path}/unpublish`)
  for (const p of [`${path}?include=corrections`, `/v1/quotes/${quote.id}`]) {
    const reply = await reader('GET', p)
    t.equal(reply.status, 410)
    t.notMatch(reply.text, /zqhidden/)
  }
  const list = await must(reader, 'GET', '/v1/articles?include=corrections,quotes&limit=100')
  t.notMatch(list.text, /zqhidden/)
  const altered = await patch(editor, path, { summary: 'later' })
  t.equal(altered.status, 'unpublished')
})
