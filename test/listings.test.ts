import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { addCategoryCounts } from '../src/categories/counts.ts'
import { sweep } from '../src/changes/sweep.ts'
import { addQuoteCounts } from '../src/quotes/counts.ts'
import { bulkId, loadBulk } from './bulk.ts'
import { category, draft, get, publish, source, story, walk } from './factories.ts'
import { newsroom } from './newsroom.ts'
import { plansOf } from './plans.ts'
import { runs } from './size.ts'

/** What article_listings must hold, said once more and otherwise: from each category downwards. */
const DUE = `
  with recursive below (top, id) as (
    select id, id from categories
    union select b.top, c.id from below b join categories c on c.parent_id = b.id
  ), due (kind, resource_id, article_id) as (
    select 'category', b.top, x.article_id from below b join article_categories x on x.category_id = b.id
    union select 'source', source_id, article_id from article_sources
    union select 'speaker', speaker_id, article_id from quotes where speaker_id is not null
  )
  select d.kind, d.resource_id::text, d.article_id::text,
    coalesce(a.published_at, 'infinity')::text as listed_at,
    a.status = 'published' and (d.kind <> 'speaker' or exists (
      select from quotes q where (q.article_id, q.speaker_id) = (a.id, d.resource_id)
        and coalesce(q.state, '') <> 'suggested')) as for_readers
  from due d join articles a on a.id = d.article_id order by 1, 2, 3`
const KEPT = `select kind, resource_id::text, article_id::text, listed_at::text, for_readers
  from article_listings order by 1, 2, 3`

/** How many quotes each source has, as a view tells it, and as the quotes say that this audience sees. */
const AUDIENCES = ['reader', 'editor'] as const
const told = (audience: string) =>
  `select source_id::text as source, quotes from ${audience}.quote_counts
   where quotes <> 0 order by quotes desc, source_id desc`
const seen = (audience: string) =>
  `select speaker_id::text as source, count(*)::integer as quotes from ${audience}.quotes
   where speaker_id is not null group by speaker_id order by quotes desc, speaker_id desc`

/** How many articles each category lists, as a view tells it, and as its listings say. */
const toldListed = (audience: string) =>
  `select resource_id::text as category, articles from ${audience}.listed_counts
   where kind = 'category' and articles <> 0 order by 1`
const seenListed = (audience: string) =>
  `select resource_id::text as category, count(*) as articles from ${audience}.article_listings
   where kind = 'category' group by 1 order by 1`

t.test('listings and counts are what the tables say, after any writes', async (t) => {
  const room = await newsroom(t)
  const { editor, sql } = room
  const categories: string[] = []
  for (let i = 0; i < 8; i++) categories.push((await category(editor, { name: `Desk ${i}` })).id)
  const sources: string[] = []
  for (let i = 0; i < 5; i++) sources.push((await source(editor, { name: `Source ${i}` })).id)
  const articles: string[] = []
  const nth = (list: string[], n: number) => list[n % list.length] ?? ''
  const several = (list: string[], bits: number) => list.filter((_, i) => bits & (1 << i))
  const quotes = (bits: number) =>
    several(sources, bits).map((speaker, i) => ({
      text: 'boat left',
      speaker,
      ...(bits & (64 << i) && { suggested: true }),
    }))
  const statuses = new Map<number, number>()

  /** One write: which one, and of what. Refusals (a ring, a wrong state) are answers too. */
  async function write([what, a, b, bits]: [number, number, number, number]): Promise<void> {
    const any = { 'if-match': '*' }
    const article = nth(articles, a)
    const desk = nth(categories, a)
    const calls = [
      async () => {
        const { id } = await draft(editor, {
          categories: several(categories, bits & 255),
          sources: several(sources, bits >> 8),
          quotes: quotes(bits >> 6),
        })
        articles.push(id)
        if (b % 3) await publish(editor, id)
        return undefined
      },
      () =>
        editor(
          'PATCH',
          `/v1/articles/${article}`,
          { categories: several(categories, bits & 255) },
          any,
        ),
      () => editor('PATCH', `/v1/articles/${article}`, { sources: several(sources, bits) }, any),
      () => editor('PATCH', `/v1/articles/${article}`, { quotes: quotes(bits) }, any),
      () =>
        editor('POST', `/v1/articles/${article}/publish`, {
          publishedAt: new Date(bits * 1e9).toISOString(),
        }),
      () => editor('POST', `/v1/articles/${article}/publish`, { at: '2099-01-01T00:00:00Z' }),
      () => editor('POST', `/v1/articles/${article}/unpublish`, {}),
      () => editor('POST', `/v1/articles/${article}/kill`, { reason: 'wrong', notice: 'wrong' }),
      () => editor('POST', `/v1/articles/${article}/revive`, {}),
      () => editor('DELETE', `/v1/articles/${article}`, undefined, any),
      () => editor('POST', `/v1/articles/${article}/revisions/1/restore`, undefined, any),
      () =>
        editor(
          'PATCH',
          `/v1/categories/${desk}`,
          { parent: b % 4 ? nth(categories, b) : null },
          any,
        ),
      () => editor('PATCH', `/v1/categories/${desk}`, { parent: nth(categories, b + 1) }, any),
      async () => {
        const reply = await editor(
          'DELETE',
          `/v1/categories/${desk}?reassignTo=${nth(categories, b)}`,
          undefined,
          any,
        )
        if (reply.status === 204)
          categories.splice(categories.indexOf(desk), 1, (await category(editor)).id)
        return reply
      },
      async () => {
        const gone = nth(sources, a)
        const reply = await editor(
          'DELETE',
          `/v1/sources/${gone}?reassignTo=${nth(sources, b)}`,
          undefined,
          any,
        )
        if (reply.status === 204)
          sources.splice(sources.indexOf(gone), 1, (await source(editor)).id)
        return reply
      },
      async () => {
        const { data } = await get(editor, `/v1/quotes?limit=100&state=suggested&fields=id`)
        const id = data[a % (data.length || 1)]?.id
        return id && editor('POST', `/v1/quotes/${id}/${b % 2 ? 'confirm' : 'dismiss'}`, {})
      },
      // Past the commands: many categories moved in one statement, a parent among its children.
      async () => {
        await sql(
          `update categories set parent_id = null where parent_id is not null and position < ${b % 3}`,
        )
        return undefined
      },
      async () => {
        await sql(`update quotes set speaker_id = $1 where article_id = $2`, [
          nth(sources, b),
          article,
        ])
        return undefined
      },
      async () => {
        await sql(
          `update articles set published_at = published_at - interval '1 day' where id = any($1)`,
          [several(articles, bits)],
        )
        return undefined
      },
      // What time does, before and after the sweep has seen it, and counts before and after they are added up.
      async () => {
        const times = [
          ['-2 hours', '1 hour', '2 hours'],
          ['-2 hours', '-1 hour', '1 hour'],
          ['-3 hours', '-2 hours', '-1 hour'],
          ['1 hour', null, null],
        ][b % 4]
        await sql(
          `update articles set publish_at = now() + $2::interval, embargo_until = now() + $3::interval,
             expires_at = now() + $4::interval
           where id = any($1) and publish_at is not null`,
          [several(articles, bits), ...(times ?? [])],
        )
        return undefined
      },
      async () => {
        await sweep(room.db)
        return undefined
      },
      async () => {
        await addQuoteCounts(room.db)
        await addCategoryCounts(room.db)
        return undefined
      },
    ]
    const reply = await calls[what % calls.length]?.()
    if (!reply) return
    assert.ok(reply.status < 500, reply.text)
    statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1)
  }

  for (let i = 0; i < 5; i++) await write([0, i, 1, 0b11010101 << i])
  const step = fc.tuple(fc.nat(21), fc.nat(30), fc.nat(30), fc.nat(8191))
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 12 }), async (steps) => {
      for (const one of steps) {
        await write(one)
        assert.deepEqual(await sql(KEPT), await sql(DUE), JSON.stringify(one))
        for (const audience of AUDIENCES) {
          const known = JSON.stringify(one)
          assert.deepEqual(await sql(told(audience)), await sql(seen(audience)), known)
          const [counted, listed] = [toldListed(audience), seenListed(audience)]
          assert.deepEqual(await sql(counted), await sql(listed), known)
        }
      }
    }),
    { numRuns: runs(50), endOnFailure: true },
  )
  t.ok((await sql(KEPT)).length > 100, 'much is listed')
  t.ok((statuses.get(200) ?? 0) > 50 && (statuses.get(204) ?? 0) > 5, JSON.stringify([...statuses]))

  const before = await sql(KEPT)
  await sql('select rebuild_article_listings()')
  t.same(await sql(KEPT), before, 'made from nothing they are the same')

  for (const audience of AUDIENCES) {
    const counted = await sql(told(audience))
    t.ok(counted.length > 0, `${counted.length} are quoted`)
    const page = '/v1/sources?sort=-quoteCount&include=counts&limit=2'
    const walked = (await walk(room[audience], page)).filter(({ quoteCount }) => quoteCount > 0)
    t.same(
      walked.map(({ id, quoteCount }) => ({ source: id, quotes: quoteCount })),
      counted,
      'the most quoted first, page by page',
    )
    await sql('select rebuild_quote_counts()')
    t.same(await sql(told(audience)), counted, 'made from nothing they are the same')
    await addQuoteCounts(room.db)
    t.same(await sql(told(audience)), counted, 'and with what had come')
    const listed = await sql(seenListed(audience))
    await sql('select rebuild_category_counts()')
    t.same(await sql(toldListed(audience)), listed, 'of articles too')
    await addCategoryCounts(room.db)
    t.same(await sql(toldListed(audience)), listed)
  }
})

t.test('writes at the same time leave no listing behind, and no count off', async (t) => {
  const { db, editor, sql } = await newsroom(t)
  const desks: string[] = []
  for (let i = 0; i < 6; i++) desks.push((await category(editor, { name: `Desk ${i}` })).id)
  const speakers = await Promise.all([1, 2, 3].map((i) => source(editor, { name: `Speaker ${i}` })))
  const said = (n: number) => [{ text: 'boat left', speaker: speakers[n % 3]?.id }]
  const stories = await Promise.all(
    Array.from({ length: 12 }, (_, i) => draft(editor, { categories: [desks[i % 6]] })),
  )
  const any = { 'if-match': '*' }
  for (let round = 0; round < runs(6); round++) {
    const at = new Date(Date.UTC(2020, 0, 1 + round)).toISOString()
    // Instances add up all the while, and somebody makes all anew.
    let counting = true
    const adding = Promise.all(
      [1, 2, 3].map(async (instance) => {
        while (counting) {
          if (instance === 3) {
            await sql('select rebuild_quote_counts()')
            await sql('select rebuild_category_counts()')
          } else {
            await addQuoteCounts(db)
            await addCategoryCounts(db)
          }
        }
      }),
    )
    const replies = await Promise.all([
      ...stories.map(({ id }, i) =>
        editor(
          'PATCH',
          `/v1/articles/${id}`,
          { categories: [desks[(i + round) % 6]], quotes: said(i + round) },
          any,
        ),
      ),
      ...stories
        .filter((_, i) => (i + round) % 5 === 0)
        .map(({ id }) => editor('POST', `/v1/articles/${id}/unpublish`, {})),
      ...stories.map(({ id }) => editor('POST', `/v1/articles/${id}/publish`, { publishedAt: at })),
      ...desks.map((id, i) =>
        editor(
          'PATCH',
          `/v1/categories/${id}`,
          { parent: i > round % 6 ? desks[round % 6] : null },
          any,
        ),
      ),
    ])
    counting = false
    await adding
    assert.ok(
      replies.every(({ status }) => status < 500),
      replies.find(({ status }) => status >= 500)?.text,
    )
    t.same(await sql(KEPT), await sql(DUE), `round ${round}`)
    for (const audience of AUDIENCES) {
      const when = `${audience}, round ${round}`
      t.same(await sql(told(audience)), await sql(seen(audience)), when)
      t.same(await sql(toldListed(audience)), await sql(seenListed(audience)), when)
    }
  }
})

t.test('the latest of one category, source or speaker is a walk along one index', async (t) => {
  const room = await newsroom(t)
  await loadBulk(room, { articles: 20_000, categories: 100, sources: 200 })
  t.same(await room.sql(KEPT), await room.sql(DUE))
  const plans = await plansOf(room)
  for (const query of [
    `category=${bulkId('c', 5)}`,
    `category=${bulkId('c', 77)}`,
    `category=${bulkId('c', 5)}&language=en`,
    `source=${bulkId('d', 7)}`,
    `speaker=${bulkId('d', 7)}`,
  ]) {
    for (const sort of ['-publishedAt', 'publishedAt']) {
      const nodes = await plans(`/v1/articles?${query}&sort=${sort}&fields=id`)
      const told = `${query} ${sort}: ${nodes.map((node) => node['Node Type'])}`
      const walks = nodes.filter((node) => node['Index Name'] === 'article_listings_listed_at_idx')
      const read = walks.map(
        (node) => Number(node['Actual Rows']) + Number(node['Rows Removed by Filter'] ?? 0),
      )
      t.ok(read.length > 0 && Math.max(...read) === 21, `${read} entries; ${told}`)
      t.notOk(
        nodes.some(
          (node) =>
            node['Node Type'] === 'Sort' ||
            (node['Node Type'] === 'Seq Scan' &&
              // Some hundred rows are read faster without an index.
              !/categories|sources/.test(String(node['Relation Name']))),
        ),
        told,
      )
    }
  }
})

t.test('the most quoted are a walk along one index', async (t) => {
  const room = await newsroom(t)
  const { editor, sql, reader } = room
  await loadBulk(room, { articles: 1500, categories: 10, sources: 3000 })
  await addQuoteCounts(room.db)
  await sql('vacuum analyze')
  // The counts of these two are off: something has come, and something waits to be announced.
  const [more, waits] = [bulkId('d', 7), bulkId('d', 8)]
  await story(editor, { quotes: [1, 2, 3, 4].map((n) => ({ text: `no. ${n}`, speaker: more })) })
  await sql(`update articles set announced = false where id in (
    select article_id from quotes where speaker_id = '${waits}')`)
  const nodes = await (await plansOf(room))('/v1/sources?sort=-quoteCount&fields=id')
  const walks = nodes.filter((node) => /^quote_counts_.*_idx$/.test(String(node['Index Name'])))
  const read = walks.map(
    (node) => Number(node['Actual Rows']) + Number(node['Rows Removed by Filter'] ?? 0),
  )
  t.ok(read.length === 1 && Number(read[0]) <= 24, `${read} entries`)
  t.notOk(
    nodes.some((node) => node['Relation Name'] === 'quotes' && node['Node Type'] === 'Seq Scan'),
  )
  const [first] = (await get(reader, '/v1/sources?sort=-quoteCount&include=counts&limit=1')).data
  t.match(first, { id: more })
  t.same(await sql(told('reader')), await sql(seen('reader')))
})
