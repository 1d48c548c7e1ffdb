import { type SQL, sql } from 'drizzle-orm'
import { articleMembers, type Belongings, type Shape } from '../articles/members.ts'
import type { MadeArticle } from '../articles/present.ts'
import type { KeyedBlock } from '../body/schema.ts'
import type { Executor } from '../db/client.ts'
import { selected } from '../db/json.ts'
import { type Listing, listRows } from '../db/listing.ts'
import type { KeptArticle } from './kept.ts'

/** A revision, less its content. */
export type RevisionRow = {
  id: string
  version: number
  event: string
  at: Date
  key_id: string | null
  key_name: string
  reason: string | null
  request_id: string | null
  purged_at: Date | null
}

const columns = sql`r.id, r.version, r.event, r.at, r.key_id, r.key_name, r.reason, r.request_id, r.purged_at`

/** A page of an article's revisions, newest first. */
export function listRevisions(db: Executor, articleId: string, page: Listing) {
  return listRows<RevisionRow>(
    { db, schema: 'editor' },
    {
      select: columns,
      from: sql`editor.revisions r`,
      where: [sql`r.article_id = ${articleId}`],
      order: {
        columns: [{ column: sql`r.version`, type: 'integer' }],
        id: sql`r.id`,
        descending: true,
      },
      page,
    },
  )
}

/** A revision with what it keeps: the row of a load, which is what restoring and purging work on. */
export type Revision = RevisionRow & { content: KeptArticle }

/** The revision of a version; undefined when there is none. */
export async function findRevision(db: Executor, articleId: string, version: number) {
  const { rows } = await db.execute<Revision>(sql`
    select ${columns}, r.content from editor.revisions r
    where r.article_id = ${articleId} and r.version = ${version}`)
  return rows[0]
}

/** A revision with the article as it was, as an object; formats of the body are made of its blocks. */
export type ShownRevision = RevisionRow & { article: MadeArticle; blocks: KeyedBlock[] }

/** The revision of a version, or the one that was current at an instant; undefined when there is none. */
export async function showRevision(
  db: Executor,
  articleId: string,
  which: { version: number } | { at: string },
  shape: Shape,
) {
  const chosen =
    'version' in which
      ? sql`r.version = ${which.version}`
      : sql`r.at <= ${which.at}::timestamptz order by r.version desc`
  const { rows } = await db.execute<ShownRevision>(sql`
    select ${columns}, r.content -> 'body' as blocks, (
      select row_to_json(o) from jsonb_populate_record(null::editor.articles, r.content) a
      cross join lateral (select ${selected(articleMembers(KEPT, shape))}) o) as article
    from (
      select * from editor.revisions r where r.article_id = ${articleId} and ${chosen} limit 1) r`)
  return rows[0]
}

/** What belonged to an article, out of what the revision `r` keeps. */
const KEPT: Belongings = {
  schema: 'editor',
  categories: kept('article_categories', 'categories', 'c'),
  sources: kept('article_sources', 'sources', 's'),
  quotes: kept('quotes', 'quotes', 'q'),
  corrections: kept('corrections', 'corrections', 'c'),
  categorySlug: sql`(r.content ->> 'category_slug')`,
}

/** Rows of a view as a revision keeps them, in their order. */
function kept(view: string, member: string, alias: string): SQL {
  return sql`jsonb_populate_recordset(null::${sql.raw(`editor.${view}`)},
    r.content -> ${sql.raw(`'${member}'`)}) ${sql.raw(alias)}`
}
