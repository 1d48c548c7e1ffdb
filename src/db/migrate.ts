import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { LOCK_TIMEOUT, lockingBriefly, type Patience } from './lock-waits.ts'
import {
  type Migration,
  newestApplied,
  noteApplied,
  prepareJournal,
  readMigrations,
} from './migrations.ts'
import { installQueue } from './queue.ts'
import { applyRights, createRoles } from './roles.ts'

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url))

/** A session's advisory lock, one for each database; any number serves, this one spells "date". */
const LOCK = 0x64617465
/** How often it is tried, in ms, and after how many tries it is said again who has it. */
const TRIED = 100
const SAID = 100

/** How long a migration is tried when others hold what it needs, in ms. */
const PATIENCE = 300_000

type Options = Partial<Patience> & {
  /** Where the migrations are; those of this version unless given. */
  folder?: string
}

/**
 * Brings the database to the newest migration and sets roles and rights, as the owner. Forward only,
 * under a lock: of many instances starting at once one migrates and the others find nothing to do. The
 * service may run meanwhile: each migration is a transaction of its own, which gives up a lock that it
 * does not get at once, and is tried again. A database that is newer than this version is left as it is,
 * rights too: they are what the newer version needs. Throws what PostgreSQL refused, and when a lock was
 * not to be had for five minutes.
 */
export async function migrate(
  url: string,
  { folder = MIGRATIONS, patience = PATIENCE, log = () => {} }: Options = {},
): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'dateline migrate',
    connectionTimeoutMillis: 10_000,
    // A pooler refuses this: behind one the lock below would stay with a session that others get.
    options: '-c search_path=public',
  })
  // The statement that a lost connection interrupts says so; between two, nobody would listen.
  client.on('error', () => {})
  await client.connect()
  const briefly = (name: string, work: () => Promise<unknown>) =>
    lockingBriefly(client, name, { patience, log }, work)
  try {
    // Names without a schema mean public, whatever the login's own search_path says.
    await client.query(`SET search_path = public; SET client_min_messages = warning;
      SET statement_timeout = 0; SET lock_timeout = ${LOCK_TIMEOUT}`)
    await waitForTurn(client, log)
    const migrations = readMigrations(folder)
    const newest = await newestApplied(client)
    if (newest > (migrations.at(-1)?.when ?? 0)) {
      log('the database has migrations that this version does not know; it is left as it is')
      return
    }
    const due = migrations.filter(({ when }) => when > newest)
    await briefly('making roles', () => createRoles(client))
    await briefly('making the queue', () => installQueue(client))
    await prepareJournal(client)
    for (const migration of due) {
      if (migration.inTransaction)
        await briefly(migration.name, () => applyWhole(client, migration))
      else await briefly(migration.name, () => applyApart(client, migration))
    }
    // Rights that are only set again need not wait for a standby, which a start without one would do for ever.
    if (due.length === 0) await client.query('SET synchronous_commit = local')
    await briefly('setting rights', () => applyRights(client))
  } finally {
    // Ending the session releases the lock, also after an error.
    await client.end()
  }
}

/**
 * Takes the lock by asking again and again: a statement that waits for it would have a snapshot, for whose
 * end an index that another instance builds concurrently waits in turn.
 */
async function waitForTurn(client: pg.Client, log: (text: string) => void): Promise<void> {
  for (let tries = 0; ; tries++) {
    const { rows } = await client.query(`SELECT pg_try_advisory_lock(${LOCK}) AS held`)
    if (rows[0]?.held) return
    if (tries % SAID === SAID / 10)
      log(`Waiting for another that migrates: ${await holder(client)}`)
    await pause(TRIED)
  }
}

/** Who has the lock, in words. A session that is idle for long belongs to nobody any more. */
async function holder(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ said: string }>(
    `SELECT format('PostgreSQL''s process %s (%s, %s since %s)', l.pid, a.application_name, a.state,
       date_trunc('seconds', a.state_change)) AS said
     FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND l.objid = ${LOCK} AND l.classid = 0 AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  )
  return rows[0]?.said ?? 'it has just ended'
}

async function applyWhole(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('BEGIN')
  await keepVacuumAway(client, migration)
  for (const statement of migration.statements) await client.query(statement)
  await noteApplied(client, migration)
  await client.query('COMMIT')
}

/** Tables that a statement names as what it changes, or what a new foreign key refers to. */
const CHANGES = /\b(?:alter\s+table(?:\s+only)?|on|references)\s+(?:"?public"?\.)?"?(\w+)"?/gi
/** More than deadlock_timeout (1 s), after which PostgreSQL ends an automatic vacuum that is in the way, in ms. */
const VACUUM_TIMEOUT = 3000

/**
 * An automatic vacuum gives way to whoever has waited for a second, and a migration does not wait for so long. So
 * it first takes the weakest lock that keeps vacuums away: nobody stands in line behind that.
 */
async function keepVacuumAway(client: pg.Client, { statements }: Migration): Promise<void> {
  const named = [...statements.join('\n').matchAll(CHANGES)].map(([, name]) => name)
  const { rows } = await client.query<{ tables: string | null }>(
    `SELECT string_agg(format('public.%I', relname), ', ' ORDER BY relname) AS tables FROM pg_class
     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname = ANY ($1)`,
    [named],
  )
  const tables = rows[0]?.tables
  if (!tables) return
  await client.query(`SET LOCAL lock_timeout = ${VACUUM_TIMEOUT};
    LOCK TABLE ${tables} IN SHARE UPDATE EXCLUSIVE MODE;
    SET LOCAL lock_timeout = ${LOCK_TIMEOUT}`)
}

/**
 * Each statement by itself. They take no lock that others would stand in line for, and an index waits for
 * all transactions older than itself, so there is no limit to how long they wait.
 */
async function applyApart(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('SET lock_timeout = 0')
  for (const statement of migration.statements) {
    await dropInvalid(client, statement)
    await client.query(statement)
  }
  await noteApplied(client, migration)
  await client.query(`SET lock_timeout = ${LOCK_TIMEOUT}`)
}

const BUILDS = /create (?:unique )?index concurrently (?:if not exists )?"?(\w+)/i

/** A build that was broken off leaves an index that is written and never read; `IF NOT EXISTS` would keep it. */
async function dropInvalid(client: pg.Client, statement: string): Promise<void> {
  const name = BUILDS.exec(statement.replace(/\s+/g, ' '))?.[1]
  if (!name) return
  const { rows } = await client.query(
    'SELECT FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid',
    [`"${name}"`],
  )
  if (rows.length > 0) await client.query(`DROP INDEX CONCURRENTLY "${name}"`)
}
