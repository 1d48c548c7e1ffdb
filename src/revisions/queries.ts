import { sql } from 'drizzle-orm'
import type { ArticleRow } from '../articles/present.ts'
import type { Executor } from '../db/client.ts'
import { type Listing, listRows } from '../db/listing.ts'

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

/** A revision with the article as it was, in the shape of a load; undefined when there is none. */
export type Revision = RevisionRow & { content: ArticleRow }

/** The revision of a version. */
export async function findRevision(db: Executor, articleId: string, version: number) {
  const { rows } = await db.execute<Revision>(sql`
    select ${columns}, r.content from editor.revisions r
    where r.article_id = ${articleId} and r.version = ${version}`)
  return rows[0]
}

/** The revision that was current at an instant. */
export async function findRevisionAsOf(db: Executor, articleId: string, at: string) {
  const { rows } = await db.execute<Revision>(sql`
    select ${columns}, r.content from editor.revisions r
    where r.article_id = ${articleId} and r.at <= ${at}::timestamptz
    order by r.version desc limit 1`)
  return rows[0]
}
