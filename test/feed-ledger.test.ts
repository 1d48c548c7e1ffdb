import { type ChildProcess, spawn } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import t from 'tap'
import { OPERATOR } from '../src/actor.ts'
import { createArticle, deleteArticle, updateArticle } from '../src/articles/commands.ts'
import { killArticle, publishArticle, unpublishArticle } from '../src/articles/lifecycle.ts'
import { updateCategory } from '../src/categories/commands.ts'
import { followChanges } from '../src/changes/follow.ts'
import { numberChanges } from '../src/changes/queries.ts'
import { sweep } from '../src/changes/sweep.ts'
import { openDatabase, type Writing } from '../src/db/client.ts'
import { driverError } from '../src/db/sqlstate.ts'
import { transaction } from '../src/db/transaction.ts'
import { updateSource } from '../src/sources/commands.ts'
import {
  category,
  draft,
  get,
  inSeconds,
  must,
  patch,
  publish,
  source,
  story,
} from './factories.ts'
import { newsroom } from './newsroom.ts'
import { runs } from './size.ts'

/*
 * Sixteen writers whose transactions take their time, and four partners, each entitled to something else,
 * who copy all the while with examples/mirror.ts. One of them is killed again and again. In the end nobody
 * has missed anything.
 */

const LONG = runs(1) > 1
/** Rows in the ledger. */
const CHANGES = LONG ? 5000 : 300
/** How long a transaction stays open after its writes, at most, in ms. */
const OPEN = LONG ? 2000 : 250
const WRITERS = 16
/** How long the shorter embargoes are, in seconds. */
const BRIEF = 2
const MIRROR = fileURLToPath(new URL('../examples/mirror.ts', import.meta.url))

const room = await newsroom(t)
const { app, editor, sql } = room
const db = openDatabase({ url: room.url, size: WRITERS }, () => {})
t.teardown(() => db.close())
const API = await app.listen({ host: '127.0.0.1', port: 0 })

const below = (n: number) => Math.floor(Math.random() * n)
const oneOf = <T>(list: readonly T[]): T => list[below(list.length)] as T

class Rollback extends Error {}

t.test('nobody misses anything, and what all see is the same', async (t) => {
  const sections: { id: string }[] = []
  for (const name of ['Harbour', 'Town', 'Sport']) sections.push(await category(editor, { name }))
  const [harbour, town, sport] = sections
  sections.push(await category(editor, { name: 'Rowing', parent: sport?.id }))
  // Named seldom, so that partners see it come and go; its members show it only while they do.
  const trust = await source(editor, { kind: 'organization', name: 'Harbour Trust' })
  const people = await Promise.all(
    ['Quill', 'Drage', 'Orrock'].map((name) => source(editor, { name, organization: trust.id })),
  )
  // Named at the very end only: what all stories show of its member changes, and no story does.
  const club = await source(editor, { kind: 'organization', name: 'Rowing Club' })
  const rower = await source(editor, { name: 'Keel', organization: club.id })
  // The same, but under an embargo; then it is renamed.
  const vault = await source(editor, { kind: 'organization', name: 'Vault' })
  const keeper = await source(editor, { name: 'Lock', organization: vault.id })
  const entitled = [
    {},
    { categories: { allowed: [harbour?.id, sport?.id] }, languages: ['en'] },
    { categories: { excluded: [town?.id] } },
    { earlyAccess: true },
  ]
  const keys: string[] = []
  for (const [i, input] of entitled.entries()) {
    const { json } = await must(editor, 'POST', '/v1/partners', { name: `Partner ${i}`, ...input })
    const scopes = ['read', 'syndication', ...('earlyAccess' in input ? ['embargo:read'] : [])]
    const key = { name: 'k', scopes, partner: json.id }
    keys.push((await must(editor, 'POST', '/v1/keys', key)).json.key)
  }
  const folder = t.testdir({})
  const running = new Map<number, ChildProcess>()
  const file = (i: number) => `${folder}/mirror-${i}.db`
  const start = (i: number) => {
    const env = { PATH: process.env.PATH, API, KEY: keys[i] }
    const child = spawn(process.execPath, ['--no-warnings', MIRROR, file(i)], {
      env,
      stdio: 'inherit',
    })
    running.set(i, child)
  }
  keys.forEach((_, i) => {
    start(i)
  })
  const stop = () => {
    for (const child of running.values()) child.kill('SIGKILL')
  }
  t.teardown(stop)
  process.once('exit', stop)
  process.once('SIGTERM', () => process.exit(1))

  // Who pages by the sequence, as one would: a number taken inside a transaction that commits later.
  const naive = { seen: new Set<string>(), last: 0 }
  const counting = new pg.Client({ connectionString: room.url })
  await counting.connect()
  const look = async () => {
    const { rows } = await counting.query('select id from changes where id > $1 order by id', [
      naive.last,
    ])
    for (const { id } of rows) {
      naive.seen.add(id)
      naive.last = Number(id)
    }
  }

  const articles: string[] = []
  let [written, undone, kills] = [0, 0, 0]
  const content = () => ({
    headline: `Story ${below(1e6)}`,
    body: { markdown: `Text ${below(1e6)}. “We will see,” said a speaker.` },
    quotes: [{ text: 'We will see', speaker: oneOf(people).id }],
    language: oneOf(['en', 'en', 'pt']),
    categories: [oneOf(sections).id],
    sources: [oneOf([...people, rower, keeper]).id, ...(below(12) === 0 ? [trust.id] : [])],
  })
  /** Now, or under an embargo: one that ends meanwhile, or not before the end. */
  const times = () =>
    oneOf([{}, {}, { embargoUntil: inSeconds(BRIEF) }, { embargoUntil: inSeconds(3600) }])
  const act = async (ctx: Writing): Promise<number> => {
    const id = articles.length < 20 ? undefined : oneOf(articles)
    const dice = below(20)
    if (id === undefined || dice < 4) {
      const made = await createArticle(ctx, content())
      await publishArticle(ctx, made, times(), undefined)
      articles.push(made)
      return 2
    }
    if (dice < 12) {
      await updateArticle(ctx, id, content(), undefined)
      return 1
    }
    if (dice < 14) await unpublishArticle(ctx, id, {}, undefined)
    else if (dice < 16) await publishArticle(ctx, id, times(), undefined)
    else if (dice < 17) await killArticle(ctx, id, { reason: 'r', notice: 'n' }, undefined)
    else if (dice < 18) {
      const draft = await createArticle(ctx, content())
      await deleteArticle(ctx, draft, undefined)
      return 2
    } else if (dice < 19) {
      const belongs = below(3) > 0 ? trust.id : null
      const changed = { name: `Name ${below(1e6)}`, organization: belongs }
      await updateSource(ctx, oneOf(people).id, changed, undefined)
    } else {
      const renamed = { name: `Name ${below(1e6)}` }
      await updateCategory(ctx, oneOf(sections).id, renamed, undefined)
    }
    return 1
  }
  const writer = async () => {
    while (written < CHANGES) {
      const rolledBack = below(8) === 0
      const work = transaction(db, async (tx) => {
        const rows = await act({ tx, actor: OPERATOR })
        await pause(below(OPEN))
        if (rolledBack) throw new Rollback()
        return rows
      })
      const rows = await work.catch((error) => {
        // Whoever waits too long for a row that others change is refused, as over HTTP.
        const waited = ['57014', '55P03'].includes(driverError(error)?.code ?? '')
        if (error instanceof Rollback || waited) undone++
        // What is not possible in that state, and what was rolled back with the draft it was about.
        else if (error.code !== 'wrong_state' && error.code !== 'not_found') throw error
        return 0
      })
      written += rows
      await look()
    }
  }
  const writing = Promise.all(Array.from({ length: WRITERS }, writer))
  let over = false
  const killing = (async () => {
    while (!over) {
      await pause(LONG ? 5000 : 1500)
      running.get(0)?.kill('SIGKILL')
      kills++
      await pause(50)
      start(0)
    }
  })()
  const sweeping = (async () => {
    while (!over) {
      await sweep(room.db)
      // A writer may have such a member for longer than is waited for.
      await followChanges(room.db).catch(() => {})
      await pause(200)
    }
  })()
  await writing.finally(() => {
    over = true
  })
  await killing
  await look()
  await counting.end()
  await sweeping
  await story(editor, { headline: 'Regatta', sources: [club.id], categories: [sport?.id] })
  const sealed = await draft(editor, { headline: 'Sealed', sources: [vault.id] })
  await publish(editor, sealed.id, { embargoUntil: inSeconds(3600) })
  await pause(BRIEF * 1000)
  await sweep(room.db)
  // So many rows at a time.
  for (let looks = 0; looks < 5; looks++) {
    await numberChanges(room.db.editor)
    await followChanges(room.db)
  }
  await patch(editor, `/v1/sources/${vault.id}`, { name: 'Renamed vault' })

  const [row] = await sql('select count(*)::int as all, max(position)::int as head from changes')
  await get(editor, '/v1/audit?limit=1')
  const [numbered] = await sql('select count(*)::int as n from changes where position is null')
  t.equal(numbered?.n, 0)
  const missed = Number(row?.all) - naive.seen.size
  t.comment(
    `${row?.all} changes, ${undone} rolled back; mirror 0 killed ${kills} times; by sequence ${missed} missed`,
  )
  t.ok(missed > 0, 'a plain sequence cursor would have missed some')
  const inOrder = await sql(`
    select count(*)::int as n from changes a join changes b
      on a.resource_id = b.resource_id and a.id < b.id and a.position > b.position`)
  t.equal(inOrder[0]?.n, 0, 'the order of each resource is kept')

  for (const [i, key] of keys.entries()) {
    // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
    const call = async (path: string): Promise<any> =>
      (await fetch(`${API}${path}`, { headers: { authorization: `Bearer ${key}` } })).json()
    // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
    const present = new Map<string, any>()
    for (let query = 'snapshot=true'; ; ) {
      const { data, page } = await call(`/v1/changes?limit=100&${query}`)
      for (const { id, article } of data) if (article) present.set(id, JSON.stringify(article))
      if (data.length === 0 || data[0].event !== 'snapshot') break
      query = `cursor=${page.next}`
    }
    let mirror = new Map<string, string>()
    const same = () =>
      mirror.size === present.size && [...mirror].every(([id, json]) => present.get(id) === json)
    for (let tries = 0; tries < 100 && !same(); tries++) {
      await pause(100)
      const copy = new DatabaseSync(file(i), { readOnly: true, timeout: 5000 })
      const rows = copy.prepare('select id, json from articles where json is not null').all()
      mirror = new Map(rows.map(({ id, json }) => [String(id), String(json)]))
      copy.close()
    }
    t.ok(present.size > 5, `partner ${i} has ${present.size} stories`)
    t.strictSame(
      [...mirror].sort(([a], [b]) => (a < b ? -1 : 1)),
      [...present].sort(([a], [b]) => (a < b ? -1 : 1)),
      `mirror ${i} is the snapshot, byte for byte`,
    )
  }
})
