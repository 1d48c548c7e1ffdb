import { sql } from 'drizzle-orm'
import { type Fault, gone, missing } from '../errors.ts'
import { rfc3339, UUID } from '../fields.ts'
import type { Reading } from './client.ts'
import { view } from './slugs.ts'

/**
 * Why there is nothing under an id or slug: `not_found` for what was never visible; to readers, for
 * ever, `gone` (or `legally_removed`) for what was. Editors see what is there, whatever its state, so
 * to them nothing is gone.
 */
export async function absence(
  { db, schema }: Reading,
  kind: 'article' | 'quote' | 'source' | 'category',
  name: string,
): Promise<Fault> {
  if (schema === 'editor') return missing(kind)
  const id = UUID.test(name)
    ? sql`${name}::uuid`
    : sql`(select s.resource_id from ${view(schema, 'gone_slugs')} s where s.kind = ${kind} and s.slug = ${name})`
  const { rows } = await db.execute<{ notice: string | null; legal: boolean; since: Date }>(
    sql`select notice, legal, since from ${view(schema, 'gone')} where kind = ${kind} and resource_id = ${id}`,
  )
  const [row] = rows
  if (!row) return missing(kind)
  return gone({ kind, notice: row.notice, since: rfc3339(row.since) }, row.legal)
}
