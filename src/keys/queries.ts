import { eq, sql } from 'drizzle-orm'
import type { Actor, Scope } from '../actor.ts'
import type { Database, Executor } from '../db/client.ts'
import { type Listing, listRows } from '../db/listing.ts'
import { apiKeys, partners } from '../db/tables.ts'
import { matches, prefixOf } from './secret.ts'

/** A row of api_keys, less its hash. */
export type KeyRow = {
  id: string
  name: string
  prefix: string
  scopes: Scope[]
  created_at: Date | string
  expires_at: Date | string | null
  revoked_at: Date | string | null
  last_used_at: Date | string | null
  partner_id: string | null
}

const columns = sql`k.id, k.name, k.prefix, k.scopes, k.created_at, k.expires_at, k.revoked_at, k.last_used_at, k.partner_id`

/** A page of keys, newest first. */
export function listKeys(db: Executor, page: Listing) {
  return listRows<KeyRow>(
    { db, schema: 'editor' },
    {
      select: columns,
      from: sql`api_keys k`,
      where: [],
      order: {
        columns: [{ column: sql`k.created_at`, type: 'timestamptz' }],
        id: sql`k.id`,
        descending: true,
      },
      page,
    },
  )
}

/** One key by id, or undefined. */
export async function findKeyById(db: Executor, id: string): Promise<KeyRow | undefined> {
  const { rows } = await db.execute<KeyRow>(
    sql`select ${columns} from api_keys k where k.id = ${id}`,
  )
  return rows[0]
}

/** Who a key belongs to, while it is neither expired nor revoked; undefined otherwise. */
export async function findActor(db: Database, key: string): Promise<Actor | undefined> {
  const prefix = prefixOf(key)
  if (!prefix) return undefined
  const [row] = await db.editor
    .select({
      id: apiKeys.id,
      name: apiKeys.name,
      hash: apiKeys.hash,
      scopes: apiKeys.scopes,
      partnerId: apiKeys.partnerId,
      rateLimit: partners.rateLimit,
      live: sql<boolean>`${apiKeys.revokedAt} is null and (${apiKeys.expiresAt} is null or ${apiKeys.expiresAt} > now())`,
    })
    .from(apiKeys)
    .leftJoin(partners, eq(partners.id, apiKeys.partnerId))
    .where(eq(apiKeys.prefix, prefix))
  if (!row || !matches(key, row.hash) || !row.live) return undefined
  const { id: keyId, name, scopes, partnerId, rateLimit } = row
  return {
    ...{ keyId, name, scopes: new Set(scopes as Scope[]) },
    ...(partnerId !== null && { partnerId, ...(rateLimit !== null && { rateLimit }) }),
  }
}
