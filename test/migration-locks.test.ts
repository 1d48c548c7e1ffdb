import { execFile, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { type Migration, readMigrations } from '../src/db/migrations.ts'
import { installQueue } from '../src/db/queue.ts'
import { createRoles } from '../src/db/roles.ts'
import { cloneDatabase, emptyDatabase } from './newsroom.ts'
import { EXPANSION, journalOf, MIGRATIONS, plantMigrations } from './planted-migrations.ts'

/*
 * Refuses a migration that locks what the running service needs for long, or takes away what the version
 * before uses: docs/operating.md, "Migrations on live traffic". Two look at each. Squawk reads what it
 * says. PostgreSQL applies it, and then tells which tables the transaction has locked and whether it has
 * read or written them whole: on an empty table too, so this does not depend on how fast the machine is.
 */

/** Nobody has run a version before the first release: these never met a service that was in use. */
const BEFORE_THE_FIRST_RELEASE = 17

/** Of Squawk's rules, those about taste, and those that the runner fulfils (src/db/migrate.ts). */
const NOT_OURS = [
  ...['require-lock-timeout', 'require-statement-timeout', 'require-timeout-settings'],
  ...['prefer-bigint-over-int', 'prefer-bigint-over-smallint', 'prefer-identity'],
  ...['prefer-text-field', 'prefer-timestamptz', 'prefer-robust-stmts', 'ban-char-field'],
]

/** Not among our packages: it comes as a program for each system, and not every registry has all of them. */
const SQUAWK = process.env.SQUAWK ?? 'squawk'
const WITHOUT_SQUAWK = spawnSync(SQUAWK, ['--version']).status !== 0
if (WITHOUT_SQUAWK)
  t.comment('Squawk is not installed: PostgreSQL alone looks (npm install --global squawk-cli)')

/** What Squawk finds wrong with SQL: the names of its rules. */
function squawk({ statements, inTransaction }: Migration, folder: string): Promise<string[]> {
  if (WITHOUT_SQUAWK) return Promise.resolve([])
  const file = join(folder, 'looked-at.sql')
  writeFileSync(file, statements.join('\n'))
  const assumed = inTransaction ? '--assume-in-transaction' : '--no-assume-in-transaction'
  const args = ['--pg-version=15.0', '--reporter=json', assumed, `--exclude=${NOT_OURS}`, file]
  return new Promise((resolve, reject) => {
    execFile(SQUAWK, args, (_, out, err) => {
      try {
        resolve(JSON.parse(out).map(({ rule_name }: { rule_name: string }) => rule_name))
      } catch {
        reject(new Error(`squawk: ${err}`))
      }
    })
  })
}

/** Of the tables that were there before: what the transaction that is open has done to them so far. */
const DONE = `
  select c.relname as table, l.locked, l.writes,
    s.seq_scan + coalesce(s.idx_scan, 0) as scans, s.n_tup_ins + s.n_tup_upd + s.n_tup_del as rows
  from pg_class c join pg_stat_xact_user_tables s on s.relid = c.oid
  cross join lateral (
    select bool_or(mode ~ '^(Share|ShareRowExclusive|Exclusive|AccessExclusive)Lock$') as locked,
      bool_or(mode = 'RowExclusiveLock') as writes
    from pg_locks where relation = c.oid and pid = pg_backend_pid()) l
  where c.oid = any($1::oid[]) order by 1`

/** New views that their role may not read: the version before, still running, would say that it is not ready. */
const CLOSED = `
  select c.oid::regclass::text as view from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('reader', 'partner', 'editor') and c.relkind = 'v'
    and c.oid <> all($1::oid[]) and not has_table_privilege('dateline_' || n.nspname, c.oid, 'select')
  order by 1`

/** What may stand in a migration that has no transaction: what takes no lock that others wait for. */
const APART =
  /^(create (unique )?index concurrently if not exists|drop index concurrently if exists|reindex .*concurrently|alter table \S+ validate constraint|do |call |analyze )/i

/** What PostgreSQL shows of a migration that it applies. */
async function applied(client: pg.Client, migration: Migration): Promise<string[]> {
  if (!migration.inTransaction) {
    const found = migration.statements.filter((text) => !APART.test(bare(text)))
    for (const statement of migration.statements) await client.query(statement)
    return found.map((text) => `needs a transaction: ${bare(text).slice(0, 60)}`)
  }
  const { rows: before } = await client.query(
    `select array_agg(c.oid) as tables from pg_class c where relkind = 'r'
       and relnamespace in ('public'::regnamespace, 'pgboss'::regnamespace)`,
  )
  const { rows: views } = await client.query(
    `select array_agg(oid) as views from pg_class where relkind = 'v'`,
  )
  // What earlier transactions of this session have done is told with this one's until it is sent off.
  await client.query('SELECT pg_stat_force_next_flush()')
  await client.query('BEGIN')
  for (const statement of migration.statements) await client.query(statement)
  const { rows } = await client.query(DONE, [before[0]?.tables])
  await client.query('COMMIT')
  const { rows: closed } = await client.query(CLOSED, [views[0]?.views])
  return [
    ...closed.map(({ view }) => `${view} comes without its rights`),
    ...rows.flatMap(({ table, locked, writes, scans, rows: written }) => [
      ...(locked && Number(scans) > 0 ? [`reads ${table} while nobody can write it`] : []),
      ...(Number(written) > 0 || (writes && Number(scans) > 0) ? [`changes rows of ${table}`] : []),
    ]),
  ]
}

/** A statement without the comments before it, in one line. */
function bare(statement: string): string {
  return statement
    .replace(/^\s*--.*$/gm, '')
    .trim()
    .replace(/\s+/g, ' ')
}

/** Brings an empty database to the first so many migrations: without rights, which name tables of later ones. */
async function applyFirst(url: string, many: number): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('SET client_min_messages = warning')
    await createRoles(client)
    await installQueue(client)
    for (const { statements } of readMigrations(MIGRATIONS).slice(0, many))
      for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

/** All that is wrong with the migrations of a folder behind the first so many, which the database has. */
async function breaches(url: string, folder: string, first: number): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const found: string[] = []
  try {
    for (const migration of readMigrations(folder).slice(first)) {
      const faults = [...(await squawk(migration, folder)), ...(await applied(client, migration))]
      found.push(...new Set(faults.map((fault) => `${migration.name}: ${fault}`)))
    }
  } finally {
    await client.end()
  }
  return found
}

const journal = journalOf(MIGRATIONS).entries

t.test('migrations rise in number and time', async (t) => {
  for (const [at, { tag, when }] of journal.entries()) {
    t.ok(tag.startsWith(`${String(at).padStart(4, '0')}_`), tag)
    t.ok(
      when > (journal[at - 1]?.when ?? 0),
      `${tag} is newer than the one before, or is passed over`,
    )
  }
})

t.test('no migration since the first release disturbs a running service', async (t) => {
  const url = await emptyDatabase(t)
  await applyFirst(url, BEFORE_THE_FIRST_RELEASE)
  t.same(await breaches(url, plantMigrations(t, {}), BEFORE_THE_FIRST_RELEASE), [])
})

/** What must be refused: what Squawk says of it, and what PostgreSQL shows, where either does. */
const BAD: [what: string, sql: string, said: string | null, shown: RegExp | null][] = [
  [
    'an index, while nobody can write',
    'CREATE INDEX articles_byline_idx ON articles (byline)',
    'require-concurrent-index-creation',
    /reads articles while/,
  ],
  [
    'a column that the version before does not fill',
    'ALTER TABLE sources ADD COLUMN rank integer NOT NULL',
    'adding-required-field',
    null,
  ],
  [
    'a column of which each row has its own',
    'ALTER TABLE articles ADD COLUMN token uuid DEFAULT gen_random_uuid()',
    'adding-field-with-default',
    /reads articles while/,
  ],
  [
    'NOT NULL that reads all rows',
    'ALTER TABLE articles ALTER COLUMN byline SET NOT NULL',
    'adding-not-nullable-field',
    /reads articles while/,
  ],
  [
    'a check of all rows at once',
    "ALTER TABLE sources ADD CONSTRAINT sources_title_check CHECK (title <> '')",
    'constraint-missing-not-valid',
    /reads sources while/,
  ],
  [
    'a check that is validated under the lock that it was added with',
    `ALTER TABLE sources ADD CONSTRAINT sources_title_check CHECK (title <> '') NOT VALID;
     --> statement-breakpoint
     ALTER TABLE sources VALIDATE CONSTRAINT sources_title_check`,
    null,
    /reads sources while/,
  ],
  [
    'another type',
    'ALTER TABLE delivery_attempts ALTER COLUMN ms TYPE bigint',
    'changing-column-type',
    null,
  ],
  ['another name', 'ALTER TABLE sources RENAME COLUMN title TO job', 'renaming-column', null],
  ['a column less', 'ALTER TABLE delivery_attempts DROP COLUMN excerpt', 'ban-drop-column', null],
  [
    'an index less, under the strongest lock',
    'DROP INDEX webhooks_created_at_id_idx',
    'require-concurrent-index-deletion',
    null,
  ],
  [
    'all rows changed in one transaction',
    "UPDATE sources SET description = '' WHERE description IS NULL",
    null,
    /changes rows of sources/,
  ],
  [
    'what needs a transaction, without one',
    '-- no transaction\nALTER TABLE sources ADD COLUMN note text',
    null,
    /needs a transaction/,
  ],
]

t.test('a migration that locks for long, or takes away what is used, is refused', async (t) => {
  for (const [what, sql, said, shown] of BAD) {
    const found = await breaches(
      await cloneDatabase(t),
      plantMigrations(t, { bad: sql }),
      journal.length,
    )
    if (shown) t.match(found.join('\n'), shown, what)
    if (said && !WITHOUT_SQUAWK) t.match(found.join('\n'), said, what)
  }
})

t.test('the ways of docs/operating.md are not', async (t) => {
  const found = await breaches(
    await cloneDatabase(t),
    plantMigrations(t, EXPANSION),
    journal.length,
  )
  t.same(found, [])
})
