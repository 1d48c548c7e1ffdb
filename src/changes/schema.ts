import { z } from 'zod'
import { Id, Instant } from '../fields.ts'
import { pageOf } from '../http/paging.ts'
import { cursor, filter, limit } from '../http/parameters.ts'

export const CHANGE_KINDS = ['article', 'source', 'category', 'key', 'partner', 'webhook'] as const

/** A row of the ledger. */
export const Change = z
  .object({
    position: z
      .int()
      .meta({ description: 'Its place in the ledger: a later one was committed later.' }),
    kind: z.enum(CHANGE_KINDS),
    id: Id.meta({ description: 'The resource that changed.' }),
    part: z
      .object({ kind: z.string(), id: Id })
      .nullable()
      .meta({ description: 'The quote or correction of the article that it happened to.' }),
    operation: z.enum(['create', 'update', 'delete', 'time']),
    event: z.string().meta({ description: 'Such as `article.published`.' }),
    fromVersion: z.int().nullable(),
    toVersion: z.int().nullable(),
    by: z.object({ keyId: Id.nullable(), name: z.string() }),
    reason: z.string().nullable(),
    requestId: z.string().nullable(),
    at: Instant,
  })
  .meta({ id: 'Change', description: 'One thing that happened, by whom and why.' })
export type Change = z.infer<typeof Change>

export const ChangePage = pageOf(Change, 'ChangePage')
export const AuditQuery = z.strictObject({
  kind: filter('Of these kinds.', 'article', CHANGE_KINDS),
  id: Id.optional().meta({ description: 'Of this resource, by id.' }),
  limit,
  cursor,
})
export type AuditQuery = z.infer<typeof AuditQuery>
