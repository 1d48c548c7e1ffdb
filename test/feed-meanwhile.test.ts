import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { OPERATOR } from '../src/actor.ts'
import { updateArticle } from '../src/articles/commands.ts'
import { publishArticle, unpublishArticle } from '../src/articles/lifecycle.ts'
import { updateCategory } from '../src/categories/commands.ts'
import { followChanges } from '../src/changes/follow.ts'
import { sweep } from '../src/changes/sweep.ts'
import type { Writing } from '../src/db/client.ts'
import { transaction } from '../src/db/transaction.ts'
import { updateSource } from '../src/sources/commands.ts'
import {
  category,
  draft,
  get,
  inSeconds,
  must,
  partner,
  patch,
  publish,
  rest,
  source,
  story,
} from './factories.ts'
import { type Call, newsroom } from './newsroom.ts'

/*
 * What a row in the ledger cannot know: what others commit, and what time does, between its writing and its own
 * commit; and what it changes elsewhere. Each is told a look later.
 */

const room = await newsroom(t)
const { editor, db } = room
// What was before the first look is not known.
await followChanges(db)

/** Until an embargo ends, in seconds. */
const SOON = 1

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Row = any

/** What the feed of a caller has told since it was last asked. */
async function newsOf(call: Call) {
  let { next } = await rest(call)
  const news = async (): Promise<Row[]> => {
    const now = await rest(call, next)
    next = now.next
    return now.rows
  }
  return { call, news }
}

const following = async (input?: object, scopes?: string[]) =>
  newsOf((await partner(room, input, scopes)).call)
const withEarlyAccess = () => following({ earlyAccess: true }, ['syndication', 'embargo:read'])
/** With a key of no partner: what readers see. */
const asReader = async () => newsOf(await room.as('syndication'))

/** The rows of one resource. */
const of = ({ id }: { id: string }, rows: Row[]) => rows.filter((row) => row.id === id)

const told = (rows: Row[]) => rows.map(({ op, event, id }) => `${op} ${event} ${id}`)

async function look(): Promise<void> {
  await sweep(db)
  await followChanges(db)
}

/** Does something in a transaction that stays open while something else happens. */
function whileOpen<T>(write: (ctx: Writing) => Promise<T>, meanwhile: () => Promise<unknown>) {
  return transaction(db, async (tx) => {
    const result = await write({ tx, actor: OPERATOR })
    await meanwhile()
    return result
  })
}

/** Until it is a moment after a time. */
const past = (time: string) => pause(Date.parse(time) - Date.now() + 30)

/** A story under an embargo that ends soon; whoever waits for it comes when it has. */
async function underEmbargo(input: object) {
  const { id } = await draft(editor, input)
  const embargoUntil = inSeconds(SOON)
  await publish(editor, id, { embargoUntil })
  await sweep(db)
  return { id, ended: () => past(embargoUntil) }
}

/** One that comes at a time of its own. */
async function scheduled(seconds: number, input: object = {}, times: object = {}) {
  const { id } = await draft(editor, input)
  const at = inSeconds(seconds)
  await publish(editor, id, { at, ...times })
  return { id, ended: () => past(at) }
}

t.test('a new name, while what shows it appears', async (t) => {
  const desk = await category(editor, { name: 'Desk' })
  const { news, call } = await following()
  const early = await withEarlyAccess()
  const readers = await asReader()
  const [published, lifted, sealed] = await Promise.all(
    ['Ada', 'Ben', 'Cora'].map((name) => source(editor, { name })),
  )
  const first = await draft(editor, { sources: [published.id], categories: [desk.id] })
  await whileOpen(
    async (ctx) => {
      await updateSource(ctx, published.id, { name: 'Ada Keel' }, undefined)
      await updateCategory(ctx, desk.id, { name: 'Night desk' }, undefined)
    },
    () => publish(editor, first.id),
  )
  t.same(told(await news()), [`upsert article.published ${first.id}`])
  const second = await underEmbargo({ sources: [lifted.id] })
  await whileOpen(
    (ctx) => updateSource(ctx, lifted.id, { name: 'Ben Keel' }, undefined),
    async () => {
      await second.ended()
      t.match(await get(call, `/v1/articles/${second.id}?include=sources`), {
        sources: [{ name: 'Ben' }],
      })
      await sweep(db)
    },
  )
  const third = await draft(editor, { sources: [sealed.id] })
  await early.news()
  await whileOpen(
    (ctx) => updateSource(ctx, sealed.id, { name: 'Cora Keel' }, undefined),
    () => publish(editor, third.id, { embargoUntil: inSeconds(3600) }),
  )
  await look()
  const rows = await news()
  t.same(
    told(rows).sort(),
    [
      `upsert article.embargo-lifted ${second.id}`,
      `upsert category.updated ${desk.id}`,
      `upsert source.updated ${lifted.id}`,
      `upsert source.updated ${published.id}`,
    ].sort(),
    'who read the old one is told of the new',
  )
  t.same(rows.flatMap((row) => row.source?.name ?? row.category?.name ?? []).sort(), [
    'Ada Keel',
    'Ben Keel',
    'Night desk',
  ])
  const theirs = told(await readers.news())
  for (const { id } of [published, lifted])
    t.ok(theirs.includes(`upsert source.updated ${id}`), 'readers too')
  t.notOk(
    theirs.some((row) => row.endsWith(sealed.id)),
    'but of nothing under embargo',
  )
  t.same(
    told(of(sealed, await early.news())),
    [`upsert source.updated ${sealed.id}`],
    'and with early access alone',
  )
  await look()
  t.same(await news(), [], 'once')
  await patch(editor, `/v1/sources/${published.id}`, { name: 'Ada Loom' })
  await look()
  t.same(told(await news()), [`upsert source.updated ${published.id}`], 'who was told is not again')
})

t.test('a new name, while a partner comes to see what shows it', async (t) => {
  const [desk, other, allowed] = [
    await category(editor, { name: 'Desk' }),
    await category(editor, { name: 'Other' }),
    await category(editor, { name: 'Allowed' }),
  ]
  const named = await source(editor, { name: 'Ada' })
  await story(editor, { sources: [named.id], categories: [desk.id] })
  // Long before, or it would be looked at anyway.
  await room.sql(`update changes set at = at - interval '1 hour'`)
  await look()
  const p = await partner(room, { categories: { allowed: [allowed.id, other.id] } })
  const rename = (name: string, meanwhile: () => Promise<unknown>) =>
    whileOpen((ctx) => updateSource(ctx, named.id, { name }, undefined), meanwhile)
  const { news } = await newsOf(p.call)
  await rename('Ada Keel', () =>
    patch(editor, `/v1/partners/${p.id}`, { categories: { allowed: [allowed.id, desk.id] } }),
  )
  await look()
  t.match(of(named, await news()).at(-1), { source: { name: 'Ada Keel' } }, 'by its entitlement')
  await patch(editor, `/v1/partners/${p.id}`, { categories: { allowed: [allowed.id] } })
  await look()
  await room.sql(`update changes set at = at - interval '1 hour'`)
  await rename('Ada Loom', () => patch(editor, `/v1/categories/${desk.id}`, { parent: allowed.id }))
  await look()
  t.match(of(named, await news()).at(-1), { source: { name: 'Ada Loom' } }, 'by a move')
})

t.test('what is taken back while its time comes', async (t) => {
  const [harbour, town] = [
    await category(editor, { name: 'Harbour' }),
    await category(editor, { name: 'Town' }),
  ]
  const narrow = await following({ categories: { allowed: [harbour.id] }, languages: ['en'] })
  const others = await following({ categories: { allowed: [town.id] }, languages: ['en'] })
  const all = [await following(), await asReader()]
  const [ada, ben] = [await source(editor, { name: 'Ada' }), await source(editor, { name: 'Ben' })]
  const quoting = (speaker: { id: string }) => [{ text: 'We will see', speaker: speaker.id }]
  const ends: [event: string, end: (ctx: Writing, id: string) => Promise<unknown>][] = [
    ['article.unpublished', (ctx, id) => unpublishArticle(ctx, id, {}, undefined)],
    [
      'article.embargo-set',
      (ctx, id) => publishArticle(ctx, id, { embargoUntil: inSeconds(3600) }, undefined),
    ],
    ['article.updated', (ctx, id) => updateArticle(ctx, id, { language: 'pt' }, undefined)],
    [
      'article.updated',
      (ctx, id) =>
        updateArticle(ctx, id, { categories: [town.id], quotes: quoting(ben) }, undefined),
    ],
  ]
  for (const [i, [event, end]] of ends.entries()) {
    const story = await underEmbargo({
      ...{ categories: [harbour.id], body: { markdown: '“We will see,” said a speaker.' } },
      quotes: quoting(ada),
    })
    await whileOpen(
      (ctx) => end(ctx, story.id),
      async () => {
        await story.ended()
        const { status } = await narrow.call('GET', `/v1/articles/${story.id}`)
        t.equal(status, 200, `${event}: it is read`)
      },
    )
    t.not((await narrow.call('GET', `/v1/articles/${story.id}`)).status, 200)
    await look()
    await look()
    const rows = of(story, await narrow.news())
    t.match(rows.at(-1), { op: 'remove', event }, `${event}: who read it is told of its end`)
    t.notOk('article' in rows[0])
    const inTown = i === 3
    const theirs = of(story, await others.news())
    t.equal(theirs.at(-1)?.op, inTown ? 'upsert' : undefined, `${event}: others have theirs`)
    for (const { news } of all) {
      t.match(of(story, await news()).at(-1), { op: i < 2 ? 'remove' : 'upsert' })
    }
  }
  const broken = await room.sql(`
    select a.* from changes a cross join lateral (
      select * from changes b where b.resource_id = a.resource_id and b.kind = 'article' and b.id < a.id
      order by b.id desc limit 1) b
    where a.kind = 'article' and (b.is_early <> a.was_early or b.is_visible <> a.was_visible
      or b.to_version <> a.from_version or b.is_language <> a.was_language
      or public.differing(b.is_categories, a.was_categories) <> '{}')`)
  t.same(broken, [], 'each row goes on where the one before it ended')
})

t.test('what is scheduled, and taken back while its time comes', async (t) => {
  const early = await withEarlyAccess()
  const others = await following()
  const under = { embargoUntil: inSeconds(3600) }
  const story = await scheduled(SOON + 5, {}, under)
  const { status } = await editor('DELETE', `/v1/articles/${story.id}`, undefined, {
    'if-match': '*',
  })
  t.equal(status, 204, 'long before it is deleted')
  // Nobody looks before its time, and yet it was taken back too long before.
  const long = await scheduled(SOON + 5, {}, under)
  await must(editor, 'POST', `/v1/articles/${long.id}/unpublish`)
  const [first, second] = [await scheduled(SOON + 5, {}, under), await scheduled(SOON + 5)]
  await pause(SOON * 1000 + 200)
  const refused = await editor('DELETE', `/v1/articles/${second.id}`, undefined, {
    'if-match': '*',
  })
  t.equal(refused.json.code, 'was_visible', 'not within the last seconds')
  await whileOpen(
    (ctx) => unpublishArticle(ctx, first.id, {}, undefined),
    async () => {
      await first.ended()
      t.equal((await early.call('GET', `/v1/articles/${first.id}`)).status, 200)
    },
  )
  const gone = await editor('DELETE', `/v1/articles/${first.id}`, undefined, { 'if-match': '*' })
  t.equal(gone.json.code, 'was_visible', 'nor when it was taken back then')
  await look()
  await look()
  const rows = await early.news()
  t.match(of(first, rows).at(-1), { op: 'remove', event: 'article.unpublished' })
  t.same(of(long, rows), [], 'nobody had what was taken back long before')
  t.same(of(first, await others.news()), [], 'without early access nobody is told')
})

t.test('what is taken back before its time, is back, or stays, is not told twice', async (t) => {
  const { news } = await following()
  const { id } = await draft(editor)
  await publish(editor, id, { embargoUntil: inSeconds(3600) })
  await must(editor, 'POST', `/v1/articles/${id}/unpublish`)
  await look()
  t.same(await news(), [])
  const edited = await underEmbargo({})
  await whileOpen(
    (ctx) => updateArticle(ctx, edited.id, { summary: 'New.' }, undefined),
    edited.ended,
  )
  await look()
  await look()
  t.same(told(await news()), [`upsert article.embargo-lifted ${edited.id}`])
  const back = await underEmbargo({})
  await whileOpen((ctx) => unpublishArticle(ctx, back.id, {}, undefined), back.ended)
  await publish(editor, back.id)
  await look()
  await look()
  t.same(told(await news()), [`upsert article.published ${back.id}`])
  const ended = await draft(editor)
  const [embargoUntil, expiresAt] = [inSeconds(SOON), inSeconds(SOON + 0.3)]
  await publish(editor, ended.id, { embargoUntil, expiresAt })
  await pause((SOON + 0.3) * 1000 + 50)
  await must(editor, 'POST', `/v1/articles/${ended.id}/unpublish`)
  await news()
  await look()
  t.same(await news(), [], 'nor what had expired')
})

t.test('an organization that went and came again between two looks', async (t) => {
  const shelf = await category(editor, { name: 'Shelf' })
  const desks = await Promise.all(
    ['A', 'B', 'C'].map((name) => category(editor, { name, parent: shelf.id })),
  )
  const trust = await source(editor, { kind: 'organization', name: 'Trust' })
  const member = await source(editor, { name: 'Ida', organization: trust.id })
  const p = await following()
  const readers = await asReader()
  const early = await withEarlyAccess()
  const uninvolved = await following({ languages: ['pt'] })
  await story(editor, { sources: [member.id], language: 'pt' })
  const ofMember = await story(editor, { sources: [member.id] })
  const first = await story(editor, {
    ...{ sources: [trust.id], categories: desks.map(({ id }) => id) },
  })
  const shown = async ({ news }: { news: () => Promise<Row[]> }) =>
    of(member, await news()).map((row: Row) => row.source.organization?.name ?? null)
  const all = async () => {
    await look()
    return Promise.all([shown(p), shown(readers)])
  }
  await look()
  await all()
  await Promise.all([uninvolved.news(), early.news()])
  await must(editor, 'POST', `/v1/articles/${first.id}/unpublish`)
  const meanwhile = await get(p.call, `/v1/articles/${ofMember.id}?include=sources`)
  t.equal(meanwhile.sources[0].organization, null, 'who reads now has it without')
  await publish(editor, first.id)
  t.same(await all(), [['Trust'], ['Trust']], 'and is told')
  t.same(await shown(early), ['Trust'])
  await patch(editor, `/v1/articles/${first.id}`, { summary: 'Still names it.' })
  t.same(await all(), [[], []], 'an edit takes nothing away')
  const second = await story(editor, {
    ...{ body: { markdown: '“We will see,” it said.' } },
    quotes: [{ text: 'We will see', speaker: trust.id }],
  })
  t.same(await all(), [[], []], 'it was there all the time')
  await must(editor, 'POST', `/v1/articles/${first.id}/unpublish`)
  t.same(await all(), [[], []], 'as who is quoted')
  await patch(editor, `/v1/articles/${second.id}`, { summary: 'Still quotes it.' })
  t.same(await all(), [[], []], 'and still is')
  await must(editor, 'POST', `/v1/articles/${second.id}/unpublish`)
  t.same(await all(), [[null], [null]])
  await publish(editor, first.id)
  await must(editor, 'POST', `/v1/articles/${first.id}/unpublish`)
  t.same(await all(), [[null], [null]], 'it came and went')
  // Gone, and there again when the look comes, by one that is not numbered yet.
  await publish(editor, first.id)
  await all()
  await must(editor, 'POST', `/v1/articles/${first.id}/unpublish`)
  await publish(editor, second.id)
  t.same(await all(), [['Trust'], ['Trust']], 'by another')
  await must(editor, 'POST', `/v1/articles/${second.id}/unpublish`)
  await all()
  await early.news()
  await publish(editor, first.id, { embargoUntil: inSeconds(3600) })
  await look()
  t.same(await shown(early), ['Trust'], 'under an embargo')
  await must(editor, 'POST', `/v1/articles/${first.id}/unpublish`)
  await publish(editor, first.id, { embargoUntil: inSeconds(3600) })
  t.same(await all(), [[], []], 'of which nobody knows')
  t.same(await shown(early), ['Trust'], 'but with early access')
  await look()
  t.notOk(
    (await uninvolved.news()).some(({ id }) => id === member.id),
    'who never saw the organization is told nothing',
  )
})

t.test('an organization, while what names it comes or goes by time', async (t) => {
  const trust = await source(editor, { kind: 'organization', name: 'Fund' })
  const member = await source(editor, { name: 'Eda', organization: trust.id })
  await story(editor, { sources: [member.id] })
  const { news } = await following()
  const shown = async () =>
    of(member, await news()).map((row: Row) => row.source.organization?.name ?? null)
  const expiring = await draft(editor, { sources: [trust.id] })
  const expiresAt = inSeconds(SOON + 1)
  await publish(editor, expiring.id, { expiresAt })
  await look()
  await look()
  await news()
  await whileOpen(
    (ctx) => publishArticle(ctx, expiring.id, { expiresAt: inSeconds(3600) }, undefined),
    () => past(expiresAt),
  )
  await look()
  t.same(await shown(), ['Fund'], 'it was about to expire')
  await must(editor, 'POST', `/v1/articles/${expiring.id}/unpublish`)
  await look()
  t.same(await shown(), [null])
  const coming = await scheduled(SOON, { sources: [trust.id] })
  await whileOpen((ctx) => updateArticle(ctx, coming.id, { sources: [] }, undefined), coming.ended)
  await look()
  await look()
  t.same(await shown(), [null], 'its time came before it named another')
  const lifted = await underEmbargo({ sources: [trust.id] })
  await look()
  await lifted.ended()
  await look()
  await look()
  t.same(await shown(), ['Fund'], 'its embargo ends')
})

t.test('readers are told where there is no partner', async (t) => {
  const alone = await newsroom(t)
  const { editor, db } = alone
  const { news } = await newsOf(await alone.as('syndication'))
  const look = async () => {
    await news()
    await followChanges(db)
    return news()
  }
  await look()
  const trust = await source(editor, { kind: 'organization', name: 'Trust' })
  const member = await source(editor, { name: 'Ida', organization: trust.id })
  await story(editor, { sources: [member.id] })
  const naming = await story(editor, { sources: [trust.id] })
  await look()
  await must(editor, 'POST', `/v1/articles/${naming.id}/unpublish`)
  await publish(editor, naming.id)
  t.match(await look(), [{ id: member.id, source: { organization: { id: trust.id } } }])
  const named = await source(editor, { name: 'Ada' })
  const first = await draft(editor, { sources: [named.id] })
  await transaction(db, async (tx) => {
    const change = { name: 'Ada Keel' }
    await updateSource({ tx, actor: OPERATOR }, named.id, change, undefined)
    await publish(editor, first.id)
  })
  t.match(await look(), [{ id: named.id, source: { name: 'Ada Keel' } }])
})
