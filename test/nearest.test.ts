import t from 'tap'
import { category, draft, get, inSeconds, must, patch, source, story } from './factories.ts'
import { type Call, callerOf, newsroom } from './newsroom.ts'

/* What was probably meant: by the words of a search for names, and by a name in a filter. */

const { app, editor, reader } = await newsroom(t)

const harbour = await category(editor, { name: 'Harbour' })
const quays = await category(editor, { name: 'North Quays', parent: harbour.id })
await category(editor, { name: 'Zanzibar Drafts', slug: 'harbours' })
const trust = await source(editor, { kind: 'organization', name: 'Harbour Trust' })
const maduro = await source(editor, { name: 'Nora Maduro', organization: trust.id })
const paper = await source(editor, { kind: 'publication', name: 'The Tide' })
await source(editor, { name: 'Madeleine Hidden', slug: 'nora-maduroo' })
const visible = await story(editor, {
  headline: 'Lighthouse dark again',
  categories: [quays.id],
  sources: [trust.id, maduro.id, paper.id],
})
await draft(editor, { headline: 'Lighthouses dark again', slug: 'lighthouse-dark-agains' })
const embargoed = await story(
  editor,
  { headline: 'Zanzibarine', slug: 'zanzibarine', categories: [harbour.id] },
  { embargoUntil: inSeconds(3600) },
)

const meant = async (path: string, call: Call = reader) =>
  (await get(call, `/v1/${path}`)).meta?.didYouMean

t.test('sources that are not found: the name that was probably meant', async (t) => {
  const of = (q: string, call?: Call) => meant(`sources?q=${encodeURIComponent(q)}`, call)
  t.equal(await of('"madruo"'), '"maduro"', 'with syntax only whole words are found')
  t.equal(await of('Madruo or xqz'), 'maduro or xqz')
  t.equal(await of('trsut'), 'trust', 'a short name')
  t.equal(await of('"nora madruo"'), '"nora maduro"')
  t.equal(await of('madruo'), undefined, 'found as it is, being nearly spelt so')
  t.equal(await of('"lighthuose"'), undefined, 'of headlines nothing')
  t.equal(await of('"quaiys"'), undefined, 'nor of categories')
  t.equal(await of('"madelein"'), undefined, 'hidden')
  t.equal(await of('"madelein"', editor), '"madeleine"')
  t.equal(await of('xqwzvk'), undefined)
  t.equal(await meant('sources?q=%22madruo%22&kind=organization'), undefined, 'would find nothing')
  t.equal(await meant('sources?q=%22madruo%22&organization=harbour-trust'), '"maduro"')
  const beyond = await get(reader, '/v1/sources?limit=1&q=trust')
  t.notOk(beyond.meta, 'found')
})

t.test('categories that are not found, too', async (t) => {
  const of = (q: string, call?: Call) => meant(`categories?q=${encodeURIComponent(q)}`, call)
  t.equal(await of('"harbuor"'), '"harbour"')
  t.equal(await of('"qauys"'), '"quays"')
  t.equal(await of('"trsut"'), undefined, 'of sources nothing')
  t.equal(await of('"zanzibra"'), undefined, 'hidden')
  t.equal(await of('"zanzibra"', editor), '"zanzibar"')
  t.equal(await meant('categories?q=%22qauys%22&parent=harbour'), '"quays"')
  t.equal(await meant('categories?q=%22harbuor%22&parent=harbour'), undefined)
})

t.test('kept answers that say so follow the names', async (t) => {
  for (const path of ['sources?q=%22madruo%22', 'categories?q=%22noorth%22']) {
    t.ok(await meant(path), path)
  }
  await patch(editor, `/v1/sources/${maduro.id}`, { name: 'Clara Mond' })
  await patch(editor, `/v1/categories/${quays.id}`, { name: 'Quays' })
  for (const path of ['sources?q=%22madruo%22', 'categories?q=%22noorth%22']) {
    t.equal(await meant(path), undefined, path)
  }
  t.equal(await meant('sources?q=%22clarra%22'), '"clara"')
  await patch(editor, `/v1/sources/${maduro.id}`, { name: 'Nora Maduro' })
  await patch(editor, `/v1/categories/${quays.id}`, { name: 'North Quays' })
})

/** What is said of the first fault of a request. */
const said = async (path: string, call: Call = reader) => {
  const { status, json } = await call('GET', `/v1/${path}`)
  t.equal(status, 400, path)
  return json.errors[0].message as string
}

t.test('an unknown name in a filter is told the nearest that this audience sees', async (t) => {
  for (const [path, nearest] of [
    ['articles?category=harbuor', 'harbour'],
    ['articles?category=Harbour', 'harbour'],
    ['articles?category=-harbuor', 'harbour'],
    ['articles?source=harbor-trust', 'harbour-trust'],
    ['articles?speaker=nora-madruo', 'nora-maduro'],
    ['quotes?category=north-quay', 'north-quays'],
    ['quotes?source=the-tides', 'the-tide'],
    ['quotes?speaker=nora_maduro', 'nora-maduro'],
    ['quotes?article=lighthouse-drak-again', 'lighthouse-dark-again'],
    ['sources?organization=harbour-trsut', 'harbour-trust'],
    ['categories?parent=habour', 'harbour'],
  ] as const) {
    const message = await said(path)
    t.match(message, new RegExp(`^There is no \\w+ "[\\w-]+"; did you mean ${nearest}\\?$`), path)
  }
})

t.test('never one that it does not see', async (t) => {
  for (const [path, hidden, seen] of [
    ['articles?category=harbourss', 'harbours', 'harbour'],
    ['articles?source=nora-maduroos', 'nora-maduroo', 'nora-maduro'],
    ['quotes?article=lighthouse-dark-againss', 'lighthouse-dark-agains', 'lighthouse-dark-again'],
    ['quotes?article=zanzibarina', 'zanzibarine', undefined],
  ] as const) {
    const told = await said(path)
    t.equal(/did you mean (.*)\?/.exec(told)?.[1], seen, told)
    t.match(await said(path, editor), new RegExp(`did you mean ${hidden}\\?`))
  }
  // A slug that it once had leads to it, but is not what it is called.
  await patch(editor, `/v1/categories/${quays.id}`, { slug: 'south-quays' })
  t.notMatch(await said('articles?category=north-quayss'), /north-quays\?/)
  t.equal((await reader('GET', '/v1/articles?category=north-quays')).status, 200)
  await patch(editor, `/v1/categories/${quays.id}`, { slug: 'north-quays' })
  t.ok(embargoed.id)
})

t.test('nothing near, nothing said', async (t) => {
  for (const name of ['xqwzvk', '%F0%9F%9A%A2', 'x'.repeat(3000), maduro.id.replace(/.$/, 'x')]) {
    t.notMatch(await said(`articles?category=${name}`), /did you mean/, name.slice(0, 40))
  }
  t.match(await said('articles?category=01990000-0000-7000-8000-000000000001'), /There is no/)
})

t.test('every unknown name is told, in every filter', async (t) => {
  const names = Array.from({ length: 40 }, (_, i) => `harbuor${i}`)
  const reply = await reader('GET', `/v1/quotes?category=${names}&speaker=nobody&article=none`)
  t.equal(reply.status, 400)
  t.equal(reply.json.errors.length, 42)
  t.match(reply.json.errors.at(-1), { parameter: /category|speaker|article/ })
})

t.test('any of one and none of it is refused, whatever it is called', async (t) => {
  for (const path of [
    `articles?category=harbour,-${harbour.id}`,
    `quotes?speaker=${maduro.id},-nora-maduro`,
    `quotes?article=-${visible.id},${visible.slug}`,
  ]) {
    t.match(await said(path), /asks for .* and for none of it/, path)
  }
})

t.test('what is no language at all is refused', async (t) => {
  for (const list of ['articles', 'quotes']) {
    for (const tag of ['en_GB', '-english!', 'x', 'en,e', '%C3%A9', 'en-']) {
      const { status, json } = await reader('GET', `/v1/${list}?language=${tag}`)
      t.equal(status, 400, tag)
      t.match(json.errors, [{ parameter: 'language', message: /BCP 47/ }], tag)
    }
    for (const tag of ['EN-gb', 'zh-Hant', 'mi,-en']) {
      t.equal((await reader('GET', `/v1/${list}?language=${tag}`)).status, 200, tag)
    }
  }
})

t.test('categories by relevance, as sources', async (t) => {
  const names = async (query: string) =>
    (await get(reader, `/v1/categories?${query}`)).data.map(({ name }: { name: string }) => name)
  t.same(await names('q=quay&sort=relevance'), ['North Quays'])
  const refused = await reader('GET', '/v1/categories?sort=relevance')
  t.match(refused.json.errors, [{ parameter: 'sort', message: /add q/ }])
  const tree = await reader('GET', '/v1/categories?sort=relevance&q=quay&tree=true')
  t.same(
    tree.json.errors.map(({ parameter }: { parameter: string }) => parameter),
    ['q', 'sort'],
  )
})

t.test('one source and one category with their counts, also in answers to writes', async (t) => {
  for (const [path, counts] of [
    [`/v1/sources/${maduro.id}`, { quoteCount: 0, articleCount: 1 }],
    [`/v1/categories/${harbour.id}`, { articleCount: 1 }],
  ] as const) {
    const { id } = await get(reader, `${path}?fields=id`)
    t.same(await get(reader, `${path}?fields=id&include=counts`), { id, ...counts }, path)
    t.notOk('articleCount' in (await get(reader, path)))
    const written = await patch(editor, `${path}?fields=id&include=counts`, { description: 'x' })
    t.ok(written.articleCount >= 1)
  }
})

t.test('sources are counted by kind and organisation', async (t) => {
  const { data, meta } = await get(reader, '/v1/sources?facets=kind,organization&limit=1')
  t.equal(data.length, 1)
  t.same(meta.facets, {
    kind: [
      { value: 'organization', count: 1 },
      { value: 'person', count: 1 },
      { value: 'publication', count: 1 },
    ],
    organization: [{ id: trust.id, slug: 'harbour-trust', name: 'Harbour Trust', count: 1 }],
  })
  const some = await get(reader, '/v1/sources?facets=kind&kind=-person&q=trust')
  t.same(some.meta.facets, { kind: [{ value: 'organization', count: 1 }] })
  const all = await get(editor, '/v1/sources?facets=kind')
  t.match(all.meta.facets.kind, [{ value: 'person', count: 2 }])
})

t.test('a partner is told of what it may have, and counts no more', async (t) => {
  const market = await category(editor, { name: 'Market' })
  const grocer = await source(editor, { name: 'Gwen Grocer' })
  await story(editor, {
    headline: 'Cabbages are dear',
    categories: [market.id],
    sources: [grocer.id, trust.id],
  })
  const made = await must(editor, 'POST', '/v1/partners', {
    name: 'The Record',
    categories: { allowed: ['harbour'] },
  })
  const { key } = (
    await must(editor, 'POST', '/v1/keys', {
      ...{ name: 'theirs', scopes: ['read', 'syndication'], partner: made.json.id },
    })
  ).json
  const partner = callerOf(app, `Bearer ${key}`)
  for (const [path, hidden] of [
    ['articles?category=markett', /market\?/],
    ['articles?source=gwen-grocr', /gwen-grocer\?/],
    ['quotes?article=cabbages-are-deer', /cabbages-are-dear\?/],
  ] as const) {
    t.match(await said(path), hidden, path)
    t.notMatch(await said(path, partner), hidden, path)
  }
  t.match(await said('articles?category=harbuor', partner), /did you mean harbour\?/)
  for (const [path, meantBy] of [
    ['articles?q=cabbagges', 'cabbages'],
    ['sources?q=%22grcoer%22', '"grocer"'],
    ['categories?q=%22markte%22', '"market"'],
  ] as const) {
    t.equal(await meant(path), meantBy, path)
    t.equal(await meant(path, partner), undefined, path)
  }
  t.equal(await meant('articles?q=lighthuose', partner), 'lighthouse')
  const path = `/v1/sources/${trust.id}?include=counts&fields=name`
  t.match(await get(reader, path), { articleCount: 2 })
  t.match(await get(partner, path), { articleCount: 1 })
  const counted = (await get(partner, '/v1/categories?include=counts&fields=slug')).data
  t.same(
    counted.map((one: { slug: string; articleCount: number }) => [one.slug, one.articleCount]),
    [
      ['harbour', 1],
      ['north-quays', 1],
    ],
  )
})
