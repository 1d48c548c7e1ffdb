import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import type pg from 'pg'

/** A file of migrations/, as it is applied. */
export type Migration = {
  /** Its name, such as `0001_tables`. */
  name: string
  /** When it was made, in ms: what the database keeps of it, with the hash. */
  when: number
  hash: string
  statements: string[]
  /** All of it in one transaction, or each statement by itself: see {@link NO_TRANSACTION}. */
  inTransaction: boolean
}

/**
 * The first line of a migration that no transaction may hold: it builds indexes concurrently, or fills a
 * column in batches that commit. Broken off, it is done again from its first statement.
 */
const NO_TRANSACTION = /^-- no transaction\b/

/** The migrations in a folder of drizzle-kit's, in order. Throws when a file is missing. */
export function readMigrations(folder: string): Migration[] {
  const { entries } = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8'))
  return readMigrationFiles({ migrationsFolder: folder }).map(
    ({ sql, hash, folderMillis: when }, at) => ({
      name: entries[at].tag,
      when,
      hash,
      statements: sql,
      inTransaction: !NO_TRANSACTION.test(sql[0] ?? ''),
    }),
  )
}

const APPLIED = 'drizzle.__drizzle_migrations'

/** Makes the table of what was applied, as drizzle's own migrator makes it. */
export async function prepareJournal(client: pg.ClientBase): Promise<void> {
  await client.query(`CREATE SCHEMA IF NOT EXISTS drizzle;
    CREATE TABLE IF NOT EXISTS ${APPLIED} (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)`)
}

/** When the newest migration was made that the database has, in ms; 0 when it has none. */
export async function newestApplied(client: pg.ClientBase): Promise<number> {
  const { rows: there } = await client.query(`SELECT WHERE to_regclass('${APPLIED}') IS NOT NULL`)
  if (there.length === 0) return 0
  const { rows } = await client.query(`SELECT max(created_at) AS newest FROM ${APPLIED}`)
  return Number(rows[0]?.newest ?? 0)
}

/** Notes that a migration was applied, in the transaction that is open, if one is. */
export async function noteApplied(client: pg.ClientBase, migration: Migration): Promise<void> {
  await client.query(`INSERT INTO ${APPLIED} (hash, created_at) VALUES ($1, $2)`, [
    migration.hash,
    migration.when,
  ])
}
