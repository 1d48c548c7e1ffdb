import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  category,
  draft,
  get,
  inSeconds,
  must,
  patch,
  quote,
  source,
  story,
  walk,
} from './factories.ts'
import { newsroom } from './newsroom.ts'
import { runs } from './size.ts'

const { editor, reader, sql } = await newsroom(t)

const town = await category(editor, { name: 'Town' })
const quay = await category(editor, { name: 'Quay', parent: town.id })
const sport = await category(editor, { name: 'Sport' })
const ada = await source(editor, { name: 'Ada Pell' })
const ben = await source(editor, { name: 'Ben Rudd' })

const at = (day: number) => `2026-03-${String(day).padStart(2, '0')}T12:00:00.000Z`
const headline = await story(
  editor,
  {
    headline: 'Lighthouse keeper retires',
    summary: 'He kept it for years.',
    body: { markdown: 'Nobody else wanted to.' },
    categories: [quay.id],
    sources: [ada.id],
    language: 'en',
  },
  { publishedAt: at(1) },
)
const summary = await story(
  editor,
  {
    headline: 'A keeper retires',
    summary: 'The lighthouse stays lit.',
    body: { markdown: '“It stays,” she said.' },
    categories: [town.id, sport.id],
    sources: [ada.id, ben.id],
    quotes: [{ text: 'It stays', speaker: ben.id }],
    language: 'en-GB',
  },
  { publishedAt: at(2) },
)
const body = await story(
  editor,
  {
    headline: 'Autumn on the coast',
    summary: 'A walk.',
    body: {
      markdown:
        'Past the lighthouse, the lighthouse, and the lighthouse & <mark>back</mark> again. Here `<mark>` is a tag.',
    },
    categories: [sport.id],
    sources: [ben.id],
    language: 'en',
  },
  { publishedAt: '2026-04-03T00:00:00Z' },
)
/** Hidden in every way, and full of words and names that nothing else has. */
const secretDesk = await category(editor, { name: 'Zephyrine' })
const secretSource = await source(editor, { name: 'Quorxal Vint' })
const hiding = {
  headline: 'Lighthouse zanzibarine',
  summary: 'Lighthouse zanzibarine.',
  body: { markdown: '“Lighthouse,” said nobody.' },
  categories: [quay.id, secretDesk.id],
  sources: [ada.id, secretSource.id],
  quotes: [{ text: 'Lighthouse', speaker: secretSource.id }],
  language: 'cy',
}
await draft(editor, hiding)
await story(editor, hiding, { at: inSeconds(3600) })
await story(editor, hiding, { embargoUntil: inSeconds(3600) })
const killed = await story(editor, hiding)
await must(editor, 'POST', `/v1/articles/${killed.id}/kill`, { reason: 'r', notice: 'n' })

const list = (query: string) => get(reader, `/v1/articles?${query}`)
const ids = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id)
const refused = async (query: string) => {
  const reply = await reader('GET', `/v1/articles?${query}`)
  assert.equal(reply.status, 400, `${query}: ${reply.text}`)
  return reply.json.errors as { parameter: string; message: string }[]
}

t.test('relevance: headline over summary over body, then the newer first', async (t) => {
  t.same(ids(await list('q=lighthouse')), [body.id, summary.id, headline.id], 'newest unless told')
  t.same(ids(await list('q=lighthouse&sort=relevance')), [headline.id, summary.id, body.id])
  t.same(ids(await list('q=keeper&sort=relevance')), [summary.id, headline.id], 'equal: the newer')
  for (const without of ['-zeppelin', '-"hot air balloon"'])
    t.same(
      ids(await list(`q=${encodeURIComponent(`lighthouse ${without}`)}&sort=relevance`)),
      [headline.id, summary.id, body.id],
      'what must not stand there takes no part',
    )
  t.same(ids(await list('q=lighthouse&sort=relevance&publishedBefore=2026-03-02T00:00:00Z')), [
    headline.id,
  ])
})

t.test('relevance is paged by cursor: each once, in one order', async (t) => {
  const desk = await category(editor, { name: 'Many' })
  for (let i = 0; i < 24; i++) {
    await story(
      editor,
      {
        headline: i % 3 === 0 ? 'Trawler lands' : 'Boat lands',
        summary: i % 4 === 0 ? 'A trawler.' : 'It did.',
        body: { markdown: `The trawler came. ${'Trawler. '.repeat(i % 5)}` },
        categories: [desk.id],
        language: i % 2 ? 'en' : 'pt',
      },
      { publishedAt: at(1 + (i % 3)) },
    )
  }
  const path = '/v1/articles?q=trawler&sort=relevance&category=many&fields=headline'
  const whole = await get(reader, `${path}&limit=100`)
  t.equal(whole.data.length, 24)
  t.equal(whole.page.next, null)
  for (const limit of [1, 5, 7]) {
    const walked = await walk(reader, `${path}&limit=${limit}`)
    t.same(walked, whole.data, `limit ${limit}`)
  }
  const { next } = (await get(reader, `${path}&limit=5`)).page
  const [v, values, id, hash] = JSON.parse(Buffer.from(next, 'base64url').toString())
  t.equal(values.length, 4)
  for (const bad of [
    ['x', ...values.slice(1)],
    ['1e39', ...values.slice(1)],
    [...values.slice(0, 3), 'x'],
    values.slice(0, 2),
    [values[0], 'x', ...values.slice(2)],
  ]) {
    const cursor = Buffer.from(JSON.stringify([v, bad, id, hash])).toString('base64url')
    t.match(await reader('GET', `${path}&cursor=${cursor}`), {
      status: 400,
      json: { code: 'invalid_cursor' },
    })
  }
})

t.test('highlights are HTML with no tag but mark, and only of what was found', async (t) => {
  const page = await list('q=lighthouse&highlight=true&sort=relevance')
  const [first, second, third] = page.data
  t.same(first.highlight, { headline: '<mark>Lighthouse</mark> keeper retires' })
  t.same(second.highlight, { summary: 'The <mark>lighthouse</mark> stays lit.' })
  t.same(Object.keys(third.highlight), ['body'])
  const text = third.highlight.body.join(' ')
  t.match(text, /Past the <mark>lighthouse<\/mark>, the <mark>lighthouse<\/mark>/)
  t.match(text, /&amp;/)
  t.match(text, /Here &lt;mark/, 'a tag that the text itself has is shown, not obeyed')
  t.equal(text.split('<mark>').length, 4)
  const [plain] = (await list('q=lighthouse&limit=1')).data
  t.notOk('highlight' in plain)
  t.notOk('highlight' in (await list('q=lighthouse&highlight=false')).data[0])
})

t.test('what stands for a mark inside is nothing when the text has it', async (t) => {
  const any = fc.array(
    fc.constantFrom(
      ...['\u0001', '\u0002', '\u0003', '\u0004', '\u0005', '\u0006', '<', '>', '&', '"', "'"],
      ...['<mark>', '</mark>', '<script>', '&amp;', 'heron', 'heron', ' ', 'a', 'StartSel'],
    ),
    { maxLength: 14 },
  )
  const { id } = await story(editor, { language: 'en' })
  let marks = 0
  await fc.assert(
    fc.asyncProperty(any, any, async (a, b) => {
      const text = (parts: string[]) => `heron ${parts.join('')}`
      await patch(editor, `/v1/articles/${id}`, { headline: text(a), summary: text(b) })
      const { data } = await list(`q=heron&highlight=true&ids=${id}`)
      for (const html of [data[0].highlight.headline, data[0].highlight.summary]) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is left is the point
        assert.doesNotMatch(html, /[\u0001-\u0006]/)
        const bare = html.replaceAll(/<mark>[^<>]*<\/mark>/g, '')
        assert.doesNotMatch(bare, /[<>"']/, html)
        marks += html.split('<mark>').length - 1
      }
    }),
    { numRuns: runs(25) },
  )
  t.ok(marks >= 50)
})

t.test('text without spaces between words is searched by characters', async (t) => {
  const { id } = await story(editor, {
    headline: '港口地震速報',
    summary: '漁船は無事です。',
    body: { markdown: '昨日、地震がありました。' },
    language: 'ja',
  })
  for (const q of ['地震', '漁船', '"地震速報"', '地震 無事', '港']) {
    t.same(ids(await list(`q=${encodeURIComponent(q)}`)), [id], q)
  }
  for (const q of ['震地', '地震 -漁船', '海底']) {
    t.same(ids(await list(`q=${encodeURIComponent(q)}`)), [], q)
  }
  const [found] = (await list(`q=${encodeURIComponent('地震')}&highlight=true`)).data
  t.equal(found.highlight.headline, '港口<mark>地震</mark>速報')
})

t.test('when nothing is found: what was probably meant, of visible words only', async (t) => {
  const meant = async (q: string, more = '') =>
    (await list(`q=${encodeURIComponent(q)}${more}`)).meta?.didYouMean
  t.equal(await meant('lightohuse'), 'lighthouse')
  t.equal(await meant('Lighthose keeper'), 'lighthouse keeper')
  t.equal(await meant('lighthouse'), undefined, 'found')
  t.equal(await meant('lightohuse', '&language=el'), undefined, 'would find nothing either')
  t.equal(await meant('xqwzvk'), undefined)
  t.equal(await meant('the'), undefined)
  for (const hidden of ['zanzibarina', 'zephyrina', 'quorxel']) {
    t.equal(await meant(hidden), undefined, hidden)
  }
  t.equal((await get(editor, '/v1/articles?q=zanzibarina')).meta.didYouMean, 'zanzibarine')
})

t.test('ids and windows', async (t) => {
  t.same(ids(await list(`ids=${headline.id},${body.id},${killed.id}`)), [body.id, headline.id])
  t.same(ids(await list(`ids=${killed.id}`)), [])
  const between = 'publishedAfter=2026-03-02T12:00:00Z&publishedBefore=2026-04-03T00:00:00Z'
  t.same(ids(await list(`category=town,sport&${between}`)), [summary.id], 'from, and before')
  t.same(ids(await list(`q=lighthouse&publishedAfter=2026-04-03T01:00:00%2B02:00`)), [body.id])
  const { updatedAt } = await get(reader, `/v1/articles/${body.id}`)
  await sql(`update articles set updated_at = $1::timestamptz - interval '1 day' where id <> $2`, [
    updatedAt,
    body.id,
  ])
  await sql(
    `update articles set publish_at = '2026-01-01' where status = 'published' and publish_at <= now() and id <> $1`,
    [body.id],
  )
  t.same(ids(await list(`updatedAfter=${updatedAt}&category=sport`)), [body.id])
  t.same(ids(await list(`updatedAfter=${inSeconds(60)}`)), [])
})

t.test('facets count the whole result, of what is visible', async (t) => {
  const { meta } = await list(
    'q=lighthouse&facets=category,source,speaker,language,month&count=exact&limit=1',
  )
  const { category, source, speaker, language, month } = meta.facets
  t.equal(meta.count, 3)
  t.same(
    category.map((c: { slug: string; count: number }) => [c.slug, c.count]),
    [
      ['sport', 2],
      ['town', 2],
      ['quay', 1],
    ],
    'what is below counts above',
  )
  t.same(
    source.map((c: { name: string; count: number }) => [c.name, c.count]),
    [
      ['Ada Pell', 2],
      ['Ben Rudd', 2],
    ],
  )
  t.same(speaker, [{ id: ben.id, slug: 'ben-rudd', name: 'Ben Rudd', count: 1 }])
  t.same(language, [
    { value: 'en', count: 3 },
    { value: 'en-GB', count: 1 },
  ])
  t.same(month, [
    { value: '2026-04', count: 1 },
    { value: '2026-03', count: 2 },
  ])
  t.notOk('meta' in (await list('q=lighthouse')))
  t.same((await list('q=nothing-at-all&facets=month&count=exact')).meta, {
    count: 0,
    facets: { month: [] },
  })
})

t.test('a facet counts what the filter by its value brings', async (t) => {
  const queries = [
    '',
    'q=lighthouse',
    'category=town',
    'language=en',
    'source=-ben-rudd',
    'q=-keeper',
  ]
  const facets = ['category', 'source', 'speaker', 'language', 'month']
  let compared = 0
  for (const call of [reader, editor]) {
    for (const query of queries) {
      const path = `/v1/articles?${query}${query && '&'}`
      const { meta } = await get(call, `${path}facets=${facets.join(',')}&count=exact&limit=1`)
      t.equal(meta.count, (await walk(call, `${path}fields=id&limit=50`)).length, query)
      for (const facet of facets) {
        if (query.startsWith(facet)) continue
        for (const { slug, value, count } of meta.facets[facet]) {
          let filter = `${facet}=${slug ?? value}`
          if (facet === 'month') {
            const [year, month] = value.split('-').map(Number)
            const next = new Date(Date.UTC(year, month, 1)).toISOString()
            filter = `publishedAfter=${value}-01T00:00:00Z&publishedBefore=${next}`
          }
          const rest = await get(call, `${path}${filter}&count=exact&limit=1`)
          assert.equal(rest.meta.count, count, `${path}${filter}`)
          compared++
        }
      }
    }
  }
  t.ok(compared > 100, `${compared}`)
})

t.test('included kinds, and only some of their members', async (t) => {
  const one = await get(
    reader,
    `/v1/articles/${summary.id}?fields=slug&include=categories,sources,quotes,related&fields[quotes]=text&fields[sources]=name&fields[categories]=slug&fields[related]=headline`,
  )
  t.same(Object.keys(one).sort(), ['categories', 'id', 'quotes', 'related', 'slug', 'sources'])
  t.same(
    one.quotes.map((q: object) => Object.keys(q).sort()),
    [['id', 'text']],
  )
  t.same(
    one.categories.map((c: { slug: string }) => c.slug),
    ['town', 'sport'],
  )
  t.same(Object.keys(one.sources[0]).sort(), ['id', 'name'])
  t.same(
    one.related.map((r: { id: string }) => r.id).sort(),
    [headline.id, body.id].sort(),
    'only what readers see',
  )
  t.same(Object.keys(one.related[0]).sort(), ['headline', 'id'])
  const page = await list('include=related&category=sport,town')
  const of = page.data.find((row: { id: string }) => row.id === headline.id)
  t.equal(of.related[0].id, summary.id, 'shares a source and an ancestor is no share')
  t.same(Object.keys(of.related[0]).sort(), [
    ...['headline', 'id', 'publishedAt', 'slug', 'summary', 'url'],
  ])
  for (const row of page.data) {
    t.notOk(
      row.related.some((r: { id: string }) => r.id === row.id),
      'never itself',
    )
    t.ok(row.related.length <= 5)
  }
})

t.test(
  'what is misspelt or contradicts itself is refused, with what was probably meant',
  async (t) => {
    const cases: [string, string, RegExp][] = [
      ['publishedAftr=2026-01-01T00:00:00Z', 'publishedAftr', /did you mean publishedAfter\?/],
      ['Sort=headline', 'Sort', /did you mean sort\?/],
      ['sort=relevence&q=x', 'sort', /allowed are .*; did you mean relevance\?/],
      ['facets=categories', 'facets', /did you mean category\?/],
      ['include=qoutes', 'include', /did you mean quotes\?/],
      ['count=all', 'count', /allowed are exact/],
      ['highlight=yes&q=x', 'highlight', /allowed are true, false/],
      ['sort=relevance', 'sort', /relevance needs words to look for: add q/],
      ['highlight=true', 'highlight', /add q/],
      ['fields[quotes]=text', 'fields[quotes]', /add include=quotes/],
      ['fields[quotes]=txt&include=quotes', 'fields[quotes]', /did you mean text\?/],
      ['fields[nothing]=text', 'fields[nothing]', /is not known/],
      [`publishedAfter=${at(2)}&publishedBefore=${at(2)}`, 'publishedBefore', /later than/],
      ['publishedAfter=2026-01-01', 'publishedAfter', /RFC 3339/],
      ['publishedAfter=yesterday', 'publishedAfter', /RFC 3339/],
      ['category=town,-town', 'category', /none of it/],
      ['ids=x', 'ids', /is not an id/],
      [`ids=${headline.id},${headline.id}`, 'ids', /twice/],
      ['ids=', 'ids', /./],
      [
        `ids=${Array.from({ length: 101 }, (_, i) => `01990000-0000-7000-8000-${i + 1e11}`)}`,
        'ids',
        /100/,
      ],
      ['facets=', 'facets', /./],
      ['facets=month&facets=source', 'facets', /more than once/],
      [`q=${'x'.repeat(10_000)}`, 'q', /500/],
      ['q=a%00b', 'q', /./],
    ]
    for (const [query, parameter, message] of cases) {
      const errors = await refused(query)
      t.match(
        errors.find((error) => error.parameter === parameter)?.message ?? JSON.stringify(errors),
        message,
        query.slice(0, 60),
      )
    }
    const unheard = await refused('nonsense=1')
    t.notMatch(unheard[0]?.message ?? '', /did you mean/)
    const both = await refused('sort=relevance&highlight=true&fields[quotes]=text')
    t.same(both.map((error) => error.parameter).sort(), ['fields[quotes]', 'highlight', 'sort'])
    const asOf = await editor(
      'GET',
      `/v1/articles/${body.id}?include=related&asOf=${inSeconds(-1)}`,
    )
    t.match(asOf, { status: 400, json: { errors: [{ parameter: 'include' }] } })
    t.equal(
      (await editor('GET', `/v1/articles/${body.id}/revisions/1?include=related`)).status,
      400,
    )
  },
)

t.test('a cursor holds whatever is shown beside the rows, and for no other filter', async (t) => {
  const { next } = (await list('q=lighthouse&limit=1')).page
  for (const more of [
    'highlight=true',
    'count=exact',
    'facets=month',
    'include=quotes&fields[quotes]=text',
  ]) {
    t.equal(
      (await reader('GET', `/v1/articles?q=lighthouse&cursor=${next}&${more}`)).status,
      200,
      more,
    )
  }
  for (const more of ['sort=relevance', 'publishedAfter=2026-01-01T00:00:00Z', `ids=${body.id}`]) {
    t.match(await reader('GET', `/v1/articles?q=lighthouse&cursor=${next}&${more}`), {
      status: 400,
      json: { code: 'invalid_cursor' },
    })
  }
})

t.test('a statement that takes too long is 503, with when to try again', async (t) => {
  await sql('begin; lock table articles in access exclusive mode')
  const cancel = async () => {
    for (let i = 0; i < 100; i++) {
      const waiting = await sql(
        `select pg_cancel_backend(pid) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'
           and application_name = 'dateline'`,
      )
      if (waiting.length > 0) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await sql('rollback')
  }
  const cancelled = cancel()
  // What statement_timeout does to a statement has the same SQLSTATE, 57014.
  const reply = await reader('GET', '/v1/articles?q=lighthouse&count=exact')
  await cancelled
  t.match(reply, { status: 503, headers: { 'retry-after': '1' }, json: { code: 'unavailable' } })
})

t.test('what is hidden is in no answer, whatever is asked', async (t) => {
  await quote(editor, { article: killed.id, text: 'Lighthouse' }).catch(() => {})
  for (const query of [
    'q=lighthouse&highlight=true&facets=category,source,speaker,language,month&count=exact&include=related',
    'q=zanzibarine&facets=category,source,speaker,language,month&count=exact&highlight=true',
    'q=zanzibarina',
    'facets=category,source,speaker,language,month&include=related,categories,sources,quotes',
  ]) {
    const { text } = await must(reader, 'GET', `/v1/articles?${query}`)
    t.notMatch(text, /zanzibarine|zephyrine|quorxal|"cy"/i, query)
  }
})
