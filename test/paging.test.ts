import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { category, draft, get, must, publish, quote, source, story, walk } from './factories.ts'
import { type Call, newsroom, type Reply } from './newsroom.ts'
import { runs } from './size.ts'

const room = await newsroom(t)
const { editor, reader, sql, config } = room

/** Few dates, so that many rows share one. */
const DATES = ['0001-01-01T00:00:00Z', '1999-12-31T23:59:59.999Z', '2024-05-01T12:00:00.5Z']
/** Few headlines, and those that are hard to carry in a cursor. */
const HEADLINES = [
  'Same',
  'same',
  'Ångström “quoted” \\ "plain" / ?a=b&c=%00+d',
  '👩‍🚒🌊',
  '\u0001'.repeat(300),
  '東'.repeat(300),
  '👩'.repeat(300),
  '',
]
const LANGUAGES = ['en', 'en-GB', 'pt', 'el']

const desks = [await category(editor, { name: 'Desk' })]
desks.push(await category(editor, { name: 'Desk below', parent: desks[0].id }))
const people = [
  await source(editor, { name: 'Someone' }),
  await source(editor, { kind: 'organization', name: HEADLINES[4] }),
  await source(editor, { kind: 'organization', name: HEADLINES[5] }),
]
const nth = <T>(list: readonly T[], i: number): T => list[i % list.length] as T
for (let i = 0; i < 60; i++) {
  const drafted = i % 5 === 0
  const { id } = await draft(editor, {
    headline: drafted ? nth([...HEADLINES, null], i / 5) : nth(HEADLINES.slice(0, -1), i),
    body: { markdown: `“Word ${i % 3},” she said.` },
    language: nth(LANGUAGES, i),
    categories: nth([[], [desks[0].id], [desks[1].id], [desks[1].id, desks[0].id]], i * 3),
    sources: nth([[], [people[0].id], [people[1].id, people[2].id]], i),
    quotes: nth(
      [
        [],
        [{ text: `Word ${i % 3}`, speaker: people[0].id }],
        [{ text: 'Lost', saidAt: DATES[1] }],
      ],
      i * 5,
    ),
  })
  if (!drafted) await publish(editor, id, { publishedAt: nth(DATES, i) })
}
for (let i = 0; i < 12; i++) {
  const name = [...nth(HEADLINES.slice(0, -1), i)].slice(0, 200).join('')
  await source(editor, { kind: nth(['person', 'document'], i), name })
  await category(editor, { name, parent: nth([null, desks[0].id], i) })
}
await sql(
  `update articles set updated_at = timestamptz '2026-01-01 UTC' + (ascii(right(id::text, 1)) % 4) * interval '1 h'`,
)
await sql(`update sources set created_at = date_trunc('day', created_at)`)

/** A filter as it is asked for, and as SQL over the tables. */
type Filter = { query: string; where: string }
type List = { path: string; from: string; sorts: Record<string, string>; filters: Filter[] }

const inDesk = `exists (select from article_categories x where x.article_id = a.id)`
const LISTS: List[] = [
  {
    path: '/v1/articles',
    from: 'articles a',
    sorts: {
      '-publishedAt': 'a.listed_at desc, a.id desc',
      publishedAt: 'a.listed_at, a.id',
      '-updatedAt': 'a.updated_at desc, a.id desc',
      headline: `coalesce(a.headline, ''), a.id`,
    },
    filters: [
      { query: 'category=desk', where: inDesk },
      { query: 'category=-desk', where: `not ${inDesk}` },
      {
        query: `category=${desks[1].id}`,
        where: `a.id in (select article_id from article_categories where category_id = '${desks[1].id}')`,
      },
      { query: 'language=en', where: `a.language in ('en', 'en-GB')` },
      { query: 'language=pt,-en-GB,el', where: `a.language in ('pt', 'el')` },
      {
        query: 'source=someone',
        where: `a.id in (select article_id from article_sources where source_id = '${people[0].id}')`,
      },
      {
        query: 'speaker=someone',
        where: `a.id in (select article_id from quotes where speaker_id = '${people[0].id}')`,
      },
      { query: 'q=%22word+1%22', where: `a.plain_text like '%Word 1%'` },
      { query: 'q=word+-1', where: `a.plain_text like '%Word%' and a.plain_text not like '%1%'` },
    ],
  },
  {
    path: '/v1/quotes',
    from: 'quotes q join articles a on a.id = q.article_id',
    sorts: {
      '-saidAt': 'q.dated_at desc, q.id desc',
      saidAt: 'q.dated_at, q.id',
      createdAt: 'q.created_at, q.id',
      '-createdAt': 'q.created_at desc, q.id desc',
    },
    filters: [
      { query: 'speaker=someone', where: `q.speaker_id = '${people[0].id}'` },
      { query: 'category=desk', where: inDesk },
      { query: 'saidAfter=2000-01-01T00:00:00Z', where: `q.dated_at >= '2000-01-01 UTC'` },
      { query: 'state=orphaned', where: `q.state = 'orphaned'` },
      { query: 'state=-orphaned', where: `q.state <> 'orphaned'` },
    ],
  },
  {
    path: '/v1/sources',
    from: 'sources s',
    sorts: {
      name: 's.name, s.id',
      '-name': 's.name desc, s.id desc',
      '-quoteCount': '(select count(*) from quotes q where q.speaker_id = s.id) desc, s.id desc',
      createdAt: 's.created_at, s.id',
      '-createdAt': 's.created_at desc, s.id desc',
    },
    filters: [
      { query: 'kind=person', where: `s.kind = 'person'` },
      { query: 'kind=-person,-document', where: `s.kind not in ('person', 'document')` },
    ],
  },
  {
    path: '/v1/categories',
    from: 'categories c',
    sorts: {
      name: 'c.name, c.id',
      '-name': 'c.name desc, c.id desc',
      position: 'c.position, c.id',
      '-createdAt': 'c.created_at desc, c.id desc',
    },
    filters: [{ query: 'parent=desk', where: `c.parent_id = '${desks[0].id}'` }],
  },
]

/** What is asked of a list, as a reader (`open`) or as an editor. */
type Asked = { list: List; sort: string; filters: Filter[]; open: boolean }

const asked: fc.Arbitrary<Asked> = fc
  .tuple(fc.nat(), fc.nat(), fc.array(fc.nat(), { maxLength: 2 }), fc.boolean())
  .map(([n, sort, filters, open]) => {
    const list = nth(LISTS, n)
    // One filter for each parameter: a parameter given twice is refused.
    const byParameter = new Map(
      filters
        .map((f) => nth(list.filters, f))
        .map((filter) => [filter.query.split('=')[0], filter]),
    )
    const name = nth(Object.keys(list.sorts), sort)
    // Readers see only some sources and categories, and their updatedAt is another.
    const plain = list.from.includes('articles') && name !== '-updatedAt'
    return { list, sort: name, filters: [...byParameter.values()], open: open && plain }
  })

/** Where `Link` leads on, if it does; it also tells of feeds. */
function nextOf({ headers }: Pick<Reply, 'headers'>): string | undefined {
  return /<([^>]*)>; rel="next"/.exec(headers.link ?? '')?.[1]
}

/** Follows `page.next` with a new limit each time, and checks each page. */
async function follow(call: Call, path: string, limits: number[]): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | null = null
  for (let i = 0; ; i++) {
    const limit = nth(limits, i)
    const reply: Reply = await must(
      call,
      'GET',
      `${path}&limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`,
    )
    const { data, page } = reply.json
    ids.push(...data.map((row: { id: string }) => row.id))
    assert.equal(page.limit, limit)
    if (page.next === null) {
      assert.ok(data.length <= limit)
      assert.equal(nextOf(reply), undefined)
      return ids
    }
    assert.equal(data.length, limit)
    const url = nextOf(reply)
    assert.ok(url?.startsWith(`${config.publicUrl}/v1/`), reply.headers.link)
    assert.equal(new URL(url ?? '').searchParams.get('cursor'), page.next)
    // Link alone leads on as well.
    if (i === 0) {
      const linked = await must(call, 'GET', (url ?? '').slice(config.publicUrl.length))
      const next = await must(call, 'GET', `${path}&limit=${limit}&cursor=${page.next}`)
      assert.deepEqual(linked.json, next.json)
    }
    cursor = page.next
  }
}

t.test('a walk brings each matching row exactly once, in order', async (t) => {
  const walked = new Set<string>()
  const sizes: number[] = []
  const everyOrder = LISTS.flatMap((list) =>
    Object.keys(list.sorts).map((sort): [Asked, number[]] => [
      { list, sort, filters: [], open: false },
      [1, 7],
    ]),
  )
  await fc.assert(
    fc.asyncProperty(
      asked,
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
      async ({ list, sort, filters, open }, limits) => {
        const conditions = filters.map((f) => f.where)
        if (open) conditions.push(`a.status = 'published'`)
        const expected = await sql(
          `select ${list.from.split(' ')[1]}.id from ${list.from}
           where ${['true', ...conditions].join(' and ')} order by ${list.sorts[sort]}`,
        )
        const query = [`sort=${sort}`, 'fields=id', ...filters.map((f) => f.query)].join('&')
        const ids = await follow(open ? reader : editor, `${list.path}?${query}`, limits)
        assert.deepEqual(
          ids,
          expected.map((row) => row.id),
          query,
        )
        walked.add(`${list.path} ${sort}`)
        sizes.push(ids.length)
      },
    ),
    { numRuns: runs(60), examples: everyOrder },
  )
  t.equal(walked.size, 17, 'every list in every order')
  t.ok(Math.max(...sizes) >= 60, 'long walks')
  t.ok(sizes.filter((size) => size > 1).length > sizes.length / 2, 'most find something')
})

t.test('the keys are walked too', async (t) => {
  const made = await Promise.all(
    Array.from({ length: 7 }, (_, i) =>
      must(editor, 'POST', '/v1/keys', { name: `Key ${i}`, scopes: ['read'] }),
    ),
  )
  const ids = await follow(editor, '/v1/keys?', [2, 1])
  t.same(
    ids,
    (await sql('select id from api_keys order by created_at desc, id desc')).map((r) => r.id),
  )
  t.ok(made.every(({ json }) => ids.includes(json.id)))
})

t.test('rows that stay come exactly once while others come and go', async (t) => {
  const desk = await category(editor, { name: 'Busy' })
  const make = (n: number) =>
    story(
      editor,
      { headline: `Busy ${n}`, categories: [desk.id] },
      { publishedAt: new Date(Date.UTC(2020, 0, 1, 0, n % 20)).toISOString() },
    )
  const constant: string[] = []
  const passing: string[] = []
  for (let i = 0; i < 40; i++) (i % 2 ? constant : passing).push((await make(i)).id)
  for (const sort of ['-publishedAt', 'publishedAt', 'headline', 'relevance&q=busy']) {
    const ids: string[] = []
    let changes = 0
    let cursor: string | null = ''
    while (cursor !== null) {
      const { data, page }: { data: { id: string }[]; page: { next: string | null } } = await get(
        reader,
        `/v1/articles?category=busy&sort=${sort}&fields=id&limit=3${cursor && `&cursor=${cursor}`}`,
      )
      ids.push(...data.map((row) => row.id))
      cursor = page.next
      // Among them the last row of the page, at which the cursor stands.
      const last = passing.indexOf(data.at(-1)?.id ?? '')
      const [gone] = passing.splice(last < 0 ? 0 : last, 1)
      await must(editor, 'POST', `/v1/articles/${gone}/unpublish`)
      passing.push((await make(100 + changes++)).id)
    }
    const seen = ids.filter((id) => constant.includes(id))
    t.same(seen.toSorted(), constant.toSorted(), sort)
    t.equal(new Set(ids).size, ids.length, 'and nothing comes twice')
    t.ok(changes > 6, `${changes} came and went`)
  }
})

t.test('a cursor belongs to its list, filter and sort', async (t) => {
  const path = '/v1/articles?category=desk&sort=headline'
  const cursor = (await get(reader, `${path}&limit=2`)).page.next
  const ask = (query: string) => reader('GET', `/v1/${query}&cursor=${cursor}`)
  for (const query of [
    'articles?category=desk&sort=headline&limit=100',
    'articles?sort=headline&category=desk&limit=1',
    'articles?category=desk&sort=headline&fields=slug&include=quotes&body=text',
  ]) {
    t.equal((await ask(query)).status, 200, query)
  }
  for (const query of [
    'articles?category=desk',
    'articles?category=desk&sort=publishedAt',
    'articles?category=desk-below&sort=headline',
    'articles?sort=headline',
    'articles?category=desk&sort=headline&language=en',
    'articles?category=desk&sort=headline&q=word',
    'sources?sort=name',
  ]) {
    t.match(await ask(query), {
      status: 400,
      json: { code: 'invalid_cursor', errors: [{ parameter: 'cursor' }] },
    })
  }
  t.equal((await reader('GET', `${path}&cursor=${cursor}&cursor=${cursor}`)).status, 400)
  t.equal((await reader('GET', `${path}&cursor=`)).status, 400)
})

t.test('what follows a question mark in a parameter is kept', async (t) => {
  const ask = '/v1/articles?q=word?&category=desk&fields=id'
  const all = await walk(reader, ask)
  t.same(all, await walk(reader, '/v1/articles?q=word&category=desk&fields=id'))
  t.same(
    await follow(reader, ask, [2]),
    all.map((row) => row.id),
  )
  const cursor = (await get(reader, `${ask}&limit=2`)).page.next
  const other = await reader('GET', `/v1/articles?q=word?&category=desk-below&cursor=${cursor}`)
  t.equal(other.status, 400, 'what follows it is part of the filter')
})

t.test('a cursor that was tampered with is refused, never more', async (t) => {
  const lists = [
    '/v1/articles?sort=-publishedAt',
    '/v1/articles?sort=headline',
    '/v1/categories?sort=position',
  ]
  const outcomes = { 200: 0, 400: 0 }
  const check = async (path: string, cursor: string) => {
    const reply = await editor('GET', `${path}&cursor=${encodeURIComponent(cursor)}`)
    assert.ok(reply.status === 200 || reply.status === 400, `${path} ${cursor}: ${reply.text}`)
    outcomes[reply.status]++
    return reply
  }
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const path of lists) {
    const { next } = (await get(editor, `${path}&limit=3`)).page
    const [version, values, id, list] = JSON.parse(Buffer.from(next, 'base64url').toString())
    for (const wrong of [
      next.slice(0, -1),
      `${next}A`,
      `${next}=`,
      next.toUpperCase(),
      encode([version + 1, values, id, list]),
      encode([version, [], id, list]),
      encode([version, [...values, 'x'], id, list]),
      encode([version, values, 'x', list]),
      encode([version, values, id, 'x']),
      encode([version, ['a\u0000'], id, list]),
      encode([version, [1], id, list]),
      encode({ version, values, id, list }),
      encode(null),
    ]) {
      t.equal((await check(path, wrong)).status, 400, wrong)
    }
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        'infinity',
        '-infinity',
        'now',
        '2024-02-31 00:00:00+00',
        '99999999999',
        '-1',
      ),
      fc.constantFrom('2024-01-01 00:00:00+99', '2024-01-01 25:00:00+00', '0000-01-01 00:00:00+00'),
      fc.constantFrom('999999999', '2024-01-01 00:00:00.1234567+00', '2024-01-01 24:00:00+00'),
      fc
        .date({ noInvalidDate: true })
        .map((date) => date.toISOString().replace('T', ' ').replace('Z', '+00')),
    )
    const made = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 50 }),
      fc
        .tuple(fc.array(value, { maxLength: 3 }), fc.uuid())
        .map(([v, i]) => encode([version, v, i, list])),
      fc.tuple(fc.nat(), fc.nat({ max: 255 })).map(([at, byte]) => {
        const bytes = Buffer.from(next, 'base64url')
        bytes[at % bytes.length] = byte
        return bytes.toString('base64url')
      }),
    )
    await fc.assert(
      fc.asyncProperty(made, async (cursor) => {
        if (cursor.isWellFormed()) await check(path, cursor)
      }),
      { numRuns: runs(60) },
    )
  }
  t.ok(outcomes[200] > 0 && outcomes[400] > 100, JSON.stringify(outcomes))
})

t.test('an empty list has a page too', async (t) => {
  const empty = await category(editor, { name: 'Empty' })
  const { json, headers } = await must(editor, 'GET', `/v1/articles?category=${empty.id}`)
  t.same(json, { data: [], page: { limit: 20, next: null } })
  t.equal(nextOf({ headers }), undefined)
  const one = await story(editor, { categories: [empty.id] })
  await quote(editor, { article: one.id, text: 'eight' })
  t.equal((await get(editor, `/v1/quotes?article=${one.id}&limit=1`)).page.next, null)
  for (const limit of ['0', '101', '-1', '1.5', '1e1', '+1', '٣', '']) {
    const reply = await editor('GET', `/v1/articles?limit=${encodeURIComponent(limit)}`)
    t.match(reply, { status: 400, json: { errors: [{ parameter: 'limit' }] } }, limit)
  }
})
