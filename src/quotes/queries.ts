import { sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { type Listing, listRows } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { anyOrNone, type Resolved } from '../db/where.ts'
import { matchesWords } from '../search/configurations.ts'
import type { QuoteRow } from './present.ts'
import type { QuoteListQuery } from './schema.ts'

const ORDERS = {
  saidAt: { column: sql`q.dated_at`, descending: false },
  '-saidAt': { column: sql`q.dated_at`, descending: true },
  createdAt: { column: sql`q.created_at`, descending: false },
  '-createdAt': { column: sql`q.created_at`, descending: true },
} as const

/** One quote by id, or undefined. */
export async function findQuote({ db, schema }: Reading, id: string) {
  const { rows } = await db.execute<QuoteRow>(
    sql`select * from ${view(schema, 'quotes')} where id = ${id}`,
  )
  return rows[0]
}

/** A page of quotes. */
export function listQuotes(
  reading: Reading,
  query: QuoteListQuery,
  page: Listing,
  named: { article: Resolved | undefined; speaker: Resolved | undefined },
) {
  const { column, descending } = ORDERS[query.sort]
  const language = sql`coalesce(q.language, q.article_language)`
  const vector = sql`to_tsvector(public.search_configuration(${language}), q.text)`
  return listRows<QuoteRow>(reading, {
    from: sql`${view(reading.schema, 'quotes')} q`,
    select: sql`q.*`,
    where: [
      query.q && matchesWords(vector, language, query.q),
      anyOrNone(sql`q.article_id`, named.article, 'uuid'),
      anyOrNone(sql`q.speaker_id`, named.speaker, 'uuid'),
      anyOrNone(sql`q.kind`, query.kind),
      anyOrNone(sql`q.state`, query.state),
    ],
    order: { columns: [{ column, type: 'timestamptz' }], id: sql`q.id`, descending },
    page,
  })
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
