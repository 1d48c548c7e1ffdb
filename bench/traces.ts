import { OPERATOR } from '../src/actor.ts'
import { openDatabase } from '../src/db/client.ts'
import { transaction } from '../src/db/transaction.ts'
import { createKey } from '../src/keys/commands.ts'
import { withClient } from './database.ts'

/** A key for the workloads that write. */
export async function makeKey(url: string): Promise<string> {
  const db = openDatabase({ url, size: 1 }, () => {})
  try {
    const scopes = ['content:write' as const]
    const { key } = await transaction(db, (tx) =>
      createKey({ tx, actor: OPERATOR }, { name: 'bench', scopes }),
    )
    return key
  } finally {
    await db.close()
  }
}

/**
 * Takes away what the workloads that write have left, also in a run that was broken off, so that the
 * next run finds what the first one found.
 */
export async function removeTraces(url: string): Promise<void> {
  await withClient(url, async (client) => {
    // The data set has no drafts.
    await client.query(`DELETE FROM slugs WHERE kind = 'article'
      AND resource_id IN (SELECT id FROM articles WHERE status = 'draft')`)
    const removed = await client.query(`DELETE FROM articles WHERE status = 'draft'`)
    await client.query(`DELETE FROM changes WHERE event IN ('article.created', 'key.created')`)
    await client.query('DELETE FROM api_keys')
    if (removed.rowCount) await client.query('VACUUM (ANALYZE)')
  })
}
