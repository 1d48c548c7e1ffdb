import { z } from 'zod'
import { ArticleQuery } from '../articles/parameters.ts'
import { Article } from '../articles/schema.ts'
import { Category } from '../categories/schema.ts'
import { Id, Instant } from '../fields.ts'
import { cursor, flag, limit, list } from '../http/parameters.ts'
import { Source } from '../sources/schema.ts'

/** What the feed tells of; a quote is told of with its article. */
export const EVENTS = [
  'article.published',
  'article.updated',
  'article.corrected',
  'article.restored',
  'article.purged',
  'article.unpublished',
  'article.killed',
  'article.expired',
  'article.embargo-set',
  'article.embargo-lifted',
  'article.scheduled',
  'article.revived',
  'quote.created',
  'quote.updated',
  'quote.confirmed',
  'quote.deleted',
  'source.updated',
  'source.merged',
  'source.deleted',
  'category.created',
  'category.updated',
  'category.merged',
  'category.deleted',
  'entitlement.changed',
] as const

/** Why something is to be removed. */
export const REMOVAL_REASONS = [
  'killed',
  'legal',
  'unpublished',
  'embargoed',
  'expired',
  'entitlement',
  'deleted',
] as const

/** A row of the feed. */
export const FeedRow = z
  .object({
    position: z.int().meta({
      description: 'Its place in the ledger: a later one was committed later. Grows, with gaps.',
    }),
    op: z.enum(['upsert', 'remove', 'reset']).meta({
      description:
        '`upsert`: keep what comes with it. `remove`: take it out. `reset`: what you may have has changed; begin again with `snapshot=true`.',
    }),
    resource: z.enum(['article', 'source', 'category', 'partner']),
    event: z.enum([...EVENTS, 'snapshot']).meta({
      description: 'What happened; `snapshot` of what was there before.',
    }),
    id: Id,
    version: z.int().nullable().meta({ description: 'The version that this was.' }),
    at: Instant.meta({
      description: 'When it happened; of `snapshot`, when what is there was last changed.',
    }),
    reason: z.enum(REMOVAL_REASONS).nullable().meta({ description: 'Of `remove`.' }),
    article: Article.optional().meta({
      description: 'As it is today, which may be a later version; absent when it is not there now.',
    }),
    source: Source.optional().meta({ description: 'As it is today, its own fields.' }),
    category: Category.optional().meta({ description: 'As it is today, its own fields.' }),
  })
  .meta({ id: 'FeedRow', description: 'One thing that happened, and what is to be done.' })
export type FeedRow = z.infer<typeof FeedRow>

export const FeedPage = z
  .object({
    data: z.array(FeedRow),
    page: z.object({
      limit: z.int(),
      next: z.string().meta({
        description:
          'Where to go on, now or in a year. Asking with it says that you have all before.',
      }),
    }),
  })
  .meta({
    id: 'FeedPage',
    description: 'A page of the feed. Empty: there is nothing new.',
  })

/** The longest that a request may wait, in seconds. */
const LONGEST_WAIT = 30

const types = list(EVENTS, 'Only these events.', ['article.published', 'article.killed'])

export const FeedQuery = z
  .strictObject({
    cursor: cursor.meta({
      description:
        'Where to go on: `page.next` of the page before. Without it: from the beginning.',
    }),
    types,
    snapshot: flag(
      'Without a cursor: first what is there now (`snapshot`), then over into what happens, without a gap.',
    ),
    wait: z
      .string()
      .regex(/^\d{1,2}$/, `must be whole seconds, at most ${LONGEST_WAIT}`)
      .transform(Number)
      .refine((n) => n <= LONGEST_WAIT, `must be whole seconds, at most ${LONGEST_WAIT}`)
      .default(0)
      .meta({
        description: 'Seconds to wait for something new where there is nothing.',
        override: { type: 'integer', minimum: 0, maximum: LONGEST_WAIT, default: 0 },
      }),
    limit,
    ...ArticleQuery.shape,
  })
  .superRefine(({ snapshot, types }, ctx) => {
    if (!snapshot || !types) return
    const message = 'does not go with snapshot=true, which is all that is there'
    ctx.addIssue({ code: 'custom', path: ['types'], message })
  })
export type FeedQuery = z.infer<typeof FeedQuery>

export const StreamQuery = z.strictObject({
  cursor: cursor.meta({
    description:
      'Where to go on; `Last-Event-ID` counts before it. Without either: from now on, or with `snapshot=true` from what is there.',
  }),
  types,
  snapshot: flag('First what is there now, then what happens.'),
  ...ArticleQuery.shape,
})
export type StreamQuery = z.infer<typeof StreamQuery>
