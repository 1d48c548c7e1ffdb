import t from 'tap'
import { RANKED } from '../src/articles/parameters.ts'
import { bulkId, loadBulk } from './bulk.ts'
import { get, story, walk } from './factories.ts'
import { newsroom } from './newsroom.ts'
import { plansOf } from './plans.ts'

/*
 * Searches that find so many that the list's order is walked instead of the matches sorted, and more
 * than are ranked: page by page to the end, each row exactly once, in the order that SQL gives.
 */

const room = await newsroom(t)
const { editor, reader, sql } = room
// Nine of ten are published, and all of these say "boat".
await loadBulk(room, { articles: 7000, categories: 5, sources: 50, quotes: 1 })
// Some say more of it, so that ranks differ.
await sql(`update articles set headline = 'Boat after boat', summary = 'A boat, ' || slug
  where ('x' || left(md5(slug), 4))::bit(16)::int % 50 = 0`)
await sql('analyze articles')

const WORDS = `search @@ to_tsquery('english', 'boat')`
const ids = async (text: string, values: unknown[] = []) =>
  (await sql(text, values)).map((row) => row.id)
const idsOf = (rows: { id: string }[]) => rows.map((row) => row.id)

const ORDERS = {
  '-publishedAt': 'listed_at desc, id desc',
  publishedAt: 'listed_at, id',
  '-updatedAt': 'updated_at desc, id desc',
  headline: `coalesce(headline, ''), id`,
}

t.test('many matches are walked in order, to the end', async (t) => {
  for (const [sort, order] of Object.entries(ORDERS)) {
    const expected = await ids(`select id from reader.articles where ${WORDS} order by ${order}`)
    t.equal(expected.length, 6300)
    const found = await walk(reader, `/v1/articles?q=boat&sort=${sort}&fields=id&limit=100`)
    t.same(idsOf(found), expected, sort)
  }
})

t.test('so are those of one category', async (t) => {
  const of = bulkId('c', 3)
  const expected = await ids(
    `select id from reader.articles a where ${WORDS} and exists (
       select from article_categories x where x.article_id = a.id and x.category_id = $1)
     order by listed_at desc, id desc`,
    [of],
  )
  t.ok(expected.length > 1200, `${expected.length}`)
  const found = await walk(reader, `/v1/articles?q=boat&category=${of}&fields=id&limit=9`)
  t.same(idsOf(found), expected)
})

t.test('few matches are sorted, many are walked', async (t) => {
  const plans = await plansOf(room)
  const rows = async (path: string) =>
    (await plans(path))
      .filter((node) => /ts_match_vq/.test(String(node.Filter)))
      .reduce((sum, node) => sum + Number(node['Actual Rows']) * Number(node['Actual Loops']), 0)
  t.equal(await rows(`/v1/articles?q=boat&category=${bulkId('c', 3)}&fields=id&limit=8`), 9)
  for (const sort of Object.keys(ORDERS)) {
    t.equal(await rows(`/v1/articles?q=boat&sort=${sort}&fields=id`), 21, sort)
    t.equal(await rows(`/v1/articles?q=7&sort=${sort}&fields=id`), 0, sort)
  }
})

t.test('the newest are ranked, each comes once, whatever is published meanwhile', async (t) => {
  const ranked = (limit: number) => `select id from (
      select id, listed_at, search from reader.articles where ${WORDS}
      order by listed_at desc, id desc limit ${limit}) a
    order by ts_rank(search, to_tsquery('english', 'boat')) desc, listed_at desc, id desc`
  const expected = await ids(ranked(RANKED))
  t.equal(expected.length, RANKED)
  t.notSame(expected, (await ids(ranked(6300))).slice(0, RANKED), 'older ones would come before')
  const path = '/v1/articles?q=boat&sort=relevance&fields=id&limit=100'
  const first = await get(reader, path)
  // More of it than any other, and newer.
  const late = await story(editor, { headline: 'Boat, boat, boat', language: 'en' })
  const early = await story(editor, { body: { markdown: 'A boat.' }, language: 'en' })
  const found = [...first.data]
  for (let next = first.page.next; next; ) {
    const page = await get(reader, `${path}&cursor=${next}`)
    found.push(...page.data)
    next = page.page.next
  }
  const news = [late.id, early.id]
  t.same(
    idsOf(found).filter((id) => !news.includes(id)),
    expected,
  )
  t.equal(new Set(idsOf(found)).size, found.length)
  const again = idsOf((await get(reader, path)).data)
  t.equal(again[0], late.id, 'a new search begins with the new')
})

t.test('so are quotes: walked in order, and the newest 5,000 ranked', async (t) => {
  const said = `search @@ to_tsquery('english', 'sail')`
  for (const [sort, order] of Object.entries({
    '-saidAt': 'dated_at desc, id desc',
    createdAt: 'created_at, id',
  })) {
    const expected = await ids(
      `select id from reader.searched_quotes where ${said} order by ${order}`,
    )
    t.equal(expected.length, 6300)
    const found = await walk(reader, `/v1/quotes?q=sailing&sort=${sort}&fields=id&limit=100`)
    t.same(idsOf(found), expected, sort)
  }
  const expected = await ids(
    `select id from (
       select id, dated_at, search from reader.searched_quotes where ${said}
       order by dated_at desc, id desc limit 5000) q
     order by ts_rank_cd(search, to_tsquery('english', 'sail'), 32) desc, dated_at desc, id desc`,
  )
  const found = await walk(reader, '/v1/quotes?q=sailing&sort=relevance&fields=id&limit=100')
  t.same(idsOf(found), expected)
  const { meta } = await get(reader, '/v1/quotes?q=sailing&count=exact&facets=kind&limit=1')
  t.same(meta, { count: 6300, facets: { kind: [{ value: 'direct', count: 6300 }] } })
})

t.test('what one category lists, few or many, comes in any order, to the end', async (t) => {
  // Above them all, and one in which only a few stand.
  await sql('update categories set parent_id = $1 where id <> $1', [bulkId('c', 1)])
  await sql(
    `insert into categories (id, slug, name, position, created_at, updated_at)
     values ($1, 'bulk-few', 'Few', 9, now(), now())`,
    [bulkId('c', 99)],
  )
  await sql(
    `insert into article_categories (article_id, category_id, position)
     select id, $1, 5 from articles where headline like 'Bulk story 77%'`,
    [bulkId('c', 99)],
  )
  await sql('analyze')
  for (const [what, n, least] of [
    ['many', 1, 6000],
    ['few', 99, 30],
  ] as const) {
    const category = bulkId('c', n)
    const listed = (article: string) => `exists (select from article_listings l
      where l.article_id = ${article} and l.kind = 'category' and l.resource_id = $1)`
    for (const [sort, order] of Object.entries(ORDERS)) {
      const expected = await ids(
        `select id from reader.articles a where ${listed('a.id')} order by ${order}`,
        [category],
      )
      t.ok(expected.length > least, `${what}: ${expected.length}`)
      const path = `/v1/articles?category=${category}&sort=${sort}&fields=id&limit=100`
      t.same(idsOf(await walk(reader, path)), expected, `${what} ${sort}`)
    }
    for (const [sort, order] of Object.entries({
      '-saidAt': 'dated_at desc, id desc',
      saidAt: 'dated_at, id',
      '-createdAt': 'created_at desc, id desc',
    })) {
      const expected = await ids(
        `select id from reader.quotes q where ${listed('q.article_id')} order by ${order}`,
        [category],
      )
      const path = `/v1/quotes?category=${category}&sort=${sort}&fields=id&limit=100`
      t.same(idsOf(await walk(reader, path)), expected, `quotes of ${what} ${sort}`)
    }
    const without = await ids(
      `select id from reader.articles a where not ${listed('a.id')} order by listed_at desc, id desc`,
      [category],
    )
    const path = `/v1/articles?category=-${category}&fields=id&limit=100`
    t.same(idsOf(await walk(reader, path)), without, `not ${what}`)
  }
})

t.test('counts of listings are those of what is seen', async (t) => {
  const differing = (audience: string) =>
    sql(`select * from (
      select kind, resource_id, count(*) as articles from ${audience}.article_listings
      where kind = 'category' group by 1, 2
      union all
      select 'named', resource_id, count(distinct article_id) from ${audience}.article_listings
      where kind <> 'category' group by 2) seen
    full join ${audience}.listed_counts told using (kind, resource_id)
    where coalesce(seen.articles, 0) <> coalesce(told.articles, 0)`)
  // Published, and not to be seen at this moment, for each of the reasons and for two at once.
  for (const [i, change] of [
    `publish_at = now() + interval '1 h'`,
    `embargo_until = now() + interval '1 h'`,
    `expires_at = now() - interval '1 h'`,
    `publish_at = now() + interval '1 h', embargo_until = now() + interval '2 h'`,
  ].entries()) {
    await sql(
      `update articles set ${change} where status = 'published' and headline like '% ${i + 1}0_'`,
    )
  }
  t.same(await differing('reader'), [])
  t.same(await differing('editor'), [])
  const [hidden] = await sql(
    `select count(*)::int as n from articles a where status = 'published'
     and not exists (select from reader.articles v where v.id = a.id)`,
  )
  t.ok(Number(hidden?.n) > 100)
})
