import { type SQL, sql } from 'drizzle-orm'
import { listedUnder, type Named } from '../articles/skeleton.ts'
import type { Reading } from '../db/client.ts'
import { type Members, selected } from '../db/json.ts'
import type { Order } from '../db/keyset.ts'
import { countRows, type Listing, listObjects } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { anyOrNone, array, bothWays, type Resolved } from '../db/where.ts'
import { matchesWords, meantIn } from '../search/configurations.ts'
import { inRanges, marked, suggest } from '../search/queries.ts'
import type { QuoteListQuery } from './schema.ts'

const ORDERS = {
  saidAt: { column: sql`q.dated_at`, descending: false },
  '-saidAt': { column: sql`q.dated_at`, descending: true },
  createdAt: { column: sql`q.created_at`, descending: false },
  '-createdAt': { column: sql`q.created_at`, descending: true },
} as const

/** One quote by id, as an object with what is told of it. */
export function findQuote({ schema }: Pick<Reading, 'schema'>, id: SQL, members: Members): SQL {
  return sql`
    select row_to_json(o)::text as data, q.id, q.version, q.article_id
    from ${view(schema, 'quotes')} q cross join lateral (select ${selected(members)}) o
    where q.id = ${id}::uuid`
}

/** Resolved filters of the list. */
type NamedInQuotes = Named & { article: Resolved | undefined }

/** The rows of a list: where `q` is from, and the conditions on it. */
export type Found = { lead?: SQL | undefined; from: SQL; where: SQL[] }

const LANGUAGE = sql`q.search_language`

/** Which quotes a list is about. */
export function findQuotes(
  reading: Pick<Reading, 'schema'>,
  query: QuoteListQuery,
  named: NamedInQuotes,
  lead?: SQL,
): Found {
  const where = [
    query.q && matchesWords(sql`q.search`, LANGUAGE, query.q),
    query.ids && sql`q.id = any(${array(query.ids, 'uuid')})`,
    anyOrNone(sql`q.article_id`, named.article, 'uuid'),
    anyOrNone(sql`q.speaker_id`, named.speaker, 'uuid'),
    listedUnder(reading, 'source', sql`q.article_id`, named.source),
    listedUnder(reading, 'category', sql`q.article_id`, named.category),
    bothWays(query.language, (ranges) => inRanges(LANGUAGE, ranges)),
    // Of a draft without a date: it lies in no window.
    query.saidAfter && sql`q.dated_at >= ${query.saidAfter}::timestamptz and isfinite(q.dated_at)`,
    query.saidBefore && sql`q.dated_at < ${query.saidBefore}::timestamptz`,
    anyOrNone(sql`q.kind`, query.kind),
    anyOrNone(sql`q.state`, query.state),
  ].filter((condition) => condition !== undefined && condition !== '')
  return { lead, from: searched(reading), where }
}

/** A page of quotes, as one row of objects. */
export function listQuotes(
  { lead, from, where }: Found,
  { sort, q = '' }: QuoteListQuery,
  page: Listing,
  members: Members,
): SQL {
  const order: Order = {
    columns: [
      sort === 'relevance'
        ? { column: relevance(q), type: 'integer' }
        : { column: ORDERS[sort].column, type: 'timestamptz' },
    ],
    id: sql`q.id`,
    descending: sort === 'relevance' || ORDERS[sort].descending,
  }
  return listObjects({ alias: 'q', lead, from, where, order, page, members })
}

/** The text of the quote `q` with the words of a search marked. */
export function markedText(words: string): SQL {
  return marked(sql`q.text`, LANGUAGE, 'whole', meantIn(LANGUAGE, words))
}

/** Words that were probably meant, when they find quotes where those of `query` find none. */
export async function betterWords(reading: Reading, query: QuoteListQuery, named: NamedInQuotes) {
  if (query.q === undefined) return undefined
  const finds = sql`exists (select from ${searched(reading)}
    where ${matchesWords(sql`q.search`, LANGUAGE, sql`w.word`)})`
  const q = await suggest(reading, query.q, finds)
  if (q === undefined) return undefined
  const count = await countRows(reading, findQuotes(reading, { ...query, q }, named))
  return count > 0 ? q : undefined
}

const searched = ({ schema }: Pick<Reading, 'schema'>) => sql`${view(schema, 'searched_quotes')} q`

/** Cover density out of a million: how near to each other the words stand. */
function relevance(q: string): SQL {
  return sql`(1000000 * ts_rank_cd(q.search, ${meantIn(LANGUAGE, q)}, 32))::integer`
}

/** What other quotes are compared with. */
export type Compared = { id: string; text: string }

/** The text of a quote, for comparing others with it; undefined when it is not there. */
export async function findText({ db, schema }: Reading, id: string) {
  const { rows } = await db.execute<Compared>(
    sql`select id, text from ${view(schema, 'quotes')} where id = ${id}`,
  )
  return rows[0]
}

/**
 * Other quotes whose words are like a quote's (pg_trgm similarity of at least 0.3, its default),
 * most alike first, as objects.
 */
export async function listSimilar(
  { db, schema }: Reading,
  quote: Compared,
  limit: number,
  members: Members,
): Promise<string> {
  const { rows } = await db.execute<{ data: string | null }>(sql`
    select string_agg(row_to_json(o)::text, ',') as data
    from (
      select q.* from ${view(schema, 'quotes')} q
      where q.text operator(public.%) ${quote.text} and q.id <> ${quote.id}
      order by public.similarity(q.text, ${quote.text}) desc, q.dated_at desc, q.id
      limit ${limit}
    ) q cross join lateral (select ${selected(members)}) o`)
  return rows[0]?.data ?? ''
}
