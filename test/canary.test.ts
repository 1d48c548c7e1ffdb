import t from 'tap'
import { type Actor, crawl, type Finding, firstOf, type Pair } from './canary-crawl.ts'
import { plant, unplant } from './canary-plant.ts'
import { asksBeside, asksOf, CHANGES, whatEditorsSee } from './canary-requests.ts'
import { type CanaryRoom, nameIn, openRoom } from './canary-room.ts'
import { canariesIn, canary } from './canary-words.ts'
import { cloneDatabase } from './newsroom.ts'
import { type Document, operationsOf } from './openapi-operations.ts'
import { runs } from './size.ts'

// It takes a minute or two on idle cores, and several on busy ones.
t.setTimeout(900_000)

/*
 * Nothing unpublished leaks, shown from outside: canaries stand in every hidden
 * state, and every operation of the OpenAPI document is asked for them in every way. No answer holds
 * one, and none differs from the answer of a newsroom in which the hidden things do not exist, but
 * for the 410 and 451 at the own address of what was once visible. An operation or a parameter that
 * is added tomorrow is covered tomorrow.
 */

const url = await cloneDatabase(t)
const planting = await openRoom(url)
const secret = await planting.key(canary('key', 'name'), 'admin')
const editor = planting.as(secret.key)
const planted = await plant(planting, editor)
/** The key of a partner that may have all that is public, and nothing under embargo. */
async function partnerKey(): Promise<string> {
  const { json } = await editor('POST', '/v1/partners', { name: 'Partner' })
  const scopes = ['read', 'syndication', 'embargo:read']
  const made = await editor('POST', '/v1/keys', { name: 'partner', scopes, partner: json.id })
  return made.json.key
}
const nobody: Actor = { name: 'nobody', key: undefined }
const read: Actor = {
  name: 'read',
  key: (await planting.key('front end', 'read', 'syndication')).key,
}
const partner: Actor = { name: 'partner', key: await partnerKey() }
const ACTORS: Actor[] = [nobody, read, partner]
const operations = operationsOf((await planting.app.reference()).swagger() as unknown as Document)
const known = await whatEditorsSee(editor, operations, planted)
const asks = [...operations.flatMap((operation) => asksOf(operation, known)), ...asksBeside(known)]
const hiddenIds = new Set(planted.hidden.map(({ id }) => id))
// Nobody may be connected to what is cloned.
await planting.close()

/** A service on a clone of the planted database, after the owner has done something to it. */
async function clone(change: (sql: CanaryRoom['sql']) => Promise<unknown> = async () => {}) {
  const room = await openRoom(await cloneDatabase(t, nameIn(url)))
  t.teardown(() => room.close())
  await change(room.sql)
  return room
}

const full = await clone()
const twin = await clone((sql) => unplant(sql, planted))
// Early access to embargoed text is for those who have agreed to it: the partner here has not.
const pair: Pair = { full, twin, plant: planted }

/** Canaries in what was logged, but for the URL that the caller chose and the name of its key. */
function inLog(lines: string[]): string[] {
  return lines.flatMap((line) => {
    const { key: _, msg, ...rest } = JSON.parse(line)
    const silent = String(msg).replace(/^[A-Z]+ \S+ (\d{3} \d+ ms)$/, '$1')
    return [...canariesIn(silent + JSON.stringify(rest), hiddenIds)].map(
      (word) => `${word}: ${line}`,
    )
  })
}

t.test('a canary is seen in every encoding', async (t) => {
  const word = canary('any', 'member')
  const [id = ''] = hiddenIds
  const cursor = Buffer.from(JSON.stringify([1, [`Ö ${word}`], id])).toString('base64url')
  const hex = (c: string) => (c.codePointAt(0) ?? 0).toString(16)
  for (const text of [
    `<a href="/${word.toUpperCase()}-2">`,
    [...word].map((c) => `%${hex(c)}`).join(''),
    [...word].map((c) => `\\u00${hex(c)}`).join(''),
  ]) {
    t.same(canariesIn(text, hiddenIds), new Set([word]), text)
  }
  t.same(canariesIn(`<http://a/b?cursor=${cursor}>`, hiddenIds), new Set([word, id]))
  t.same(canariesIn(crypto.randomUUID(), hiddenIds), new Set())
})

t.test('the crawl finds nothing', async (t) => {
  const began = performance.now()
  // Nobody asks everything. In the small run the others take turns, in the long one they do too.
  const share = runs(1) > 1 ? 1 : ACTORS.length
  const statuses = new Map<number, number>()
  const findings: Finding[] = []
  let sent = 0
  for (const [turn, actor] of ACTORS.entries()) {
    const own = turn === 0 ? asks : asks.filter((_, i) => i % share === turn % share)
    for await (const finding of crawl(pair, own, actor, (status) => {
      sent++
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    })) {
      findings.push(finding)
    }
  }
  for (const finding of findings.slice(0, 20)) t.comment(JSON.stringify(finding).slice(0, 3000))
  t.equal(findings.length, 0, 'findings')
  t.ok(
    planted.words.size > 300,
    `${planted.words.size} canaries in ${planted.hidden.length} things`,
  )
  for (const status of [200, 301, 304, 400, 401, 403, 404, 405, 410, 451]) {
    t.ok(statuses.has(status), `some were answered ${status}`)
  }
  t.comment(
    `${operations.length} operations, ${asks.length} variants, ${ACTORS.length} actors = ${sent} requests to each of two newsrooms in ${Math.round((performance.now() - began) / 100) / 10} s`,
  )
  t.comment(
    [...statuses]
      .sort()
      .map(([status, n]) => `${status}: ${n}`)
      .join(', '),
  )
})

t.test('the dates of articles are among what is compared', async (t) => {
  for (const name of planted.visible.articles) {
    const reply = await full.app.inject({ url: `/v1/articles/${name}?fields=headline` })
    // A slug of before leads on.
    if (reply.statusCode !== 301) t.ok(reply.headers['last-modified'], name)
  }
})

t.test('what was visible is gone at its own address, for ever', async (t) => {
  for (const { collection, id, slugs, own } of planted.hidden) {
    if (collection === 'keys') continue
    for (const name of [id, ...slugs]) {
      const url = `/v1/${collection}/${name}`
      t.equal((await full.app.inject({ url })).statusCode, own, url)
    }
  }
})

t.test('no log line holds content', async (t) => {
  t.ok(planting.log.length > 200 && full.log.length > 1000, 'lines were logged')
  t.same(inLog(planting.log).slice(0, 5), [], 'of the writes that planted')
  t.same(inLog(full.log).slice(0, 5), [], 'of the crawl')
})

/** A view of readers, made again with part of its definition replaced. */
function weakened(view: string, condition: RegExp, instead: string) {
  return async (sql: CanaryRoom['sql']) => {
    const [row] = await sql('select pg_get_viewdef($1::regclass) as text', [view])
    const text = String(row?.text)
    if (!condition.test(text)) throw new Error(`${view} has no ${condition}: ${text}`)
    await sql(`create or replace view ${view} as ${text.replace(condition, instead)}`)
  }
}

/** Who is told what they must not be, and by which operation: anybody by any, unless it says so. */
type Told = { actor?: Actor; operation?: string }

const WEAKENED: [what: string, view: string, RegExp, instead: string, told?: Told][] = [
  ['drafts', 'reader.articles', /status = 'published'::text/, 'true'],
  ['the schedule', 'reader.articles', /publish_at <= now\(\)/, 'true'],
  ['embargoes', 'reader.articles', /embargo_until <= now\(\)/, 'true'],
  ['expiry', 'reader.articles', /expires_at > now\(\)/, 'true'],
  ['suggestions', 'reader.quotes', /q\.state IS DISTINCT FROM 'suggested'::text/, 'true'],
  [
    'suggested speakers',
    'reader.source_ids',
    /('speaker'::text\) AND \(l\.resource_id = s\.id\)) AND l\.for_readers/,
    '$1',
  ],
  ['sources', 'reader.source_ids', /WHERE[\s\S]*/, ''],
  ['categories', 'reader.category_ids', /WHERE[\s\S]*/, ''],
  [
    'listed suggestions',
    'reader.searched_quotes',
    /q\.state IS DISTINCT FROM 'suggested'::text/,
    'true',
  ],
  [
    'listed articles',
    'reader.listed_articles',
    /JOIN reader\.articles a/,
    'JOIN public.articles a',
  ],
  ['counted articles', 'public.category_counts_off', /c\.published/, 'c.articles as published'],
  ['counted quotes', 'reader.quote_counts', /f\.announced/, 'f.quotes'],
  [
    'organisations',
    'reader.sources',
    /JOIN reader\.source_ids v ON \(\(v\.id = o\.id\)\)/,
    'JOIN public.sources v ON v.id = o.id',
  ],
  [
    'corrected suggestions',
    'reader.corrections',
    /q\.state IS DISTINCT FROM 'suggested'::text/,
    'true',
  ],
  ['slugs', 'reader.slugs', /JOIN reader\.articles a/, 'JOIN public.articles a'],
  ['gone', 'reader.gone', /a\.first_visible_at IS NOT NULL/, 'true'],
  ['removals', 'reader.latest_removed_articles', /a\.first_visible_at IS NOT NULL/, 'true'],
  [
    'drafts for partners',
    'partner.articles',
    /status = 'published'::text/,
    'true',
    { actor: partner },
  ],
  [
    'embargoes for partners',
    'partner.articles',
    /embargo_until <= now\(\)\) OR/,
    'true) OR',
    { actor: partner },
  ],
  [
    'changed articles for partners',
    'partner.changed_articles',
    /JOIN partner\.articles a/,
    'JOIN public.articles a',
    { actor: partner },
  ],
  [
    'removals for partners',
    'partner.latest_removed_articles',
    /a_1\.first_visible_at IS NOT NULL/,
    'true',
    { actor: partner },
  ],
  [
    'the ledger',
    'reader.changes',
    /was_visible OR is_visible/,
    'true',
    { actor: read, operation: CHANGES },
  ],
  [
    'the ledger for partners',
    'partner.changes',
    /v\.was_there OR v\.is_there/,
    'true',
    { actor: partner, operation: CHANGES },
  ],
  [
    'what comes with a row of it',
    'reader.articles',
    /status = 'published'::text/,
    "status = ANY ('{published,unpublished}'::text[])",
    { actor: read, operation: CHANGES },
  ],
]

/** The requests in another order, so that soon some of every operation were made. */
const mixed = Array.from({ length: 50 }, (_, turn) => asks.filter((_, i) => i % 50 === turn)).flat()

t.test('the crawl fails when a condition of a view is weakened', async (t) => {
  for (const [what, view, condition, instead, told = {}] of WEAKENED) {
    const { actor = nobody, operation } = told
    const asked = operation ? mixed.filter((ask) => ask.operation === operation) : mixed
    t.test(`${what}, in ${view}`, async (t) => {
      const weak = await clone(weakened(view, condition, instead))
      const found = await firstOf(crawl({ ...pair, full: weak }, asked, actor))
      t.ok(found, 'something was found')
      if (found) t.comment(`${found.request} ${found.fault}`.slice(0, 150))
    })
  }
})
