import t from 'tap'
import { addQuoteCounts } from '../src/quotes/counts.ts'
import { bulkId, loadBulk } from './bulk.ts'
import { newsroom } from './newsroom.ts'
import { type PlanNode, plansOf } from './plans.ts'

/*
 * No question that is documented reads all articles, quotes or listings one by one, but for facets,
 * exact counts without a selective filter, and counts of the whole tree.
 */

const room = await newsroom(t)
await loadBulk(room, { articles: 20_000, categories: 100, sources: 200, quotes: 2 })
await room.sql(`update quotes set kind = 'paraphrase', spans = '[]', state = null
  where ('x' || left(md5(id::text), 4))::bit(16)::int % 500 = 0`)
await addQuoteCounts(room.db)
await room.sql('vacuum analyze')
const plans = await plansOf(room)

const [category, rare] = [bulkId('c', 1), bulkId('c', 77)]
const source = bulkId('d', 7)
const ids = [1, 2, 3].map((n) => bulkId('a', n))
const day = (name: string) => `${name}After=2020-01-05T00:00:00Z&${name}Before=2020-01-06T00:00:00Z`

const ARTICLES = [
  ...['', `ids=${ids}`, day('published'), 'updatedAfter=2020-01-02T03:00:00Z'],
  ...['updatedAfter=2030-01-01T00:00:00Z', 'language=en', 'language=pt', 'language=-en'],
  ...[`category=${category}`, `category=${rare}`, `category=${category},${rare}`],
  ...[`category=-${category}`, `category=${category},-${rare}`],
  ...[`source=${source}`, `source=-${source}`, `speaker=${source}`, `speaker=-${source}`],
  ...[`speaker=${source}&category=${category}`, `category=${rare}&language=en`],
]
const WORDS = [
  'q=boat',
  'q=7',
  'q=-boat',
  'q=quick+-boat',
  'q=%22quick+boat%22',
  'q=boaat',
  'q=7&language=pt',
]
const QUOTES = [
  ...['', `ids=${bulkId('e', 9)}`, day('said'), `article=${ids[0]}`, `article=-${ids[0]}`],
  ...[`speaker=${source}`, `speaker=-${source}`, `source=${source}`, `category=${category}`],
  ...[`category=${rare}`, `category=${category},${rare}`, `category=-${category}`],
  ...['kind=paraphrase', 'kind=partial', 'kind=-direct', 'state=altered', 'state=verified'],
  ...['language=en', 'language=pt', 'language=-en'],
]
const SAID = [
  'q=sail',
  'q=777',
  'q=-sail',
  'q=saill',
  `q=sail&speaker=${source}`,
  `q=sail&category=${rare}`,
]

const PEOPLE = ['', 'q=bulk', 'kind=person', 'kind=-person']

const cross = (path: string, queries: string[], sorts: string[]) =>
  queries.flatMap((query) =>
    sorts.map((sort) => `/v1/${path}?${query}${query && '&'}sort=${sort}&fields=id`),
  )

const QUESTIONS = [
  ...cross('articles', ARTICLES, ['-publishedAt', 'publishedAt', '-updatedAt', 'headline']),
  ...cross('articles', WORDS, ['-publishedAt', '-updatedAt', 'headline', 'relevance']),
  ...cross('quotes', QUOTES, ['-saidAt', 'saidAt', '-createdAt', 'createdAt']),
  ...cross('quotes', SAID, ['-saidAt', 'createdAt']),
  ...cross('quotes', ['q=777', 'q=saill'], ['relevance']),
  ...cross('sources', PEOPLE, ['name', '-createdAt', '-quoteCount']),
  ...cross('categories', ['', 'q=bulk', `parent=${category}`], ['name', 'position']),
  '/v1/articles?include=categories,sources,quotes,corrections,related&limit=5',
  '/v1/sources?include=counts',
  '/v1/categories?include=counts',
  '/v1/articles/bulk-7?include=categories,sources,quotes,corrections,related',
  `/v1/quotes/${bulkId('e', 9)}`,
  `/v1/quotes/${bulkId('e', 9)}/similar`,
  `/v1/sources/${source}?include=counts`,
  `/v1/categories/${category}?include=counts`,
]

/** The rows of the large tables that a node looked at. */
function looked(node: PlanNode): number {
  const large = /^(articles|quotes|article_listings)$/.test(String(node['Relation Name'] ?? ''))
  const rows = ['Actual Rows', 'Rows Removed by Filter', 'Rows Removed by Index Recheck']
  const each = rows.reduce((sum, name) => sum + Number(node[name] ?? 0), 0)
  return large ? each * Number(node['Actual Loops']) : 0
}

t.test('nothing is read from end to end', async (t) => {
  const whole: string[] = []
  const most: [number, string][] = []
  for (const path of QUESTIONS) {
    const nodes = await plans(path)
    for (const node of nodes) {
      if (node['Node Type'] === 'Seq Scan' && looked(node) > 0) {
        whole.push(`${path}: ${node['Relation Name']}, ${looked(node)} rows`)
      }
    }
    most.push([nodes.reduce((sum, node) => sum + looked(node), 0), path])
  }
  t.same(whole, [])
  // A search may have to take all that a common word brings; a window is walked by
  // another order, and counts are counted.
  const plain = most.filter(([, path]) => !/[?&]q=|After=|counts/.test(path))
  t.same(
    plain.filter(([rows]) => rows > 10_000),
    [],
  )
  t.ok(QUESTIONS.length > 200)
})
