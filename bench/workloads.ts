import type pg from 'pg'
import { makeArticle } from './dataset-articles.ts'
import { ALL_CATEGORIES } from './dataset-cast.ts'
import { WORDS } from './dataset-words.ts'
import { oneOf, type Random, seeded, shuffled } from './random.ts'
import { NUMBER, type Shot } from './shots.ts'

/** Rows on a page. */
const PAGE = 20
/** Different requests of a workload, at most: more than are asked in a run of the usual length. */
const MOST = 20_000
/** W5: rows before the page. */
const BEFORE = 399 * PAGE

export type WorkloadId = 'W1' | 'W2' | 'W3' | 'W4' | 'W4r' | 'W5' | 'W6' | 'W7' | 'W7x8'

/** A question, put to the service and, for the same answer, to the hand-written query. */
export type Question = {
  service: Shot
  bare: Shot | undefined
  /** The ids of the right answer in their order, asked of the tables by another query. */
  expected: { text: string; values: unknown[] } | undefined
}

export type Workload = {
  id: WorkloadId
  connections: number
  questions: Question[]
}

type Make = (client: pg.Client, random: Random, key: string) => Promise<Question[]>

const get = (path: string): Shot => ({ method: 'GET', path })
const column = async (client: pg.Client, text: string, values: unknown[] = []) => {
  const { rows } = await client.query<{ value: string }>({ text, values })
  return rows.map((row) => row.value)
}

const latest = (where: string, offset = 0) =>
  `SELECT a.id FROM articles a WHERE a.status = 'published' AND ${where}
   ORDER BY a.listed_at DESC, a.id DESC OFFSET ${offset} LIMIT ${PAGE}`

const oneArticle: Make = async (client, random) => {
  const slugs = await column(
    client,
    `SELECT slug AS value FROM articles WHERE status = 'published' ORDER BY id`,
  )
  return shuffled(random, slugs)
    .slice(0, MOST)
    .map((slug) => ({
      service: get(`/v1/articles/${slug}?include=categories,sources,quotes`),
      bare: get(`/W1/${slug}`),
      expected: { text: 'SELECT id FROM articles WHERE slug = $1', values: [slug] },
    }))
}

const latestList: Make = async () => [
  {
    service: get(`/v1/articles?limit=${PAGE}`),
    bare: get('/W2'),
    expected: { text: latest('true'), values: [] },
  },
]

const ofCategory: Make = async () =>
  ALL_CATEGORIES.map(({ slug }) => ({
    service: get(`/v1/articles?category=${slug}&limit=${PAGE}`),
    bare: get(`/W3/${slug}`),
    expected: {
      text: latest(`EXISTS (
        WITH RECURSIVE below AS (
          SELECT id FROM categories WHERE slug = $1
          UNION ALL SELECT c.id FROM categories c JOIN below b ON c.parent_id = b.id)
        SELECT FROM article_categories x JOIN below b ON b.id = x.category_id
        WHERE x.article_id = a.id)`),
      values: [slug],
    },
  }))

/**
 * Words that stand in at least a page of articles and in less than one in a hundred. How many is
 * asked of the index, so that it is so whatever the size of the data set.
 */
const wordsFor: (sort: string) => Make = (sort) => async (client, random) => {
  const [total = '0'] = await column(client, 'SELECT count(*)::text AS value FROM articles')
  const rare = await column(
    client,
    `SELECT w AS value FROM unnest($1::text[]) w WHERE
       (SELECT count(*) FROM articles a WHERE a.search @@ w::tsquery) BETWEEN $2 AND $3`,
    [shuffled(random, WORDS.slice(5000)).slice(0, 1000), PAGE, Number(total) / 100],
  )
  return rare.map((word) => ({
    service: get(`/v1/articles?q=${word}&limit=${PAGE}${sort}`),
    bare: sort === '' ? get(`/W4/${word}`) : undefined,
    expected: sort === '' ? { text: latest('a.search @@ $1::tsquery'), values: [word] } : undefined,
  }))
}

/** The shot follows the cursors to its page, so it is made when the service is there. */
const page400: Make = async (client) => {
  const { rows } = await client.query<{ at: Date; id: string }>(
    `SELECT listed_at AS at, id FROM articles WHERE status = 'published'
     ORDER BY listed_at DESC, id DESC OFFSET ${BEFORE - 1} LIMIT 1`,
  )
  const last = rows[0]
  if (!last) return []
  return [
    {
      service: get(`/v1/articles?limit=${PAGE}&cursor=`),
      bare: get(`/W5/${last.at.toISOString()}/${last.id}`),
      expected: { text: latest('true', BEFORE), values: [] },
    },
  ]
}

const ofSpeaker: Make = async (client) => {
  const speakers = await column(
    client,
    `SELECT s.slug AS value FROM sources s
     WHERE (SELECT count(*) FROM quotes q WHERE q.speaker_id = s.id) >= ${PAGE} ORDER BY s.id`,
  )
  return speakers.map((slug) => ({
    service: get(`/v1/quotes?speaker=${slug}&limit=${PAGE}`),
    bare: get(`/W6/${slug}`),
    expected: {
      text: `SELECT q.id FROM quotes q JOIN sources s ON s.id = q.speaker_id WHERE s.slug = $1
        ORDER BY q.dated_at DESC, q.id DESC LIMIT ${PAGE}`,
      values: [slug],
    },
  }))
}

const create: Make = async (_, random, key) =>
  Array.from({ length: 500 }, (_, n) => {
    const { headline, summary, byline, body } = makeArticle(n, 500)
    const first = oneOf(random, ALL_CATEGORIES)
    const second = oneOf(
      random,
      ALL_CATEGORIES.filter((category) => category !== first),
    )
    const draft = {
      headline: `${headline} ${NUMBER}`,
      summary,
      byline,
      body: { blocks: body },
      categories: [first.slug, second.slug],
    }
    const shot = { method: 'POST' as const, body: JSON.stringify(draft) }
    return {
      service: { ...shot, path: '/v1/articles', headers: { Authorization: `Bearer ${key}` } },
      bare: { ...shot, path: '/W7' },
      expected: undefined,
    }
  })

const MADE: { id: WorkloadId; title: string; connections?: number; make: Make }[] = [
  { id: 'W1', title: 'one article, with all', make: oneArticle },
  { id: 'W2', title: 'latest 20', make: latestList },
  { id: 'W3', title: 'latest 20 of a category', make: ofCategory },
  { id: 'W4', title: 'search, newest 20', make: wordsFor('') },
  { id: 'W4r', title: 'search, best 20', make: wordsFor('&sort=relevance') },
  { id: 'W5', title: 'page 400 of the latest', make: page400 },
  { id: 'W6', title: 'newest 20 quotes of a speaker', make: ofSpeaker },
  { id: 'W7', title: 'create, one at a time', connections: 1, make: create },
  { id: 'W7x8', title: 'create, eight at a time', connections: 8, make: create },
]

/** What each workload asks for. */
export const TITLES = Object.fromEntries(MADE.map(({ id, title }) => [id, title])) as Record<
  WorkloadId,
  string
>

/** Whether a workload writes. */
export const writes = (id: WorkloadId) => id.startsWith('W7')

/** The workloads that are asked for (`W1`; `W4` and `W7` mean both of theirs), with their requests; reads by so many. */
export async function makeWorkloads(
  client: pg.Client,
  { only, callers }: { only: readonly string[]; callers: number },
  key: string,
): Promise<Workload[]> {
  const made: Workload[] = []
  for (const { id, connections = callers, make } of MADE) {
    if (only.length > 0 && !only.some((asked) => id.startsWith(asked))) continue
    const random = seeded(4)
    made.push({ id, connections, questions: await make(client, random, key) })
  }
  return made
}

/** What can be asked for with `--only`. */
export const WORKLOADS: readonly string[] = [...new Set(MADE.map(({ id }) => id.slice(0, 2)))]
