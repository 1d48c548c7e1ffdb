import t, { type Test } from 'tap'
import { asked } from '../src/articles/shape.ts'
import { numberChanges } from '../src/changes/queries.ts'
import { asPartner } from '../src/db/client.ts'
import { transaction } from '../src/db/transaction.ts'
import { readFeed } from '../src/feed/queries.ts'
import { noteNotified } from '../src/holdings/commands.ts'
import { category, get, must, partner, patch, publish, story, walk } from './factories.ts'
import { chanceFrom, Partner, type Row, type Temper } from './holdings-partners.ts'
import { newsroom } from './newsroom.ts'
import { runs } from './size.ts'

/*
 * Fifty partners: fast and slow readers of the feed, receivers of webhooks that fail, sites that only pull,
 * and some that go. Each writes down what reached it. After every publish, correction, kill and whatever
 * else, the reports say just that.
 */

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Any = any

const EVENTS = runs(30)
const TEMPERS: readonly Temper[] = ['fast', 'slow', 'failing', 'pull', 'gone']
const EACH = 10
const seed = EVENTS === 30 ? 20_261_127 : Date.now()
const chance = chanceFrom(seed)
t.comment(`seed ${seed}`)

const room = await newsroom(t)
const { editor, db, config } = room

const sections: string[] = []
for (const name of ['Harbour', 'Town', 'Sport'])
  sections.push((await category(editor, { name })).id)
const [harbour = '', town = '', sport = ''] = sections
const entitlements = [
  {},
  {},
  { allowed: [harbour] },
  { excluded: [town] },
  { allowed: [town, sport] },
]

/** What became of an article; `told`: the versions of which anybody was told. */
type Article = { id: string; version: number; visible: boolean; sections: string[]; told: number[] }
const articles = new Map<string, Article & { ended: number; killed: boolean }>()

const partners: Partner[] = []
for (const temper of TEMPERS)
  for (let i = 0; i < EACH; i++) {
    const entitled = entitlements[i % entitlements.length] ?? {}
    const name = `${temper} ${String(i).padStart(2, '0')}`
    const made = await partner(room, { name, categories: entitled })
    const character = { temper, entitled, chance: chanceFrom(seed + partners.length) }
    partners.push(new Partner(made, character, (id) => articles.get(id)?.ended ?? 0))
  }

/* Webhooks, delivered here: a row is offered until it is accepted, and what was accepted is noted. */

const hooks = partners.filter(({ temper }) => temper === 'failing')
for (const [i, one] of partners.filter(({ temper }) => temper === 'gone').entries())
  if (i % 2 === 0) hooks.push(one)
const waiting = new Map(hooks.map((one) => [one, { after: 0, rows: [] as Row[] }]))

async function deliver(to: Partner): Promise<void> {
  const queue = waiting.get(to)
  if (!queue || to.ended) return
  const reading = {
    db: asPartner(db, { partnerId: to.id, early: false }),
    schema: 'partner',
  } as const
  const shape = asked({ body: ['none'] } as never, config, 'partner', [])
  const { rows, next } = await readFeed(
    reading,
    { after: queue.after },
    { types: undefined, limit: 100, shape },
  )
  queue.after = 'after' in next ? next.after : 0
  for (const { json } of rows) {
    const row = JSON.parse(json)
    if (row.resource === 'article') queue.rows.push(row)
  }
  const left: Row[] = []
  for (const row of queue.rows) {
    const { id: articleId, version, op, position } = row
    const told = { partnerId: to.id, articleId, version, op, position, at: new Date() }
    if (to.receive(row) === 204) await transaction(db, (tx) => noteNotified(tx, told))
    else left.push(row)
  }
  queue.rows = left
}

/* The newsroom. */

const oneOf = <T>(list: readonly T[]): T => list[chance(list.length)] as T

/** Something happens; to which article. */
async function event(): Promise<Article> {
  const all = [...articles.values()]
  const living = all.filter(({ killed }) => !killed)
  if (living.length < 3 || chance(6) === 0) return begin()
  const one = oneOf(living)
  if (!one.visible) return happened(one, await publish(editor, one.id), true)
  const path = `/v1/articles/${one.id}`
  const verb = async (name: string, body: object) =>
    (await must(editor, 'POST', `${path}/${name}`, body)).json
  switch (chance(7)) {
    case 0:
      one.killed = true
      return happened(one, await verb('kill', { reason: 'wrong', notice: 'Gone.' }), false)
    case 1:
      return happened(one, await verb('unpublish', {}), false)
    case 2:
    case 3:
      return happened(
        one,
        await verb('corrections', { kind: 'correction', text: 'It was nine.' }),
        true,
      )
    case 4:
      one.sections = [oneOf(sections.filter((id) => !one.sections.includes(id)))]
      return happened(one, await patch(editor, path, { categories: one.sections }), true)
    default:
      return happened(one, await patch(editor, path, { summary: `Then ${one.version}.` }), true)
  }
}

async function begin(): Promise<Article> {
  const within = [oneOf(sections)]
  const { id, version } = await story(editor, {
    headline: `Story ${articles.size}`,
    categories: within,
  })
  const one = {
    id,
    version,
    visible: true,
    sections: within,
    told: [version],
    ended: 0,
    killed: false,
  }
  articles.set(id, one)
  return one
}

function happened(one: Article & { ended: number }, { version }: Any, visible: boolean): Article {
  Object.assign(one, { version, visible, ...(!visible && { ended: version }) })
  one.told.push(version)
  return one
}

/* What is to be reported. */

const available = (one: Article, to: Partner) => one.visible && to.mayHave(one.sections)

function stateOf(one: Article, to: Partner): string | undefined {
  const has = to.has(one.id)
  if (available(one, to)) {
    if (!has || has.removed) return 'missing'
    return has.version < one.version ? 'stale' : 'current'
  }
  return has && (has.removed ? 'removed' : 'must-remove')
}

function outcomeOf(
  one: Article,
  version: number,
  to: Partner,
  late: string,
  acknowledged: boolean,
) {
  const has = to.has(one.id)
  if (to.knows(one.id, 'acknowledged') >= version) return 'acknowledged'
  if (to.knows(one.id, 'notified', 'given') >= version) return acknowledged ? late : 'delivered'
  if (!has) return 'never-had'
  return has.removed && !available(one, to) ? 'removed' : late
}

/** One partner in a report, or in a list, in words. */
const inWords = (name: string, what: string | undefined, has: Partial<Known> | undefined) =>
  [name, what, has?.version ?? '-', has?.removed ? 'removed' : '', has?.degree ?? '-']
    .join(' ')
    .trim()
type Known = { version: number | null; removed: boolean | null; degree: string | null }

/** Compares a report of a version with what the partners wrote down. */
async function compareReport(t: Test, one: Article, version: number, what: string): Promise<void> {
  for (const { query, late, acknowledged } of [
    { query: 'overdueAfter=0', late: 'overdue', acknowledged: false },
    { query: 'expect=acknowledged&overdueAfter=86400', late: 'pending', acknowledged: true },
  ]) {
    const report = await get(editor, `/v1/articles/${one.id}/reports/${version}?${query}`)
    const expected = partners
      .filter((to) => !to.ended || to.has(one.id))
      .map((to) => [to, outcomeOf(one, version, to, late, acknowledged)] as const)
    t.same(
      report.partners.map((row: Any) => inWords(row.name, row.outcome, row)).sort(),
      expected.map(([to, outcome]) => inWords(to.name, outcome, to.has(one.id))).sort(),
      `${what}: the report of version ${version}, ${query}`,
    )
    const { counts, change } = report
    t.equal(change.version, version)
    for (const [name, count] of Object.entries(counts)) {
      const outcome = name === 'neverHad' ? 'never-had' : name
      t.equal(count, expected.filter(([, found]) => found === outcome).length, `${what}: ${name}`)
    }
  }
}

async function compareRecipients(t: Test, one: Article, what: string): Promise<void> {
  const rows = await walk(editor, `/v1/articles/${one.id}/recipients?limit=30`)
  t.same(
    rows.map(({ name, state, version, degree }) => `${name} ${state} ${version} ${degree}`),
    partners
      .filter((to) => stateOf(one, to) !== undefined)
      .map((to) => {
        const { version = null, degree = null } = to.has(one.id) ?? {}
        return `${to.name} ${stateOf(one, to)} ${version} ${degree}`
      })
      .sort(),
    `${what}: its recipients`,
  )
}

t.test('reports say what fifty partners have', async (t) => {
  for (let i = 0; i < 5; i++) await begin()
  for (let n = 0; n < EVENTS; n++) {
    const one = await event()
    const what = `event ${n}`
    // Nobody was told of it yet, but for whoever was there before.
    await compareReport(t, one, one.version, `${what}, at once`)
    const ids = [...articles.keys()]
    await numberChanges(db.editor)
    await Promise.all(
      partners.map(async (to) => {
        await deliver(to)
        await to.act(ids)
      }),
    )
    await compareReport(t, one, one.version, what)
    await compareReport(t, one, oneOf(one.told), `${what}, earlier`)
    await compareRecipients(t, one, what)
    if (n === Math.floor(EVENTS / 2)) await someGo()
  }
  const seen = new Set<string>()
  for (const to of partners) {
    const rows = await walk(editor, `/v1/partners/${to.id}/holdings?limit=7`)
    const shelf = [...to.shelf.keys()].map((id) => articles.get(id) as Article)
    const inState = (state: string) =>
      shelf
        .filter((one) => stateOf(one, to) === state)
        .map(({ id }) => id)
        .sort()
    for (const state of ['current', 'stale', 'must-remove', 'removed', 'missing']) {
      const found = await walk(editor, `/v1/partners/${to.id}/holdings?state=${state}`)
      t.same(found.map(({ id }) => id).sort(), inState(state), `${to.name}: ${state}`)
      if (found.length > 0) seen.add(state)
    }
    t.equal(rows.length, shelf.length, `${to.name}: all`)
    for (const { degree } of rows) seen.add(degree)
  }
  t.same(
    [...seen].sort(),
    ['acknowledged', 'current', 'given', 'missing', 'must-remove', 'notified', 'removed', 'stale'],
    'all there is came up',
  )
})

/** Half of those that go tell so, the others are not at home any more. */
async function someGo(): Promise<void> {
  for (const [i, to] of partners.filter(({ temper }) => temper === 'gone').entries()) {
    if (i < EACH / 2)
      await must(editor, 'DELETE', `/v1/partners/${to.id}`, undefined, { 'if-match': '*' })
    to.ended = i < EACH / 2
    to.silent = true
  }
}
