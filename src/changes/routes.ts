import { rfc3339 } from '../fields.ts'
import type { App, Services } from '../http/app.ts'
import { pagesOf, sendPage } from '../http/paging.ts'
import { type ChangeRow, listChanges } from './queries.ts'
import { AuditQuery, type Change, ChangePage } from './schema.ts'

/** A row of the ledger as an administrator sees it. */
function presentChange(row: ChangeRow): Change {
  return {
    // bigint comes as text; positions stay exact up to 2^53.
    position: Number(row.position),
    kind: row.kind,
    id: row.resource_id,
    part: row.part_kind && row.part_id ? { kind: row.part_kind, id: row.part_id } : null,
    operation: row.operation,
    event: row.event,
    fromVersion: row.from_version,
    toVersion: row.to_version,
    by: { keyId: row.key_id, name: row.key_name },
    reason: row.reason,
    requestId: row.request_id,
    at: rfc3339(row.at),
  }
}

/** The ledger, for `admin`. */
export function auditRoutes(app: App, { config, db }: Services): void {
  app.get(
    '/audit',
    {
      schema: {
        operationId: 'listChanges',
        tags: ['Audit'],
        summary: 'Who did what',
        description:
          'Every write, newest first: by which key, what, from and to which version, why.',
        querystring: AuditQuery,
        response: { 200: ChangePage },
      },
      config: { scope: 'admin' },
    },
    async (request, reply) => {
      const { query } = request
      const pages = pagesOf(request.url, config.publicUrl, query)
      const { rows, next } = await listChanges(db.editor, query, pages)
      return sendPage(request, reply, pages, rows.map(presentChange), next)
    },
  )
}
