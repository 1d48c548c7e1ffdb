import { rfc3339 } from '../fields.ts'
import type { KeyRow } from './queries.ts'
import type { ApiKey } from './schema.ts'

/** A key as an administrator sees it. */
export function presentKey(row: KeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes,
    createdAt: rfc3339(row.created_at),
    expiresAt: rfc3339(row.expires_at),
    revokedAt: rfc3339(row.revoked_at),
    lastUsedAt: rfc3339(row.last_used_at),
    partner: row.partner_id,
  }
}
