import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OPERATOR } from '../actor.ts'
import type { Database } from '../db/client.ts'
import { transaction } from '../db/transaction.ts'
import { createKey } from './commands.ts'
import { findActor } from './queries.ts'

/**
 * The admin key of an embedded newsroom, in `DATA_DIR/admin.key` (mode 600): the one that is there,
 * if it is still good, or a new one. The file's path.
 */
export async function adminKeyFile(db: Database, dataDir: string): Promise<string> {
  const file = join(dataDir, 'admin.key')
  const key = await readFile(file, 'utf8').catch(() => '')
  if (await findActor(db, key.trim())) return file
  await transaction(db, async (tx) => {
    const actor = OPERATOR
    const { key } = await createKey({ tx, actor }, { name: 'Administrator', scopes: ['admin'] })
    // Inside the transaction: a key that could not be written down is none.
    await writeFile(file, `${key}\n`, { mode: 0o600 })
    // `mode` counts only for a file that was not there.
    await chmod(file, 0o600)
  })
  return file
}
