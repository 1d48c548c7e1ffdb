import type { Config } from '../config.ts'
import { type Database, openDatabase } from './client.ts'
import { explain, loggable } from './failure.ts'
import { migrate } from './migrate.ts'
import { roleFaults } from './roles.ts'

/** The database a process works on, and whether it is the embedded one. */
export type Connection = {
  db: Database
  embedded: boolean
  /** Closes the pools, then leaves the embedded server, which stops when nobody else uses it. */
  close(): Promise<void>
}

/** The embedded server; what starts and keeps it is loaded only where it is used. */
async function joinServer(dataDir: string, log: { info(text: string): void }) {
  const { joinEmbedded } = await import('./embedded.ts')
  return joinEmbedded({ dataDir, log: (text) => log.info(text) })
}

const POOLER =
  'This is a pooler (PgBouncer), which takes no settings from who connects: name the database itself in ' +
  'DATABASE_DIRECT_URL, and logins of their own in DATABASE_READER_URL, DATABASE_PARTNER_URL and ' +
  'DATABASE_EDITOR_URL (README, "Your own PostgreSQL").'

/** Is it how PgBouncer refuses the settings that connections come with? Waiting does not mend that. */
const isOfPooler = (error: unknown) => /unsupported startup parameter/.test(explain(error))

/**
 * Connects as the config says: to DATABASE_URL, or to the embedded server under DATA_DIR, started if
 * need be; migrates unless told not to; checks the roles. Throws errors whose message is for a human.
 */
export async function connect(
  config: Config,
  log: { info(text: string): void; error(fields: object, text: string): void },
): Promise<Connection> {
  const server = config.databaseUrl ? undefined : await joinServer(config.dataDir, log)
  let closing = false
  const url = config.databaseUrl ?? server?.url
  if (!url) throw new Error('There is no database.')
  let db: Database | undefined
  try {
    if (config.migrate) await migrate(config.directUrl ?? url, { log: (text) => log.info(text) })
    db = openDatabase(
      {
        url,
        readerUrl: config.readerUrl,
        partnerUrl: config.partnerUrl,
        editorUrl: config.editorUrl,
        directUrl: config.directUrl,
        replicaUrls: config.replicaUrls,
        prepared: config.preparedStatements,
        size: config.poolSize,
      },
      // Of one that ends itself with its server nothing is lost.
      (error) => closing || log.error({ err: loggable(error) }, 'a database connection was lost'),
      log,
    )
    const faults = await roleFaults(db)
    if (faults.length > 0) throw new Error(`The database roles are wrong: ${faults.join('; ')}.`)
  } catch (error) {
    await db?.close()
    await server?.leave()
    // Without its cause, which is of the class that passes by itself.
    throw isOfPooler(error) ? new Error(POOLER) : error
  }
  const pools = db
  return {
    db: pools,
    embedded: server !== undefined,
    async close() {
      closing = true
      await pools.close()
      await server?.leave()
    },
  }
}
