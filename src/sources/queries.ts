import { sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import type { Order } from '../db/keyset.ts'
import { countRows, type Listing, listRows } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { anyOrNone, array, type Resolved } from '../db/where.ts'
import { matchesName, nameRelevance } from '../search/names.ts'
import type { SourceRow } from './present.ts'
import type { SourceListQuery } from './schema.ts'

const ORDERS = {
  name: { column: sql`s.name`, type: 'text', descending: false },
  '-name': { column: sql`s.name`, type: 'text', descending: true },
  createdAt: { column: sql`s.created_at`, type: 'timestamptz', descending: false },
  '-quoteCount': { column: sql`coalesce(t.quotes, 0)`, type: 'integer', descending: true },
  '-createdAt': { column: sql`s.created_at`, type: 'timestamptz', descending: true },
} as const

/** One source by id, or undefined. */
export async function findSource({ db, schema }: Reading, id: string) {
  const { rows } = await db.execute<SourceRow>(
    sql`select * from ${view(schema, 'sources')} where id = ${id}`,
  )
  return rows[0]
}

/** A page of sources, and how many there are on all pages if that is asked. */
export async function listSources(
  reading: Reading,
  query: SourceListQuery,
  page: Listing,
  organization: Resolved | undefined,
) {
  const { schema } = reading
  const sources = sql`${view(schema, 'sources')} s`
  const list = {
    from: query.sort === '-quoteCount' ? sql`${sources} left join ${quoted(reading)}` : sources,
    select: query.include?.includes('counts') ? sql`s.*, ${counts(reading)}` : sql`s.*`,
    where: [
      query.q && matchesName(sql`s.name`, query.q),
      query.ids && sql`s.id = any(${array(query.ids, 'uuid')})`,
      anyOrNone(sql`s.kind`, query.kind),
      anyOrNone(sql`s.organization_id`, organization, 'uuid'),
    ],
    order: orderOf(query),
    page,
  }
  const [listed, count] = await Promise.all([
    listRows<SourceRow>(reading, list),
    query.count && countRows(reading, { from: sources, where: list.where }),
  ])
  return { ...listed, count }
}

function orderOf({ sort, q }: SourceListQuery): Order {
  const id = sql`s.id`
  if (sort === 'relevance') {
    const column = nameRelevance(sql`s.name`, q ?? '')
    return { columns: [{ column, type: 'integer' }], id, descending: true }
  }
  const { column, type, descending } = ORDERS[sort]
  return { columns: [{ column, type }], id, descending }
}

/** How many quotes each speaker has in this audience's view: one pass over the quotes. */
const quoted = ({ schema }: Reading) => sql`(
  select q.speaker_id, count(*)::integer as quotes from ${view(schema, 'quotes')} q
  where q.speaker_id is not null group by q.speaker_id) t on t.speaker_id = s.id`

/** The counts of one source, in the select list: made for the rows of the page only. */
const counts = ({ schema }: Reading) => sql`
  (select count(*)::integer from ${view(schema, 'quotes')} q
   where q.speaker_id = s.id) as quote_count,
  (select count(distinct l.article_id)::integer from ${view(schema, 'article_listings')} l
   where l.resource_id = s.id and l.kind in ('source', 'speaker')) as article_count`
