import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { view } from '../db/slugs.ts'
import { suggest } from './queries.ts'

/** Quotation marks, `-not` and `or` say exactly what is meant. */
const SYNTAX = /"|(^|\s)-|(^|\s)or(\s|$)/i

/**
 * The condition that a name is meant by `q`: its words are in it, the letters stand in it (`mad` finds
 * Maduro), or, from five letters on, it is nearly spelt so (the threshold of pg_trgm's word
 * similarity, set in db/client.ts). Trigram and word indexes on the name serve all three.
 */
export function matchesName(name: SQL, q: string): SQL {
  const words = hasWords(name, sql`${q}`)
  if (SYNTAX.test(q)) return words
  const ways = [words, sql`${name} ilike ${`%${escaped(q.trim())}%`}`]
  if ([...q].length >= 5) ways.push(sql`${name} operator(public.%>) ${q}`)
  return sql`(${sql.join(ways, sql` or `)})`
}

/**
 * How well a name fits, as a whole number: equal, begins so, has a word that begins so, then by
 * likeness (at most 1,000).
 */
export function nameRelevance(name: SQL, q: string): SQL {
  const start = `${escaped(q.trim())}%`
  return sql`(case
      when lower(${name}) = lower(${q.trim()}) then 3000
      when ${name} ilike ${start} then 2000
      when ${name} ilike ${`% ${start}`} then 1000
      else 0 end
    + (public.word_similarity(${q}, ${name}) * 500 + public.similarity(${q}, ${name}) * 500)::integer)`
}

/** The condition that a name has the words of a query in web-search syntax. */
function hasWords(name: SQL, q: SQL): SQL {
  return sql`to_tsvector('pg_catalog.simple', ${name}) @@ websearch_to_tsquery('pg_catalog.simple', ${q})`
}

const VIEW = { source: 'sources', category: 'categories' } as const

/**
 * `q` with each word that stands in no name replaced by the nearest that stands in one; undefined when
 * there is nothing to replace. Only names of the kind that this audience sees.
 */
export function suggestName(
  reading: Reading,
  kind: keyof typeof VIEW,
  q: string,
): Promise<string | undefined> {
  const names = view(reading.schema, VIEW[kind])
  const finds = sql`exists (select from ${names} n where ${hasWords(sql`n.name`, sql`w.word`)})`
  return suggest(reading, q, { kind, finds })
}

/** Text in which LIKE finds no wildcard. */
function escaped(words: string): string {
  return words.replaceAll(/[\\%_]/g, '\\$&')
}
