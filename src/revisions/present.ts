import { rfc3339 } from '../fields.ts'
import type { RevisionRow } from './queries.ts'
import type { Revision } from './schema.ts'

/** A revision as editors see it, without what the article was. */
export function presentRevision(row: RevisionRow): Revision {
  return {
    version: row.version,
    event: row.event,
    at: rfc3339(row.at),
    by: { keyId: row.key_id, name: row.key_name },
    reason: row.reason,
    requestId: row.request_id,
    purgedAt: rfc3339(row.purged_at),
  }
}
