import { sql } from 'drizzle-orm'
import type { Actor, Scope } from '../actor.ts'
import type { Database, Executor } from '../db/client.ts'
import { type Listing, listRows } from '../db/listing.ts'
import { POINT, type Point } from '../db/point.ts'
import { fixed, given } from '../db/statement.ts'
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

type LiveKey = Point & {
  id: string
  name: string
  hash: Buffer
  scopes: Scope[]
  partnerId: string | null
  rateLimit: number | null
}

const byPrefix = fixed<LiveKey>(sql`
  select k.id, k.name, k.hash, k.scopes, k.partner_id as "partnerId", p.rate_limit as "rateLimit",
    ${sql.raw(POINT)}
  from api_keys k left join partners p on p.id = k.partner_id
  where k.prefix = ${given('prefix')} and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now())`)

/** Who a key belongs to, while it is neither expired nor revoked; undefined otherwise. */
export async function findActor(db: Database, key: string): Promise<Actor | undefined> {
  const prefix = prefixOf(key)
  if (!prefix) return undefined
  const [row] = await byPrefix(db.editor, { prefix })
  if (!matches(key, row?.hash) || !row) return undefined
  const { id: keyId, name, scopes, partnerId, rateLimit, lsn, clock } = row
  const writes = scopes.some((scope) => scope.startsWith('content:'))
  return {
    ...{ keyId, name, scopes: new Set(scopes) },
    ...(writes && { since: { lsn, clock } }),
    ...(partnerId !== null && { partnerId, ...(rateLimit !== null && { rateLimit }) }),
  }
}
