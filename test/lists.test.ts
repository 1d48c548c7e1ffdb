import t from 'tap'
import { category, draft, get, inSeconds, quote, source, story, walk } from './factories.ts'
import { type Call, newsroom } from './newsroom.ts'

const { editor, reader } = await newsroom(t)

const town = await category(editor, { name: 'Town' })
const harbour = await category(editor, { name: 'Harbour', parent: town.id })
const ferry = await category(editor, { name: 'Ferry', parent: harbour.id })
await category(editor, { name: 'Nothing Yet', parent: town.id })
const trust = await source(editor, { kind: 'organization', name: 'Harbour Trust' })
const maduro = await source(editor, { name: 'Nora Maduro', organization: trust.id })
const quill = await source(editor, { name: 'Petra Quill' })
const hidden = await source(editor, { name: 'Madeleine Hidden' })

const body = { markdown: '“The boats sail at eight,” she said. “Sail we will.”' }
const boats = await story(editor, {
  body,
  categories: [ferry.id, harbour.id],
  sources: [trust.id],
  quotes: [
    { text: 'The boats sail at eight', speaker: maduro.id, saidAt: '2024-03-01T08:00:00Z' },
    { text: 'Sail we will', speaker: quill.id, saidAt: '2024-03-02T08:00:00Z' },
  ],
})
const barcos = await story(editor, {
  body: { markdown: '“Os barcos saem cedo,” disse.' },
  language: 'pt-BR',
  categories: [town.id],
  quotes: [{ text: 'Os barcos saem cedo', speaker: maduro.id, saidAt: '2025-01-01T00:00:00Z' }],
})
await story(
  editor,
  {
    body,
    categories: [ferry.id],
    sources: [hidden.id],
    quotes: [{ text: 'Sail we will', speaker: quill.id }],
  },
  { embargoUntil: inSeconds(3600) },
)
await quote(editor, { article: boats.id, text: 'sail at', speaker: quill.id, suggested: true })

const words = async (query: string, call: Call = reader) =>
  (await walk(call, `/v1/quotes?sort=saidAt&limit=2&${query}`)).map((row) => row.text)
const names = async (path: string, call: Call = reader) =>
  (await walk(call, path)).map((row) => row.name)
const refused = async (path: string, parameter: string, says: RegExp) => {
  const reply = await reader('GET', `/v1/${path}`)
  t.equal(reply.status, 400, path)
  t.match(reply.json.errors, [{ parameter, message: says }], path)
}

t.test('quotes by all that leads to them', async (t) => {
  const [eight, will, cedo] = ['The boats sail at eight', 'Sail we will', 'Os barcos saem cedo']
  for (const [query, expected] of [
    ['', [eight, will, cedo]],
    ['category=town', [eight, will, cedo]],
    ['category=ferry', [eight, will]],
    ['category=-ferry', [cedo]],
    ['category=town,-harbour', [cedo]],
    ['source=harbour-trust', [eight, will]],
    ['source=-harbour-trust', [cedo]],
    ['speaker=nora-maduro', [eight, cedo]],
    ['speaker=nora-maduro&category=ferry', [eight]],
    ['language=pt', [cedo]],
    ['language=-pt', [eight, will]],
    ['q=sails', [eight, will]],
    ['q=barco', [cedo]],
    ['q=sail+-eight', [will]],
    ['saidAfter=2024-03-02T08:00:00Z', [will, cedo]],
    ['saidBefore=2024-03-02T08:00:00Z', [eight]],
    ['saidAfter=2024-03-01T09:00:00%2B01:00&saidBefore=2025-01-01T00:00:00Z', [eight, will]],
    [`article=${barcos.slug}`, [cedo]],
  ] as const) {
    t.same(await words(query), expected, query)
  }
  t.equal((await words('category=ferry', editor)).length, 4, 'an editor sees all')
  const ids = (await walk(reader, '/v1/quotes')).map((row) => row.id)
  t.same(await words(`ids=${ids.slice(0, 2)}`), [will, cedo], 'the newest two')
  t.same(await words(`ids=${town.id}`), [], 'what is no quote is left out')
  const related = await get(reader, '/v1/quotes?q=sail+eight&sort=relevance&fields=text')
  t.equal(related.data[0].text, eight)
  // A quote that has no language of its own follows that of its article.
  await editor('PATCH', `/v1/articles/${barcos.id}`, { language: 'en' }, { 'if-match': '*' })
  t.same(await words('language=pt'), [])
  await editor('PATCH', `/v1/articles/${barcos.id}`, { language: 'pt-BR' }, { 'if-match': '*' })
  t.same(await words('language=pt'), [cedo])
})

t.test('sources by part of their name, or nearly', async (t) => {
  const found = (q: string, call?: Call) =>
    names(`/v1/sources?q=${encodeURIComponent(q)}&sort=relevance`, call)
  t.same(await found('mad'), ['Nora Maduro'])
  t.same(await found('MADURO'), ['Nora Maduro'])
  t.same(await found('madruo'), ['Nora Maduro'], 'two letters exchanged')
  t.same(await found('mxdruy'), [], 'too far off')
  t.same(await found('"maduro"'), ['Nora Maduro'])
  t.same(await found('"madu"'), [], 'whole words with syntax')
  t.same(await found('maduro or quill'), ['Nora Maduro', 'Petra Quill'].toSorted())
  t.same(await found('%'.repeat(3).concat('a')), [], 'no wildcards')
  t.same(await found('mad', editor), ['Madeleine Hidden', 'Nora Maduro'], 'what begins so first')
})

t.test('the most quoted first, by what the caller can see', async (t) => {
  const path = '/v1/sources?sort=-quoteCount&include=counts&fields=name&limit=1'
  const told = async (call: Call) =>
    (await walk(call, path)).map((row) => [row.name, row.quoteCount, row.articleCount])
  t.same(await told(reader), [
    ['Nora Maduro', 2, 2],
    ['Petra Quill', 1, 1],
    ['Harbour Trust', 0, 1],
  ])
  t.same((await told(editor))[0], ['Petra Quill', 3, 2], 'suggested and embargoed ones too')
  const [one] = (await get(reader, '/v1/sources')).data
  t.notOk('quoteCount' in one || 'articleCount' in one, 'only when asked')
})

t.test('categories as a tree, with counts', async (t) => {
  const tree = await get(reader, '/v1/categories?tree=true&include=counts&fields=name')
  const node = (made: { id: string; name: string }, articleCount: number, children: object[]) => ({
    id: made.id,
    name: made.name,
    articleCount,
    children,
  })
  const below = [node(harbour, 1, [node(ferry, 1, [])])]
  t.same(tree, { data: [node(town, 2, below)] }, 'whole, and only what is visible')
  const part = await get(reader, '/v1/categories?tree=true&include=counts&fields=name&parent=town')
  t.same(part.data, below)
  const rest = await get(reader, '/v1/categories?tree=true&fields=name&parent=-harbour')
  t.same(
    rest.data.map((row: { name: string }) => row.name),
    ['Town'],
  )
  const all = await get(editor, '/v1/categories?tree=true&include=counts')
  t.match(all.data, [
    {
      name: 'Town',
      articleCount: 3,
      children: [{ name: 'Harbour' }, { name: 'Nothing Yet', articleCount: 0 }],
    },
  ])
  t.same(await names('/v1/categories?q=harb'), ['Harbour'])
  t.same(await names(`/v1/categories?ids=${town.id},${ferry.id}`), ['Ferry', 'Town'])
  const counted = await walk(reader, '/v1/categories?include=counts&limit=1')
  t.same(
    counted.map((row) => [row.name, row.articleCount]),
    [
      ['Ferry', 1],
      ['Harbour', 1],
      ['Town', 2],
    ],
  )
})

t.test('exact counts are of what the caller can see, on all pages', async (t) => {
  for (const [path, seen, all] of [
    ['quotes?speaker=petra-quill', 1, 3],
    ['quotes?category=ferry', 2, 4],
    ['sources?kind=person', 2, 3],
    ['sources?sort=-quoteCount', 3, 4],
    ['categories?parent=town', 1, 2],
  ] as const) {
    for (const [call, expected] of [
      [reader, seen],
      [editor, all],
    ] as const) {
      const page = await get(call, `/v1/${path}&count=exact&limit=1`)
      t.same(page.meta, { count: expected }, path)
      if (page.page.next) {
        const next = await get(call, `/v1/${path}&count=exact&limit=1&cursor=${page.page.next}`)
        t.equal(next.meta.count, expected, 'the same on the next page')
      }
    }
  }
  t.notOk('meta' in (await get(reader, '/v1/quotes')))
})

t.test('nothing is ignored', async () => {
  await refused('quotes?speeker=petra-quill', 'speeker', /speaker/)
  await refused('quotes?sort=relevance', 'sort', /add q/)
  await refused('sources?sort=relevance', 'sort', /add q/)
  await refused('sources?sort=quoteCount', 'sort', /did you mean -quoteCount/)
  await refused('sources?include=count', 'include', /did you mean counts/)
  await refused('categories?tree=yes', 'tree', /allowed are true, false/)
  await refused('quotes?ids=petra-quill', 'ids', /is not an id/)
  await refused(`quotes?ids=${town.id},${town.id}`, 'ids', /twice/)
  await refused('quotes?ids=', 'ids', /./)
  await refused(`quotes?ids=${Array.from({ length: 101 }, () => town.id)}`, 'ids', /at most 100/)
  await refused('quotes?saidAfter=yesterday', 'saidAfter', /RFC 3339/)
  await refused(
    'quotes?saidAfter=2024-01-02T00:00:00Z&saidBefore=2024-01-02T00:00:00Z',
    'saidBefore',
    /later than saidAfter/,
  )
  await refused('quotes?source=madeleine-hidden', 'source', /no source/)
  await refused('quotes?count=all', 'count', /exact/)
  for (const query of ['q=town', 'ids=x', 'sort=name', 'limit=20', 'cursor=x', 'count=exact']) {
    const [parameter = ''] = query.split('=')
    if (parameter === 'ids') continue
    await refused(`categories?tree=true&${query}`, parameter, /does not go with tree=true/)
  }
  const { next } = (await get(reader, '/v1/sources?sort=-quoteCount&limit=1')).page
  await refused(`sources?sort=name&cursor=${next}`, 'cursor', /another/)
  await refused(`quotes?cursor=${next}`, 'cursor', /another/)
  await refused(`sources?sort=-quoteCount&cursor=${next.slice(0, -3)}`, 'cursor', /damaged|another/)
})

t.test('a draft lists nothing to readers', async (t) => {
  const desk = await category(editor, { name: 'Drafts only' })
  await draft(editor, { categories: [desk.id] })
  const tree = await get(reader, '/v1/categories?tree=true')
  t.notMatch(JSON.stringify(tree), /Drafts only/)
})
