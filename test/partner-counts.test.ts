import assert from 'node:assert/strict'
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import t from 'tap'
import { sweep } from '../src/changes/sweep.ts'
import { asPartner } from '../src/db/client.ts'
import { keepPartnerCounts } from '../src/quotes/partner-counts.ts'
import { bulkId, loadBulk } from './bulk.ts'
import { category, draft, inSeconds, must, partner, source, story, walk } from './factories.ts'
import { type Newsroom, newsroom } from './newsroom.ts'
import { nodesOf, type PlanNode } from './plans.ts'
import { runs } from './size.ts'

/*
 * How many quotes of each source a partner sees: kept, and what the ledger has had since. It is what the quotes
 * say that this partner sees, at every moment; and so are the articles of each category.
 */

/**
 * What is told, what the quotes say that are seen (sources that are seen and not quoted have none), and whether
 * counts are kept: in one statement, since time goes on.
 */
const COMPARED = sql`select
  (select json_agg(json_build_array(c.source_id, c.quotes) order by c.quotes desc, c.source_id)
    from partner.quote_counts c) as told,
  (select json_agg(json_build_array(v.id, v.quotes) order by v.quotes desc, v.id) from (
    select s.id, (select count(*) from partner.quotes q where q.speaker_id = s.id) as quotes
    from partner.source_ids s) v) as seen,
  exists (select from partner.counts_kept) as kept,
  (select json_agg(json_build_array(c.resource_id, c.articles) order by c.resource_id)
    from partner.listed_counts c where c.kind = 'category' and c.articles <> 0) as counted,
  (select json_agg(json_build_array(l.id, l.articles) order by l.id) from (
    select l.resource_id as id, count(*) as articles from partner.article_listings l
    where l.kind = 'category' group by l.resource_id) l) as listed`
type Compared = Record<'told' | 'seen' | 'counted' | 'listed', unknown> & { kept: boolean }

/** What each of these partners reads, without early access and with it. */
const readersOf = ({ db }: Newsroom, ids: readonly string[]) =>
  ids.flatMap((partnerId) =>
    [false, true].map((early) => ({
      name: `${ids.indexOf(partnerId)}${early ? ', early' : ''}`,
      compare: async () => {
        const { rows } = await asPartner(db, { partnerId, early }).execute<Compared>(COMPARED)
        return rows[0] as Compared
      },
    })),
  )

const upToDate = async ({ db }: Newsroom) => {
  while (await keepPartnerCounts(db));
}

t.test('counts are what each partner sees, after any writes', async (t) => {
  const room = await newsroom(t)
  const { editor, db } = room
  const desks: string[] = []
  for (let i = 0; i < 5; i++) desks.push((await category(editor, { name: `Desk ${i}` })).id)
  const speakers: string[] = []
  for (let i = 0; i < 4; i++) speakers.push((await source(editor, { name: `Source ${i}` })).id)
  const partners: string[] = []
  const [first, second, third, fourth] = desks
  for (const input of [
    {},
    { categories: { allowed: [first, second] }, languages: ['en'] },
    { categories: { excluded: [third] }, earlyAccess: true },
    { categories: { allowed: [fourth] }, earlyAccess: true },
  ]) {
    partners.push((await partner(room, input)).id)
  }
  const readers = readersOf(room, partners)
  const articles: string[] = []
  const nth = (list: string[], n: number) => list[n % list.length] ?? ''
  const several = (list: string[], bits: number) => list.filter((_, i) => bits & (1 << i))
  const content = (bits: number) => ({
    language: bits % 3 ? 'en' : 'pt',
    categories: several(desks, bits).slice(0, 2),
    sources: several(speakers, bits >> 5),
    quotes: several(speakers, bits >> 3).map((speaker, i) => ({
      ...{ text: 'boat left', speaker },
      ...(bits & (64 << i) && { suggested: true }),
    })),
  })
  const any = { 'if-match': '*' }

  /** One write: which one, and of what. Refusals (a ring, a wrong state) are answers too. */
  async function write([what, a, b, bits]: [number, number, number, number]): Promise<void> {
    const article = `/v1/articles/${nth(articles, a)}`
    const desk = nth(desks, a)
    const times = () =>
      [
        {},
        { embargoUntil: inSeconds(3600) },
        { at: inSeconds(0.1) },
        { embargoUntil: inSeconds(0.1) },
        { expiresAt: inSeconds(0.2) },
        { at: inSeconds(0.1), expiresAt: inSeconds(0.2) },
        { embargoUntil: inSeconds(0.1), expiresAt: inSeconds(0.2) },
      ][b % 7]
    const create = async () => {
      const { id } = await draft(editor, content(bits))
      articles.push(id)
      await editor('POST', `/v1/articles/${id}/publish`, times())
    }
    const replace = async (kind: 'sources' | 'categories', list: string[]) => {
      const path = `/v1/${kind}/${nth(list, a)}?reassignTo=${nth(list, b)}`
      const reply = await editor('DELETE', path, undefined, any)
      const made = kind === 'sources' ? source : category
      if (reply.status === 204) list.splice(a % list.length, 1, (await made(editor)).id)
    }
    const calls = [
      create,
      () => editor('PATCH', article, content(bits), any),
      () => editor('PATCH', article, { categories: several(desks, bits).slice(0, 2) }, any),
      () => editor('PATCH', article, { language: b % 2 ? 'en' : 'pt' }, any),
      () => editor('POST', `${article}/publish`, times()),
      () => editor('POST', `${article}/unpublish`, {}),
      () => editor('POST', `${article}/kill`, { reason: 'wrong', notice: 'wrong' }),
      () => editor('POST', `${article}/revive`, {}),
      () => editor('POST', `${article}/revisions/1/restore`, undefined, any),
      () =>
        editor('PATCH', `/v1/categories/${desk}`, { parent: b % 3 ? nth(desks, b) : null }, any),
      () => replace('categories', desks),
      () => replace('sources', speakers),
      () => {
        const languages = b % 2 ? ['en'] : null
        return editor('PATCH', `/v1/partners/${nth(partners, a)}`, { languages }, any)
      },
      () => {
        const categories = { allowed: several(desks, bits).slice(0, 3) }
        return editor('PATCH', `/v1/partners/${partners[3]}`, { categories }, any)
      },
      () => sweep(db),
      () => keepPartnerCounts(db),
      () => upToDate(room),
    ]
    await calls[what % calls.length]?.()
  }

  for (let i = 0; i < 6; i++) await write([0, i, i, 0b101101101 << (i % 3)])
  const found = { kept: 0, counted: 0 }
  const step = fc.tuple(fc.nat(16), fc.nat(30), fc.nat(30), fc.nat(4095))
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 12 }), async (steps) => {
      await upToDate(room)
      for (const one of steps) {
        await write(one)
        for (const { name, compare } of readers) {
          const { told, seen, kept, counted, listed } = await compare()
          found[kept ? 'kept' : 'counted']++
          assert.deepEqual(told, seen, `${name} after ${JSON.stringify(one)}`)
          assert.deepEqual(counted, listed, `articles of ${name} after ${JSON.stringify(one)}`)
        }
      }
    }),
    { numRuns: runs(40), endOnFailure: true },
  )
  t.ok(found.kept > 2 * found.counted && found.counted > 0, JSON.stringify(found))
})

t.test('writes at the same time leave no count off', async (t) => {
  const room = await newsroom(t)
  const { editor, db } = room
  const desks = await Promise.all([1, 2, 3].map((i) => category(editor, { name: `Desk ${i}` })))
  const speakers = await Promise.all([1, 2, 3].map((i) => source(editor, { name: `Speaker ${i}` })))
  const said = (n: number) => [{ text: 'boat left', speaker: speakers[n % 3]?.id }]
  const allowed = [desks[0]?.id, desks[1]?.id]
  const { id } = await partner(room, { categories: { allowed } })
  const readers = readersOf(room, [(await partner(room)).id, id])
  const stories = await Promise.all(
    Array.from({ length: 12 }, (_, i) => story(editor, { categories: [desks[i % 3]?.id] })),
  )
  const any = { 'if-match': '*' }
  for (let round = 0; round < runs(6); round++) {
    let counting = true
    const adding = Promise.all(
      [1, 2].map(async () => {
        while (counting) await keepPartnerCounts(db)
      }),
    )
    const replies = await Promise.all([
      ...stories.map((one, i) => {
        const content = { categories: [desks[(i + round) % 3]?.id], quotes: said(i + round) }
        return editor('PATCH', `/v1/articles/${one.id}`, content, any)
      }),
      ...stories
        .filter((_, i) => (i + round) % 4 === 0)
        .map((one) => editor('POST', `/v1/articles/${one.id}/unpublish`, {})),
      ...stories.map((one) => editor('POST', `/v1/articles/${one.id}/publish`, {})),
      editor('PATCH', `/v1/partners/${id}`, { languages: round % 2 ? null : ['en'] }, any),
      ...speakers.map((one) =>
        editor('PATCH', `/v1/sources/${one.id}`, { name: `Speaker in ${round}` }, any),
      ),
    ])
    counting = false
    await adding
    t.ok(replies.every(({ status }) => status < 500))
    for (const when of ['at once', 'counted']) {
      for (const { name, compare } of readers) {
        const { told, seen, kept } = await compare()
        t.same(told, seen, `${name}, round ${round}, ${when}`)
        if (when === 'counted' && !name.includes('early')) t.ok(kept)
      }
      await upToDate(room)
    }
  }
})

t.test('the most quoted are a walk along one index', async (t) => {
  const room = await newsroom(t)
  const { editor, db } = room
  await loadBulk(room, { articles: 1500, categories: 10, sources: 3000 })
  const input = { categories: { allowed: [bulkId('c', 1), bulkId('c', 2), bulkId('c', 3)] } }
  const { id, call } = await partner(room, input)
  const page = '/v1/sources?sort=-quoteCount&include=counts&fields=name&limit=50'
  const counted = await walk(call, page)
  await upToDate(room)
  await room.sql('vacuum analyze')
  t.same(await walk(call, page), counted, 'as it was counted')
  // Of one the count is off: something has come.
  const more = bulkId('d', 7)
  const quotes = [1, 2, 3, 4].map((n) => ({ text: `no. ${n}`, speaker: more }))
  await story(editor, { quotes, categories: [bulkId('c', 2)] })
  const [first] = (await must(call, 'GET', page)).json.data
  t.match(first, { id: more, quoteCount: 4 + counted.find((one) => one.id === more).quoteCount })
  const { rows } = await asPartner(db, { partnerId: id, early: false }).execute<{
    'QUERY PLAN': { Plan: PlanNode }[]
  }>(sql`explain (analyze, format json) select * from partner.quote_counts t
    order by t.quotes desc, t.source_id desc limit 21`)
  const nodes = (rows[0]?.['QUERY PLAN'] ?? []).flatMap(({ Plan }) => nodesOf(Plan))
  const read = nodes
    .filter((node) => node['Index Name'] === 'partner_quote_counts_quotes_source_id_idx')
    .map((node) => Number(node['Actual Rows']) + Number(node['Rows Removed by Filter'] ?? 0))
  t.ok(read.length === 1 && Number(read[0]) <= 24, `${read} entries`)
  const large = /^(articles|quotes|article_listings)$/
  t.same(
    nodes
      .filter((node) => node['Node Type'] === 'Seq Scan' && Number(node['Actual Loops']) > 0)
      .filter((node) => large.test(String(node['Relation Name'])))
      .map((node) => `${node['Relation Name']}, ${node['Actual Rows']} rows`),
    [],
  )
  await must(editor, 'DELETE', `/v1/partners/${id}`, undefined, { 'if-match': '*' })
  await upToDate(room)
  t.same(
    await room.sql('select * from partner_quote_counts'),
    [],
    'of one that has ended nothing is kept',
  )
})
