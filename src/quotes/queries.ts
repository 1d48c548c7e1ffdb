import { type SQL, sql } from 'drizzle-orm'
import { listedUnder, type Named } from '../articles/skeleton.ts'
import type { Reading } from '../db/client.ts'
import type { Order } from '../db/keyset.ts'
import { countRows, type Listing, listRows } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { anyOrNone, array, bothWays, type Resolved } from '../db/where.ts'
import { matchesWords, meantIn } from '../search/configurations.ts'
import { inRanges, marked, suggest } from '../search/queries.ts'
import type { QuoteRow } from './present.ts'
import type { QuoteListQuery } from './schema.ts'

const ORDERS = {
  saidAt: { column: sql`q.dated_at`, descending: false },
  '-saidAt': { column: sql`q.dated_at`, descending: true },
  createdAt: { column: sql`q.created_at`, descending: false },
  '-createdAt': { column: sql`q.created_at`, descending: true },
} as const

/** A QuoteRow, without what is only searched. */
const COLUMNS = sql.raw(
  `id version kind text language original_text original_language cue said_at occasion state spans
   created_at updated_at article_id article_slug article_headline article_language speaker_id
   speaker_slug speaker_name corrections`
    .split(/\s+/)
    .map((name) => `q.${name}`)
    .join(', '),
)

/** One quote by id, or undefined. */
export async function findQuote({ db, schema }: Reading, id: string) {
  const { rows } = await db.execute<QuoteRow>(
    sql`select * from ${view(schema, 'quotes')} where id = ${id}`,
  )
  return rows[0]
}

/** Resolved filters of the list. */
type NamedInQuotes = Named & { article: Resolved | undefined }

/** The rows of a list: where `q` is from, and the conditions on it. */
export type Found = { from: SQL; where: SQL[] }

const LANGUAGE = sql`q.search_language`

/** Which quotes a list is about. */
export function findQuotes(reading: Reading, query: QuoteListQuery, named: NamedInQuotes): Found {
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
  return { from: searched(reading), where }
}

/** A page of quotes. */
export function listQuotes(
  reading: Reading,
  { from, where }: Found,
  { sort, q = '', highlight }: QuoteListQuery,
  page: Listing,
) {
  const order: Order = {
    columns: [
      sort === 'relevance'
        ? { column: relevance(q), type: 'integer' }
        : { column: ORDERS[sort].column, type: 'timestamptz' },
    ],
    id: sql`q.id`,
    descending: sort === 'relevance' || ORDERS[sort].descending,
  }
  const text = () => marked(sql`q.text`, LANGUAGE, 'whole', meantIn(LANGUAGE, q))
  const select = highlight ? sql`${COLUMNS}, ${text()} as marked_text` : COLUMNS
  return listRows<QuoteRow>(reading, { from, select, where, order, page })
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

const searched = ({ schema }: Reading) => sql`${view(schema, 'searched_quotes')} q`

/** Cover density out of a million: how near to each other the words stand. */
function relevance(q: string): SQL {
  return sql`(1000000 * ts_rank_cd(q.search, ${meantIn(LANGUAGE, q)}, 32))::integer`
}

/**
 * Other quotes whose words are like a quote's (pg_trgm similarity of at least 0.3, its default),
 * most alike first.
 */
export async function listSimilar({ db, schema }: Reading, quote: QuoteRow, limit: number) {
  const { rows } = await db.execute<QuoteRow>(sql`
    select q.* from ${view(schema, 'quotes')} q
    where q.text operator(public.%) ${quote.text} and q.id <> ${quote.id}
    order by public.similarity(q.text, ${quote.text}) desc, q.dated_at desc, q.id
    limit ${limit}`)
  return rows
}
