import assert from 'node:assert/strict'
import t from 'tap'
import { bulkId, loadBulk } from './bulk.ts'
import { category, get, inSeconds, patch, quote, source, story, walk } from './factories.ts'
import { newsroom } from './newsroom.ts'
import { plansOf } from './plans.ts'

const { editor, reader } = await newsroom(t)

const town = await category(editor, { name: 'Town' })
const quay = await category(editor, { name: 'Quay', parent: town.id })
const ada = await source(editor, { name: 'Ada Pell' })
const ben = await source(editor, { name: 'Ben Rudd' })
const said = (speaker: { id: string }, text: string, more = {}) => ({
  text,
  speaker: speaker.id,
  ...more,
})
const boats = await story(
  editor,
  {
    headline: 'Lighthouse and ferries',
    language: 'en-GB',
    categories: [quay.id],
    body: {
      markdown: '“The ferry <b>must</b> sail & sail,” she said. “A ferry,” he said. Lights on.',
    },
    quotes: [
      said(ada, 'The ferry <b>must</b> sail & sail', { saidAt: '2026-01-05T00:00:00Z' }),
      said(ben, 'A ferry', { kind: 'partial', saidAt: '2026-02-05T00:00:00Z' }),
      { text: 'Ferries would go on.', kind: 'paraphrase' },
    ],
  },
  { publishedAt: '2026-03-01T00:00:00Z' },
)
await story(
  editor,
  {
    headline: 'Marés',
    language: 'pt',
    categories: [town.id],
    body: { markdown: '“Os barcos saem,” disse.' },
    quotes: [said(ada, 'Os barcos saem')],
  },
  { publishedAt: '2026-03-02T00:00:00Z' },
)
await story(
  editor,
  {
    headline: 'Zanzibarine',
    language: 'en',
    categories: [town.id],
    body: { markdown: '“The ferry zanzibarine,” she said.' },
    quotes: [said(ada, 'The ferry zanzibarine')],
  },
  { embargoUntil: inSeconds(3600) },
)
await quote(editor, { article: boats.id, text: 'must', speaker: ben.id, suggested: true })

const list = (query: string, call = reader) => get(call, `/v1/quotes?${query}`)

t.test('highlights are HTML with no tag but mark, beside whatever members', async (t) => {
  const { data } = await list('q=ferry&highlight=true&sort=saidAt&fields=kind')
  t.same(
    data.map(({ id: _, ...rest }: { id: string }) => rest),
    [
      {
        kind: 'direct',
        highlight: {
          text: 'The <mark>ferry</mark> &lt;b&gt;must&lt;/b&gt; sail &amp; sail',
        },
      },
      { kind: 'partial', highlight: { text: 'A <mark>ferry</mark>' } },
      { kind: 'paraphrase', highlight: { text: '<mark>Ferries</mark> would go on.' } },
    ],
  )
  const [other] = (await list('q=barco&highlight=true')).data
  t.same(other.highlight, { text: 'Os <mark>barcos</mark> saem' }, 'in its own language')
  t.same((await list('q=-ferry&highlight=true')).data[0].highlight, {}, 'nothing was found')
  for (const query of ['q=ferry', 'q=ferry&highlight=false']) {
    t.notOk('highlight' in (await list(query)).data[0], query)
  }
})

t.test('Japanese quotes are found, ranked and marked by characters', async (t) => {
  const { id } = await story(editor, {
    language: 'ja',
    body: { markdown: '「港で地震がありました」' },
    quotes: [{ text: '港で地震がありました' }],
  })
  const q = encodeURIComponent('地震')
  const { data } = await list(`q=${q}&article=${id}&highlight=true&sort=relevance`)
  t.same(data[0].highlight, { text: '港で<mark>地震</mark>がありました' })
  await editor('POST', `/v1/articles/${id}/unpublish`)
})

t.test('facets count the whole result, of what is visible', async (t) => {
  const { data, meta } = await list(
    'q=ferry&facets=speaker,category,kind,language,month&count=exact&limit=1',
  )
  t.equal(data.length, 1)
  t.same(meta, {
    count: 3,
    facets: {
      speaker: [
        { id: ada.id, slug: 'ada-pell', name: 'Ada Pell', count: 1 },
        { id: ben.id, slug: 'ben-rudd', name: 'Ben Rudd', count: 1 },
      ],
      category: [
        { id: quay.id, slug: 'quay', name: 'Quay', count: 3 },
        { id: town.id, slug: 'town', name: 'Town', count: 3 },
      ],
      kind: [
        { value: 'direct', count: 1 },
        { value: 'paraphrase', count: 1 },
        { value: 'partial', count: 1 },
      ],
      language: [
        { value: 'en', count: 3 },
        { value: 'en-GB', count: 3 },
      ],
      month: [
        { value: '2026-03', count: 1 },
        { value: '2026-02', count: 1 },
        { value: '2026-01', count: 1 },
      ],
    },
  })
  t.same((await list('q=nothing-at-all&facets=kind')).meta, { facets: { kind: [] } })
})

t.test('a facet counts what the filter by its value brings', async (t) => {
  const facets = ['speaker', 'category', 'kind', 'language', 'month']
  let compared = 0
  for (const call of [reader, editor]) {
    for (const query of ['', 'q=ferry', 'category=town', 'language=en', 'speaker=-ben-rudd']) {
      const path = `${query}${query && '&'}`
      const { meta } = await list(`${path}facets=${facets}&count=exact&limit=1`, call)
      const rows = await walk(call, `/v1/quotes?${path}fields=id&limit=50`)
      assert.equal(meta.count, rows.length, query)
      for (const facet of facets.filter((name) => !query.startsWith(name))) {
        for (const { slug, value, count } of meta.facets[facet]) {
          let filter = `${facet}=${slug ?? value}`
          if (facet === 'month') {
            const [year, month] = value.split('-').map(Number)
            filter = `saidAfter=${value}-01T00:00:00Z&saidBefore=${new Date(Date.UTC(year, month, 1)).toISOString()}`
          }
          const rest = await list(`${path}${filter}&count=exact&limit=1`, call)
          assert.equal(rest.meta.count, count, `${path}${filter}`)
          compared++
        }
      }
    }
  }
  t.ok(compared > 60, `${compared}`)
})

t.test('when nothing is found: what was probably meant, and finds quotes', async (t) => {
  const meant = async (query: string, call = reader) => (await list(query, call)).meta?.didYouMean
  t.equal(await meant('q=ferrries'), 'ferries')
  t.equal(await meant('q=Ferrries+sail'), 'ferries sail')
  t.equal(await meant('q=ferry'), undefined, 'found')
  t.equal(await meant('q=ferrries&language=pt'), undefined, 'would find nothing either')
  t.equal(await meant('q=lightohuse'), undefined, 'no quote has it')
  t.equal(await meant('q=zanzibarina'), undefined, 'hidden')
  t.equal(await meant('q=zanzibarina', editor), 'zanzibarine')
  t.equal(await meant('q=xqwzvk'), undefined)
})

t.test('an empty search knows of every headline that may say what was meant', async (t) => {
  const query = `speaker=ada-pell&q=${encodeURIComponent('barcoss')}`
  for (const path of [`/v1/quotes?${query}`, `/v1/articles?${query}`]) {
    t.notOk((await get(reader, path)).meta, path)
  }
  // By nobody who is named in the query.
  const { id } = await story(editor, { headline: 'Barcos', language: 'pt' })
  for (const path of [`/v1/quotes?${query}`, `/v1/articles?${query}`]) {
    t.equal((await get(reader, path)).meta?.didYouMean, 'barcos', path)
  }
  await editor('POST', `/v1/articles/${id}/unpublish`)
})

t.test('the whole speaker in place, where it is asked for', async (t) => {
  const path = 'speaker=ada-pell&limit=1'
  const [short] = (await list(path)).data
  t.same(Object.keys(short.speaker), ['id', 'slug', 'name'])
  const [long] = (await list(`${path}&include=speaker`)).data
  t.match(long.speaker, { id: ada.id, name: 'Ada Pell', kind: 'person', sameAs: [] })
  const some = `include=speaker&fields[speaker]=name,kind&fields=text`
  const [two] = (await list(`${path}&${some}`)).data
  t.same(Object.keys(two), ['id', 'text', 'speaker'])
  t.same(two.speaker, { id: ada.id, kind: 'person', name: 'Ada Pell' })
  t.same((await get(reader, `/v1/quotes/${two.id}?${some}`)).speaker, two.speaker)
  const none = (await list('kind=paraphrase&include=speaker')).data
  t.equal(none[0].speaker, null)
  const refused = await reader('GET', '/v1/quotes?fields[speaker]=name')
  t.match(refused.json.errors, [{ parameter: 'fields[speaker]', message: /include=speaker/ }])
  // Kept, it follows what it shows of the speaker, and of whom that belongs to.
  const shown = async () => (await list(`${path}&include=speaker`)).data[0].speaker
  t.equal((await shown()).title, null)
  const trust = await source(editor, { kind: 'organization', name: 'Quay Trust' })
  await patch(editor, `/v1/sources/${ada.id}`, { title: 'Pilot', organization: trust.id })
  t.match(await shown(), { title: 'Pilot', organization: null })
  const { id } = await story(editor, { sources: [trust.id] })
  t.equal((await shown()).organization?.name, 'Quay Trust')
  await editor('POST', `/v1/articles/${id}/unpublish`)
  t.equal((await shown()).organization, null)
})

t.test('kept facets follow every change that they count', async (t) => {
  const path = 'facets=speaker,category,kind&speaker=ben-rudd&limit=1'
  const before = (await list(path)).meta.facets
  await patch(editor, `/v1/categories/${town.id}`, { name: 'Town hall' })
  const after = (await list(path)).meta.facets
  t.equal(before.category[1].name, 'Town')
  t.equal(after.category[1].name, 'Town hall')
  const { id } = await story(editor, {
    body: { markdown: '“No,” he said.' },
    quotes: [said(ben, 'No')],
  })
  t.equal((await list(path)).meta.facets.speaker[0].count, 2)
  await editor('POST', `/v1/articles/${id}/unpublish`)
  t.equal((await list(path)).meta.facets.speaker[0].count, 1)
})

t.test('nothing is ignored', async (t) => {
  for (const [query, parameter, says] of [
    ['highlight=true', 'highlight', /add q/],
    ['highlight=yes&q=x', 'highlight', /allowed are true, false/],
    ['facets=speakers', 'facets', /did you mean speaker\?/],
    ['facets=source', 'facets', /does not know/],
    ['facets=', 'facets', /./],
  ] as const) {
    const reply = await reader('GET', `/v1/quotes?${query}`)
    t.equal(reply.status, 400, query)
    t.match(reply.json.errors, [{ parameter, message: says }], query)
  }
})

t.test('the newest quotes of a speaker are a walk along one index', async (t) => {
  const room = await newsroom(t)
  await loadBulk(room, { articles: 6667, categories: 20, sources: 200 })
  const speaker = bulkId('d', 7)
  await room.sql(
    `update quotes set speaker_id = $1 where id in (select id from quotes order by md5(id::text) limit 2000)`,
    [speaker],
  )
  await room.sql('analyze')
  const [kept] = await room.sql(
    `select count(*)::int as quotes, count(*) filter (where speaker_id = $1)::int as of_one from quotes`,
    [speaker],
  )
  t.ok(Number(kept?.quotes) >= 20_000 && Number(kept?.of_one) >= 2000, JSON.stringify(kept))
  const plans = await plansOf(room)
  for (const sort of ['-saidAt', 'saidAt']) {
    const nodes = await plans(`/v1/quotes?speaker=${speaker}&sort=${sort}`)
    const told = `${sort}: ${nodes.map((node) => `${node['Node Type']} ${node['Index Name'] ?? node['Relation Name'] ?? ''}`)}`
    const walks = nodes.filter((node) => node['Index Name'] === 'quotes_speaker_id_dated_at_idx')
    t.equal(walks.length, 1, told)
    const [walk] = walks
    t.match(walk?.['Index Cond'], /^\(speaker_id = /, told)
    const read = Number(walk?.['Actual Rows']) + Number(walk?.['Rows Removed by Filter'] ?? 0)
    // Every tenth article is a draft: some more are looked at than shown.
    t.ok(read >= 21 && read <= 60, `${read} entries; ${told}`)
    for (const node of nodes) {
      // The corrections of each quote shown are put in order, of which there are none.
      if (node['Node Type'] === 'Sort')
        t.same([node['Sort Key'], node['Actual Rows']], [['k.at', 'k.id'], 0], told)
      // Some hundred rows are read faster without an index.
      if (node['Node Type'] === 'Seq Scan')
        t.match(node['Relation Name'], /^(sources|corrections)$/, told)
    }
  }
})
