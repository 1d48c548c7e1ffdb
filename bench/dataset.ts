import { hash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import type { SingleBar } from 'cli-progress'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import type pg from 'pg'
import { snapshot } from '../src/articles/queries.ts'
import { migrate } from '../src/db/migrate.ts'
import { copyInto } from './copy.ts'
import { fingerprint, withClient } from './database.ts'
import { makeArticle } from './dataset-articles.ts'
import { ALL_CATEGORIES, ALL_SOURCES } from './dataset-cast.ts'
import { articleRows, castRows } from './dataset-rows.ts'

/** Articles in one COPY, and in one transaction. */
const BATCH = 1000
/** COPYs at once: one core writes words, PostgreSQL makes search vectors of them on the others. */
const STREAMS = 2
/** Articles that stand for all when two data sets are compared. */
const SAMPLED = 20

/** Tables that a newsroom without editors and partners leaves empty. */
const EMPTY = [
  ...['api_keys', 'corrections', 'entitlements', 'idempotency_keys', 'partners'],
  ...['partner_categories', 'holdings', 'partner_feeds', 'feed_tellings'],
  ...['webhooks', 'deliveries', 'delivery_attempts'],
  ...['quote_count_changes', 'members_told'],
  ...['partner_counts', 'partner_quote_counts', 'category_count_changes'],
]

type Step = (title: string, total: number) => Pick<SingleBar, 'increment' | 'stop'>

/** What tells one data set from another: its size, and what is in it. */
function parameters(articles: number): string {
  const sample = Array.from({ length: SAMPLED }, (_, n) => makeArticle(n, articles))
  const all = [ALL_CATEGORIES, ALL_SOURCES, sample, DERIVED]
  return `${articles} ${fingerprint(JSON.stringify(all))}`
}

/**
 * Brings the database to the newest migration, with the data set in it: the one that is there, when
 * it was made with the same parameters, else a new one. A database with articles that are not ours
 * is refused. True when it was made anew.
 */
export async function prepareDataset(url: string, articles: number, step: Step): Promise<boolean> {
  const wanted = parameters(articles)
  const found = await withClient(url, findDataset)
  if (found === 'foreign') {
    throw new Error(
      'This database holds articles that the bench did not make: give it another one.',
    )
  }
  if (found === wanted && !(await withClient(url, migrationsChanged))) {
    const before = await withClient(url, countMigrations)
    await migrate(url)
    if ((await withClient(url, countMigrations)) === before) return false
    // A migration may have filled tables and made indexes.
    await withClient(url, (client) => client.query('VACUUM (ANALYZE)'))
    return false
  }
  await withClient(url, (client) => client.query(REMOVE))
  await migrate(url)
  await load(url, articles, step)
  await withClient(url, async (client) => {
    await client.query('CREATE SCHEMA bench')
    await client.query('CREATE TABLE bench.dataset AS SELECT $1::text AS parameters', [wanted])
  })
  return true
}

const REMOVE =
  'DROP SCHEMA IF EXISTS bench, bench_loading, reader, partner, editor, drizzle, pgboss, public CASCADE; CREATE SCHEMA public'

async function findDataset(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ ours: string | null; table: string | null }>(
    `SELECT to_regclass('bench.dataset') AS ours, to_regclass('public.articles') AS table`,
  )
  if (rows[0]?.ours) {
    const { rows } = await client.query<{ parameters: string }>(
      'SELECT parameters FROM bench.dataset',
    )
    return rows[0]?.parameters
  }
  if (!rows[0]?.table) return undefined
  const some = await client.query('SELECT FROM public.articles LIMIT 1')
  // A load that was broken off has articles too: it made this schema first.
  const begun = await client.query(`SELECT FROM pg_namespace WHERE nspname = 'bench_loading'`)
  return some.rows.length > 0 && begun.rows.length === 0 ? 'foreign' : undefined
}

async function countMigrations(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM drizzle.__drizzle_migrations',
  )
  return rows[0]?.n ?? 0
}

/** Whether a migration that was applied reads otherwise now, as they do until they are released. */
async function migrationsChanged(client: pg.Client): Promise<boolean> {
  const folder = new URL('../migrations/', import.meta.url)
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql'))
  const present = new Set<string>()
  for (const name of files) {
    const text = await readFile(new URL(name, folder), 'utf8')
    present.add(hash('sha256', text))
  }
  const { rows } = await client.query<{ hash: string }>(
    'SELECT hash FROM drizzle.__drizzle_migrations',
  )
  return rows.some((applied) => !present.has(applied.hash))
}

async function load(url: string, articles: number, step: Step): Promise<void> {
  const indexes = await withClient(url, async (client) => {
    await client.query('CREATE SCHEMA bench_loading')
    for (const rows of castRows()) await copyInto(client, rows)
    return dropIndexes(client)
  })
  const bar = step('articles', articles)
  const batches = Array.from({ length: Math.ceil(articles / BATCH) }, (_, n) => n * BATCH)
  const sendBatches = (client: pg.Client) => async () => {
    for (let first = batches.shift(); first !== undefined; first = batches.shift()) {
      const length = Math.min(BATCH, articles - first)
      const begin = first
      const made = Array.from({ length }, (_, i) => makeArticle(begin + i, articles))
      await client.query('BEGIN')
      for (const rows of articleRows(made)) await copyInto(client, rows)
      await client.query('COMMIT')
      bar.increment(length)
    }
  }
  await Promise.all(
    Array.from({ length: STREAMS }, () =>
      withClient(url, async (client) => {
        // Broken off, it is made anew: nothing is lost that counts.
        await client.query('SET synchronous_commit = off')
        await sendBatches(client)()
      }),
    ),
  )
  bar.stop()
  await withClient(url, (client) => finish(client, articles, indexes, step))
}

/** Indexes that are no constraints, dropped; the statements that make them again. */
async function dropIndexes(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string; statement: string }>(`
    SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS statement
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE c.relnamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)`)
  for (const { name } of rows) await client.query(`DROP INDEX ${name}`)
  return rows.map((row) => row.statement)
}

/** All that follows from the articles: indexes, slugs, the ledger, revisions. */
async function finish(client: pg.Client, articles: number, indexes: string[], step: Step) {
  await client.query(`SET maintenance_work_mem = '1GB'`).catch(() => {})
  const bar = step('indexes', indexes.length)
  for (const statement of indexes) {
    await client.query(statement)
    bar.increment()
  }
  bar.stop()
  await client.query('ANALYZE')
  const derived = step('what follows', DERIVED.length)
  for (const statement of DERIVED) {
    await client.query(statement)
    derived.increment()
  }
  derived.stop()
  await keepRevisions(client, articles, step)
  await demandFilled(client)
  await client.query('VACUUM (ANALYZE)')
  await client.query('CHECKPOINT').catch(() => {})
  await client.query('DROP SCHEMA bench_loading')
}

const DERIVED = [
  'SELECT public.rebuild_article_listings()',
  // What COPY has noted is counted at once.
  'TRUNCATE quote_count_changes',
  'SELECT public.rebuild_quote_counts()',
  `INSERT INTO slugs (kind, slug, resource_id)
   SELECT 'category', slug, id FROM categories
   UNION ALL SELECT 'source', slug, id FROM sources
   UNION ALL SELECT 'article', slug, id FROM articles
   ON CONFLICT DO NOTHING`,
  `INSERT INTO sightings (kind, resource_id)
   SELECT 'quote', id FROM quotes
   UNION ALL SELECT DISTINCT 'source', id FROM (
     SELECT source_id AS id FROM article_sources UNION SELECT speaker_id FROM quotes) s
   UNION ALL SELECT 'category', id FROM categories
   ON CONFLICT DO NOTHING`,
  // What changes_say_to_whom would say of each row, said of all at once: by the trigger, a million
  // rows take over 20 minutes. Nobody listens either.
  'ALTER TABLE changes DISABLE TRIGGER USER',
  `WITH filed AS (
     SELECT article_id, array_agg(resource_id) AS categories
     FROM article_listings WHERE kind = 'category' GROUP BY article_id)
   INSERT INTO changes (position, kind, resource_id, operation, event, to_version, key_name, at,
     was_visible, is_visible, was_early, is_early, is_language, is_categories)
   SELECT row_number() OVER (ORDER BY a.id), 'article', a.id, 'create', 'article.published', 1, 'bench',
     a.created_at, false, true, false, true, a.language, f.categories
   FROM articles a JOIN filed f ON f.article_id = a.id ORDER BY a.id`,
  'ALTER TABLE changes ENABLE TRIGGER USER',
]

/** Each article's first revision, by the service's own statement. */
async function keepRevisions(client: pg.Client, articles: number, step: Step): Promise<void> {
  const db = drizzle(client)
  const bar = step('revisions', articles)
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const page = sql`select id from articles where id > ${after}::uuid order by id limit ${BATCH}`
    const { rows } = await db.execute<{ id: string }>(sql`
      insert into revisions (article_id, version, content, at, key_name, event)
      select r.id, r.version, to_jsonb(r), r.updated_at, 'bench', 'article.published'
      from (${snapshot(sql`a.id in (${page})`)}) r order by r.id
      returning article_id as id`)
    if (rows.length === 0) break
    after = rows
      .map((row) => row.id)
      .sort()
      .at(-1) as string
    bar.increment(rows.length)
  }
  bar.stop()
}

/** A table that a new migration brought and that nobody fills would make the figures a lie. */
async function demandFilled(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`,
  )
  for (const { name } of rows) {
    const some = await client.query(`SELECT FROM public."${name}" LIMIT 1`)
    if (some.rows.length === 0 && !EMPTY.includes(name)) {
      throw new Error(
        `The data set leaves the table ${name} empty: say in bench/dataset.ts how it is filled.`,
      )
    }
  }
}
