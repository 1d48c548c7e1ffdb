import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { type Members, pickMembers, selected } from '../db/json.ts'
import type { Order } from '../db/keyset.ts'
import { countRows, type Listing, listObjects } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { anyOrNone, array, type Resolved } from '../db/where.ts'
import { matchesName, nameRelevance, suggestName } from '../search/names.ts'
import { SOURCE } from './members.ts'
import type { SourceListQuery } from './schema.ts'

const ORDERS = {
  name: { column: sql`s.name`, type: 'text', descending: false },
  '-name': { column: sql`s.name`, type: 'text', descending: true },
  createdAt: { column: sql`s.created_at`, type: 'timestamptz', descending: false },
  '-quoteCount': { column: sql`t.quotes`, type: 'integer', descending: true },
  '-createdAt': { column: sql`s.created_at`, type: 'timestamptz', descending: true },
} as const

/** The source under an id, or a slug of today, as an object with what is told of it. */
export function findSource(
  { schema }: Pick<Reading, 'schema'>,
  name: SQL,
  isId: boolean,
  members: Members,
): SQL {
  return sql`
    select row_to_json(o)::text as data, s.id, s.version, s.slug
    from ${view(schema, 'sources')} s cross join lateral (select ${selected(members)}) o
    where ${isId ? sql`s.id = ${name}::uuid` : sql`s.slug = ${name}`}`
}

/** The members of a source: those that were asked for, and counts. */
export function sourceMembers(
  reading: Pick<Reading, 'schema'>,
  { fields, include }: Pick<SourceListQuery, 'fields' | 'include'>,
): Members {
  const members = pickMembers(SOURCE, fields)
  return include?.includes('counts') ? { ...members, ...counts(reading) } : members
}

/** The rows of a list: where `s` is from, and the conditions on it. */
export type Found = { lead: SQL | undefined; from: SQL; where: (SQL | undefined | '')[] }

/** Which sources a list is about. */
export function findSources(
  { schema }: Pick<Reading, 'schema'>,
  query: SourceListQuery,
  organization: Resolved | undefined,
  lead?: SQL,
): Found {
  return {
    lead,
    from: sql`${view(schema, 'sources')} s`,
    where: [
      query.q && matchesName(sql`s.name`, query.q),
      query.ids && sql`s.id = any(${array(query.ids, 'uuid')})`,
      anyOrNone(sql`s.kind`, query.kind),
      anyOrNone(sql`s.organization_id`, organization, 'uuid'),
    ],
  }
}

/** A page of sources, as one row of objects. */
export function listSources(
  reading: Pick<Reading, 'schema'>,
  { lead, from, where }: Found,
  query: SourceListQuery,
  page: Listing,
  members: Members,
): SQL {
  return listObjects({
    ...{ alias: 's', lead, where, order: orderOf(query), page, members },
    from:
      query.sort === '-quoteCount'
        ? sql`${quoted(reading)} join ${from} on s.id = t.source_id`
        : from,
  })
}

function orderOf({ sort, q }: SourceListQuery): Order {
  const id = sql`s.id`
  if (sort === 'relevance') {
    const column = nameRelevance(sql`s.name`, q ?? '')
    return { columns: [{ column, type: 'integer' }], id, descending: true }
  }
  const { column, type, descending } = ORDERS[sort]
  // What is counted has the id in its index, beside the count.
  const beside = sort === '-quoteCount' ? sql`t.source_id` : id
  return { columns: [{ column, type }], id: beside, descending }
}

/** A name that was probably meant, when it finds sources where `q` finds none. */
export async function betterName(
  reading: Reading,
  query: SourceListQuery,
  organization: Resolved | undefined,
) {
  const q = await suggestName(reading, 'source', query.q ?? '')
  if (q === undefined) return undefined
  const count = await countRows(reading, findSources(reading, { ...query, q }, organization))
  return count > 0 ? q : undefined
}

/** How many quotes each source is the speaker of, as this audience sees them. */
const quoted = ({ schema }: Pick<Reading, 'schema'>) => sql`${view(schema, 'quote_counts')} t`

/** The counts of one source: made for the rows of the page only. */
const counts = ({ schema }: Pick<Reading, 'schema'>): Members => ({
  quoteCount: sql`coalesce((select t.quotes from ${quoted({ schema })} where t.source_id = s.id), 0)`,
  articleCount: sql`coalesce((select l.articles from ${view(schema, 'listed_counts')} l
    where l.kind = 'named' and l.resource_id = s.id), 0)::integer`,
})
