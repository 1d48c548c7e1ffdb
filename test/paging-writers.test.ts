import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { bulkId, loadBulk } from './bulk.ts'
import { get } from './factories.ts'
import { newsroom } from './newsroom.ts'
import { runs } from './size.ts'

const ROWS = 10_000
/** No multiple of four, or every source that stays would be named by articles that go. */
const SOURCES = ROWS - 1
const WRITERS = 16
const WALKS = 20

/** The number in an id of bulk.ts, in SQL. Multiples of four come and go, then those left by one stay
 * as they are, by two are edited but for what is sorted by, by three are moved about. */
const n = (id: string) => `('x' || left(${id}::text, 8))::bit(32)::int`
const stays = (id: string) => `${n(id)} % 4 in (1, 2) and ${n(id)} <= ${ROWS}`

/** What is walked, and which of its rows were there throughout with the same sort key. */
const articles = `select id from articles where ${stays('id')} and status = 'published'`
const quotes = `select q.id from quotes q where q.article_id in (${articles})`
const sources = `select s.id from sources s where ${stays('s.id')}
  and exists (select from article_sources x where x.source_id = s.id and x.article_id in (${articles}))`
const LISTS: [path: string, constant: string][] = [
  ['/v1/articles?sort=-publishedAt', articles],
  ['/v1/articles?sort=publishedAt', articles],
  ['/v1/articles?sort=-updatedAt', articles],
  ['/v1/articles?sort=headline', articles],
  [
    `/v1/articles?category=${bulkId('c', 1)}`,
    `${articles} and id in (select article_id from article_listings where resource_id = '${bulkId('c', 1)}')`,
  ],
  ['/v1/quotes?sort=-saidAt', quotes],
  ['/v1/quotes?sort=saidAt', quotes],
  ['/v1/sources?sort=name', sources],
  [
    '/v1/sources?q=7&sort=-quoteCount',
    `${sources} and s.name like '%7%' and not exists (
      select from quotes q where q.speaker_id = s.id and q.article_id not in (${articles}))`,
  ],
  [
    `/v1/quotes?q=sail&category=${bulkId('c', 2)}&sort=relevance`,
    `${quotes} and q.article_id in (select article_id from article_listings where resource_id = '${bulkId('c', 2)}')`,
  ],
]

t.test('twenty walks among sixteen writers bring what stays exactly once', async (t) => {
  const room = await newsroom(t)
  const { reader, sql, url } = room
  await loadBulk(room, { articles: ROWS, categories: 20, sources: SOURCES, quotes: 1 })

  let walking = true
  const written: Record<string, number> = {}
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const write = async (what: string, text: string, values: unknown[]) => {
      const { rowCount } = await client.query(text, values)
      written[what] = (written[what] ?? 0) + (rowCount ?? 0)
    }
    for (let turn = 0; walking; turn++) {
      // A prime again; each writer has rows of its own, as whoever writes an article locks it.
      const at = (((turn * 7919) % (ROWS / 64)) * 16 + writer) * 4
      const id = (rest: number) => bulkId('a', at + rest)
      const source = (rest: number) => bulkId('d', at + rest)
      const fresh = ROWS + 4 * (turn * WRITERS + writer + 1)
      await write('edited', `update articles set byline = 'By ' || $2::int where id = $1`, [
        id(2),
        turn,
      ])
      await write('edited', `update sources set title = 'No ' || $2::int where id = $1`, [
        source(2),
        turn,
      ])
      await write('edited', `update quotes set cue = $2::text where article_id = $1`, [id(2), turn])
      await write(
        'moved',
        `update articles set published_at = published_at + $2::int * interval '1 hour',
           updated_at = updated_at - $2::int * interval '1 hour', headline = 'Bulk story ' || $2::int
         where id = $1 and status = 'published'`,
        [id(3), (turn * 7919) % 400],
      )
      await write('moved', `update sources set name = 'Bulk source ' || $2::int where id = $1`, [
        source(3),
        turn,
      ])
      await write(
        'moved',
        `update quotes set dated_at = dated_at + $2::int * interval '1 hour' where article_id = $1`,
        [id(3), (turn * 7919) % 400],
      )
      await write(
        'came or went',
        `update articles set status = case status when 'published' then 'unpublished' else 'published' end
         where id = $1 and published_at is not null`,
        [id(0)],
      )
      await write(
        'inserted',
        `insert into articles (id, slug, status, headline, language, body, publish_at, published_at,
           created_at, updated_at)
         select $1::uuid, 'fresh-' || $2::int, 'published', 'Bulk story ' || $2::int % 1000, 'en', '[{}]', created_at,
           timestamptz '2020-01-01 UTC' + ($2::int * 7919::bigint % ${ROWS}) * interval '1 minute', created_at, updated_at
         from articles where id = $3`,
        [bulkId('a', fresh), fresh, id(1)],
      )
      if (turn % 2)
        await write('deleted', `delete from articles where id = $1`, [bulkId('a', fresh)])
      await pause(40)
    }
    await client.end()
  })

  const seen: number[] = []
  const walk = async (path: string, constant: string) => {
    const expected = (await sql(constant)).map((row) => String(row.id))
    const met = new Map<string, number>()
    for (let cursor = ''; ; ) {
      const { data, page } = await get(reader, `${path}&fields=id&limit=100${cursor}`)
      for (const { id } of data) met.set(id, (met.get(id) ?? 0) + 1)
      if (page.next === null) break
      cursor = `&cursor=${page.next}`
    }
    const wrong = expected.filter((id) => met.get(id) !== 1)
    assert.deepEqual(wrong, [], `${path}: ${wrong.length} of ${expected.length}`)
    seen.push(expected.length)
  }
  try {
    const walks = Array.from({ length: runs(WALKS) }, (_, i) => LISTS[i % LISTS.length])
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let next = walks.pop(); next; next = walks.pop()) await walk(...next)
      }),
    )
  } finally {
    walking = false
    await Promise.all(writers)
  }
  t.equal(seen.length, runs(WALKS))
  t.ok(Math.min(...seen) > 300, `the smallest walk had ${Math.min(...seen)} that stay`)
  for (const what of ['edited', 'moved', 'came or went', 'inserted', 'deleted']) {
    t.ok((written[what] ?? 0) > 100, `${what}: ${written[what]}`)
  }
})
