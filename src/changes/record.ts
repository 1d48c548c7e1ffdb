import { sql } from 'drizzle-orm'
import { type Belonging, snapshot } from '../articles/queries.ts'
import type { Writing } from '../db/client.ts'
import { moment } from '../db/clock.ts'
import { behind } from '../db/pipeline.ts'
import { type Fixed, fixed, given } from '../db/statement.ts'
import { changes } from '../db/tables.ts'
import { noteArticles } from './effects.ts'
import { noteGone, noteShown } from './sightings.ts'

/** What happens to an article, or to a quote of it. The sweep writes what their times bring. */
export const ARTICLE_EVENTS = [
  'article.created',
  'article.updated',
  'article.scheduled',
  'article.published',
  'article.unpublished',
  'article.killed',
  'article.revived',
  'article.corrected',
  'article.restored',
  'article.purged',
  'article.embargo-set',
  'article.embargo-lifted',
  'article.expired',
  'quote.created',
  'quote.updated',
  'quote.confirmed',
  'quote.deleted',
] as const
export type ArticleEvent = (typeof ARTICLE_EVENTS)[number]

/** The quote or correction of the article that it happened to. */
export type Part = { kind: 'quote' | 'correction'; id: string }

/** What is known of a write beyond that it happened. */
type Known = {
  reason?: string | undefined
  part?: Part
  /** The lists that are empty in all these articles. */
  empty?: readonly Belonging[]
}

/**
 * Ends every write to articles: each one's new version is kept as a revision, a row in the ledger
 * says what happened, what readers now see, or no longer see, is noted, and what this drops from
 * caches. In the transaction of the write, while the articles are locked.
 */
export async function recordArticles(
  { tx, actor, requestId }: Writing,
  ids: readonly string[],
  event: ArticleEvent,
  { reason, part, empty = [] }: Known = {},
): Promise<void> {
  if (ids.length === 0) return
  const created = event === 'article.created'
  const [id] = ids
  const keep = recording(created, ids.length === 1, empty)
  const kept = keep(tx, {
    ...(ids.length === 1 ? { id } : { ids }),
    ...{ event, partKind: part?.kind ?? null, partId: part?.id ?? null },
    ...{ keyId: actor.keyId ?? null, keyName: actor.name },
    ...{ reason: reason ?? null, requestId: requestId ?? null },
  })
  behind(tx, kept)
  // A new article is a draft without times: nobody has seen anything of it, nor can notice it.
  if (created || !(await noteArticles(tx, ids))) return
  behind(tx, noteShown(tx, ids))
  behind(tx, noteGone(tx, ids))
}

const recordings = new Map<string, Fixed<unknown>>()

/** The statement that keeps new versions, and says so in the ledger. */
function recording(created: boolean, one: boolean, empty: readonly Belonging[]): Fixed<unknown> {
  const key = [created, one, ...empty].join()
  const known = recordings.get(key)
  if (known) return known
  const those = one ? sql`a.id = ${given('id')}::uuid` : sql`a.id = any(${given('ids')}::uuid[])`
  const by = sql`${given('keyId')}::uuid, ${given('keyName')}::text, ${given('reason')}::text,
    ${given('requestId')}::text`
  const made = fixed(sql`
    with kept as (
      insert into revisions (article_id, version, content, event, at, key_id, key_name, reason, request_id)
      select r.id, r.version, to_jsonb(r), ${given('event')}::text, ${moment}, ${by}
      from (${snapshot(those, empty)}) r
      returning article_id, version, at
    )
    insert into changes (kind, resource_id, part_kind, part_id, operation, event, from_version, to_version,
      at, key_id, key_name, reason, request_id)
    select 'article', article_id, ${given('partKind')}::text, ${given('partId')}::uuid,
      ${sql.raw(created ? `'create'` : `'update'`)}, ${given('event')}::text,
      ${sql.raw(created ? 'null::int' : 'version - 1')}, version, at, ${by}
    from kept order by article_id`)
  recordings.set(key, made)
  return made
}

/** What happened to a source, a category, a key, or to an article that has no revision of it. */
export type Happening = {
  kind: 'article' | 'source' | 'category' | 'key' | 'partner' | 'webhook'
  id: string
  operation: 'create' | 'update' | 'delete'
  event: string
  fromVersion: number | null
  toVersion: number | null
  reason?: string | undefined
  /** Of `entitlement.changed`: the categories whose partners may have other articles now. */
  categories?: string[]
}

/** One row in the ledger, in the transaction that did it, while the resource's row is locked; the row's id. */
export async function record(
  { tx, actor, requestId }: Writing,
  happening: Happening,
): Promise<number> {
  const { kind, id, operation, event, fromVersion, toVersion, reason, categories } = happening
  const rows = await tx
    .insert(changes)
    .values({
      kind,
      resourceId: id,
      operation,
      event,
      fromVersion,
      toVersion,
      keyId: actor.keyId ?? null,
      keyName: actor.name,
      reason: reason ?? null,
      requestId: requestId ?? null,
      at: moment,
      isCategories: categories ?? null,
    })
    .returning({ id: changes.id })
  return rows[0]?.id ?? 0
}

/**
 * The row of a source or category that is deleted, or merged into another. Written before anything goes over to
 * that, while those who see it can be told from the others (migrations/0019_deletions_are_told_to_who_sees.sql).
 */
export function recordDeletion(
  ctx: Writing,
  kind: 'source' | 'category',
  { id, version }: { id: string; version: number },
  how: 'deleted' | 'merged',
): Promise<number> {
  return record(ctx, {
    kind,
    id,
    operation: 'delete',
    event: `${kind}.${how}`,
    fromVersion: version,
    toVersion: null,
  })
}

/** Rows for sources or categories that another's merge or move changed, each in its next version. */
export async function recordUpdates(
  ctx: Writing,
  kind: 'source' | 'category',
  rows: { id: string; version: number }[],
  reason: string,
): Promise<void> {
  for (const { id, version } of rows) {
    await record(ctx, {
      kind,
      id,
      operation: 'update',
      event: `${kind}.updated`,
      fromVersion: version - 1,
      toVersion: version,
      reason,
    })
  }
}
