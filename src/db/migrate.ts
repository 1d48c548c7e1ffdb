import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as applyMigrations } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { installQueue } from './queue.ts'
import { applyRights, createRoles } from './roles.ts'

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url))

/** A session's advisory lock, one for each database; any number serves, this one spells "date". */
const LOCK = 0x64617465

/**
 * Brings the database to the newest migration and sets roles and rights, as the owner.
 * drizzle's migrator takes no lock, so it runs under ours: of many instances starting at once one
 * migrates and the others find nothing to do. Forward only.
 */
export async function migrate(url: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'dateline migrate',
    connectionTimeoutMillis: 10_000,
  })
  // The statement that a lost connection interrupts says so; between two, nobody would listen.
  client.on('error', () => {})
  await client.connect()
  try {
    // Names without a schema mean public, whatever the login's own search_path says.
    await client.query(`SET search_path = public; SET client_min_messages = warning;
      SELECT pg_advisory_lock(${LOCK})`)
    await createRoles(client)
    await installQueue(client)
    await applyMigrations(drizzle(client), { migrationsFolder: MIGRATIONS })
    await applyRights(client)
  } finally {
    // Ending the session releases the lock, also after an error.
    await client.end()
  }
}
