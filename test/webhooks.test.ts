import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { numberChanges } from '../src/changes/queries.ts'
import { sweep } from '../src/changes/sweep.ts'
import { transaction } from '../src/db/transaction.ts'
import { EVENTS } from '../src/feed/schema.ts'
import { noteNotified } from '../src/holdings/commands.ts'
import { forgetOldDeliveries } from '../src/webhooks/forget.ts'
import type { Delivered } from '../src/webhooks/settle.ts'
import { readTold } from '../src/webhooks/told.ts'
import {
  category,
  draft,
  get,
  inSeconds,
  must,
  patch,
  publish,
  quote,
  source,
  story,
} from './factories.ts'
import { newsroom } from './newsroom.ts'
import {
  deliver,
  deliveriesOf,
  ON_LOOPBACK,
  opened,
  startReceiver,
  until,
  webhook,
} from './webhook-desk.ts'

const room = await newsroom(t, { settings: ON_LOOPBACK })
const { editor, reader, sql } = room
const any = { 'if-match': '*' }
const receiver = await startReceiver(t)
const NOBODY = '01990000-0000-7000-8000-000000000009'

/** A path of its own for each test, and a webhook that leads there. */
let paths = 0
async function registered(input: object = {}) {
  const path = `/${++paths}`
  const hook = await webhook(room, receiver.url(path), input)
  const remove = () =>
    must(editor, 'DELETE', `/v1/webhooks/${hook.id}`, undefined, any).catch(() => {})
  return { ...hook, path, at: `/v1/webhooks/${hook.id}`, remove }
}
const partner = async (input: object = {}) =>
  (await must(editor, 'POST', '/v1/partners', { name: 'The Record', ...input })).json
const told = (path: string) => receiver.got(path).map(({ body }) => JSON.parse(body))
const events = (path: string) => told(path).map(({ type }) => type)

t.test('webhooks are registered, changed and removed', async (t) => {
  const url = 'https://hooks.example.org/dateline'
  const made = await must(editor, 'POST', '/v1/webhooks', {
    ...{ url, events: ['article.published', 'article.killed'], description: 'The desk' },
  })
  const { id, secret } = made.json
  const path = `/v1/webhooks/${id}`
  t.equal(made.headers.location, path)
  t.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  const read = await editor('GET', path)
  t.notMatch(read.text, secret)
  t.notOk('secret' in read.json, 'it was shown once')
  t.match(read.json, {
    ...{ version: 1, url, events: ['article.published', 'article.killed'], partner: null },
    ...{ description: 'The desk', earlyAccess: false, disabledAt: null, failingSince: null },
  })
  t.notMatch((await editor('GET', '/v1/webhooks?limit=100')).text, secret)
  t.equal((await editor('PATCH', path, { events: ['*'] })).status, 428)
  t.equal((await editor('PATCH', path, { events: ['*'] }, { 'if-match': '"9-x"' })).status, 412)
  const tag = String(read.headers.etag)
  const changed = await must(editor, 'PATCH', path, { events: ['*'] }, { 'if-match': tag })
  t.match(changed.json, { version: 2, events: ['*'], description: 'The desk' })
  t.notOk('secret' in changed.json)
  t.same(Object.keys(await get(editor, `${path}?fields=url`)), ['id', 'url'])
  t.equal((await get(editor, '/v1/webhooks?count=exact')).meta.count, 1)

  const refused = await editor(
    'POST',
    '/v1/webhooks',
    { url, events: ['*'] },
    { 'idempotency-key': 'once' },
  )
  t.match(refused, { status: 400, json: { errors: [{ header: 'Idempotency-Key' }] } })
  await must(editor, 'DELETE', path, undefined, any)
  t.equal((await editor('GET', path)).status, 404)
  t.equal((await editor('GET', `${path}/deliveries`)).status, 404)
  const ledger = (await get(editor, `/v1/audit?kind=webhook&id=${id}`)).data
  t.same(
    ledger.map((row: { event: string }) => row.event),
    ['webhook.deleted', 'webhook.updated', 'webhook.created'],
  )
  const others = await room.as('content:write', 'content:publish', 'drafts:read', 'syndication')
  for (const [method, at] of [
    ['GET', '/v1/webhooks'],
    ['GET', path],
    ['GET', `${path}/deliveries`],
    ['POST', '/v1/webhooks'],
    ['POST', `${path}/test`],
    ['POST', `${path}/rotate-secret`],
  ] as const) {
    const body = method === 'POST' ? {} : undefined
    t.equal((await others(method, at, body)).status, 403)
    t.equal((await reader(method, at, body)).status, 401)
  }
})

t.test('what cannot be registered is told, all of it', async (t) => {
  const { json: ended } = await must(editor, 'POST', '/v1/partners', { name: 'Gone' })
  await must(editor, 'DELETE', `/v1/partners/${ended.id}`, undefined, any)
  const good = { url: 'https://hooks.example.org/', events: ['*'] }
  const cases: [object, number, string[]][] = [
    [{}, 400, ['/url', '/events']],
    [{ ...good, events: [] }, 400, ['/events']],
    [
      { ...good, events: ['article.published', 'article.vanished', 'x'] },
      400,
      ['/events/1', '/events/2'],
    ],
    [{ ...good, events: ['*', 'article.killed'] }, 400, ['/events']],
    [{ ...good, events: ['article.killed', 'article.killed'] }, 400, ['/events']],
    [{ ...good, event: ['*'], secret: 'mine' }, 400, ['/event', '/secret']],
    [{ ...good, url: '' }, 400, ['/url']],
    [{ ...good, url: 'ftp://hooks.example.org/' }, 422, ['/url']],
    [{ ...good, url: 'http://[::ffff:10.0.0.1]:8080/' }, 422, ['/url', '/url', '/url']],
    [{ ...good, url: 'https://me:pw@169.254.169.254/#x' }, 422, ['/url', '/url', '/url']],
    [{ ...good, partner: 'the-record' }, 400, ['/partner']],
    [{ ...good, partner: NOBODY }, 422, ['/partner']],
    [{ ...good, url: 'https://10.1/', partner: NOBODY }, 422, ['/url', '/partner']],
    [{ ...good, earlyAccess: true }, 422, ['/earlyAccess']],
    [{ ...good, partner: ended.id }, 409, []],
  ]
  const before = (await get(editor, '/v1/webhooks?count=exact')).meta.count
  for (const [input, status, pointers] of cases) {
    const reply = await editor('POST', '/v1/webhooks', input)
    t.equal(reply.status, status, JSON.stringify(input) + reply.text)
    t.same(
      (reply.json.errors ?? []).map((e: { pointer: string }) => e.pointer),
      pointers,
      reply.text,
    )
  }
  t.equal((await get(editor, '/v1/webhooks?count=exact')).meta.count, before)
  const hook = await registered()
  const wrong: [string, string, object | undefined, number][] = [
    ['PATCH', hook.at, { url: 'https://192.168.1.1/' }, 422],
    ['PATCH', hook.at, { earlyAccess: true }, 422],
    ['PATCH', hook.at, { partner: null }, 400],
    ['POST', `${hook.at}/rotate-secret`, { previousUntil: inSeconds(-5) }, 422],
    ['POST', `${hook.at}/rotate-secret`, { previousUntil: inSeconds(86_400 * 31) }, 422],
    ['POST', `${hook.at}/rotate-secret`, { previousUntil: 'tomorrow' }, 400],
    ['POST', `${hook.at}/redeliver`, {}, 400],
    ['POST', `${hook.at}/redeliver`, { since: 'then' }, 400],
    ['POST', `${hook.at}/deliveries/${NOBODY}/redeliver`, undefined, 404],
    ['GET', `${hook.at}/deliveries/${NOBODY}`, undefined, 404],
    ['GET', `${hook.at}/deliveries?state=lost`, undefined, 400],
    ['GET', `${hook.at}/deliveries?event=article.vanished`, undefined, 400],
    ['GET', `${hook.at}/deliveries?since=yesterday`, undefined, 400],
    ['GET', '/v1/webhooks?partner=x', undefined, 400],
    ['POST', `/v1/webhooks/${NOBODY}/test`, undefined, 404],
    ['POST', `/v1/webhooks/${NOBODY}/enable`, undefined, 404],
    ['POST', `/v1/webhooks/${NOBODY}/redeliver`, { since: inSeconds(-5) }, 404],
    ['DELETE', `/v1/webhooks/${NOBODY}`, undefined, 404],
    ['GET', '/v1/webhooks/x', undefined, 400],
  ]
  for (const [method, path, body, status] of wrong) {
    const headers: Record<string, string> = method === 'GET' || method === 'POST' ? {} : any
    const reply = await editor(method, path, body, headers)
    t.equal(reply.status, status, `${method} ${path} ${JSON.stringify(body)}: ${reply.text}`)
  }
  await hook.remove()
})

t.test(
  'a message is the row of the feed, signed, with where to find what it tells of',
  async (t) => {
    const hook = await registered()
    await deliver(t, room)
    // The longest that there can be, in characters that JSON writes in six.
    const headline = '\u0001'.repeat(300)
    const { id, slug } = await story(editor, { headline, slug: 'a'.repeat(100) })
    const [got] = await receiver.until(hook.path, 1)
    if (!got) throw new Error('nothing came')
    const message = opened(got, hook.secret)
    const syndicated = await room.as('syndication')
    const rows = (await get(syndicated, '/v1/changes?fields=id')).data
    const { article: _, ...row } = rows.at(-1)
    t.match(message, { type: 'article.published', timestamp: row.at })
    const { links, article, ...rest } = message.data
    t.same(rest, row, 'as the feed tells it')
    t.same(article, { id, version: 2, slug, headline })
    t.same(links, {
      api: `${room.config.publicUrl}/v1/articles/${id}`,
      page: `${room.config.publicUrl}/v1/articles/${slug}`,
    })
    t.ok(Buffer.byteLength(got.body) < 20_000, `${Buffer.byteLength(got.body)} bytes`)
    t.match(got.headers, {
      'content-type': 'application/json',
      'user-agent': /^Dateline \(\+http/,
      'webhook-timestamp': /^\d{10}$/,
    })
    t.throws(() => opened(got, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), 'another secret')
    await until(async () => (await deliveriesOf(room, hook.id))[0].state === 'delivered')
    const [delivery] = await deliveriesOf(room, hook.id)
    t.equal(delivery.id, got.headers['webhook-id'])
    t.match(delivery, {
      ...{ webhook: hook.id, state: 'delivered', dueAt: null, change: row },
      attempts: [{ status: 204, error: null, ms: Number, at: /Z$/ }],
    })
    t.same(await get(editor, `${hook.at}/deliveries/${delivery.id}`), delivery)

    await must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'r', notice: 'Gone.' })
    const [, kill] = await receiver.until(hook.path, 2)
    if (!kill) throw new Error('the kill did not come')
    t.match(opened(kill, hook.secret).data, {
      op: 'remove',
      reason: 'killed',
      links: { page: null },
    })
    t.notMatch(kill.body, /headline|slug|aaaa/, 'nothing of what is gone')
    await hook.remove()
  },
)

t.test('every kind of change, whoever wrote it', async (t) => {
  const hook = await registered()
  const only = await registered({ events: ['article.killed', 'category.updated'] })
  await deliver(t, room)
  const harbour = await category(editor, { name: 'Harbour' })
  const quill = await source(editor)
  const old = await source(editor, { name: 'P. Quill' })
  const { id } = await story(editor, {
    headline: 'Told',
    ...{ categories: [harbour.id], sources: [quill.id, old.id] },
    body: { markdown: '“It is late,” she said.' },
  })
  await quote(editor, { article: id, text: 'It is late' })
  await patch(editor, `/v1/sources/${quill.id}`, { title: 'Captain' })
  await patch(editor, `/v1/categories/${harbour.id}`, { description: 'Boats.' })
  // A merge, and the sweep.
  await must(editor, 'DELETE', `/v1/sources/${old.id}?reassignTo=${quill.id}`, undefined, any)
  const soon = await draft(editor, { headline: 'Soon' })
  await publish(editor, soon.id, { at: inSeconds(0.3) })
  await until(async () => (await sweep(room.db)) > 0)
  await must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'r', notice: 'n', legal: true })
  await receiver.until(hook.path, 8)
  await receiver.until(only.path, 2)
  const syndicated = await room.as('syndication')
  const feed = (await get(syndicated, '/v1/changes?limit=100')).data
  const first = Math.min(...told(hook.path).map(({ data }) => data.position))
  const expected = feed.filter((row: { position: number }) => row.position >= first)
  const byPosition = told(hook.path).sort((a, b) => a.data.position - b.data.position)
  t.same(
    byPosition.map(({ data: { position, op, event, id, version, at, reason } }) => [
      ...[position, op, event, id, version, at, reason],
    ]),
    expected.map((row: Record<string, unknown>) =>
      ['position', 'op', 'event', 'id', 'version', 'at', 'reason'].map((name) => row[name]),
    ),
    'all that the feed tells, and nothing else',
  )
  t.ok(events(hook.path).includes('source.merged') && events(hook.path).includes('quote.created'))
  t.match(byPosition.at(-1), { data: { op: 'remove', reason: 'legal' } })
  t.same(events(only.path).sort(), ['article.killed', 'category.updated'])
  t.match(told(hook.path).find(({ type }) => type === 'source.updated').data, {
    source: { id: quill.id, slug: 'petra-quill', name: 'Petra Quill' },
    links: { api: `${room.config.publicUrl}/v1/sources/${quill.id}`, page: null },
  })
  await Promise.all([hook.remove(), only.remove()])
})

t.test(
  'a partner is told what its feed tells it; nothing unpublished is told to anybody',
  async (t) => {
    const [north, south] = [
      await category(editor, { name: 'North' }),
      await category(editor, { name: 'South' }),
    ]
    const early = await partner({ earlyAccess: true, categories: { allowed: [north.id] } })
    const late = await partner({ categories: { allowed: [north.id] } })
    const hooks = {
      readers: await registered(),
      early: await registered({ partner: early.id, earlyAccess: true }),
      // Entitled, but this webhook does not ask for it; and one that asks for what it is not entitled to.
      quiet: await registered({ partner: early.id }),
      unentitled: await registered({ partner: late.id, earlyAccess: true }),
    }
    await deliver(t, room)
    const secret = await draft(editor, { headline: 'zqdraft', categories: [north.id] })
    await patch(editor, `/v1/articles/${secret.id}`, { headline: 'zqdraft again' })
    const elsewhere = await story(editor, { headline: 'zqsouth', categories: [south.id] })
    const held = await draft(editor, { headline: 'zqheld', categories: [north.id] })
    await publish(editor, held.id, { embargoUntil: inSeconds(3600) })
    const moved = await story(editor, { headline: 'Moved', categories: [north.id] })
    await receiver.until(hooks.early.path, 2)
    await patch(editor, `/v1/articles/${moved.id}`, { categories: [south.id] })
    const last = await story(editor, { headline: 'Last', categories: [north.id] })
    const isLast = ({ data }: { data: { id: string } }) => data.id === last.id
    await until(() => Object.values(hooks).every(({ path }) => told(path).some(isLast)))
    const articles = (path: string) => [...new Set(told(path).map(({ data }) => data.id))].sort()
    const ids = (...of: { id: string }[]) => of.map(({ id }) => id).sort()
    t.same(articles(hooks.readers.path), ids(elsewhere, moved, last))
    t.same(articles(hooks.early.path), ids(held, moved, last))
    t.same(articles(hooks.quiet.path), ids(moved, last))
    t.same(articles(hooks.unentitled.path), ids(moved, last))
    for (const name of ['early', 'quiet', 'unentitled'] as const) {
      const removal = told(hooks[name].path).find(({ data }) => data.op === 'remove')
      t.match(removal?.data, { id: moved.id, reason: 'entitlement' }, name)
    }
    const words = (path: string) =>
      receiver
        .got(path)
        .map(({ body }) => body)
        .join(' ')
    t.notMatch(words(hooks.readers.path), /zqdraft|zqheld/)
    t.match(words(hooks.early.path), /zqheld/)
    t.notMatch(words(hooks.early.path), /zqdraft|zqsouth/)
    t.notMatch(words(hooks.quiet.path) + words(hooks.unentitled.path), /zq/)

    await patch(editor, `/v1/partners/${early.id}`, { languages: ['pt'] })
    await until(() => events(hooks.early.path).includes('entitlement.changed'))
    t.match(told(hooks.early.path).at(-1), { data: { op: 'reset', resource: 'partner' } })
    await must(editor, 'DELETE', `/v1/partners/${early.id}`, undefined, any)
    t.match(await get(editor, hooks.early.at), { disabledReason: 'partner', disabledAt: /Z$/ })
    t.equal((await editor('POST', `${hooks.early.at}/enable`)).status, 409)
    await Promise.all(Object.values(hooks).map((hook) => hook.remove()))
  },
)

t.test('an early webhook that is not early any more is not told what waits', async (t) => {
  const north = await category(editor, { name: 'Held' })
  const { id: partnerId } = await partner({ earlyAccess: true })
  const hook = await registered({ partner: partnerId, earlyAccess: true })
  await receiver.answer(hook.path, { status: 500 })
  await deliver(t, room)
  const held = await draft(editor, { headline: 'zqheld', categories: [north.id] })
  await publish(editor, held.id, { embargoUntil: inSeconds(3600) })
  await receiver.until(hook.path, 1)
  await receiver.answer(hook.path, { status: 204 })
  await patch(editor, hook.at, { earlyAccess: false })
  // Something new brings the other forward.
  await until(async () => (await deliveriesOf(room, hook.id))[0].dueAt !== null)
  await sql(`update deliveries set due_at = now() where webhook_id = $1`, [hook.id])
  const { id } = await story(editor, { headline: 'Public' })
  await until(() => told(hook.path).some(({ data }) => data.id === id))
  await until(async () => (await deliveriesOf(room, hook.id))[0].state === 'superseded')
  t.equal((await deliveriesOf(room, hook.id))[0].state, 'superseded')
  t.equal(receiver.got(hook.path).filter(({ body }) => /zqheld/.test(body)).length, 1)
  await hook.remove()
})

t.test('what is rolled back is told to nobody, and nothing before it is committed', async (t) => {
  const hook = await registered()
  await deliver(t, room)
  await transaction(room.db, async (tx) => {
    await tx.execute(`insert into changes (kind, resource_id, operation, event, key_name, at, is_visible)
      select 'category', id, 'update', 'category.updated', 'x', now(), true from categories limit 1`)
    throw new Error('taken back')
  }).catch(() => {})
  const { id } = await story(editor, { headline: 'Committed' })
  await receiver.until(hook.path, 1)
  t.same(
    told(hook.path).map(({ data }) => data.id),
    [id],
  )
  t.equal((await deliveriesOf(room, hook.id)).length, 1)
  // Who is told can read it at once.
  const { data } = told(hook.path)[0]
  t.equal((await reader('GET', new URL(data.links.api).pathname)).status, 200)
  t.ok(data.position > 0)
  await hook.remove()
})

t.test('failures are tried again, as the same message, and hold up nobody else', async (t) => {
  const hook = await registered()
  await receiver.answer(
    hook.path,
    { status: 500 },
    'reset',
    { status: 302, headers: { location: receiver.url('/elsewhere') } },
    { status: 204 },
  )
  await deliver(t, room, { scale: 0.0001 })
  const first = await story(editor, { headline: 'First' })
  const got = await receiver.until(hook.path, 4)
  t.equal(new Set(got.map(({ headers }) => headers['webhook-id'])).size, 1)
  for (const one of got) t.match(opened(one, hook.secret), { data: { id: first.id } })
  await until(async () => (await deliveriesOf(room, hook.id))[0].state === 'delivered')
  const [delivery] = await deliveriesOf(room, hook.id)
  t.match(delivery.attempts, [
    { status: 500, error: 'status', excerpt: 'seen' },
    { status: null, error: 'reset', detail: 'ECONNRESET', excerpt: null },
    { status: 302, error: 'redirect' },
    { status: 204, error: null },
  ])
  t.same(receiver.got('/elsewhere'), [], 'redirects are not followed')
  t.match(await get(editor, hook.at), { failingSince: null })
  t.match((await reader('GET', '/metrics')).text, /webhook_attempts_total{outcome="redirect"} 1\n/)
  t.match((await reader('GET', '/metrics')).text, /webhook_deliveries_pending 0\n/)
  t.match((await reader('GET', '/metrics')).text, /webhook_oldest_due_seconds 0\n/)
  await hook.remove()
})

t.test('in the order of the ledger for each article; others do not wait', async (t) => {
  const hook = await registered()
  await receiver.answer(hook.path, { status: 503 }, { status: 204 })
  await deliver(t, room)
  const { id } = await story(editor, { headline: 'Slow' })
  await receiver.until(hook.path, 1)
  const other = await story(editor, { headline: 'Other' })
  await receiver.until(hook.path, 2)
  t.equal(told(hook.path)[1].data.id, other.id)
  await until(async () => (await get(editor, hook.at)).failingSince === null)
  // The first would be tried after 5 s; a newer event brings it forward, and waits for it.
  const before = performance.now()
  await patch(editor, `/v1/articles/${id}`, { summary: 'New.' })
  await receiver.until(hook.path, 4)
  t.ok(performance.now() - before < 4000, 'brought forward')
  t.same(events(hook.path).slice(2), ['article.published', 'article.updated'])
  await hook.remove()
})

t.test('an attempt that was brought forward is none of the schedule', async (t) => {
  const hook = await registered()
  await receiver.answer(hook.path, { status: 500 })
  await deliver(t, room)
  const { id } = await story(editor, { headline: 'Again' })
  for (let i = 1; i <= 12; i++) {
    await receiver.until(hook.path, i)
    await until(async () => (await deliveriesOf(room, hook.id))[0].dueAt !== null)
    if (i < 12) await patch(editor, `/v1/articles/${id}`, { summary: `${i}` })
  }
  const [delivery] = await deliveriesOf(room, hook.id)
  t.equal(delivery.state, 'pending', 'after twelve attempts')
  t.equal(delivery.attempts.length, 12)
  t.ok(
    ((await sql('select step from deliveries where id = $1', [delivery.id]))[0]?.step as number) <
      4,
  )
  await hook.remove()
})

t.test('a removal goes out at once and withdraws what was not delivered', async (t) => {
  const hook = await registered()
  await receiver.answer(hook.path, { status: 500 }, { status: 500 }, { status: 204 })
  await deliver(t, room)
  const { id } = await story(editor, { headline: 'Wrong' })
  await receiver.until(hook.path, 1)
  await until(async () => (await deliveriesOf(room, hook.id))[0].dueAt !== null)
  await patch(editor, `/v1/articles/${id}`, { summary: 'More wrong.' })
  await receiver.until(hook.path, 2)
  await until(async () => (await deliveriesOf(room, hook.id))[0].dueAt !== null)
  await must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'r', notice: 'n' })
  await receiver.until(hook.path, 3)
  t.equal(told(hook.path)[2].type, 'article.killed')
  await until(async () => (await deliveriesOf(room, hook.id, '&state=pending')).length === 0)
  const all = await deliveriesOf(room, hook.id)
  t.same(
    all.map((one) => [one.change.event, one.state]),
    [
      ['article.published', 'superseded'],
      ['article.updated', 'superseded'],
      ['article.killed', 'delivered'],
    ],
  )
  t.equal(receiver.got(hook.path).length, 3)
  t.equal((await deliveriesOf(room, hook.id, '&state=superseded')).length, 2)
  t.equal((await deliveriesOf(room, hook.id, '&event=article.killed,article.updated')).length, 2)
  t.equal((await deliveriesOf(room, hook.id, `&since=${inSeconds(60)}`)).length, 0)

  const refused = await editor('POST', `${hook.at}/deliveries/${all[0].id}/redeliver`)
  t.match(refused, { status: 409, json: { code: 'wrong_state' } })
  t.match(await must(editor, 'POST', `${hook.at}/redeliver`, { since: inSeconds(-60) }), {
    json: { count: 1 },
  })
  await receiver.until(hook.path, 4)
  t.equal(told(hook.path)[3].type, 'article.killed', 'the removal, and nothing before it')
  await hook.remove()
})

t.test('a removal that nobody asked to be told of withdraws too', async (t) => {
  const hook = await registered({ events: ['article.published'] })
  await receiver.answer(hook.path, { status: 500 }, { status: 204 })
  await deliver(t, room)
  const { id } = await story(editor, { headline: 'Wrong' })
  await receiver.until(hook.path, 1)
  await until(async () => (await deliveriesOf(room, hook.id))[0].dueAt !== null)
  await must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'r', notice: 'n' })
  await until(async () => (await deliveriesOf(room, hook.id))[0].state !== 'pending')
  const all = await deliveriesOf(room, hook.id)
  t.match(all, [{ state: 'superseded', change: { event: 'article.published' } }])
  t.equal(all.length, 1, 'the kill itself is not told')
  t.equal((await editor('POST', `${hook.at}/deliveries/${all[0].id}/redeliver`)).status, 409)
  const again = await must(editor, 'POST', `${hook.at}/redeliver`, { since: inSeconds(-60) })
  t.equal(again.json.count, 0)
  t.equal(receiver.got(hook.path).length, 1)
  await hook.remove()
})

t.test('what was delivered before a removal nobody asked for is not delivered again', async (t) => {
  const hook = await registered({ events: ['article.published'] })
  await deliver(t, room)
  const { id } = await story(editor, { headline: 'Wrong' })
  await receiver.until(hook.path, 1)
  await until(async () => (await deliveriesOf(room, hook.id))[0].state === 'delivered')
  await must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'r', notice: 'n' })
  // Numbered: the removal has its place in the ledger.
  await get(editor, '/v1/changes?limit=1')
  const [told] = await deliveriesOf(room, hook.id)
  t.equal((await editor('POST', `${hook.at}/deliveries/${told.id}/redeliver`)).status, 409)
  const again = await must(editor, 'POST', `${hook.at}/redeliver`, { since: inSeconds(-60) })
  t.equal(again.json.count, 0)
  await hook.remove()
})

t.test('a category that moves has its partners read the snapshot again', async (t) => {
  const [harbour, town] = [await category(editor), await category(editor)]
  const pier = await category(editor, { parent: town.id })
  const { id: partnerId } = await partner({ categories: { allowed: [harbour.id] } })
  // Whatever they ask for: of what is taken away they hear nothing more, not even that it is killed.
  const hook = await registered({ partner: partnerId, events: ['article.killed'] })
  await deliver(t, room)
  await patch(editor, `/v1/categories/${pier.id}`, { parent: harbour.id })
  await until(() => told(hook.path).some(({ data }) => data.op === 'reset'))
  const reset = told(hook.path).find(({ data }) => data.op === 'reset')
  t.match(reset, { type: 'entitlement.changed', data: { resource: 'category', id: pier.id } })
  t.same(reset?.data.links, {
    ...{ api: `${room.config.publicUrl}/v1/changes?snapshot=true`, page: null },
  })
  await hook.remove()
})

t.test(
  'a stretch of the ledger that tells it nothing holds nothing up; all that is old is forgotten',
  async (t) => {
    const hook = await registered()
    const before = await story(editor, { headline: 'Before' })
    const { id: draftId } = await draft(editor, { headline: 'Busy' })
    // More than the feed looks at in one statement, and more than are forgotten in one.
    await sql(
      `insert into changes (kind, resource_id, operation, event, key_name, at)
     select 'article', $1, 'update', 'article.updated', 'x', now() from generate_series(1, 20100)`,
      [draftId],
    )
    const after = await story(editor, { headline: 'After' })
    // The bell may ring again and hide it: one look must know that the ledger goes on.
    await until(async () => {
      await numberChanges(room.db.editor)
      const [left] = await sql('select count(*)::int as n from changes where position is null')
      return left?.n === 0
    })
    const [at] = await sql('select max(position)::int as p from changes where resource_id = $1', [
      before.id,
    ])
    const position = Number(at?.p) - 1
    const readers = { partnerId: null, early: false, ids: [] }
    const first = await readTold(room.db, room.config, { ...readers, position })
    t.match(first, { rows: [{ id: before.id }], more: true })
    const rest = await readTold(room.db, room.config, { ...readers, position: first.until })
    t.match(rest, { rows: [{ id: after.id }], more: false })
    await deliver(t, room)
    await receiver.until(hook.path, 2)
    t.same(
      told(hook.path)
        .map(({ data }) => data.id)
        .sort(),
      [before.id, after.id].sort(),
    )
    await until(async () => (await deliveriesOf(room, hook.id, '&state=delivered')).length === 2)
    await sql(
      `insert into deliveries (id, webhook_id, position, op, resource, event, resource_id, state, created_at, finished_at)
     select gen_random_uuid(), $1, position, 'upsert', 'article', event, resource_id, 'delivered', at, now() - interval '31 days'
     from changes where resource_id = $2 and event = 'article.updated'`,
      [hook.id, draftId],
    )
    await forgetOldDeliveries(room.db.editor)
    const [left] = await sql('select count(*)::int as n from deliveries where webhook_id = $1', [
      hook.id,
    ])
    t.equal(left?.n, 2, 'what is old is gone, what is new is kept')
    await hook.remove()
  },
)

t.test('a removal has room though others hang, and so has every other webhook', async (t) => {
  const hook = await registered()
  const quick = await registered()
  await receiver.answer(hook.path, 'hang', 'hang', 'hang', 'hang', { status: 204 })
  await deliver(t, { ...room, config: { ...room.config, webhookTimeout: 15_000 } })
  const made = []
  for (let i = 0; i < 6; i++) made.push(await story(editor, { headline: `Hung ${i}` }))
  await receiver.until(hook.path, 4)
  await receiver.until(quick.path, 6)
  const before = performance.now()
  await must(editor, 'POST', `/v1/articles/${made[5].id}/unpublish`)
  await until(() => events(hook.path).includes('article.unpublished'))
  await receiver.until(quick.path, 7)
  t.ok(performance.now() - before < 10_000, `${performance.now() - before} ms`)
  t.equal(events(hook.path).indexOf('article.unpublished'), 4, 'past those that have no room')
  await Promise.all([hook.remove(), quick.remove()])
})

t.test('after the last attempt it has failed, and the next one goes on', async (t) => {
  const hook = await registered()
  const fail = Array.from({ length: 10 }, () => ({ status: 500 }))
  await receiver.answer(hook.path, ...fail, { status: 200 })
  await deliver(t, room, { scale: 0 })
  const { id } = await story(editor, { headline: 'Never' })
  await until(async () => (await deliveriesOf(room, hook.id, '&state=failed')).length === 1)
  const [failed] = await deliveriesOf(room, hook.id)
  t.match(failed, { state: 'failed', dueAt: null, finishedAt: /Z$/ })
  t.equal(failed.attempts.length, 10)
  await patch(editor, `/v1/articles/${id}`, { summary: 'Then.' })
  await receiver.until(hook.path, 11)
  t.equal(events(hook.path)[10], 'article.updated')
  await must(editor, 'POST', `${hook.at}/deliveries/${failed.id}/redeliver`)
  await receiver.until(hook.path, 12)
  t.equal(events(hook.path)[11], 'article.published')
  await until(async () => (await deliveriesOf(room, hook.id))[0].state === 'delivered')
  t.equal((await deliveriesOf(room, hook.id))[0].attempts.length, 11, 'all are kept')
  await hook.remove()
})

t.test('410 disables; what happened meanwhile comes when it is enabled', async (t) => {
  const hook = await registered()
  await receiver.answer(hook.path, { status: 410 }, { status: 204 })
  await deliver(t, room)
  const first = await story(editor, { headline: 'Unwanted' })
  await until(async () => (await get(editor, hook.at)).disabledAt !== null)
  t.match(await get(editor, hook.at), { disabledReason: 'gone', version: 2 })
  const [row] = (await get(editor, `/v1/audit?kind=webhook&id=${hook.id}`)).data
  t.match(row, { event: 'webhook.disabled', reason: 'it answered 410', by: { name: 'webhooks' } })
  await patch(editor, `/v1/articles/${first.id}`, { summary: 'Unheard.' })
  const second = await story(editor, { headline: 'Later' })
  t.equal((await editor('POST', `${hook.at}/redeliver`, { since: inSeconds(-60) })).status, 409)
  t.equal(receiver.got(hook.path).length, 1)
  const enabled = (await must(editor, 'POST', `${hook.at}/enable`)).json
  t.match(enabled, { disabledAt: null, disabledReason: null, failingSince: null, version: 3 })
  t.equal((await must(editor, 'POST', `${hook.at}/enable`)).json.version, 3, 'again: nothing')
  await receiver.until(hook.path, 4)
  t.same(
    told(hook.path)
      .slice(1)
      .filter(({ data }) => data.id === first.id)
      .map(({ type }) => type),
    ['article.published', 'article.updated'],
  )
  t.ok(told(hook.path).some(({ data }) => data.id === second.id))
  await hook.remove()
})

t.test('five days of failure disable', async (t) => {
  const hook = await registered()
  await receiver.answer(hook.path, { status: 500 })
  await sql(
    `update webhooks set failing_since = now() - interval '5 days 1 minute' where id = $1`,
    [hook.id],
  )
  await deliver(t, room)
  await story(editor, { headline: 'Unheard' })
  await until(async () => (await get(editor, hook.at)).disabledAt !== null)
  t.match(await get(editor, hook.at), { disabledReason: 'failing' })
  const [row] = (await get(editor, `/v1/audit?kind=webhook&id=${hook.id}`)).data
  t.match(row, { event: 'webhook.disabled', reason: 'it has failed for 5 days' })
  await hook.remove()
})

t.test('Retry-After holds all but removals', async (t) => {
  const hook = await registered()
  await receiver.answer(
    hook.path,
    { status: 429, headers: { 'retry-after': '2' } },
    { status: 204 },
  )
  await deliver(t, room, { scale: 0 })
  const { id } = await story(editor, { headline: 'Too many' })
  const [refused] = await receiver.until(hook.path, 1)
  await until(async () => (await get(editor, hook.at)).pausedUntil !== null)
  const other = await story(editor, { headline: 'Waits too' })
  await patch(editor, `/v1/articles/${id}`, { summary: 'Brings nothing forward.' })
  await must(editor, 'POST', `/v1/articles/${other.id}/unpublish`)
  const got = await receiver.until(hook.path, 2)
  t.equal(events(hook.path)[1], 'article.unpublished')
  t.ok((got[1]?.at ?? 0) - (refused?.at ?? 0) < 1900)
  await receiver.until(hook.path, 4)
  // It was heard since: the success ended the pause.
  t.same(events(hook.path).slice(2), ['article.published', 'article.updated'])
  t.match(await get(editor, hook.at), { pausedUntil: null })

  await receiver.answer(
    hook.path,
    { status: 503, headers: { 'retry-after': '2' } },
    { status: 204 },
  )
  await patch(editor, `/v1/articles/${id}`, { summary: 'Once more.' })
  const later = await receiver.until(hook.path, 6)
  t.ok((later[5]?.at ?? 0) - (later[4]?.at ?? 0) >= 1900, 'not before it said')
  await hook.remove()
})

t.test('a secret is rotated with both signatures valid', async (t) => {
  const hook = await registered()
  await deliver(t, room)
  const rotated = (await must(editor, 'POST', `${hook.at}/rotate-secret`)).json
  t.not(rotated.secret, hook.secret)
  const hours = (Date.parse(rotated.previousSecretUntil) - Date.now()) / 3_600_000
  t.ok(hours > 23.9 && hours < 24.1, `${hours} h`)
  t.notOk('secret' in (await get(editor, hook.at)))
  await story(editor, { headline: 'Both' })
  const [both] = await receiver.until(hook.path, 1)
  if (!both) throw new Error('nothing came')
  t.equal(both.headers['webhook-signature']?.split(' ').length, 2)
  t.ok(opened(both, hook.secret) && opened(both, rotated.secret))
  const until2 = inSeconds(1)
  const third = (await must(editor, 'POST', `${hook.at}/rotate-secret`, { previousUntil: until2 }))
    .json
  t.equal(third.previousSecretUntil, until2)
  await until(() => Date.now() > Date.parse(until2) + 100)
  await story(editor, { headline: 'One' })
  const [, one] = await receiver.until(hook.path, 2)
  if (!one) throw new Error('nothing came')
  t.ok(opened(one, third.secret))
  t.throws(() => opened(one, rotated.secret), 'the old one has ended')
  t.match(await get(editor, hook.at), { previousSecretUntil: null, version: 3 })
  const now = (await must(editor, 'POST', `${hook.at}/rotate-secret`, { previousUntil: null })).json
  t.equal(now.previousSecretUntil, null)
  t.equal(
    (await editor('POST', `${hook.at}/rotate-secret`, {}, { 'if-match': '"1-x"' })).status,
    412,
  )
  const { text } = await must(editor, 'GET', '/v1/audit?kind=webhook&limit=100')
  t.notMatch(text, /whsec_/)
  await hook.remove()
})

t.test('a test is sent at once, and what came of it answered', async (t) => {
  const hook = await registered()
  const sent = await must(editor, 'POST', `${hook.at}/test`)
  t.match(sent.json, { delivered: true, status: 204, error: null, ms: Number })
  t.equal(sent.headers['cache-control'], 'no-store')
  const [got] = await receiver.until(hook.path, 1)
  if (!got) throw new Error('nothing came')
  t.match(opened(got, hook.secret), { type: 'webhook.test', data: { webhook: hook.id } })
  await receiver.answer(hook.path, { status: 302, headers: { location: 'http://127.0.0.1/' } })
  t.match((await must(editor, 'POST', `${hook.at}/test`, {})).json, {
    ...{ delivered: false, status: 302, error: 'redirect', excerpt: 'seen' },
  })
  await receiver.answer(hook.path, 'hang')
  t.match((await must(editor, 'POST', `${hook.at}/test`)).json, { error: 'timeout', status: null })
  t.same(await deliveriesOf(room, hook.id), [], 'it is no delivery')
  await hook.remove()
})

t.test('all since a time again, in its order and with the same ids', async (t) => {
  const hook = await registered()
  await deliver(t, room)
  const { id } = await story(editor, { headline: 'Once' })
  await receiver.until(hook.path, 1)
  for (const summary of ['a', 'b', 'c']) await patch(editor, `/v1/articles/${id}`, { summary })
  await receiver.until(hook.path, 4)
  await until(async () => (await deliveriesOf(room, hook.id, '&state=delivered')).length === 4)
  const since = (await deliveriesOf(room, hook.id))[1].createdAt
  t.same((await must(editor, 'POST', `${hook.at}/redeliver`, { since })).json, { count: 3 })
  const got = await receiver.until(hook.path, 7)
  const ids = got.map(({ headers }) => headers['webhook-id'])
  t.same(ids.slice(4), ids.slice(1, 4))
  const key = { 'idempotency-key': 'again' }
  const body = { since }
  await must(editor, 'POST', `${hook.at}/redeliver`, body, key)
  await receiver.until(hook.path, 10)
  await must(editor, 'POST', `${hook.at}/redeliver`, body, key)
  await until(async () => (await deliveriesOf(room, hook.id, '&state=pending')).length === 0)
  t.equal(receiver.got(hook.path).length, 10, 'once for a key')
  await hook.remove()
})

t.test('what is under way when a process stops is given back to others', async (t) => {
  const hook = await registered()
  await receiver.answer(hook.path, 'hang')
  const slow = { ...room, config: { ...room.config, webhookTimeout: 15_000 } }
  const first = await deliver(t, slow)
  await story(editor, { headline: 'Cut' })
  await receiver.until(hook.path, 1)
  await receiver.answer(hook.path, { status: 204 })
  const before = performance.now()
  await first.stop()
  const took = performance.now() - before
  t.ok(took > 4500 && took < 6500, `waits five seconds for it: ${took} ms`)
  const [given] = await deliveriesOf(room, hook.id)
  t.match(given, { state: 'pending', attempts: [], dueAt: /Z$/ }, 'no attempt of the receiver’s')
  await Promise.all([deliver(t, room), deliver(t, room)])
  await receiver.until(hook.path, 2)
  await until(async () => (await deliveriesOf(room, hook.id))[0].state === 'delivered')
  t.equal(receiver.got(hook.path).length, 2)
  await hook.remove()
})

t.test('whoever asks is told what partners were told, in the same transaction', async (t) => {
  const { id: partnerId } = await partner()
  const hook = await registered({ partner: partnerId })
  const others = await registered()
  await receiver.answer(hook.path, { status: 500 }, { status: 204 })
  const heard: Delivered[] = []
  let fail = true
  await deliver(t, room, {
    ...{ scale: 0, faults: 1 },
    onDelivered: async (tx, delivered) => {
      await tx.execute('select 1')
      heard.push(delivered)
      if (fail) {
        fail = false
        throw new Error('not now')
      }
    },
  })
  const { id } = await story(editor, { headline: 'Held by them' })
  // The first transaction was rolled back: the message is sent again when its lease ends.
  await receiver.until(hook.path, 3)
  await until(() => heard.length === 2)
  const row = { partnerId, articleId: id, version: 2, op: 'upsert' }
  t.match(heard, [row, row])
  t.ok(heard[1] && heard[1].position > 0 && Date.now() - heard[1].at.getTime() < 60_000)
  await until(async () => (await deliveriesOf(room, hook.id))[0].state === 'delivered')
  await must(editor, 'POST', `/v1/articles/${id}/unpublish`)
  await until(() => heard.length === 3)
  t.match(heard[2], { ...row, op: 'remove', version: 3 })
  await receiver.until(others.path, 2)
  t.equal(heard.length, 3, 'nothing of a webhook without a partner')
  await Promise.all([hook.remove(), others.remove()])
})

t.test('what a partner was told is among its holdings', async (t) => {
  const { id: partnerId } = await partner()
  const hook = await registered({ partner: partnerId })
  await deliver(t, room, { onDelivered: noteNotified })
  const { id } = await story(editor, { headline: 'Noted' })
  const held = async () =>
    (await get(editor, `/v1/articles/${id}/recipients?limit=100`)).data.find(
      (one: { id: string }) => one.id === partnerId,
    )
  await until(async () => (await held())?.degree)
  t.match(await held(), { degree: 'notified', version: 2, how: 'webhook' })
  await hook.remove()
})

t.test('every event of the feed can be asked for', async (t) => {
  const hook = await registered({ events: [...EVENTS] })
  t.same(hook.events, EVENTS)
  t.ok(new Webhook(hook.secret))
  await hook.remove()
})
