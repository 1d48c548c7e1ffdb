import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { buildApp } from '../src/app.ts'
import { LOCK_TIMEOUT } from '../src/db/lock-waits.ts'
import { migrate } from '../src/db/migrate.ts'
import { roleFaults } from '../src/db/roles.ts'
import { loadBulk } from './bulk.ts'
import { get, story } from './factories.ts'
import { figure } from './figures.ts'
import { callerOf, type Newsroom, newsroom } from './newsroom.ts'
import { EXPANSION, plantMigrations } from './planted-migrations.ts'
import { isLong } from './size.ts'
import { startTraffic } from './traffic.ts'
import { until } from './webhook-desk.ts'

/*
 * Migrations under a running service: docs/operating.md, "Migrations on live traffic". The service here
 * is the version before, for it knows nothing of the migrations planted behind its own.
 */

const ARTICLES = isLong ? 100_000 : 2000
/** What a writer may wait beyond the lock: two cores are shared with everything else that runs. */
const SLACK = 1500

/** A session of somebody else, in a transaction that has done this. */
async function somebody(t: Test, url: string, ...statements: string[]) {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.end().catch(() => {}))
  await client.query('BEGIN')
  for (const statement of statements) await client.query(statement)
  return { goes: () => client.query('COMMIT') }
}

const valid = async ({ sql }: Newsroom, index: string) =>
  (
    await sql('select indisvalid as valid from pg_index where indexrelid = to_regclass($1)', [
      index,
    ])
  ).map(({ valid }) => valid)

const names = async ({ sql }: Newsroom, table: string) =>
  (
    await sql('select attname from pg_attribute where attrelid = $1::regclass and attnum > 0', [
      table,
    ])
  ).map(({ attname }) => attname)

t.test('a schema grows under writers and readers, and shrinks no right', async (t) => {
  const room = await newsroom(t)
  const { editor, reader, sql, url, db, config } = room
  await loadBulk(room, { articles: ARTICLES, categories: 50, sources: 200 })
  const folder = plantMigrations(t, EXPANSION)
  const undisturbed = startTraffic(editor, reader)
  await sleep(isLong ? 10_000 : 500)
  const usual = await undisturbed()
  const stop = startTraffic(editor, reader)
  await sleep(300)
  const began = performance.now()
  await migrate(url, { folder })
  const took = performance.now() - began
  await sleep(300)
  const felt = await stop()
  t.same(felt.failed, [])
  t.ok(felt.writes > 20 && felt.reads > 20, `${felt.writes} writes, ${felt.reads} reads`)
  t.ok(felt.slowestWrite < LOCK_TIMEOUT + SLACK, `the slowest write took ${felt.slowestWrite} ms`)
  t.same(await sql('select count(*)::int as empty from articles where dek is null'), [{ empty: 0 }])
  t.same(await valid(room, 'articles_dek_idx'), [true])
  figure(
    t,
    'migration under writers',
    `${Object.keys(EXPANSION).length} migrations on ${ARTICLES.toLocaleString('en')} articles in ${(took / 1000).toFixed(1)} s; ` +
      `${felt.writes} writes and ${felt.reads} reads, failed 0; ` +
      `slowest write ${Math.round(felt.slowestWrite)} ms, read ${Math.round(felt.slowestRead)} ms ` +
      `(without a migration ${Math.round(usual.slowestWrite)} and ${Math.round(usual.slowestRead)} ms)`,
  )

  // It is started again: back from the version after it, or beside it.
  await sql('grant delete on holdings to dateline_editor')
  const said: string[] = []
  await migrate(url, { log: (text) => said.push(text) })
  t.match(said, [/does not know/])
  const rights = `select has_table_privilege('dateline_editor', 'holdings', 'delete') as kept`
  t.same(await sql(rights), [{ kept: true }], 'a right of the version after is left')
  t.same(await roleFaults(db), [])
  const again = await buildApp({ config, db })
  t.teardown(() => again.close())
  const { slug } = await story(editor)
  t.equal((await get(callerOf(again, undefined), `/v1/articles/${slug}`)).slug, slug)
})

t.test('a table that somebody holds is waited for a moment at a time', async (t) => {
  const room = await newsroom(t)
  const { editor, reader, url } = room
  await story(editor)
  const folder = plantMigrations(t, { dek: 'ALTER TABLE articles ADD COLUMN dek text' })
  // As a dump does, for as long as it takes.
  const dump = await somebody(t, url, 'LOCK TABLE articles IN ACCESS SHARE MODE')
  const stop = startTraffic(editor, reader)
  const refused = migrate(url, { folder, patience: 1500 })
  await t.rejects(refused, { message: /^\d+_dek got no lock within 1.5 s: .*Nothing of it/ })
  t.notOk((await names(room, 'articles')).includes('dek'))
  const said: string[] = []
  const waiting = migrate(url, { folder, log: (text) => said.push(text) })
  await until(() => said.length >= 3)
  await dump.goes()
  await waiting
  t.ok((await names(room, 'articles')).includes('dek'))
  const { failed, writes, slowestWrite } = await stop()
  t.same(failed, [])
  t.ok(slowestWrite < LOCK_TIMEOUT + SLACK, `the slowest of ${writes} took ${slowestWrite} ms`)
  t.match(said[0], /_dek waits for a lock .*again in 250 ms/)
})

t.test('nobody stands in line while a vacuum is waited for', async (t) => {
  const room = await newsroom(t)
  const { editor, reader, url } = room
  await story(editor)
  // The lock of a vacuum, which nobody but another one and a migration minds.
  const vacuum = await somebody(t, url, 'LOCK TABLE articles IN SHARE UPDATE EXCLUSIVE MODE')
  const folder = plantMigrations(t, { dek: 'ALTER TABLE "articles" ADD COLUMN "dek" text' })
  const done = migrate(url, { folder })
  const waits = async () =>
    (
      await room.sql(
        `select mode from pg_locks where not granted and relation = 'articles'::regclass`,
      )
    )
      .map(({ mode }) => mode)
      .join()
  await until(async () => (await waits()) === 'ShareUpdateExclusiveLock')
  const stop = startTraffic(editor, reader)
  await sleep(1000)
  t.equal(await waits(), 'ShareUpdateExclusiveLock', 'it waits on, longer than for other locks')
  await vacuum.goes()
  await done
  const { failed, writes } = await stop()
  t.same(failed, [])
  t.ok(writes > 10, `${writes} writes`)
  t.ok((await names(room, 'articles')).includes('dek'))
})

t.test('each migration is a transaction of its own', async (t) => {
  const room = await newsroom(t)
  const planted = {
    first: 'ALTER TABLE articles ADD COLUMN first text',
    second: `ALTER TABLE articles ADD COLUMN second text;
      --> statement-breakpoint
      SELECT 1 / 0`,
    third: 'ALTER TABLE articles ADD COLUMN third text',
  }
  await t.rejects(migrate(room.url, { folder: plantMigrations(t, planted) }), { code: '22012' })
  const columns = await names(room, 'articles')
  t.ok(columns.includes('first'))
  t.notOk(columns.includes('second'))
  const mended = { ...planted, second: 'ALTER TABLE articles ADD COLUMN second text' }
  await migrate(room.url, { folder: plantMigrations(t, mended) })
  t.ok((await names(room, 'articles')).includes('third'), 'and it goes on from there')
})

const INDEX = `-- no transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS articles_byline_idx ON articles (byline)`

t.test('ten instances that start at once build one index', async (t) => {
  const room = await newsroom(t)
  const folder = plantMigrations(t, { index: INDEX })
  await Promise.all(Array.from({ length: 10 }, () => migrate(room.url, { folder })))
  t.same(await valid(room, 'articles_byline_idx'), [true])
})

t.test('an index whose build was broken off is built anew', async (t) => {
  const room = await newsroom(t)
  const { sql, url } = room
  await story(room.editor)
  const folder = plantMigrations(t, { index: INDEX })
  // A build waits for whoever could have written without knowing of the index.
  const writer = await somebody(t, url, 'LOCK TABLE articles IN ROW EXCLUSIVE MODE')
  const broken = migrate(url, { folder })
  const ended = t.rejects(broken, { code: '57P01' })
  await until(async () => (await valid(room, 'articles_byline_idx')).length > 0)
  await sql(
    "select pg_terminate_backend(pid) from pg_stat_activity where query like '%CONCURRENTLY%' and pid <> pg_backend_pid() and datname = current_database()",
  )
  await ended
  t.same(await valid(room, 'articles_byline_idx'), [false])
  await writer.goes()
  await migrate(url, { folder })
  t.same(await valid(room, 'articles_byline_idx'), [true])
})

t.test('a unique index over what is not unique says so, each time', async (t) => {
  const room = await newsroom(t)
  for (let n = 0; n < 2; n++) await story(room.editor, { byline: 'Ned Farrow' })
  const folder = plantMigrations(t, { index: INDEX.replace('CREATE', 'CREATE UNIQUE') })
  for (let n = 0; n < 2; n++) await t.rejects(migrate(room.url, { folder }), { code: '23505' })
  await room.sql('update articles set byline = id::text')
  await migrate(room.url, { folder })
  t.same(await valid(room, 'articles_byline_idx'), [true])
})
