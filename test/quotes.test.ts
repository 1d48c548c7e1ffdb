import t from 'tap'
import { draft, get, must, patch, quote, source, story, walk } from './factories.ts'
import { newsroom } from './newsroom.ts'

const { editor, reader, as } = await newsroom(t)
const any = { 'if-match': '*' }

type Span = { start: number; end: number }

/** What spans cut out of a text, in code points, stretches joined by one space. */
function cut(text: string, spans: Span[]): string {
  const points = [...text]
  return spans.map(({ start, end }) => points.slice(start, end).join('')).join(' ')
}

const plain = async (id: string) => (await get(editor, `/v1/articles/${id}?body=text`)).body.text

t.test('quotes of an article are tied to its exact characters', async (t) => {
  const lenz = await source(editor, { name: 'Ida Lenz' })
  const article = await draft(editor, {
    body: {
      markdown: [
        '🚢🌊 👩‍🚒 came first. “We’d **lost** two boats,” Ida Lenz said.',
        '“The tide came in,” she added, “and it did not stop.” 🇬🇷 Cafe\u0301.',
        'It was a “right mess”, by all accounts, and nobody had slept.',
      ].join('\n\n'),
    },
    quotes: [
      { text: "We'd lost two boats", speaker: lenz.slug, cue: 'Ida Lenz said' },
      { text: 'The tide came in and it did not stop.', speaker: lenz.id },
      { text: 'right mess', kind: 'partial' },
      { text: 'Nobody slept.', kind: 'paraphrase' },
    ],
  })
  t.equal(article.version, 1)
  const { quotes, body } = await get(editor, `/v1/articles/${article.id}?include=quotes&body=text`)
  t.match(quotes, [
    {
      text: "We'd lost two boats",
      kind: 'direct',
      state: 'verified',
      version: 1,
      speaker: { id: lenz.id, slug: lenz.slug, name: 'Ida Lenz' },
      cue: 'Ida Lenz said',
      article: { id: article.id, slug: article.slug, headline: article.headline },
    },
    { kind: 'direct', state: 'verified', speaker: { id: lenz.id } },
    { kind: 'partial', state: 'verified', speaker: null },
    { kind: 'paraphrase', state: null, spans: [] },
  ])
  t.equal(cut(body.text, quotes[0].spans), 'We’d lost two boats', 'as printed, without the comma')
  t.equal(cut(body.text, quotes[1].spans), 'The tide came in and it did not stop.')
  t.equal(quotes[1].spans.length, 2)
  t.equal(cut(body.text, quotes[2].spans), 'right mess')
  t.same(quotes[0].spans[0], { start: 20, end: 39 }, 'code points, not UTF-16 units')
})

t.test('the state says what stands in the text', async (t) => {
  const { id } = await draft(editor, {
    body: {
      markdown:
        '“The sea wall will hold through the coming winter,” he said.\n\n“Yes,” she said. “Yes,” he said.',
    },
    quotes: [
      { text: 'The sea wall will hold through the coming winter' },
      { text: 'The sea wall would hold through the coming winter' },
      { text: 'Yes' },
      { text: 'Nobody asked me about pigeons' },
      { text: 'The sea wall will hold', suggested: true },
    ],
  })
  const { quotes } = await get(editor, `/v1/articles/${id}?include=quotes`)
  t.same(
    quotes.map((q: { state: string }) => q.state),
    ['verified', 'altered', 'ambiguous', 'orphaned', 'suggested'],
  )
  const text = await plain(id)
  t.equal(cut(text, quotes[1].spans), 'The sea wall will hold through the coming winter')
  t.same([quotes[2].spans, quotes[3].spans], [[], []])
  t.equal(cut(text, quotes[4].spans), 'The sea wall will hold', 'a suggestion has its place too')

  const second = text.lastIndexOf('Yes')
  const told = await patch(editor, `/v1/quotes/${quotes[2].id}`, {
    spans: [{ start: second, end: second + 3 }],
  })
  t.match(told, { state: 'verified', spans: [{ start: second, end: second + 3 }] })
})

t.test('quotes follow the text in the same transaction', async (t) => {
  const said = '“The harbour is closed until further notice,” the master said.'
  const { id } = await draft(editor, {
    body: { markdown: said },
    quotes: [{ text: 'The harbour is closed until further notice' }],
  })
  const after = async (markdown: string) => {
    const reply = await must(
      editor,
      'PATCH',
      `/v1/articles/${id}?include=quotes&body=text&onQuoteChange=mark`,
      { body: { markdown } },
      any,
    )
    return { ...reply.json.quotes[0], cut: cut(reply.json.body.text, reply.json.quotes[0].spans) }
  }
  const printed = 'The harbour is closed until further notice'
  t.match(await after(`🌊 A new first line.\n\n${said}`), {
    state: 'verified',
    version: 2,
    cut: printed,
  })
  t.match(await after(`🌊 Another first line, of other length.\n\n${said}\n\nAnd a last.`), {
    state: 'verified',
    version: 3,
    cut: printed,
  })
  t.match(await after('“The harbour is open until further notice,” the master said.'), {
    state: 'altered',
    text: printed,
    cut: 'The harbour is open until further notice',
  })
  t.match(await after('Nothing of this was ever spoken.'), { state: 'orphaned', spans: [] })
  t.match(await after(said), { state: 'verified', cut: printed, version: 6 })
})

t.test('each write of a quote makes a new version of its article', async (t) => {
  const { id, slug } = await story(editor, { body: { markdown: '“Late,” he said. “Very late.”' } })
  const article = () => get(editor, `/v1/articles/${id}?include=quotes`)
  const first = await must(editor, 'POST', '/v1/quotes', { article: slug, text: 'Very late.' })
  t.equal(first.status, 201)
  t.equal(first.headers.location, `/v1/quotes/${first.json.id}`)
  t.match(first.json, { version: 1, state: 'verified', kind: 'direct', article: { id, slug } })
  t.match(await article(), { version: 3, quotes: [{ id: first.json.id }] })

  const second = await quote(editor, { article: id, text: 'Late', suggested: true })
  t.match(await article(), { version: 4, quotes: [{ id: first.json.id }, { id: second.id }] })
  t.equal(second.state, 'suggested')

  const changed = await patch(editor, `/v1/quotes/${first.json.id}`, { occasion: 'On the quay' })
  t.match(changed, { version: 2, occasion: 'On the quay', state: 'verified' })
  t.equal((await article()).version, 5)

  t.equal((await reader('GET', `/v1/quotes/${second.id}`)).status, 404)
  const confirmed = await must(editor, 'POST', `/v1/quotes/${second.id}/confirm`)
  t.match(confirmed.json, { state: 'verified', version: 2 })
  t.ok(confirmed.json.updatedAt > second.updatedAt, 'confirming is a change')
  t.equal((await article()).version, 6)
  t.equal((await reader('GET', `/v1/quotes/${second.id}`)).status, 200)
  const again = await editor('POST', `/v1/quotes/${second.id}/confirm`)
  t.match(again, { status: 409, json: { code: 'wrong_state' } })

  t.equal((await editor('DELETE', `/v1/quotes/${first.json.id}`, undefined, any)).status, 204)
  t.match(await article(), { version: 7, quotes: [{ id: second.id }] })
  t.equal((await editor('GET', `/v1/quotes/${first.json.id}`)).status, 404)

  const unknown = await editor('POST', '/v1/quotes', { article: 'no-such-article', text: 'Late' })
  t.match(unknown, {
    status: 422,
    json: { code: 'unknown_reference', errors: [{ pointer: '/article' }] },
  })
  t.equal((await article()).version, 7)

  const writer = await as('content:write')
  t.equal((await writer('POST', '/v1/quotes', { article: id, text: 'Late' })).status, 403)
  t.equal((await writer('DELETE', `/v1/quotes/${second.id}`, undefined, any)).status, 403)
})

t.test('quotes written to one article at once all go in, in an order', async (t) => {
  const words = Array.from({ length: 12 }, (_, i) => `Word number ${i} was spoken`)
  const { id } = await draft(editor, { body: { markdown: words.join('\n\n') } })
  await Promise.all(words.map((text) => quote(editor, { article: id, text })))
  const { quotes, version } = await get(editor, `/v1/articles/${id}?include=quotes`)
  t.equal(version, 13)
  t.same(quotes.map((q: { text: string }) => q.text).sort(), words.sort())
})

t.test('a quote is changed by a merge patch', async (t) => {
  const lenz = await source(editor, { name: 'Merge Lenz' })
  const { id } = await draft(editor, {
    language: 'pt',
    body: { markdown: '“O mar subiu,” disse ela. “Subiu mais.”' },
  })
  const made = await quote(editor, {
    article: id,
    text: 'O mar subiu',
    speaker: lenz.slug,
    cue: 'disse ela',
    saidAt: '2026-03-01T09:30:00+01:00',
    occasion: 'No cais',
    language: 'PT-br',
    original: { text: 'The sea rose', language: 'en' },
  })
  t.match(made, {
    saidAt: '2026-03-01T08:30:00.000Z',
    language: 'pt-BR',
    original: { text: 'The sea rose', language: 'en' },
    speaker: { id: lenz.id },
  })
  const path = `/v1/quotes/${made.id}`
  const emptied = await patch(editor, path, {
    speaker: null,
    cue: null,
    saidAt: null,
    occasion: null,
    language: null,
    original: null,
  })
  const nothing = { speaker: null, cue: null, saidAt: null, occasion: null, original: null }
  t.match(emptied, { text: 'O mar subiu', state: 'verified', language: null, ...nothing })
  t.match(await patch(editor, path, { text: 'Subiu mais.' }), {
    state: 'verified',
    spans: [{ start: 27, end: 38 }],
  })
  t.match(await patch(editor, path, { kind: 'paraphrase', text: 'It rose.' }), {
    state: null,
    spans: [],
  })
  for (const change of [{ text: null }, { text: '' }, { kind: null }, { suggested: true }]) {
    const reply = await editor('PATCH', path, change, any)
    t.equal(reply.status, 400, JSON.stringify(change))
  }
  const moved = await editor('PATCH', path, { article: id }, any)
  t.match(moved, { status: 400, json: { errors: [{ pointer: '/article' }] } })
})

t.test('given spans must be ones the text has', async (t) => {
  const { id } = await draft(editor, {
    body: { markdown: '“Late,” he said. “Very late.” The café 👩‍🚒 closed.' },
  })
  const refused = async (input: object) => {
    const reply = await editor('POST', '/v1/quotes', { article: id, text: 'Late', ...input })
    t.equal(reply.status, 422, JSON.stringify(input))
    t.match(reply.json, { code: 'rule_broken', errors: [{ pointer: '/spans' }] })
  }
  await refused({ spans: [{ start: 40, end: 400 }] })
  await refused({ spans: [{ start: 5, end: 1 }] })
  await refused({ spans: [{ start: 2, end: 4 }] })
  await refused({ spans: [{ start: 1, end: 3 }] })
  await refused({
    spans: [
      { start: 17, end: 28 },
      { start: 1, end: 5 },
    ],
  })
  await refused({ kind: 'paraphrase', spans: [{ start: 1, end: 5 }] })
  for (const spans of [[], [{ start: -1, end: 4 }], [{ start: 0.5, end: 4 }], [{ start: 1 }]]) {
    const reply = await editor('POST', '/v1/quotes', { article: id, text: 'Late', spans })
    t.equal(reply.status, 400, JSON.stringify(spans))
  }
  const inArticle = await editor(
    'PATCH',
    `/v1/articles/${id}`,
    { quotes: [{ text: 'Late' }, { text: 'Late', spans: [{ start: 2, end: 4 }] }] },
    any,
  )
  t.match(inArticle, { status: 422, json: { errors: [{ pointer: '/quotes/1/spans' }] } })
  t.same((await get(editor, `/v1/articles/${id}?include=quotes`)).quotes, [])
  const good = await quote(editor, {
    article: id,
    text: 'Late',
    spans: [{ start: 1, end: 5 }],
  })
  t.match(good, { state: 'verified', spans: [{ start: 1, end: 5 }] })
})

t.test('a document cannot speak', async (t) => {
  const report = await source(editor, { kind: 'document', name: 'Harbour report' })
  const lenz = await source(editor, { name: 'Speaking Lenz' })
  const { id } = await draft(editor, { body: { markdown: '“Late,” it says.' } })
  const spoken = { text: 'Late', speaker: report.slug }
  for (const [path, input, pointer] of [
    ['/v1/quotes', { article: id, ...spoken }, '/speaker'],
    ['/v1/articles', { quotes: [{ text: 'x' }, spoken] }, '/quotes/1/speaker'],
  ] as const) {
    const reply = await editor('POST', path, input)
    t.match(reply, { status: 422, json: { code: 'rule_broken', errors: [{ pointer }] } })
  }
  const said = await quote(editor, { article: id, text: 'Late', speaker: lenz.id })
  const reply = await editor('PATCH', `/v1/quotes/${said.id}`, { speaker: report.id }, any)
  t.match(reply, { status: 422, json: { errors: [{ pointer: '/speaker' }] } })
  const turned = await editor('PATCH', `/v1/sources/${lenz.id}`, { kind: 'document' }, any)
  t.match(turned, { status: 422, json: { errors: [{ pointer: '/kind' }] } })
  const nobody = await editor('PATCH', `/v1/quotes/${said.id}`, { speaker: 'no-such' }, any)
  t.match(nobody, {
    status: 422,
    json: { code: 'unknown_reference', errors: [{ pointer: '/speaker' }] },
  })
  t.match(await get(editor, `/v1/quotes/${said.id}`), { speaker: { id: lenz.id }, version: 1 })
})

t.test('the quotes of an article are kept, changed, added and removed through it', async (t) => {
  const body = { markdown: '“One boat,” he said. “Two boats,” she said. “Three boats,” I said.' }
  const made = await draft(editor, {
    body,
    quotes: [{ text: 'One boat', cue: 'he said' }, { text: 'Two boats' }, { text: 'Three boats' }],
  })
  const path = `/v1/articles/${made.id}`
  const list = async () => (await get(editor, `${path}?include=quotes`)).quotes
  const [one, two, three] = await list()
  await patch(editor, path, {
    quotes: [
      { text: 'boats', kind: 'partial' },
      { id: three.id, text: 'Three boats', occasion: 'Later' },
      { id: one.id },
    ],
  })
  const after = await list()
  t.same(
    after.map((q: { text: string }) => q.text),
    ['boats', 'Three boats', 'One boat'],
  )
  t.match(after[1], { id: three.id, version: 2, occasion: 'Later', state: 'verified' })
  t.match(after[2], { id: one.id, cue: 'he said', state: 'verified', createdAt: one.createdAt })
  t.equal((await editor('GET', `/v1/quotes/${two.id}`)).status, 404, 'the missing one is removed')

  const other = await draft(editor, { body, quotes: [{ text: 'Two boats' }] })
  const [foreign] = (await get(editor, `/v1/articles/${other.id}?include=quotes`)).quotes
  for (const [quotes, pointer] of [
    [[{ id: foreign.id }], '/quotes/0/id'],
    [[{ id: two.id }], '/quotes/0/id'],
    [[{ id: one.id }, { id: one.id }], '/quotes/1/id'],
  ] as const) {
    const reply = await editor('PATCH', path, { quotes }, any)
    t.match(reply, { status: 422, json: { code: 'unknown_reference', errors: [{ pointer }] } })
  }
  const empty = await editor('PATCH', path, { quotes: [{ kind: 'direct' }] }, any)
  t.match(empty, { status: 400, json: { errors: [{ pointer: '/quotes/0/text' }] } })
  t.same(await list(), after, 'what is refused changes nothing')
  t.equal((await get(editor, `/v1/articles/${other.id}?include=quotes`)).quotes.length, 1)
  await patch(editor, path, { quotes: [] })
  t.same(await list(), [])
})

t.test('new words and new text come in one PATCH', async (t) => {
  const { id } = await draft(editor, {
    body: { markdown: '“It was a good year,” he said.' },
    quotes: [{ text: 'It was a good year' }],
  })
  const [{ id: kept }] = (await get(editor, `/v1/articles/${id}?include=quotes`)).quotes
  await patch(editor, `/v1/articles/${id}`, {
    body: { markdown: '🐟 Well. “It was a bad year,” he said.' },
    quotes: [{ id: kept, text: 'It was a bad year' }],
  })
  const [after] = (await get(editor, `/v1/articles/${id}?include=quotes`)).quotes
  t.match(after, { id: kept, text: 'It was a bad year', state: 'verified' })
  t.equal(cut(await plain(id), after.spans), 'It was a bad year')
})

t.test('quotes are listed by who said them, where, how and when', async (t) => {
  const lenz = await source(editor, { name: 'List Lenz' })
  const farrow = await source(editor, { name: 'List Farrow' })
  const body = { markdown: '“Red,” he said. “Green,” he said. “Blue,” she said.' }
  const first = await story(
    editor,
    {
      headline: 'List one',
      body,
      quotes: [
        { text: 'Red', speaker: lenz.id, saidAt: '2026-01-05T00:00:00Z' },
        { text: 'Green', speaker: farrow.id, kind: 'partial' },
      ],
    },
    { publishedAt: '2026-01-10T00:00:00Z' },
  )
  const second = await story(
    editor,
    {
      headline: 'List two',
      body,
      quotes: [
        { text: 'Blue', speaker: lenz.id },
        { text: 'Nowhere to be found', speaker: lenz.id, saidAt: '2026-01-12T00:00:00Z' },
      ],
    },
    { publishedAt: '2026-01-07T00:00:00Z' },
  )
  const texts = async (query: string) =>
    (await walk(reader, `/v1/quotes?${query}`)).map((q) => q.text)
  const both = `article=${first.slug},${second.id}`
  const newest = ['Nowhere to be found', 'Green', 'Blue', 'Red']
  t.same(await texts(both), newest, 'by when it was said, or else the date of the article')
  t.same(await texts(`${both}&limit=1`), newest)
  t.same(await texts(`${both}&sort=saidAt&limit=3`), newest.toReversed())
  t.same(await texts(`speaker=${lenz.slug}`), ['Nowhere to be found', 'Blue', 'Red'])
  t.same(await texts(`speaker=${lenz.slug},${farrow.id}&article=-${second.slug}`), ['Green', 'Red'])
  t.same(await texts(`${both}&kind=partial`), ['Green'])
  t.same(await texts(`${both}&kind=-partial&state=verified`), ['Blue', 'Red'])
  t.same(await texts(`${both}&state=orphaned`), ['Nowhere to be found'])
  t.same(await texts(`${both}&q=green or blue`.replaceAll(' ', '%20')), ['Green', 'Blue'])
  const articles = await get(reader, `/v1/articles?speaker=${farrow.slug}&fields=id`)
  t.same(articles.data, [{ id: first.id }])
  t.equal((await reader('GET', '/v1/quotes?state=suggested')).status, 403)
  const [shaped] = (await get(reader, `/v1/quotes?${both}&fields=text,speaker&limit=1`)).data
  t.same(Object.keys(shaped).sort(), ['id', 'speaker', 'text'])

  // The date of the article moves: so does what is dated by it.
  await must(editor, 'POST', `/v1/articles/${second.id}/publish`, {
    publishedAt: '2026-02-01T00:00:00Z',
  })
  t.same(await texts(both), ['Blue', 'Nowhere to be found', 'Green', 'Red'])
})
