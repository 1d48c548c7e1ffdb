import t from 'tap'
import { draft, get, must, patch, publish, source, story, walk } from './factories.ts'
import { newsroom } from './newsroom.ts'

const { editor, reader, as, sql, db } = await newsroom(t)
const any = { 'if-match': '*' }

/** How many revisions and changes an article has, and its version. */
const traces = async (id: string) => {
  const [row] = await sql(
    `select a.version, a.plain_text, (select count(*)::int from revisions where article_id = a.id) as revisions,
      (select count(*)::int from changes where resource_id = a.id) as changes from articles a where id = $1`,
    [id],
  )
  return row
}

t.test('each write makes one version: who, when and why', async (t) => {
  const writer = await as('content:write', 'content:publish', 'drafts:read')
  const speaker = await source(editor, { name: 'Once Only' })
  const made = await must(writer, 'POST', '/v1/articles', {
    headline: 'One by one',
    body: { markdown: '“We listened,” she said.' },
  })
  const { id } = made.json
  const path = `/v1/articles/${id}`
  const replies = [made]
  const write = async (method: string, rest: string, body?: object) => {
    replies.push(await must(writer, method, rest, body, method === 'POST' ? {} : any))
    return replies.at(-1)?.json
  }
  const why = (reason: string) => `reason=${encodeURIComponent(reason)}`
  await write('PATCH', `${path}?${why('A better head: “Zwei”')}`, { headline: 'Two by two' })
  const { id: quoteId } = await write('POST', '/v1/quotes', { article: id, text: 'We listened' })
  await write('PATCH', `/v1/quotes/${quoteId}`, { speaker: speaker.slug })
  await write('POST', `${path}/publish`)
  await write('PATCH', path, {})
  await write('POST', `${path}/corrections?${why('A reader wrote')}`, {
    kind: 'update',
    text: 'It was on Monday.',
  })
  await write('POST', `${path}/unpublish`, { reason: 'To be checked' })
  await write('POST', `${path}/revisions/2/restore`)
  await write('POST', `${path}/revisions/1/restore?${why('As it was')}`)
  await write('POST', `${path}/kill`, { reason: 'Wrong', notice: 'Withdrawn.' })
  await write('POST', `${path}/revive`, { reason: 'Right' })
  const [quoted] = await sql('select id from quotes where article_id = $1', [id])
  t.notOk(quoted, 'the quote came after version 1')

  const rows = (await walk(writer, `${path}/revisions`)).toReversed()
  t.equal(rows.length, replies.length)
  const keys = await get(editor, '/v1/keys?limit=100')
  const key = keys.data.find((k: { name: string }) => k.name.startsWith('content:write'))
  const expected = [
    ['article.created', null],
    ['article.updated', 'A better head: “Zwei”'],
    ['quote.created', null],
    ['quote.updated', null],
    ['article.published', null],
    ['article.updated', null],
    ['article.corrected', 'A reader wrote'],
    ['article.unpublished', 'To be checked'],
    ['article.restored', 'version 2 restored'],
    ['article.restored', 'As it was'],
    ['article.killed', 'Wrong'],
    ['article.revived', 'Right'],
  ]
  for (const [i, [event, reason]] of expected.entries()) {
    t.match(rows[i], {
      version: i + 1,
      event,
      reason,
      by: { keyId: key.id, name: key.name },
      requestId: replies[i]?.headers['x-request-id'],
      purgedAt: null,
    })
    t.ok(i === 0 || rows[i].at >= rows[i - 1].at)
    t.ok(Math.abs(Date.parse(rows[i].at) - Date.now()) < 60_000)
  }
  t.equal(new Set(rows.map((r) => r.requestId)).size, rows.length)
  const changes = await sql(
    `select from_version, to_version, event, reason, request_id, key_id, at, operation, part_kind, part_id
     from changes where resource_id = $1 order by id`,
    [id],
  )
  t.equal(changes.length, rows.length, 'one change for each revision')
  for (const [i, change] of changes.entries()) {
    const { event, reason, requestId: request_id, by, at } = rows[i]
    t.match(change, {
      from_version: i === 0 ? null : i,
      to_version: i + 1,
      ...{ event, reason, request_id, key_id: by.keyId },
      operation: i === 0 ? 'create' : 'update',
    })
    t.equal((change.at as Date).toISOString(), at)
  }
  t.match(changes[2], { part_kind: 'quote', part_id: quoteId })
  t.match(changes[3], { part_kind: 'quote', part_id: quoteId })
  t.match(changes[6], { part_kind: 'correction' })
})

t.test('revisions come in pages, and one by one', async (t) => {
  const { id, slug } = await draft(editor, { headline: 'Version 1' })
  for (let v = 2; v <= 7; v++)
    await patch(editor, `/v1/articles/${id}`, { headline: `Version ${v}` })
  for (const name of [id, slug]) {
    for (const limit of [1, 3, 7, 100]) {
      const rows = await walk(editor, `/v1/articles/${name}/revisions?limit=${limit}`)
      t.same(
        rows.map((r) => r.version),
        [7, 6, 5, 4, 3, 2, 1],
      )
    }
  }
  for (let v = 1; v <= 7; v++) {
    const reply = await must(editor, 'GET', `/v1/articles/${slug}/revisions/${v}?body=none`)
    t.match(reply.json, { version: v, article: { id, version: v, headline: `Version ${v}` } })
    t.ok(String(reply.headers.etag).startsWith(`"${v}-`))
    t.notOk('body' in reply.json.article)
  }
  const whole = await get(
    editor,
    `/v1/articles/${id}/revisions/3?body=html,text,markdown,blocks&include=quotes,sources,categories,corrections`,
  )
  t.match(whole.article, {
    body: { text: 'The 7.40 boat left at eight.', html: /<p>/, markdown: /7/, blocks: [{}] },
    ...{ quotes: [], sources: [], categories: [], corrections: [] },
  })
  t.same((await get(editor, `/v1/articles/${id}/revisions/3?fields=headline`)).article, {
    id,
    headline: 'Version 3',
  })
  for (const [path, status] of [
    ['revisions/8', 404],
    ['revisions/0', 400],
    ['revisions/-1', 400],
    ['revisions/1.5', 400],
    ['revisions/99999999999', 400],
    ['diff?from=1&to=8', 404],
    ['diff?from=1', 400],
    ['diff?from=a&to=2', 400],
    ['revisions?cursor=x', 400],
    ['revisions?sort=at', 400],
  ] as const) {
    t.equal((await editor('GET', `/v1/articles/${id}/${path}`)).status, status, path)
  }
  for (const call of [reader, await as('read'), await as('content:write', 'content:publish')]) {
    for (const path of ['revisions', 'revisions/1', 'diff?from=1&to=2']) {
      const { status } = await call('GET', `/v1/articles/${id}/${path}`)
      t.ok(status === 401 || status === 403, `${path} ${status}`)
      const never = await call('GET', `/v1/articles/never-was/${path}`)
      t.equal(never.status, status, 'and does not tell what is there')
    }
  }
})

t.test('a diff says members, blocks and words', async (t) => {
  const block = (key: string, text: string) => ({
    _key: key,
    _type: 'block',
    style: 'normal',
    markDefs: [],
    children: [{ _key: `${key}s`, _type: 'span', marks: [], text }],
  })
  const blocks = (...list: [string, string][]) => ({
    blocks: list.map(([key, text]) => block(key, text)),
  })
  const { id } = await draft(editor, {
    headline: 'Before',
    body: blocks(
      ['a', 'It stays.'],
      ['b', 'The boat left at seven.'],
      ['c', 'It goes.'],
      ['d', 'It moves.'],
    ),
  })
  const { keys } = { keys: (await get(editor, `/v1/articles/${id}?body=blocks`)).body.blocks }
  const key = (n: number) => keys[n]._key
  await patch(editor, `/v1/articles/${id}`, {
    headline: 'After',
    body: blocks(
      [key(3), 'It moves.'],
      [key(0), 'It stays.'],
      [key(1), 'The boat left at eight.'],
      ['new', 'It comes.'],
    ),
  })
  const diff = await get(editor, `/v1/articles/${id}/diff?from=1&to=2`)
  t.same(diff.members, [{ member: 'headline', from: 'Before', to: 'After' }])
  t.match([diff.from, diff.to], [1, 2])
  const ops = new Map<string, { op: string; words?: { op: string; text: string }[] }>(
    diff.blocks.map((b: { key: string }) => [b.key, b]),
  )
  t.equal(ops.size, 5)
  const changed = ops.get(key(1))
  t.equal(changed?.op, 'changed')
  t.same(
    changed?.words?.map(({ op, text }) => `${op}:${text}`),
    ['same:The boat left at ', 'removed:seven', 'added:eight', 'same:.'],
  )
  t.match(ops.get(key(2)), { op: 'removed', words: [{ op: 'removed', text: 'It goes.' }] })
  t.match(
    diff.blocks.find((b: { op: string }) => b.op === 'added'),
    { words: [{ op: 'added', text: 'It comes.' }] },
  )
  t.equal(diff.blocks.filter((b: { op: string }) => b.op === 'moved').length > 0, true)
  const same = await get(editor, `/v1/articles/${id}/diff?from=2&to=2`)
  t.same(same.members, [])
  t.ok(same.blocks.every((b: { op: string }) => b.op === 'same'))
  const back = await get(editor, `/v1/articles/${id}/diff?from=2&to=1`)
  t.match(back.members, [{ member: 'headline', from: 'After', to: 'Before' }])
})

t.test('a version is restored as the next one', async (t) => {
  const one = await source(editor, { name: 'Restored One' })
  const two = await source(editor, { name: 'Restored Two' })
  const { id, slug } = await draft(editor, {
    headline: 'As it was',
    summary: 'A summary',
    byline: 'By me',
    language: 'en-GB',
    leadImage: { url: 'https://paper.example/a.jpg', alt: 'A boat' },
    body: { markdown: '“It **was** late,” she said.\n\n- one\n- two\n\n“Very late,” he said.' },
    sources: [{ source: one.id, role: 'witness', note: 'by phone' }],
    quotes: [
      { text: 'It was late', speaker: one.id, saidAt: '2026-01-01T10:00:00Z', occasion: 'Quay' },
      { text: 'Very late', original: { text: 'Sehr spät', language: 'de' } },
    ],
  })
  const path = `/v1/articles/${id}`
  const all = '?include=quotes,sources,categories,corrections&body=html,text,markdown,blocks'
  const before = await get(editor, path + all)
  await patch(editor, path, {
    slug: 'renamed-since',
    headline: 'Otherwise',
    summary: null,
    leadImage: null,
    body: { markdown: 'Nothing of it.' },
    sources: [two.id],
    quotes: [{ id: before.quotes[0].id, text: 'Nothing of it' }],
  })
  await patch(editor, path, { quotes: [], byline: null, language: 'de' })
  await publish(editor, id)
  const plain = await get(editor, path)
  const restored = (await must(editor, 'POST', `${path}/revisions/1/restore${all}`)).json
  t.match(restored, {
    version: 5,
    status: 'published',
    slug: 'renamed-since',
    publishAt: plain.publishAt,
  })
  for (const member of [
    'headline',
    'summary',
    'byline',
    'language',
    'leadImage',
    'body',
    'sources',
  ]) {
    t.same(restored[member], before[member], member)
  }
  const said = (q: Record<string, unknown>) => {
    const { id: _, version: __, createdAt: ___, updatedAt: ____, article: _____, ...rest } = q
    return rest
  }
  t.same(restored.quotes.map(said), before.quotes.map(said))
  t.ok(restored.quotes.every((q: { id: string }, i: number) => q.id !== before.quotes[i].id))
  t.equal((await reader('GET', `/v1/articles/${slug}`)).status, 404, 'a slug nobody ever saw')

  const same = (await must(editor, 'POST', `${path}/revisions/5/restore${all}`)).json
  t.equal(same.version, 6)
  t.same(same.quotes, restored.quotes, 'quotes that are still there stay the same ones')
  t.same(same.body, restored.body)

  const trace = await traces(id)
  t.equal((await editor('POST', `${path}/revisions/9/restore`)).status, 404)
  const stale = await editor('POST', `${path}/revisions/1/restore`, undefined, {
    'if-match': '"5-x"',
  })
  t.equal(stale.status, 412)
  t.match(await editor('POST', `${path}/revisions/4/restore`), { status: 200 })
  await patch(editor, path, { sources: [] })
  await must(editor, 'DELETE', `/v1/sources/${two.id}`, undefined, any)
  const lacking = await editor('POST', `${path}/revisions/2/restore`)
  t.match(lacking, { status: 422, json: { code: 'unknown_reference' } })
  t.equal((await traces(id))?.version, Number(trace?.version) + 2)
})

t.test('a restore follows sources and categories to those they were merged into', async (t) => {
  const [first, second, into] = await Promise.all(
    ['Merged A', 'Merged B', 'Merged into'].map((name) => source(editor, { name })),
  )
  const old = (await must(editor, 'POST', '/v1/categories', { name: 'Old desk' })).json
  const desk = (await must(editor, 'POST', '/v1/categories', { name: 'New desk' })).json
  const { id } = await draft(editor, {
    body: { markdown: '“We sail,” she said.' },
    categories: [old.id],
    sources: [first?.id, second?.id],
    quotes: [{ text: 'We sail', speaker: first?.id }],
  })
  const path = `/v1/articles/${id}`
  await patch(editor, path, { categories: [], sources: [], quotes: [] })
  for (const [kind, from, to] of [
    ['categories', old.id, desk.id],
    ['sources', first?.id, into?.id],
    ['sources', second?.id, into?.id],
  ])
    await must(editor, 'DELETE', `/v1/${kind}/${from}?reassignTo=${to}`, undefined, any)
  const { json } = await must(
    editor,
    'POST',
    `${path}/revisions/1/restore?include=categories,sources,quotes`,
  )
  t.match(json.categories, [{ id: desk.id }])
  t.same(
    json.sources.map(({ id }: { id: string }) => id),
    [into?.id],
    'two that became one',
  )
  t.match(json.quotes, [{ speaker: { id: into?.id } }])
})

t.test('a restore that breaks a quote is refused like any other edit', async (t) => {
  const { id } = await draft(editor, { body: { markdown: 'It was late.' } })
  const path = `/v1/articles/${id}`
  await patch(editor, path, { body: { markdown: '“It was early,” she said.' } })
  const { id: kept } = (
    await must(editor, 'POST', '/v1/quotes', { article: id, text: 'It was early' })
  ).json
  await patch(editor, path, { headline: 'Head' })
  // Version 1 has no quotes: they go with the text, and nothing is broken.
  const restored = await must(editor, 'POST', `${path}/revisions/1/restore?include=quotes`)
  t.same(restored.json.quotes, [])
  t.equal((await editor('GET', `/v1/quotes/${kept}`)).status, 404)
})

t.test('purged text is nowhere, for ever, and a marker stands in its place', async (t) => {
  const name = 'Zqname "Ned" O’Purge'
  const key = { 'idempotency-key': 'purge-me' }
  const spread = (marks: string) =>
    `The man was ${marks} they said. “He is **Zqname "Ned"** O’Purge,” she said.`
  const input = {
    headline: `About ${name}`,
    summary: `It is ${name}, ${name}.`,
    body: { markdown: `${spread('Zqname *"Ned"* O’Purge')}\n\n- ${name}\n- other` },
    quotes: [{ text: `He is ${name}`, cue: `${name} said`, occasion: name }],
    leadImage: { url: 'https://paper.example/a.jpg', alt: name, caption: `With ${name}` },
  }
  const made = await must(
    editor,
    'POST',
    '/v1/articles?body=blocks,html&include=quotes',
    input,
    key,
  )
  const { id } = made.json
  const path = `/v1/articles/${id}`
  await publish(editor, id)
  const again = await must(
    editor,
    'POST',
    '/v1/articles?body=blocks,html&include=quotes',
    input,
    key,
  )
  t.equal(again.json.id, id, 'the stored answer')
  const purge = { text: name, reason: 'Court order 12/26' }
  const trace = await traces(id)
  const still = await editor('POST', `${path}/purge`, purge)
  t.match(still, { status: 409, json: { code: 'conflict', errors: [{ pointer: '/text' }] } })
  t.same(await traces(id), trace, 'nothing written while the article says it')
  await must(editor, 'POST', `${path}/corrections`, {
    kind: 'clarification',
    text: `It is about ${name}.`,
    quote: made.json.quotes[0].id,
  })
  await patch(editor, path, {
    headline: 'About a man',
    summary: null,
    body: { markdown: 'The man was there.' },
    quotes: [],
    leadImage: null,
  })
  for (const call of [
    await as('content:write', 'content:publish', 'drafts:read'),
    await as('read'),
  ]) {
    t.equal((await call('POST', `${path}/purge`, purge)).status, 403)
  }
  t.equal((await reader('POST', `${path}/purge`, purge)).status, 401)
  for (const bad of [{ text: 'ab', reason: 'x' }, { text: name }, { text: name, reason: '' }]) {
    t.equal((await editor('POST', `${path}/purge`, bad)).status, 400)
  }
  await must(editor, 'POST', `${path}/purge`, purge)
  const left = await sql(
    `select 'revision' as at, content::text as t from revisions where article_id = $1
     union all select 'correction', text from corrections where article_id = $1
     union all select 'answer', body from idempotency_keys
     union all select 'change', concat_ws(' ', reason, event) from changes where resource_id = $1`,
    [id],
  )
  for (const { at, t: text } of left) t.notMatch(text, /Zqname|O’Purge/, String(at))
  for (const version of [1, 2, 3]) {
    const { article, purgedAt } = await get(
      editor,
      `${path}/revisions/${version}?body=html,text,markdown,blocks&include=quotes`,
    )
    t.ok(purgedAt)
    t.notMatch(JSON.stringify(article), /Zqname|Purge,|O’Purge/)
    t.equal(article.headline, 'About [purged]')
    t.equal(article.summary, 'It is [purged], [purged].')
    t.match(article.body.text, 'The man was [purged] they said. “He is [purged],” she said.')
    t.equal(article.quotes[0].text, 'He is [purged]')
    t.equal(article.leadImage.alt, '[purged]')
  }
  t.equal((await get(editor, `${path}/revisions/5`)).purgedAt, null)
  t.notMatch((await must(editor, 'GET', `${path}/diff?from=1&to=4`)).text, /Zqname/)
  const [note] = (await get(reader, `${path}?include=corrections`)).corrections
  t.equal(note.text, 'It is about [purged].')
  const asOf = (await get(editor, `${path}/revisions/1`)).at
  t.notMatch((await must(editor, 'GET', `${path}?asOf=${asOf}&include=quotes`)).text, /Zqname/)
  const refused = await editor('POST', `${path}/revisions/1/restore`)
  t.match(refused, { status: 409, json: { code: 'revision_purged' } })
  t.match(await traces(id), { version: 5, revisions: 5, changes: 5 })
  const last = () =>
    sql('select * from changes where resource_id = $1 order by id desc limit 1', [id])
  const { reason } = purge
  t.match(await last(), [{ event: 'article.purged', reason, from_version: 4, to_version: 5 }])
  const twice = await editor('POST', `${path}/purge`, purge)
  t.match(twice, { status: 422, json: { errors: [{ pointer: '/text' }] } }, 'nothing says it')
})

t.test('a restore brings the image of then, and nothing of the one since', async (t) => {
  const image = { url: 'https://paper.example/a.jpg', alt: 'A boat' }
  const { id } = await draft(editor, { leadImage: image })
  const path = `/v1/articles/${id}`
  const other = { url: 'https://paper.example/b.jpg', caption: 'In handcuffs', credit: 'Agency' }
  await patch(editor, path, { leadImage: { ...other, alt: null, width: 3 } })
  const { json } = await must(editor, 'POST', `${path}/revisions/1/restore`)
  t.same(json.leadImage, image)
})

t.test('a restored version has confirmed what was confirmed in it', async (t) => {
  const { id } = await draft(editor, {
    body: { markdown: '“We sail,” she said.' },
    quotes: [{ text: 'We sail', suggested: true }],
  })
  const path = `/v1/articles/${id}`
  const [{ id: quote }] = (await get(editor, `${path}?include=quotes`)).quotes
  await must(editor, 'POST', `/v1/quotes/${quote}/confirm`)
  const restore = async (n: number) =>
    (await must(editor, 'POST', `${path}/revisions/${n}/restore?include=quotes&onQuoteChange=mark`))
      .json.quotes
  t.match(await restore(1), [{ id: quote, state: 'suggested' }])
  t.match(await restore(2), [{ id: quote, state: 'verified', spans: [{ start: 1, end: 8 }] }])
})

t.test('a killed article is purged as it stands, and stays killed', async (t) => {
  const name = 'Zqkilled Roe'
  const { id } = await story(editor, {
    headline: `About ${name}`,
    body: { markdown: `They met ${name}. “I am ${name},” he said. It rained.` },
    quotes: [{ text: `I am ${name}` }, { text: 'It rained' }],
  })
  const path = `/v1/articles/${id}`
  const why = `?reason=${encodeURIComponent(`${name} asked`)}`
  await must(editor, 'PATCH', path + why, { summary: 'x' }, any)
  const notice = `Removed on the request of ${name}.`
  await must(editor, 'POST', `${path}/kill`, { reason: 'Court order', notice, legal: true })
  await must(editor, 'POST', `${path}/purge`, { text: name, reason: 'Court order 7' })
  const now = await must(editor, 'GET', `${path}?include=quotes&body=text,html,blocks`)
  t.match(now.json, {
    status: 'killed',
    headline: 'About [purged]',
    body: { text: 'They met [purged]. “I am [purged],” he said. It rained.' },
    quotes: [{ text: 'I am [purged]' }, { text: 'It rained' }],
  })
  t.match(await reader('GET', path), {
    status: 451,
    json: { gone: { notice: 'Removed on the request of [purged].' } },
  })
  const left = await sql(
    `select to_jsonb(a)::text as t from articles a where id = $1
     union all select to_jsonb(r)::text from revisions r where article_id = $1
     union all select to_jsonb(q)::text from quotes q where article_id = $1`,
    [id],
  )
  t.ok(left.length > 5)
  for (const { t: text } of left) t.notMatch(text, /Zqkilled/)
})

t.test('a stored answer in which the text is spread over marks goes too', async (t) => {
  const key = { 'idempotency-key': 'spread-me' }
  const input = { headline: 'Spread', body: { markdown: 'It was **Zqspread** _Person_ there.' } }
  const { id } = (await must(editor, 'POST', '/v1/articles', input, key)).json
  await patch(editor, `/v1/articles/${id}`, { body: { markdown: 'Nobody.' } })
  await must(editor, 'POST', `/v1/articles/${id}/purge`, { text: 'Zqspread Person', reason: 'x' })
  t.same(await sql("select 1 from idempotency_keys where body like '%Zqspread%'"), [])
  t.same(await sql("select 1 from revisions where content::text like '%Zqspread%'"), [])
})

t.test('a purge takes prose and leaves what only has the same letters', async (t) => {
  const { id } = await story(editor, {
    slug: 'of-no-purge',
    headline: 'A direct normal block',
    body: { markdown: '“A direct normal block,” she said.' },
    quotes: [{ text: 'A direct normal block' }],
  })
  const path = `/v1/articles/${id}`
  await patch(editor, path, { headline: 'A story', body: { markdown: 'Gone.' }, quotes: [] })
  for (const text of ['direct', 'normal', 'block']) {
    await must(editor, 'POST', `${path}/purge`, { text, reason: 'A test' })
  }
  for (const text of ['published', 'verified', 'of-no-purge']) {
    t.equal((await editor('POST', `${path}/purge`, { text, reason: 'A test' })).status, 422, text)
  }
  const { article } = await get(editor, `${path}/revisions/1?body=blocks,html&include=quotes`)
  t.match(article, {
    headline: 'A [purged] [purged] [purged]',
    status: 'draft',
    body: {
      html: '<p>“A [purged] [purged] [purged],” she said.</p>',
      blocks: [{ _type: 'block', style: 'normal', children: [{ _type: 'span' }] }],
    },
    quotes: [{ kind: 'direct', state: 'verified', text: 'A [purged] [purged] [purged]' }],
  })
})

t.test('50 editors patch one article at once', async (t) => {
  const { id } = await draft(editor, { headline: 'Editor 0' })
  const path = `/v1/articles/${id}`
  const accepted: { version: number; headline: string }[] = []
  let refused = 0
  await Promise.all(
    Array.from({ length: 50 }, async (_, n) => {
      // Each tries until it is through, as an editor would; some give up.
      for (let attempt = 0; attempt < 4; attempt++) {
        const { headers } = await must(editor, 'GET', path)
        const headline = `Editor ${n} try ${attempt}`
        const reply = await editor(
          'PATCH',
          path,
          { headline },
          { 'if-match': String(headers.etag) },
        )
        if (reply.status === 200) {
          accepted.push({ version: reply.json.version, headline: reply.json.headline })
          t.equal(reply.json.headline, headline)
          return
        }
        refused++
        t.match(reply, { status: 412, json: { code: 'version_stale' } })
      }
    }),
  )
  t.ok(accepted.length >= 4 && refused > 0, `${accepted.length} accepted, ${refused} refused`)
  accepted.sort((a, b) => a.version - b.version)
  t.same(
    accepted.map((a) => a.version),
    accepted.map((_, i) => i + 2),
    'no version skipped or used twice',
  )
  const rows = await sql(
    `select version, content->>'headline' as headline from revisions where article_id = $1 and version > 1 order by version`,
    [id],
  )
  t.same(rows, accepted, 'every accepted write is there')
  t.match(await traces(id), { version: accepted.length + 1, changes: accepted.length + 1 })
  await Promise.all(
    Array.from({ length: 20 }, (_, n) => patch(editor, path, { headline: `Blind ${n}` })),
  )
  const versions = await walk(editor, `${path}/revisions`)
  t.same(
    versions.map((r) => r.version),
    Array.from({ length: accepted.length + 21 }, (_, i) => accepted.length + 21 - i),
  )
})

t.test('revisions cannot be rewritten or deleted by the service', async (t) => {
  const { id } = await draft(editor)
  const run = (text: string) =>
    db.editor.execute(text).then(
      () => 'allowed',
      (error) => (error.cause ?? error).code,
    )
  t.equal(await run(`delete from revisions where article_id = '${id}'`), '42501')
  for (const column of ['at', 'key_name', 'event', 'version', 'request_id']) {
    const change = `update revisions set ${column} = ${column} where article_id = '${id}'`
    t.equal(await run(change), '42501', column)
  }
  t.equal(await run('truncate revisions'), '42501')
})
