import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import t, { type Test } from 'tap'
import { OPERATOR } from '../src/actor.ts'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { openDatabase } from '../src/db/client.ts'
import { joinEmbedded } from '../src/db/embedded.ts'
import { migrate } from '../src/db/migrate.ts'
import { roleFaults } from '../src/db/roles.ts'
import { transaction } from '../src/db/transaction.ts'
import { createKey } from '../src/keys/commands.ts'
import { get, story } from './factories.ts'
import { cloneDatabase, newsroom } from './newsroom.ts'
import { primaryServer } from './postgres-server.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** The same server's other database. */
function databaseAt(url: string, name: string): string {
  const other = new URL(url)
  other.pathname = `/${name}`
  return other.href
}

async function emptyDatabase(t: Test, server: string, owner?: string): Promise<string> {
  const name = `dateline_empty_${randomBytes(6).toString('hex')}`
  await query(server, `CREATE DATABASE ${name} TEMPLATE template0${owner ? ` OWNER ${owner}` : ''}`)
  t.teardown(() => query(server, `DROP DATABASE ${name} WITH (FORCE)`))
  return databaseAt(server, name)
}

/** All that migrations make: tables, constraints, indexes, functions, views, triggers and rights. */
async function shapeOf(url: string): Promise<Record<string, unknown>> {
  const schemas = "('public', 'reader', 'editor')"
  const parts = {
    columns: `select table_schema, table_name, column_name, data_type, is_nullable, column_default
      from information_schema.columns where table_schema in ${schemas} order by 1, 2, 3`,
    constraints: `select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
      where connamespace::regnamespace::text in ${schemas} order by 1, 2`,
    indexes: `select indexname, indexdef from pg_indexes where schemaname in ${schemas} order by 1`,
    functions: `select p.oid::regprocedure::text, prosrc, proacl::text from pg_proc p
      where pronamespace::regnamespace::text in ${schemas} order by 1`,
    views: `select schemaname, viewname, definition from pg_views where schemaname in ${schemas} order by 1, 2`,
    triggers: `select tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal order by 1`,
    rights: `select c.oid::regclass::text, relacl::text from pg_class c
      where relnamespace::regnamespace::text in ${schemas} order by 1`,
    applied: 'select hash, created_at from drizzle.__drizzle_migrations order by id',
  }
  const found: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(parts)) found[name] = await query(url, text)
  return found
}

const server = process.env.TEST_SERVER_URL ?? ''

t.test('many instances that start at once migrate once', async (t) => {
  const url = await emptyDatabase(t, server)
  await Promise.all(Array.from({ length: 10 }, () => migrate(url)))
  const journal = JSON.parse(await readFile(join(ROOT, 'migrations/meta/_journal.json'), 'utf8'))
  const shape = await shapeOf(url)
  t.equal((shape.applied as unknown[]).length, journal.entries.length)
  t.same(shape, await shapeOf(await cloneDatabase(t)), 'as one instance alone')
  await Promise.all([migrate(url), migrate(url)])
  t.same(await shapeOf(url), shape, 'again changes nothing')
})

t.test('who waits for another that migrates says for whom', async (t) => {
  const url = await cloneDatabase(t)
  const other = new pg.Client({ connectionString: url, application_name: 'left behind' })
  await other.connect()
  await other.query('select pg_advisory_lock(1684108389)')
  const said: string[] = []
  const waiting = migrate(url, { log: (text) => said.push(text) })
  while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 50))
  t.match(
    said[0],
    /^Waiting for another that migrates: PostgreSQL's process \d+ \(left behind, idle since /,
  )
  await other.end()
  await waiting
})

t.test('a start with nothing to migrate needs no synchronous standby', async (t) => {
  const { url, sql } = await primaryServer(t)
  await migrate(url)
  await sql(`alter system set synchronous_standby_names = 'nobody'`)
  await sql('select pg_reload_conf()')
  await migrate(url)
  t.pass('it did not wait')
})

t.test('the committed migrations make the tables of the code', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'dateline-migrations-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await cp(join(ROOT, 'migrations'), folder, { recursive: true })
  const before = (await readdir(folder, { recursive: true })).sort()
  // It puts `./` before the folder, whatever it is: only a relative one works.
  const { stdout } = await promisify(execFile)(
    join(ROOT, 'node_modules/.bin/drizzle-kit'),
    [
      'generate',
      '--dialect=postgresql',
      '--schema=./src/db/tables.ts',
      `--out=${relative(ROOT, folder)}`,
    ],
    { cwd: ROOT },
  )
  t.match(stdout, /No schema changes/)
  t.same((await readdir(folder, { recursive: true })).sort(), before)
})

t.test('every language that PostgreSQL knows is searched in its own way', async (t) => {
  const { sql } = await newsroom(t)
  const [row] = await sql(
    "select pg_get_functiondef(oid) as def from pg_proc where proname = 'search_configuration'",
  )
  const known = new Map(
    [...String(row?.def).matchAll(/'(\w+)'::text THEN '(\w+)'::regconfig/g)].map(([, l, c]) => [
      l,
      c,
    ]),
  )
  const configurations = await sql(
    "select cfgname as name from pg_ts_config where cfgname <> 'simple' order by 1",
  )
  const names = new Set(known.values())
  // What later versions of PostgreSQL bring is not indexed before a migration says so.
  t.ok(configurations.filter(({ name }) => names.has(String(name))).length > 25)
  for (const language of [
    ...known.keys(),
    'cy',
    'ja',
    'xx',
    'zh-Hant-TW',
    'pt-BR',
    'en-GB',
    'eng',
  ]) {
    const [found] = await sql('select search_configuration($1)::text as name', [language])
    t.equal(found?.name, known.get(language?.split('-')[0] ?? '') ?? 'simple', `${language}`)
  }
})

t.test('constraints are named after their table, column and kind', async (t) => {
  const { sql } = await newsroom(t)
  const rows = await sql(
    `select conrelid::regclass::text as table, conname as name, contype as kind,
       array(select attname::text from pg_attribute where attrelid = conrelid and attnum = any(conkey)) as columns
     from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n'`,
  )
  const suffixes: Record<string, string> = { p: 'pkey', u: 'key', f: 'fkey', c: 'check' }
  t.ok(rows.length > 30, `${rows.length} constraints`)
  for (const row of rows) {
    const { table, name, kind } = row as { table: string; name: string; kind: string }
    const columns = row.columns as string[]
    const end = `_${suffixes[kind] ?? 'unknown kind'}`
    t.ok(name.startsWith(`${table}_`) && name.endsWith(end), name)
    const middle = name.slice(table.length + 1, -end.length)
    if (kind === 'u' || kind === 'f') t.ok(columns.includes(middle), `${name}: ${columns}`)
  }
})

t.test('rights that were given by hand are noticed, and taken back', async (t) => {
  const { db, sql, url, reader } = await newsroom(t)
  t.same(await roleFaults(db), [])
  t.equal((await reader('GET', '/readyz')).status, 200)
  await sql('grant select on articles to dateline_reader')
  t.match(await roleFaults(db), [/readers .* can read articles, which they must not/])
  // What the database said is told again for a second.
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const missing = ['database roles']
  t.match(await reader('GET', '/readyz'), { status: 503, json: { code: 'unavailable', missing } })
  await sql('revoke select on editor.articles from dateline_editor')
  t.equal((await roleFaults(db)).length, 2)
  await migrate(url)
  t.same(await roleFaults(db), [])
  await new Promise((resolve) => setTimeout(resolve, 1100))
  t.equal((await reader('GET', '/readyz')).status, 200)
})

t.test('an owner who is not superuser can do all of it, for two databases at once', async (t) => {
  // On a server of its own: the roles are the whole server's, and here nobody has made them yet.
  const folder = await mkdtemp(join(tmpdir(), 'dateline-owner-'))
  await chmod(folder, 0o755)
  const own = await joinEmbedded({ dataDir: folder, flags: { fsync: 'off' } })
  t.teardown(async () => {
    await own.leave()
    await rm(folder, { recursive: true, force: true })
  })
  await query(own.url, "CREATE ROLE newsdesk LOGIN CREATEROLE PASSWORD 'secret'")
  const urls = await Promise.all(
    [1, 2].map(async () => {
      const url = new URL(await emptyDatabase(t, own.url, 'newsdesk'))
      url.username = 'newsdesk'
      url.password = 'secret'
      return url.href
    }),
  )
  await Promise.all(urls.flatMap((url) => Array.from({ length: 5 }, () => migrate(url))))
  const [first, second] = await Promise.all(urls.map(shapeOf))
  t.same(first, second)
  for (const url of urls) {
    const db = openDatabase({ url, size: 2 }, () => {})
    const app = await buildApp({ config: readConfig({ DATABASE_URL: url }), db })
    t.same(await roleFaults(db), [])
    const { key } = await transaction(db, (tx) =>
      createKey({ tx, actor: OPERATOR }, { name: 'x', scopes: ['admin'] }),
    )
    const call =
      (headers: Record<string, string>) => async (method: string, path: string, body?: unknown) => {
        const reply = await app.inject({
          method: method as 'GET',
          url: path,
          headers,
          ...(body !== undefined && { payload: body as object }),
        })
        return { status: reply.statusCode, headers: {}, text: reply.body, json: reply.json() }
      }
    const { slug } = await story(call({ authorization: `Bearer ${key}` }))
    t.equal((await get(call({}), `/v1/articles/${slug}`)).slug, slug)
    await t.rejects(db.reader.execute('select * from public.articles'), {
      cause: { code: '42501' },
    })
    await app.close()
    await db.close()
  }
})

t.test('a migration under a running service does not disturb it', async (t) => {
  const { db, sql } = await newsroom(t)
  const probe =
    'select * from editor.probe where a >= 0 /* of more than sixty characters, so it is named */'
  await sql('create view editor.probe as select 1 as a')
  await sql('grant select on editor.probe to dateline_editor')
  const read = async () => Object.keys((await db.editor.execute(probe)).rows[0] ?? {})
  const readAndWrite = () =>
    transaction(db, async (tx) => Object.keys((await tx.execute(probe)).rows[0] ?? {}))
  // Often enough for every connection of the pool to know the statement.
  const often = (work: () => Promise<string[]>) => Promise.all(Array.from({ length: 40 }, work))
  for (const work of [read, readAndWrite]) {
    for (const columns of await often(work)) t.same(columns, ['a'])
  }
  await sql('create or replace view editor.probe as select 1 as a, 2 as b')
  for (const columns of await often(readAndWrite)) t.same(columns, ['a', 'b'])
  await sql('create or replace view editor.probe as select 1 as a, 2 as b, 3 as c')
  for (const columns of await often(read)) t.same(columns, ['a', 'b', 'c'])
})
