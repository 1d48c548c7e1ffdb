import { sql } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'
import { type Listing, listRows } from '../db/listing.ts'
import { anyOrNone } from '../db/where.ts'
import type { AuditQuery, Change } from './schema.ts'

/** A row of the view `changes`. */
export type ChangeRow = {
  id: string
  position: number
  kind: Change['kind']
  resource_id: string
  part_kind: string | null
  part_id: string | null
  operation: Change['operation']
  event: string
  from_version: number | null
  to_version: number | null
  key_id: string | null
  key_name: string
  reason: string | null
  request_id: string | null
  at: Date
}

/** Numbers what was committed since: whoever reads the ledger does so first. */
export async function numberChanges(db: Executor): Promise<void> {
  await db.execute(sql`select public.number_changes()`)
}

/** A page of the ledger, newest first. Whoever reads it numbers what was committed since. */
export async function listChanges(db: Executor, query: AuditQuery, page: Listing) {
  await numberChanges(db)
  return listRows<ChangeRow>(
    { db, schema: 'editor' },
    {
      select: sql`c.*, c.resource_id as id`,
      from: sql`editor.changes c`,
      where: [
        anyOrNone(sql`c.kind`, query.kind),
        query.id && sql`c.resource_id = ${query.id}::uuid`,
      ],
      order: {
        columns: [{ column: sql`c.position`, type: 'integer' }],
        id: sql`c.resource_id`,
        descending: true,
      },
      page,
    },
  )
}
