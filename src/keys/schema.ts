import { z } from 'zod'
import { SCOPES } from '../actor.ts'
import { Id, Instant, InstantInput } from '../fields.ts'
import { pageOf } from '../http/paging.ts'
import { cursor, limit } from '../http/parameters.ts'
import { text } from '../text.ts'

const scopes = z
  .array(z.enum(SCOPES))
  .min(1)
  .refine((value) => new Set(value).size === value.length, 'must not name a scope twice')

/** An API key as it can be shown: never the key itself. */
export const ApiKey = z
  .object({
    id: Id,
    name: z.string(),
    prefix: z.string().meta({ description: 'How the key begins, to tell which one it is.' }),
    scopes: z.array(z.enum(SCOPES)),
    createdAt: Instant,
    expiresAt: Instant.nullable(),
    revokedAt: Instant.nullable(),
    lastUsedAt: Instant.nullable().meta({ description: 'To the minute or so.' }),
    partner: Id.nullable().meta({
      description: 'The partner whose key it is: it reads what that partner may have.',
    }),
  })
  .meta({ id: 'ApiKey', description: 'An API key, without its secret.' })
export type ApiKey = z.infer<typeof ApiKey>

/** The one answer that holds the key. */
export const NewApiKey = ApiKey.extend({
  key: z
    .string()
    .meta({ description: 'The key. It is shown this once and stored only as a hash.' }),
}).meta({ id: 'NewApiKey', description: 'A new key, shown once.' })

export const ApiKeyCreate = z
  .strictObject({
    name: text(200, 1),
    scopes,
    expiresAt: InstantInput.optional(),
    partner: Id.optional().meta({
      description: 'By id. Its scopes are `read`, `syndication` and `embargo:read` then.',
    }),
  })
  .meta({ id: 'ApiKeyCreate', description: 'A key to be made.' })
export type ApiKeyCreate = z.infer<typeof ApiKeyCreate>

export const ApiKeyPage = pageOf(ApiKey, 'ApiKeyPage')
export const ApiKeyListQuery = z.strictObject({ limit, cursor })
export const ApiKeyParams = z.object({ id: Id })
