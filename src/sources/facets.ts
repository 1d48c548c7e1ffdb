import { sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { all } from '../db/where.ts'
import { byName, byValue, countFacets } from '../search/facets.ts'
import type { Found } from './queries.ts'
import type { SourceFacets } from './schema.ts'

/** How many sources there are by each of `facets`. */
export function countSourceFacets(
  reading: Reading,
  { from, where }: Found,
  facets: readonly (keyof SourceFacets)[],
  most: number,
): Promise<SourceFacets> {
  const rows = sql`
    select s.id, s.kind, s.organization_id, s.organization_slug, s.organization_name
    from ${from} where ${all(where)}`
  const by = {
    kind: byValue(sql`m.kind`),
    organization: byName(sql`
      join lateral (values (m.organization_id, m.organization_slug, m.organization_name))
      n (id, slug, name) on n.id is not null`),
  }
  return countFacets(reading, { tables: [], rows }, facets, by, most)
}
