import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { OPERATOR } from '../src/actor.ts'
import { createArticle } from '../src/articles/commands.ts'
import { publishArticle } from '../src/articles/lifecycle.ts'
import { transaction } from '../src/db/transaction.ts'
import { createKey } from '../src/keys/commands.ts'
import { category, get, must } from './factories.ts'
import { type Call, callerOf, newsroom } from './newsroom.ts'
import { runs } from './size.ts'
import { freePort, ON_LOOPBACK, opened, startReceiver, webhook } from './webhook-desk.ts'
import type { Got } from './webhook-receiver.ts'

/*
 * Two processes of the service, killed in turn every few seconds while they take writes and deliver, and
 * receivers that fail three times in ten. In the end every change has reached every webhook that it
 * concerns, or was withdrawn by the removal that did.
 */

const LONG = runs(1) > 1
/** Rows of the feed, as readers see it. */
const EVENTS = LONG ? 2000 : 200
const WRITERS = 4
/** From the start of one to the kill of the other, in ms. */
const LIFE = LONG ? 3000 : 1500
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const settings = { ...ON_LOOPBACK, WEBHOOK_RETRY_SCALE: '0.0001' }

// Half a minute on two idle cores; both processes start anew again and again.
t.setTimeout(LONG ? 3_600_000 : 600_000)
const room = await newsroom(t, { settings })
const { editor, sql, db } = room
const below = (n: number) => Math.floor(Math.random() * n)
const oneOf = <T>(list: readonly T[]): T => list[below(list.length)] as T

class Rollback extends Error {}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Told = any
type Hook = {
  id: string
  name: string
  secrets: string[]
  got(): Got[]
  /** The feed that it is told, from where it began. */
  feed(): Promise<Told[]>
}

t.test('every change arrives or is withdrawn, signed and in order', async (t) => {
  const sections = [
    await category(editor, { name: 'Harbour' }),
    await category(editor, { name: 'Town' }),
  ]
  const [harbour] = sections
  const receivers = [await startReceiver(t, 0.3), await startReceiver(t, 0.3)]
  const hooks: Hook[] = []
  const register = async (name: string, input: object, partner?: string, early = false) => {
    const receiver = receivers[hooks.length % 2]
    if (!receiver) throw new Error('no receiver')
    const at = `/${name}`
    const { id, secret } = await webhook(room, receiver.url(at), { ...input, partner })
    const [row] = await sql('select position from webhooks where id = $1', [id])
    const scopes = early ? ['syndication', 'embargo:read'] : ['syndication']
    const key = (await must(editor, 'POST', '/v1/keys', { name, scopes, partner })).json.key
    const reader = callerOf(room.app, `Bearer ${key}`)
    hooks.push({
      ...{ id, name, secrets: [secret], got: () => receiver.got(at) },
      feed: async () =>
        (await feedOf(reader)).filter(({ position }) => position > Number(row?.position)),
    })
  }
  const partner = async (input: object) =>
    (await must(editor, 'POST', '/v1/partners', { name: 'P', ...input })).json.id
  await register('all', {})
  await register('harbour', {}, await partner({ categories: { allowed: [harbour.id] } }))
  await register('early', { earlyAccess: true }, await partner({ earlyAccess: true }), true)
  await register('portuguese', {}, await partner({ languages: ['pt'] }))

  const { key } = await transaction(db, (tx) =>
    createKey({ tx, actor: OPERATOR }, { name: 'writers', scopes: ['admin'] }),
  )
  const services = [await freePort(), await freePort()].map((port) => ({
    api: `http://127.0.0.1:${port}`,
    child: undefined as ChildProcess | undefined,
    up: false,
    async start() {
      const env = { PATH: process.env.PATH, ...settings, PORT: `${port}`, DATABASE_URL: room.url }
      const more = { MIGRATE: 'false', RATE_LIMIT: '0', LOG_LEVEL: 'error', DATABASE_POOL: '5' }
      this.child = spawn(process.execPath, [MAIN], {
        ...{ env: { ...env, ...more }, stdio: ['ignore', 'ignore', 'inherit'] },
      })
      const ready = async () => (await fetch(`${this.api}/readyz`).catch(() => undefined))?.ok
      for (let tries = 0; tries < 600 && !(await ready()); tries++) await pause(50)
      this.up = true
    },
  }))
  const stop = () => {
    for (const { child } of services) child?.kill('SIGKILL')
  }
  t.teardown(stop)
  process.once('exit', stop)
  process.once('SIGTERM', () => process.exit(1))
  await Promise.all(services.map((service) => service.start()))

  const articles: string[] = []
  let lost = 0
  /** A write to whichever lives; what became of one that was cut off, nobody knows. */
  const write = async (method: string, path: string, body: object): Promise<Told> => {
    const headers = {
      ...{ authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(method === 'PATCH' && { 'if-match': '*' }),
    }
    const living = services.filter(({ up }) => up)
    const url = oneOf(living.length > 0 ? living : services).api + path
    try {
      const reply = await fetch(url, { method, headers, body: JSON.stringify(body) })
      const json = (await reply.json()) as Told
      // What is not possible in that state; nothing else.
      if (!reply.ok && reply.status !== 409) t.fail(`${method} ${path}: ${JSON.stringify(json)}`)
      return reply.ok ? json : undefined
    } catch {
      lost++
      await pause(100)
      return undefined
    }
  }
  const content = () => ({
    ...{ headline: `Story ${below(1e6)}`, body: { markdown: `Text ${below(1e6)}.` } },
    ...{ language: oneOf(['en', 'en', 'pt']), categories: [oneOf(sections).id] },
  })
  const undone: string[] = []
  const undo = () =>
    transaction(db, async (tx) => {
      const ctx = { tx, actor: OPERATOR }
      const id = await createArticle(ctx, content())
      await publishArticle(ctx, id, {}, undefined)
      undone.push(id)
      await pause(below(100))
      throw new Rollback()
    }).catch((error) => {
      if (!(error instanceof Rollback)) throw error
    })
  const act = async () => {
    const dice = below(20)
    const id = articles.length < 10 ? undefined : oneOf(articles)
    const at = `/v1/articles/${id}`
    if (id === undefined || dice < 5) {
      const made = await write('POST', '/v1/articles', content())
      const embargo = dice === 0 ? { embargoUntil: new Date(Date.now() + 5000) } : {}
      if (made && (await write('POST', `/v1/articles/${made.id}/publish`, embargo)))
        articles.push(made.id)
    } else if (dice < 14) await write('PATCH', at, content())
    else if (dice < 16) await write('POST', `${at}/unpublish`, {})
    else if (dice < 18) await write('POST', `${at}/publish`, {})
    else if (dice < 19) await write('POST', `${at}/kill`, { reason: 'r', notice: 'n' })
    else await undo()
  }
  const written = async () => {
    const [row] = await sql(
      'select count(*)::int as n from changes where is_visible or was_visible',
    )
    return Number(row?.n)
  }

  let over = false
  let kills = 0
  const killing = (async () => {
    while (!over) {
      await pause(LIFE)
      const service = oneOf(services)
      service.child?.kill('SIGKILL')
      kills++
      // Those who write notice with the next request, or in the middle of one.
      await pause(50)
      service.up = false
      await service.start()
    }
  })()
  // The standard's library takes no message that is older than five minutes, so each is opened soon.
  const seen = new Map(hooks.map(({ id }) => [id, 0]))
  let rotated = Number.POSITIVE_INFINITY
  const verify = () => {
    for (const hook of hooks) {
      const got = hook.got()
      for (const one of got.slice(seen.get(hook.id))) {
        const by = hook.secrets.filter((secret) => isGood(one, secret))
        const all = one.at > rotated + 2000 ? hook.secrets.length : 1
        if (by.length < all) t.fail(`${hook.name} got a message that is signed by ${by.length}`)
      }
      seen.set(hook.id, got.length)
    }
  }
  const verifying = (async () => {
    while (!over) {
      await pause(1000)
      verify()
    }
  })()
  const writing = Array.from({ length: WRITERS }, async () => {
    while ((await written()) < EVENTS) {
      await act()
      await pause(below(100))
    }
  })
  const rotating = (async () => {
    while ((await written()) < EVENTS / 2) await pause(100)
    for (const hook of hooks) {
      const { json } = await must(editor, 'POST', `/v1/webhooks/${hook.id}/rotate-secret`)
      hook.secrets.push(json.secret)
    }
    rotated = Date.now()
  })()
  await Promise.all([...writing, rotating]).finally(() => {
    over = true
  })
  await Promise.all([killing, verifying])
  const wrote = performance.now()

  let pending = 1
  for (let tries = 0; tries < 1200 && pending > 0; tries++) {
    await pause(100)
    verify()
    const [row] = await sql(`
      select (select count(*) from deliveries where state = 'pending')
        + (select count(*) from webhooks where position < (select max(position) from changes))
        + (select count(*) from changes where position is null)
        -- Of these the end of their embargo is still to be told.
        + (select count(*) from articles where status = 'published' and not announced) as n`)
    pending = Number(row?.n)
  }
  t.equal(pending, 0, 'nothing waits any more')
  const drained = Math.round((performance.now() - wrote) / 1000)

  for (const hook of hooks) {
    const feed = await hook.feed()
    const rows = new Map(
      feed.map(({ article: _, source: __, category: ___, ...row }) => [row.position, row]),
    )
    const got = hook.got().map((one) => ({ ...one, ...JSON.parse(one.body) }))
    const arrived = new Set(
      got.filter(({ answer }) => answer.status === 204).map(({ data }) => data.position),
    )
    const deliveries = new Map(
      (
        await sql('select id, position, state from deliveries where webhook_id = $1', [hook.id])
      ).map((row) => [Number(row.position), row]),
    )
    t.equal(deliveries.size, rows.size, `${hook.name}: as many deliveries as rows of the feed`)
    let superseded = 0
    for (const [position, row] of rows) {
      const { state } = deliveries.get(position) ?? { state: 'missing' }
      if (state === 'superseded') {
        superseded++
        const removal = feed.find(
          (x) => x.position > position && x.id === row.id && x.op === 'remove',
        )
        if (!removal) t.fail(`${hook.name}: ${position} was withdrawn by nothing`)
      } else if (state !== 'delivered' || !arrived.has(position))
        t.fail(
          `${hook.name}: ${position} is ${state}, and ${arrived.has(position) ? 'arrived' : 'did not arrive'}`,
        )
    }
    const ids = new Map<string, number>()
    const last = new Map<string, number>()
    let inverted = 0
    for (const { data, headers } of got) {
      const { article: _, source: __, category: ___, links: ____, ...row } = data
      if (!rows.has(data.position)) t.fail(`${hook.name} was told ${data.position}`)
      else t.strictSame(row, rows.get(data.position))
      ids.set(headers['webhook-id'], data.position)
      const before = last.get(data.id) ?? 0
      if (data.position < before) inverted++
      last.set(data.id, Math.max(before, data.position))
    }
    t.equal(inverted, 0, `${hook.name}: in order for each article`)
    t.equal(ids.size, new Set(ids.values()).size, `${hook.name}: one id for each change`)
    t.equal(
      got.filter(({ data }) => undone.includes(data.id)).length,
      0,
      'nothing of what was rolled back',
    )
    t.comment(
      `${hook.name}: ${rows.size} rows, ${got.length} messages, ${arrived.size} arrived, ${superseded} superseded`,
    )
  }
  for (const receiver of receivers) t.same(receiver.got('/inside'), [], 'no redirect was followed')
  t.ok(kills >= 2 && undone.length > 0)
  t.comment(
    `${kills} kills, ${lost} writes cut off, ${undone.length} rolled back, ${drained} s until all was told`,
  )
})

function isGood(one: Got, secret: string): boolean {
  try {
    opened(one, secret)
    return true
  } catch {
    return false
  }
}

async function feedOf(call: Call): Promise<Told[]> {
  const rows: Told[] = []
  for (let cursor = ''; ; ) {
    const { data, page } = await get(call, `/v1/changes?limit=100${cursor}`)
    if (data.length === 0) return rows
    rows.push(...data)
    cursor = `&cursor=${page.next}`
  }
}
