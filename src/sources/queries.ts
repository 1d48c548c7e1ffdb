import { sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { type Listing, listRows } from '../db/listing.ts'
import { view } from '../db/slugs.ts'
import { anyOrNone, type Resolved } from '../db/where.ts'
import type { SourceRow } from './present.ts'
import type { SourceListQuery } from './schema.ts'

const ORDERS = {
  name: { column: sql`s.name`, type: 'text', descending: false },
  '-name': { column: sql`s.name`, type: 'text', descending: true },
  createdAt: { column: sql`s.created_at`, type: 'timestamptz', descending: false },
  '-createdAt': { column: sql`s.created_at`, type: 'timestamptz', descending: true },
} as const

/** One source by id, or undefined. */
export async function findSource({ db, schema }: Reading, id: string) {
  const { rows } = await db.execute<SourceRow>(
    sql`select * from ${view(schema, 'sources')} where id = ${id}`,
  )
  return rows[0]
}

/** A page of sources. */
export function listSources(
  reading: Reading,
  query: SourceListQuery,
  page: Listing,
  organization: Resolved | undefined,
) {
  const { column, type, descending } = ORDERS[query.sort]
  return listRows<SourceRow>(reading, {
    from: sql`${view(reading.schema, 'sources')} s`,
    select: sql`s.*`,
    where: [
      query.q && sql`to_tsvector('simple', s.name) @@ websearch_to_tsquery('simple', ${query.q})`,
      anyOrNone(sql`s.kind`, query.kind),
      anyOrNone(sql`s.organization_id`, organization, 'uuid'),
    ],
    order: { columns: [{ column, type }], id: sql`s.id`, descending },
    page,
  })
}
