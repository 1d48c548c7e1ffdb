import { OPERATOR } from '../actor.ts'
import { environment, readConfig } from '../config.ts'
import type { Database, Writing } from '../db/client.ts'
import { connect } from '../db/connect.ts'
import { transaction } from '../db/transaction.ts'
import { purger } from '../delivery/purge.ts'

/**
 * Runs a command on the database the settings name: DATABASE_URL, or the embedded server that runs on
 * DATA_DIR, which is started for the time of the command when it does not run.
 */
export async function withDatabase<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const quiet = {
    info: () => {},
    error: (_fields: object, text: string) => void process.stderr.write(`dateline: ${text}\n`),
  }
  const config = readConfig(environment())
  const connection = await connect(config, quiet)
  const purging = config.purgeUrl ? purger(config.purgeUrl, quiet) : undefined
  if (purging) connection.db.committed.push(purging.purge)
  try {
    return await work(connection.db)
  } finally {
    await purging?.close()
    await connection.close()
  }
}

/** Runs a command's writing in one transaction, as the operator. */
export function asOperator<T>(work: (ctx: Writing) => Promise<T>): Promise<T> {
  return withDatabase((db) => transaction(db, (tx) => work({ tx, actor: OPERATOR })))
}
