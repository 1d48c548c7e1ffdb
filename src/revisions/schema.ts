import { z } from 'zod'
import { Article } from '../articles/schema.ts'
import { Id, Instant } from '../fields.ts'
import { pageOf } from '../http/paging.ts'
import { cursor, limit } from '../http/parameters.ts'
import { text } from '../text.ts'

const By = z
  .object({ keyId: Id.nullable(), name: z.string() })
  .meta({ id: 'By', description: 'The key that wrote; without an id, the command line.' })

/** A revision, without what the article was. */
export const Revision = z
  .object({
    version: z.int(),
    event: z.string().meta({ description: 'What happened, such as `article.updated`.' }),
    at: Instant,
    by: By,
    reason: z.string().nullable(),
    requestId: z.string().nullable(),
    purgedAt: Instant.nullable().meta({ description: 'When text was purged from it.' }),
  })
  .meta({ id: 'Revision', description: 'A version of an article: who made it, when and why.' })
export type Revision = z.infer<typeof Revision>

export const RevisionPage = pageOf(Revision, 'RevisionPage')

export const WholeRevision = Revision.extend({ article: Article }).meta({
  id: 'WholeRevision',
  description: 'A version of an article, with what it was.',
})

export const RevisionListQuery = z.strictObject({ limit, cursor })

/** A version out of a path or a query. */
export const version = (description: string, example: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'must be a version number')
    .transform(Number)
    .meta({ description, override: { type: 'integer', minimum: 1 }, param: { example } })

export const RevisionNumber = version('The version.', 1)
export const DiffQuery = z.strictObject({
  from: version('The earlier version.', 1),
  to: version('The later version.', 2),
})

const Word = z
  .object({ op: z.enum(['same', 'added', 'removed']), text: z.string() })
  .meta({ id: 'DiffWord', description: 'Words that stayed, came or went.' })

/** What changed between two versions: members, then blocks, and in a changed block its words. */
export const Diff = z
  .object({
    from: z.int(),
    to: z.int(),
    members: z.array(z.object({ member: z.string(), from: z.unknown(), to: z.unknown() })),
    blocks: z.array(
      z.object({
        key: z.string(),
        op: z.enum(['same', 'added', 'removed', 'changed', 'moved']),
        words: z.array(Word).optional(),
      }),
    ),
  })
  .meta({
    id: 'Diff',
    description: 'What changed between two versions: by member, block and word.',
  })
export type Diff = z.infer<typeof Diff>

/** Text to be removed from all revisions, for ever. */
export const Purge = z
  .strictObject({
    text: text(10_000, 3).meta({ description: 'Removed wherever it stands in a revision.' }),
    reason: text(2000, 1),
  })
  .meta({ id: 'Purge', description: 'Text to be removed from all revisions, and why.' })
export type Purge = z.infer<typeof Purge>
