import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import t, { type Test } from 'tap'
import { migrate } from '../src/db/migrate.ts'
import { loadBulk } from './bulk.ts'
import { DEBIAN_BIN, debianServer, debianVersion, WITHOUT_DEBIAN } from './debian-postgres.ts'
import { category, must, patch, quote, story } from './factories.ts'
import { figure } from './figures.ts'
import type { Call } from './newsroom.ts'
import { adminKey, serviceProcess } from './service-process.ts'
import { isLong } from './size.ts'
import { ON_LOOPBACK, startReceiver, until } from './webhook-desk.ts'

/*
 * "Backup and restore" in docs/operating.md: its commands, from one server of PostgreSQL to an empty one,
 * and the service on what came of it.
 */

const ARTICLES = isLong ? 100_000 : 1000

/** The commands of the section whose first line names them, such as `# roles`. */
function commands(name: string): string {
  const doc = readFileSync(fileURLToPath(new URL('../docs/operating.md', import.meta.url)), 'utf8')
  const section = doc.split('\n## Backup and restore\n')[1]?.split('\n## ')[0] ?? ''
  const blocks = [...section.matchAll(/^```sh\n(# .*\n)([\s\S]*?)^```$/gm)]
  const found = blocks.find(([, first]) => first?.startsWith(`# ${name}`))?.[2]
  if (!found) throw new Error(`docs/operating.md has no commands "# ${name}"`)
  return found
}

async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Of every table its rows' checksum, of every sequence where it is, of everything who may what. */
function checksums(url: string): Promise<Map<string, string>> {
  return onServer(url, async (client) => {
    const sums = new Map<string, string>()
    const { rows: tables } = await client.query(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname in ('public', 'pgboss', 'drizzle') order by 1`,
    )
    for (const { name } of tables) {
      const { rows } = await client.query(
        `select count(*) || ' ' || coalesce(md5(string_agg(sum, '' order by sum)), '') as sum
         from (select md5(t::text) as sum from ${name} t) s`,
      )
      sums.set(name, rows[0].sum)
    }
    const others = {
      sequences: `select format('%s.%s %s', schemaname, sequencename, last_value) as one from pg_sequences`,
      rights: `select format('%s %s', c.oid::regclass, relacl) as one from pg_class c
        where relnamespace::regnamespace::text in ('public', 'reader', 'partner', 'editor', 'pgboss')`,
      functions: `select format('%s %s', p.oid::regprocedure, proacl) as one from pg_proc p
        where pronamespace = 'public'::regnamespace`,
    }
    for (const [name, text] of Object.entries(others)) {
      const { rows } = await client.query(`${text} order by 1`)
      sums.set(name, rows.map(({ one }) => one).join('\n'))
    }
    return sums
  })
}

/** Runs commands as they are printed, with this PostgreSQL's programs. */
async function shell(t: Test, text: string, env: Record<string, string>): Promise<number> {
  const began = performance.now()
  const cwd = t.testdirName
  const PATH = `${DEBIAN_BIN}:${process.env.PATH}`
  await promisify(execFile)('bash', ['-euc', text], { cwd, env: { PATH, ...env } })
  return (performance.now() - began) / 1000
}

t.test('a dump, restored into an empty server', { skip: WITHOUT_DEBIAN }, async (t) => {
  t.testdir()
  const receiver = await startReceiver(t)
  const settings = {
    ...{ ...ON_LOOPBACK, WEBHOOK_RETRY_SCALE: '0.2', PUBLIC_URL: 'https://dateline.example' },
  }
  const env = async () => {
    const { superuser, at } = await debianServer(t)
    const url = `postgres://dateline:secret@${at}/dateline`
    await shell(t, commands('roles'), { SUPERUSER_URL: superuser })
    return { DATABASE_URL: url, SUPERUSER_URL: superuser }
  }

  const old = await env()
  await migrate(old.DATABASE_URL)
  await onServer(old.DATABASE_URL, (client) =>
    loadBulk(
      { sql: async (text) => (await client.query(text)).rows },
      { articles: ARTICLES, categories: 50, sources: 200 },
    ),
  )
  const admin = await adminKey(old.DATABASE_URL)
  let service = await serviceProcess(t, { ...settings, DATABASE_URL: old.DATABASE_URL })
  await service.ready()
  const editor: Call = (method, path, body, headers) =>
    service.call(method, path, body, { ...admin, ...headers })
  const asPartner: Call = (method, path) => service.call(method, path, undefined, theirs)

  // What a newsroom has beside its articles.
  const harbour = await category(editor, { name: 'Harbour' })
  const partner = (await must(editor, 'POST', '/v1/partners', { name: 'The Record' })).json
  const grant = { name: 'theirs', scopes: ['read', 'syndication'], partner: partner.id }
  const { key } = (await must(editor, 'POST', '/v1/keys', grant)).json
  const theirs = { authorization: `Bearer ${key}` }
  const made: { id: string; slug: string }[] = []
  for (let n = 0; n < 10; n++) {
    const body = { markdown: `“We will sail at ${n},” said the master.` }
    made.push(await story(editor, { headline: `Boat ${n}`, body, categories: [harbour.id] }))
  }
  const [first, second] = made
  await quote(editor, { article: first?.id ?? '', text: 'We will sail at 0' })
  await patch(editor, `/v1/articles/${first?.id}`, { headline: 'Late boat' })
  const kill = { reason: 'wrong', notice: 'Withdrawn.' }
  await must(editor, 'POST', `/v1/articles/${second?.id}/kill`, kill)
  const intent = { headline: 'Once', body: { markdown: 'Only once.' } }
  const once = { 'idempotency-key': 'before-the-dump' }
  const written = await must(editor, 'POST', '/v1/articles', intent, once)
  await receiver.answer('/hook', { status: 503 })
  await must(editor, 'POST', '/v1/webhooks', { url: receiver.url('/hook'), events: ['*'] })
  const untold = await story(editor, { headline: 'Not yet told' })
  await receiver.until('/hook', 1)

  // Cursors handed out before: of lists, of the middle of a snapshot, of the feed.
  const lists = ['/v1/articles?limit=7', '/v1/articles?q=boat&limit=3', '/v1/quotes?limit=7']
  const next = async (call: Call, path: string): Promise<string> => {
    const { page } = (await must(call, 'GET', path)).json
    return `${path}&cursor=${page.next}`
  }
  const open = await Promise.all(lists.map((path) => next(service.call, path)))
  const snapshot = await next(asPartner, '/v1/changes?snapshot=true&limit=5')
  const begun = await next(asPartner, '/v1/changes?limit=5')
  const readOn = async (path: string) => {
    const rows: unknown[] = []
    for (let cursor = path; ; ) {
      const { data, page } = (await must(asPartner, 'GET', cursor)).json
      if (data.length === 0) return { rows, cursor }
      rows.push(...data)
      cursor = cursor.replace(/cursor=.*/, `cursor=${page.next}`)
    }
  }
  /** A page of a snapshot, but for when it was asked for. */
  const page = async (path: string): Promise<object[]> =>
    (await must(asPartner, 'GET', path)).json.data.map((row: object) => ({ ...row, at: '' }))
  const before = {
    lists: await Promise.all(
      open.map(async (path) => (await must(service.call, 'GET', path)).text),
    ),
    snapshot: await page(snapshot),
    feed: await readOn(begun),
  }
  service.signal('SIGTERM')
  t.equal(await service.ended, 0)

  const dumped = await shell(t, commands('dump'), old)
  const sums = await checksums(old.DATABASE_URL)
  const fresh = await env()
  const restored = await shell(t, commands('restore'), fresh)
  const found = await checksums(fresh.DATABASE_URL)
  t.same([...found.keys()], [...sums.keys()])
  t.ok(sums.size > 25, `${sums.size} checksums`)
  for (const [name, sum] of sums) t.equal(found.get(name), sum, name)

  // Every port is another one; nothing of the first server is left to be read.
  service = await serviceProcess(t, { ...settings, DATABASE_URL: fresh.DATABASE_URL })
  await service.ready()
  for (const [at, path] of open.entries()) {
    t.same((await must(service.call, 'GET', path)).json, JSON.parse(before.lists[at] ?? ''), path)
  }
  t.same(await page(snapshot), before.snapshot)
  t.same((await readOn(begun)).rows, before.feed.rows)
  t.equal((await service.call('GET', `/v1/articles/${second?.slug}`)).status, 410)
  const again = await must(editor, 'POST', '/v1/articles', intent, once)
  t.equal(again.text, written.text, 'an idempotency key is kept')
  const after = await story(editor, { headline: 'After', categories: [harbour.id] })
  const { rows } = await readOn(before.feed.cursor)
  t.match(rows, [{ op: 'upsert', id: after.id }], 'the feed goes on where it was')
  await receiver.answer('/hook', { status: 204 })
  await until(() => {
    const told = receiver.got('/hook').map(({ body }) => body)
    return [untold.id, after.id].every((id) => told.filter((one) => one.includes(id)).length > 0)
  })
  t.ok(
    receiver.got('/hook').some(({ body }) => body.includes(after.id)),
    'webhooks go on',
  )
  figure(
    t,
    'dump restored',
    `${debianVersion()}: ${ARTICLES.toLocaleString('en')} articles dumped in ${dumped.toFixed(1)} s, restored in ${restored.toFixed(1)} s; ` +
      `${sums.size} checksums equal; ${open.length + 2} cursors went on`,
  )
})
