import { isDeepStrictEqual } from 'node:util'
import type pg from 'pg'
import { NUMBER, type Shot } from './shots.ts'
import type { Question, Workload } from './workloads.ts'
import { writes } from './workloads.ts'

/** Questions of a workload whose answers are looked at. */
const SAMPLED = 20
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/

type Item = { id: string; [member: string]: unknown }

/** Sends one request; the parsed body. Throws unless it is the status that is due. */
export async function ask(port: number, shot: Shot, number = 0): Promise<unknown> {
  const { method, path, headers = {} } = shot
  const body = shot.body?.replaceAll(NUMBER, String(number).padStart(NUMBER.length, '0'))
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body }),
  })
  const due = method === 'POST' ? 201 : 200
  const text = await answer.text()
  if (answer.status !== due)
    throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 500)}`)
  return JSON.parse(text)
}

/** The items of an answer: of a page, or the one. */
function itemsOf(answer: unknown): Item[] {
  const { data } = answer as { data?: Item[] }
  return data ?? [answer as Item]
}

/** Instants are printed in more than one way. */
function plain(value: unknown): unknown {
  if (typeof value === 'string' && INSTANT.test(value)) return new Date(value).toISOString()
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
}

function sample(questions: Question[]): Question[] {
  const step = Math.max(1, Math.floor(questions.length / SAMPLED))
  return questions.filter((_, i) => i % step === 0).slice(0, SAMPLED)
}

/**
 * Asks some of a workload's questions before they count. The service's answer must hold the very
 * items, in their order, that another query finds in the tables; and the hand-written query must give
 * the same answer to the letter, all members included. Throws what is wrong.
 */
export async function checkReads(
  client: pg.Client,
  { id, questions }: Workload,
  ports: { service: number; bare: number },
): Promise<void> {
  for (const { service, bare, expected } of sample(questions)) {
    const items = itemsOf(await ask(ports.service, service))
    const wrong = (what: string) => new Error(`${id} ${service.path}: ${what}`)
    if (expected) {
      const { rows } = await client.query<{ id: string }>(expected)
      const ids = rows.map((row) => row.id)
      if (
        ids.length === 0 ||
        !isDeepStrictEqual(
          ids,
          items.map((item) => item.id),
        )
      ) {
        throw wrong(`gave ${items.map((item) => item.id)} and not ${ids}`)
      }
    } else if (items.length === 0) throw wrong('gave nothing')
    if (!bare) continue
    const theirs = itemsOf(await ask(ports.bare, bare))
    if (!isDeepStrictEqual(plain(theirs), plain(items))) {
      throw wrong(
        `is not what bench/limits-queries.ts answers:\n${difference(plain(items), plain(theirs))}`,
      )
    }
  }
}

/** The first place where two answers differ. */
function difference(ours: unknown, theirs: unknown, path = ''): string {
  const members = (value: unknown) =>
    value !== null && typeof value === 'object' ? Object.entries(value) : undefined
  const [mine, others] = [members(ours), members(theirs)]
  if (!mine || !others) return `${path}: ${JSON.stringify(ours)} and ${JSON.stringify(theirs)}`
  const names = new Set([...mine, ...others].map(([name]) => name))
  for (const name of names) {
    const a = (ours as Record<string, unknown>)[name]
    const b = (theirs as Record<string, unknown>)[name]
    if (!isDeepStrictEqual(a, b)) return difference(a, b, `${path}/${name}`)
  }
  return path
}

/** Creates one article on either side and looks for what must be there of it. Throws what is wrong. */
export async function checkWrites(
  client: pg.Client,
  { id, questions }: Workload,
  ports: { service: number; bare: number },
  number: number,
): Promise<void> {
  const [question] = questions
  if (!question?.bare || !writes(id)) return
  const { categories } = JSON.parse(question.service.body ?? '{}') as { categories: string[] }
  const shots: [number, Shot, number][] = [
    [ports.service, question.service, number],
    [ports.bare, question.bare, number + 1],
  ]
  for (const [port, shot, n] of shots) {
    const [item] = itemsOf(await ask(port, shot, n))
    const { rows } = await client.query<{ filed: string[]; named: number; said: string }>(
      `SELECT a.plain_text AS said,
         (SELECT array_agg(c.slug ORDER BY x.position) FROM article_categories x
          JOIN categories c ON c.id = x.category_id WHERE x.article_id = a.id) AS filed,
         (SELECT count(*)::int FROM slugs s WHERE s.resource_id = a.id AND s.slug = a.slug) AS named
       FROM articles a WHERE a.id = $1`,
      [item?.id],
    )
    const [row] = rows
    if (row?.named !== 1 || row.said.length < 2000 || !isDeepStrictEqual(row.filed, categories)) {
      throw new Error(`${id} ${shot.path}: the article is not there as it was sent`)
    }
  }
}
