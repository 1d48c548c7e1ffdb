import { request } from 'node:http'
import pg from 'pg'
import t from 'tap'
import { buildApp } from '../src/app.ts'
import { followChanges } from '../src/changes/follow.ts'
import { sweep } from '../src/changes/sweep.ts'
import {
  category,
  draft,
  get,
  inSeconds,
  must,
  partner as partnerOf,
  patch,
  publish,
  quote,
  rest,
  source,
  story,
} from './factories.ts'
import { callerOf, newsroom } from './newsroom.ts'

const room = await newsroom(t)
const { editor, reader, app, db } = room

const harbour = await category(editor, { name: 'Harbour' })
const town = await category(editor, { name: 'Town' })

const partner = (input?: object, scopes?: string[]) => partnerOf(room, input, scopes)

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Any = any

const told = (rows: Any[]) =>
  rows.map(({ op, event, reason }) => [op, event, reason].filter(Boolean).join(' '))

const readers = await room.as('syndication')

/** Waits until somebody waits for a lock. */
async function untilWaiting(client: pg.Client) {
  for (;;) {
    const found = await client.query(`select pid from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`)
    if (found.rows.length > 0) return found
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

t.test('what happens to a story is told in order, with the story as it is', async (t) => {
  const { next } = await rest(readers)
  const made = await draft(editor, { headline: 'Ice house saved', categories: [harbour.id] })
  await patch(editor, `/v1/articles/${made.id}`, { summary: 'A draft still.' })
  t.same((await rest(readers, next)).rows, [], 'nothing of a draft')
  await publish(editor, made.id)
  await patch(editor, `/v1/articles/${made.id}`, { headline: 'Ice house stays' })
  await must(editor, 'POST', `/v1/articles/${made.id}/corrections`, {
    ...{ kind: 'correction', text: 'It was open all the time.' },
  })
  const { rows } = await rest(readers, next)
  t.same(told(rows), [
    'upsert article.published',
    'upsert article.updated',
    'upsert article.corrected',
  ])
  t.match(rows[0], { resource: 'article', id: made.id, version: 3, reason: null })
  t.match(
    rows.map((row) => row.article.headline),
    ['Ice house stays', 'Ice house stays', 'Ice house stays'],
    'each with the text of today',
  )
  t.match(rows[2].article, {
    corrections: [{ text: 'It was open all the time.' }],
    categories: [{ slug: 'harbour' }],
  })
  t.ok(rows[0].position < rows[1].position && rows[1].position < rows[2].position)
  await must(editor, 'POST', `/v1/articles/${made.id}/kill`, {
    reason: 'wrong',
    notice: 'Withdrawn.',
  })
  const again = await rest(readers, next)
  t.same(told(again.rows).slice(3), ['remove article.killed killed'])
  t.notOk(
    again.rows.some((row) => 'article' in row),
    'not a word of it any more',
  )
  const plain = (all: Any[]) => all.map(({ article: _, ...row }) => row)
  t.same(plain(again.rows.slice(0, 3)), plain(rows), 'a cursor gives the same rows again')
})

t.test('the body comes in each format that is asked for', async (t) => {
  const { next } = await rest(readers)
  const markdown = '## Boats\n\nThe 7.40 left *at eight*.'
  const { id } = await story(editor, { body: { markdown } })
  const path = '/v1/changes?body=html,text,markdown,blocks'
  const { rows } = await rest(readers, next, path)
  const item = await get(editor, `/v1/articles/${id}?body=html,text,markdown,blocks`)
  t.match(item.body, { markdown: /^## Boats/, html: /<h2>Boats/, text: /^Boats/, blocks: [{}] })
  t.same(rows.at(-1)?.article.body, item.body)
  const first = await get(readers, `${path}&snapshot=true&limit=100`)
  const all = [...first.data, ...(await rest(readers, first.page.next, path)).rows]
  const there = all.find((row) => row.id === id && row.event === 'snapshot')
  t.same(there?.article.body, item.body, 'in a snapshot too')
})

t.test('every way to leave is told with its reason', async (t) => {
  const { next } = await rest(readers)
  const one = await story(editor, { headline: 'Unpublished' })
  await must(editor, 'POST', `/v1/articles/${one.id}/unpublish`)
  const two = await story(editor, { headline: 'Legal' })
  await must(editor, 'POST', `/v1/articles/${two.id}/kill`, {
    reason: 'r',
    notice: 'n',
    legal: true,
  })
  const three = await story(editor, { headline: 'Back under embargo' })
  await publish(editor, three.id, { embargoUntil: inSeconds(0.8) })
  const four = await story(editor, { headline: 'Expires' }, { expiresAt: inSeconds(0.8) })
  const five = await draft(editor, { headline: 'Comes' })
  await publish(editor, five.id, { at: inSeconds(0.8) })
  await must(editor, 'POST', `/v1/articles/${one.id}/kill`, { reason: 'r', notice: 'n' })
  await new Promise((resolve) => setTimeout(resolve, 1000))
  await sweep(db)
  const { rows } = await rest(readers, next)
  const of = (id: string) => told(rows.filter((row) => row.id === id))
  t.same(of(one.id), ['upsert article.published', 'remove article.unpublished unpublished'])
  t.same(of(two.id), ['upsert article.published', 'remove article.killed legal'])
  t.same(of(three.id), [
    'upsert article.published',
    'remove article.embargo-set embargoed',
    'upsert article.embargo-lifted',
  ])
  t.same(of(four.id), ['upsert article.published', 'remove article.expired expired'])
  t.same(of(five.id), ['upsert article.published'])
})

t.test('what comes and goes between two sweeps is told of', async (t) => {
  const early = await partner({ earlyAccess: true }, ['syndication', 'embargo:read'])
  const [all, first] = [await rest(readers), await rest(early.call)]
  const quill = await source(editor, { name: 'Brief speaker' })
  const never = await source(editor, { name: 'Never shown' })
  const desk = await category(editor, { name: 'Brief desk' })
  const content = {
    ...{
      headline: 'Brief',
      categories: [desk.id],
      body: { markdown: '“A brief word,” she said.' },
    },
    quotes: [{ text: 'A brief word', speaker: quill.id }],
  }
  const made = async (times: object) => {
    const { id } = await draft(editor, { ...content, sources: [never.id] })
    await patch(editor, `/v1/articles/${id}`, { sources: [] })
    await publish(editor, id, times)
    return id
  }
  const brief = await made({ at: inSeconds(1), expiresAt: inSeconds(1.6) })
  const both = { at: inSeconds(1), embargoUntil: inSeconds(1.3), expiresAt: inSeconds(1.6) }
  const lifted = await made(both)
  const waiting = await made({ embargoUntil: inSeconds(1), expiresAt: inSeconds(1.6) })
  const edited = await made({ at: inSeconds(1), expiresAt: inSeconds(1.6) })
  await new Promise((resolve) => setTimeout(resolve, 1800))
  await patch(editor, `/v1/articles/${edited}`, { headline: 'Too late' })
  t.equal(await sweep(db), 6)
  t.equal(await sweep(db), 0, 'once')
  const of = (rows: Any[], id: string) => told(rows.filter((row) => row.id === id))
  const came = ['upsert article.published', 'remove article.expired expired']
  const { rows } = await rest(readers, all.next)
  const seen = (await rest(early.call, first.next)).rows
  for (const id of [brief, lifted, edited]) {
    t.same(of(rows, id), came)
    t.same(of(seen, id), came)
  }
  t.same(of(rows, waiting), ['upsert article.embargo-lifted', 'remove article.expired expired'])
  t.same(of(seen, waiting), ['upsert article.embargo-set', ...of(rows, waiting)])
  t.ok(rows.every(({ article, at }) => article === undefined && at <= new Date().toISOString()))
  const quotes = await get(editor, `/v1/quotes?article=${brief}`)
  for (const [path, status] of [
    [`articles/${brief}`, 410],
    [`quotes/${quotes.data[0].id}`, 410],
    [`sources/${quill.id}`, 410],
    [`categories/${desk.id}`, 410],
    [`sources/${never.id}`, 404],
  ] as const) {
    t.equal((await reader('GET', `/v1/${path}`)).status, status, path)
  }
})

t.test('quotes are told of with their story; of a suggestion nobody learns', async (t) => {
  const { id } = await story(editor, {
    body: { markdown: '“We are open,” she said. “We were never closed,” she added.' },
  })
  const { next } = await rest(readers)
  const first = await quote(editor, { article: id, text: 'We are open' })
  const second = await quote(editor, { article: id, text: 'We were never closed', suggested: true })
  await must(editor, 'POST', `/v1/quotes/${second.id}/confirm`)
  await must(editor, 'DELETE', `/v1/quotes/${first.id}`, undefined, { 'if-match': '*' })
  const { rows } = await rest(readers, next)
  t.same(told(rows), [
    'upsert quote.created',
    'upsert article.updated',
    'upsert quote.confirmed',
    'upsert quote.deleted',
  ])
  t.ok(rows.every((row) => row.resource === 'article' && row.id === id))
  t.match(rows[0].article.quotes, [{ text: 'We were never closed' }])
})

t.test(
  'sources and categories come by themselves, when they are seen, never as a cascade',
  async (t) => {
    const hidden = await source(editor, { name: 'Never Named' })
    const quill = await source(editor, { name: 'Petra Quill' })
    await story(editor, { headline: 'Quill speaks', sources: [quill.id], categories: [town.id] })
    const { next } = await rest(readers)
    await patch(editor, `/v1/sources/${hidden.id}`, { title: 'Hidden' })
    await patch(editor, `/v1/sources/${quill.id}`, { title: 'Editor' })
    await patch(editor, `/v1/categories/${town.id}`, { description: 'The town.' })
    const { rows } = await rest(readers, next)
    t.same(told(rows), ['upsert source.updated', 'upsert category.updated'])
    t.match(rows[0], {
      resource: 'source',
      id: quill.id,
      source: { name: 'Petra Quill', title: 'Editor' },
    })
    t.match(rows[1].category, { slug: 'town', description: 'The town.' })
    const heir = await source(editor, { name: 'Heir' })
    await must(editor, 'DELETE', `/v1/sources/${quill.id}?reassignTo=${heir.id}`, undefined, {
      'if-match': '*',
    })
    const merged = (await rest(readers, next)).rows.slice(2)
    t.same(told(merged).sort(), ['remove source.merged deleted', 'upsert article.updated'])
  },
)

t.test(
  'a deletion is told to those who see what is deleted or were told of it, and to nobody else',
  async (t) => {
    const ferry = await category(editor, { name: 'Ferry' })
    const speaker = await source(editor, { name: 'Ada Lock' })
    const unused = await source(editor, { name: 'Once Named' })
    const made = { headline: 'In town', categories: [town.id, ferry.id], sources: [speaker.id] }
    const inTown = await story(editor, made)
    const [sees, others, all] = [
      await partner({ categories: { allowed: [town.id] } }),
      await partner({ categories: { allowed: [harbour.id] } }),
      await partner(),
    ]
    const before = await story(editor, { headline: 'Before', sources: [unused.id] })
    await patch(editor, `/v1/sources/${unused.id}`, { title: 'Told of' })
    await patch(editor, `/v1/articles/${before.id}`, { sources: [] })
    const from = await Promise.all([sees, others, all].map(({ call }) => rest(call)))
    const any = { 'if-match': '*' }
    const instead = {
      categories: (await category(editor, { name: 'Ferries' })).id,
      sources: (await source(editor, { name: 'A. Lock' })).id,
    }
    await must(editor, 'DELETE', `/v1/sources/${unused.id}`, undefined, any)
    for (const [path, id] of [
      ['categories', ferry.id],
      ['sources', speaker.id],
    ] as const) {
      const to = `/v1/${path}/${id}?reassignTo=${instead[path]}`
      await must(editor, 'DELETE', to, undefined, any)
    }
    const rows = await Promise.all(
      [sees, others, all].map(async ({ call }, i) => (await rest(call, from[i]?.next)).rows),
    )
    for (const [told, earlier] of [
      [rows[0], []],
      [rows[2], [`remove source.deleted ${unused.id}`]],
    ] as const) {
      t.same(
        told?.map(({ op, event, id }) => `${op} ${event} ${id}`),
        [
          ...earlier,
          `remove category.merged ${ferry.id}`,
          `upsert article.updated ${inTown.id}`,
          // It moved up where the other stood.
          `upsert category.updated ${instead.categories}`,
          `remove source.merged ${speaker.id}`,
          `upsert article.updated ${inTown.id}`,
        ],
        'before the story that names another instead',
      )
    }
    t.same(rows[1], [], 'they never had any of it')
  },
)

t.test('members are told of when their organization comes into view, or leaves it', async (t) => {
  const trust = await source(editor, { kind: 'organization', name: 'Harbour Trust' })
  const member = await source(editor, { name: 'Ida Keel', organization: trust.id })
  await story(editor, { headline: 'Of a member', sources: [member.id], categories: [harbour.id] })
  const [p, other] = [
    await partner({ categories: { allowed: [harbour.id] } }),
    await partner({ categories: { allowed: [town.id] } }),
  ]
  const look = async () => {
    await sweep(db)
    await followChanges(db)
  }
  const naming = (where: string) =>
    story(editor, { headline: 'Trust', sources: [trust.id], categories: [where] })
  // Of an organization that is named for the first time nobody knows who has it.
  await look()
  await naming(town.id)
  await look()
  let { next } = await rest(p.call)
  const elsewhere = await rest(other.call)
  const organizations = async () => {
    await look()
    const now = await rest(p.call, next)
    next = now.next
    const rows = now.rows.filter(({ id }) => id === member.id)
    t.ok(rows.every(({ op, event }) => `${op} ${event}` === 'upsert source.updated'))
    return rows.map((row) => row.source.organization?.name ?? null)
  }
  await naming(town.id)
  t.same(await organizations(), [], 'in what it may not have')
  const first = await naming(harbour.id)
  t.same(await organizations(), ['Harbour Trust'], 'it comes into view')
  const second = await naming(harbour.id)
  t.same(await organizations(), [], 'it is in view already')
  await patch(editor, `/v1/articles/${second.id}`, { categories: [town.id] })
  t.same(await organizations(), [], 'another still shows it')
  await must(editor, 'POST', `/v1/articles/${first.id}/unpublish`)
  t.same(await organizations(), [null], 'it leaves')
  await patch(editor, `/v1/articles/${second.id}`, { categories: [harbour.id] })
  t.same(await organizations(), ['Harbour Trust'], 'filed where it may have it')
  await room.sql(`update articles set expires_at = now() where id = $1`, [second.id])
  t.same(await organizations(), [null], 'by time')
  const shown = await naming(harbour.id)
  t.same(await organizations(), ['Harbour Trust'])
  await patch(editor, `/v1/partners/${p.id}`, { languages: ['pt'] })
  await patch(editor, `/v1/partners/${p.id}`, { languages: null })
  await must(editor, 'POST', `/v1/articles/${shown.id}/unpublish`)
  t.same(await organizations(), [null], 'whose entitlement changed is told in any case')
  const { rows } = await rest(other.call, elsewhere.next)
  t.notOk(
    rows.some(({ id }) => id === member.id),
    'who never had the member learns nothing',
  )
  await look()
})

t.test('a partner is told of what it may have, of its end, and of nothing else', async (t) => {
  const p = await partner({ categories: { allowed: [harbour.id] } })
  const { next } = await rest(p.call)
  const inTown = await story(editor, { headline: 'In town', categories: [town.id] })
  await must(editor, 'POST', `/v1/articles/${inTown.id}/kill`, { reason: 'r', notice: 'n' })
  const moves = await story(editor, { headline: 'Moves', categories: [harbour.id] })
  await patch(editor, `/v1/articles/${moves.id}`, { categories: [town.id] })
  await patch(editor, `/v1/articles/${moves.id}`, { summary: 'No concern of theirs.' })
  await patch(editor, `/v1/articles/${moves.id}`, { categories: [town.id, harbour.id] })
  await must(editor, 'POST', `/v1/articles/${moves.id}/unpublish`)
  const { rows } = await rest(p.call, next)
  t.same(told(rows), [
    'upsert article.published',
    'remove article.updated entitlement',
    'upsert article.updated',
    'remove article.unpublished unpublished',
  ])
  t.ok(rows.every((row) => row.id === moves.id))
})

t.test(
  'a change of what it may have resets a partner, and the past stays what it was',
  async (t) => {
    const p = await partner({ categories: { allowed: [harbour.id] } })
    const { next } = await rest(p.call)
    const one = await story(editor, { headline: 'First', categories: [harbour.id] })
    const before = await rest(p.call, next)
    await patch(editor, `/v1/partners/${p.id}`, { categories: { allowed: [town.id] } })
    await patch(editor, `/v1/articles/${one.id}`, { summary: 'Not theirs any more.' })
    const two = await story(editor, { headline: 'Second', categories: [town.id] })
    const after = await rest(p.call, next)
    t.same(told(after.rows), [
      'upsert article.published',
      'reset entitlement.changed',
      'upsert article.published',
    ])
    t.same(after.rows[0].id, before.rows[0].id)
    t.notOk('article' in after.rows[0], 'but its text is not theirs now')
    t.equal(after.rows[2].id, two.id)
    await patch(editor, `/v1/partners/${p.id}`, { contact: 'somebody' })
    t.same((await rest(p.call, after.next)).rows, [], 'a telephone number is no entitlement')

    const pier = await category(editor, { name: 'Pier', parent: town.id })
    const { next: now } = await rest(p.call)
    const onPier = await story(editor, { headline: 'On the pier', categories: [pier.id] })
    const others = await partner({ categories: { allowed: [harbour.id] } })
    const uninvolved = await partner({ languages: ['en'] })
    const [theirs, nobodys] = [await rest(others.call), await rest(uninvolved.call)]
    await patch(editor, `/v1/categories/${pier.id}`, { parent: harbour.id })
    t.same(told((await rest(p.call, now)).rows), [
      ...['upsert article.published', 'reset entitlement.changed', 'upsert category.updated'].slice(
        0,
        1,
      ),
      'reset entitlement.changed',
    ])
    t.ok(told((await rest(others.call, theirs.next)).rows).includes('reset entitlement.changed'))
    t.notOk(
      told((await rest(uninvolved.call, nobodys.next)).rows).includes('reset entitlement.changed'),
    )
    t.equal((await p.call('GET', `/v1/articles/${onPier.id}`)).status, 404)
    t.equal((await others.call('GET', `/v1/articles/${onPier.id}`)).status, 200)
  },
)

t.test('early access: told before the embargo ends, and of its end', async (t) => {
  const early = await partner({ earlyAccess: true }, ['syndication', 'embargo:read'])
  const others = await partner({}, ['syndication', 'embargo:read'])
  const [a, b] = [await rest(early.call), await rest(others.call)]
  const { id } = await draft(editor, { headline: 'Under embargo' })
  await publish(editor, id, { embargoUntil: inSeconds(0.7) })
  const later = await draft(editor, { headline: 'Scheduled, then under embargo' })
  await publish(editor, later.id, { at: inSeconds(0.3), embargoUntil: inSeconds(3600) })
  const first = await rest(early.call, a.next)
  t.same(told(first.rows), ['upsert article.embargo-set'])
  t.match(first.rows[0].article, { headline: 'Under embargo', embargoUntil: /Z$/ })
  await new Promise((resolve) => setTimeout(resolve, 800))
  await sweep(db)
  t.same(told((await rest(early.call, first.next)).rows).sort(), [
    'upsert article.embargo-lifted',
    'upsert article.embargo-set',
  ])
  t.same(told((await rest(others.call, b.next)).rows), ['upsert article.embargo-lifted'])
})

t.test(
  'early access: told of what only an article under embargo shows, and nobody else',
  async (t) => {
    const scopes = ['syndication', 'embargo:read']
    const early = await partner({ earlyAccess: true }, scopes)
    const narrow = await partner({ earlyAccess: true, categories: { allowed: [town.id] } }, scopes)
    const others = [readers, (await partner({}, scopes)).call, narrow.call]
    const desk = await category(editor, { name: 'Sealed' })
    const trust = await source(editor, { kind: 'organization', name: 'Sealed Trust' })
    const member = await source(editor, { name: 'Ada Loom', organization: trust.id })
    await story(editor, { headline: 'Of Ada', sources: [member.id], categories: [town.id] })
    const look = async () => {
      await sweep(db)
      await followChanges(db)
    }
    await look()
    const sealed = await draft(editor, { sources: [trust.id], categories: [desk.id] })
    await publish(editor, sealed.id, { embargoUntil: inSeconds(3600) })
    await look()
    let { next } = await rest(early.call)
    const before = await Promise.all(others.map((call) => rest(call)))
    const news = async (): Promise<Any[]> => {
      await look()
      const now = await rest(early.call, next)
      next = now.next
      return now.rows
    }
    await patch(editor, `/v1/sources/${trust.id}`, { name: 'Sealed Fund' })
    await patch(editor, `/v1/categories/${desk.id}`, { name: 'Sealed desk' })
    const renamed = await news()
    t.same(told(renamed), ['upsert source.updated', 'upsert category.updated'])
    t.match(renamed, [{ source: { name: 'Sealed Fund' } }, { category: { name: 'Sealed desk' } }])
    await must(editor, 'POST', `/v1/articles/${sealed.id}/unpublish`)
    const [end, ...members] = await news()
    t.match(end, { op: 'remove', event: 'article.unpublished' })
    t.match(members, [
      { event: 'source.updated', source: { name: 'Ada Loom', organization: null } },
    ])
    await publish(editor, sealed.id, { embargoUntil: inSeconds(3600) })
    t.match((await news()).at(-1), { id: member.id, source: { organization: { id: trust.id } } })
    const only = async (expected: string[], what: string) => {
      for (const [i, call] of others.entries()) {
        const { rows } = await rest(call, before[i]?.next)
        t.same(told(rows), expected, `${i} is told nothing of ${what}`)
      }
    }
    await only([], 'any of it')
    await patch(editor, `/v1/articles/${sealed.id}`, { sources: [] })
    await patch(editor, `/v1/sources/${member.id}`, { organization: null })
    const gone = await editor('DELETE', `/v1/sources/${trust.id}`, undefined, { 'if-match': '*' })
    t.equal(gone.status, 204)
    t.ok(told(await news()).includes('remove source.deleted deleted'))
    await only(['upsert source.updated'], 'its end')
  },
)

t.test(
  'early access: told that an organization left, also after an entitlement changed',
  async (t) => {
    const early = await partner({ earlyAccess: true }, ['syndication', 'embargo:read'])
    const other = await partner()
    const trust = await source(editor, { kind: 'organization', name: 'Hidden Trust' })
    const member = await source(editor, { name: 'Eda Weft', organization: trust.id })
    const embargoed = async (named: string) => {
      const { id } = await draft(editor, { sources: [named] })
      await publish(editor, id, { embargoUntil: inSeconds(3600) })
      return id
    }
    const story = await embargoed(trust.id)
    await embargoed(member.id)
    const look = async () => {
      for (let looks = 0; looks < 3; looks++) {
        await sweep(db)
        await followChanges(db)
      }
    }
    await look()
    await patch(editor, `/v1/partners/${other.id}`, { languages: ['en'] })
    await look()
    const { next } = await rest(early.call)
    await must(editor, 'POST', `/v1/articles/${story}/unpublish`)
    await look()
    const { rows } = await rest(early.call, next)
    t.match(rows.at(-1), { id: member.id, source: { name: 'Eda Weft', organization: null } })
  },
)

t.test('what a move of its category gave a partner is taken back from it', async (t) => {
  const port = await category(editor, { name: 'Port' })
  const [p, excluding, others] = [
    await partner({ categories: { allowed: [port.id] } }),
    await partner({ categories: { excluded: [port.id] } }),
    await partner({ categories: { allowed: [town.id] } }),
  ]
  const dock = await category(editor, { name: 'Dock', parent: town.id })
  const ends = {
    killed: (id: string) =>
      must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'r', notice: 'n' }),
    legal: (id: string) =>
      must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'r', notice: 'n', legal: true }),
    unpublished: (id: string) => must(editor, 'POST', `/v1/articles/${id}/unpublish`),
    entitlement: (id: string) => patch(editor, `/v1/articles/${id}`, { categories: [harbour.id] }),
    expired: async (id: string) => {
      await room.sql(`update articles set expires_at = now() where id = $1`, [id])
      await sweep(db)
    },
  }
  const made: Record<string, string> = {}
  for (const end of Object.keys(ends)) {
    made[end] = (await story(editor, { headline: end, categories: [dock.id] })).id
  }
  await patch(editor, `/v1/categories/${dock.id}`, { parent: port.id })
  const snapshot = await rest(p.call, undefined, '/v1/changes?snapshot=true&limit=100')
  const had = snapshot.rows.filter((row) => row.resource === 'article').map((row) => row.id)
  t.same(had.sort(), Object.values(made).sort(), 'the move gave it all of them')
  const [lost, left] = [await rest(excluding.call), await rest(others.call)]
  for (const [end, put] of Object.entries(ends)) await put(made[end] ?? '')
  const { rows } = await rest(p.call, snapshot.next)
  for (const [end, id] of Object.entries(made)) {
    const removals = rows.filter((row) => row.id === id)
    t.match(removals, [{ op: 'remove', reason: end }], end)
    t.equal(removals.length, 1)
  }
  const ofThese = (row: Any) => Object.values(made).includes(row.id)
  t.same(
    told((await rest(excluding.call, lost.next)).rows.filter(ofThese)),
    ['upsert article.updated'],
    'to whom the move took them, a reset said so; what is filed elsewhere comes back',
  )
  t.same((await rest(others.call, left.next)).rows.filter(ofThese), [])

  // The heir was below what it replaces: M, between them, loses it, and is told so.
  const top = await category(editor, { name: 'Top' })
  const middle = await category(editor, { name: 'Middle', parent: top.id })
  const heir = await category(editor, { name: 'Heir', parent: middle.id })
  const loses = await partner({ categories: { allowed: [middle.id] } })
  const { next } = await rest(loses.call)
  const path = `/v1/categories/${top.id}?reassignTo=${heir.id}`
  t.equal((await editor('DELETE', path, undefined, { 'if-match': '*' })).status, 204)
  t.ok(told((await rest(loses.call, next)).rows).includes('reset entitlement.changed'))
})

t.test('who had it between a time and the sweep is told of its end', async (t) => {
  const early = await partner({ earlyAccess: true }, ['syndication', 'embargo:read'])
  const open = await partner()
  const kill = (id: string) =>
    must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'r', notice: 'n', legal: true })
  const unpublish = (id: string) => must(editor, 'POST', `/v1/articles/${id}/unpublish`)
  const embargo = (id: string) => publish(editor, id, { embargoUntil: inSeconds(3600) })
  const later = { at: inSeconds(3600) }
  const comes = 'upsert article.published'
  const shown = 'upsert article.embargo-set'
  const lifted = 'upsert article.embargo-lifted'
  // When each was to come, which of its times is past, what is done then, and what is told to whom.
  const cases = [
    ['publish_at', later, kill, [comes, 'remove article.killed legal']],
    ['publish_at', later, unpublish, [comes, 'remove article.unpublished unpublished']],
    ['publish_at', later, embargo, [comes, 'remove article.embargo-set embargoed'], [comes, shown]],
    [
      'embargo_until',
      { embargoUntil: inSeconds(3600) },
      kill,
      [lifted, 'remove article.killed legal'],
      [shown, lifted, 'remove article.killed legal'],
    ],
    [
      'publish_at',
      { ...later, embargoUntil: inSeconds(7200) },
      kill,
      [],
      [shown, 'remove article.killed legal'],
    ],
  ] as const
  for (const [column, times, put, toAll, toEarly = toAll] of cases) {
    const [{ next: a }, { next: b }] = [await rest(open.call), await rest(early.call)]
    const { id } = await story(editor, { headline: `${column} is past` }, times)
    await room.sql(`update articles set ${column} = now() - interval '10 ms' where id = $1`, [id])
    t.equal((await early.call('GET', `/v1/articles/${id}`)).status, 200)
    const { version } = (await put(id)) as Any
    const name = `${column}, ${toEarly.join(', ')}`
    t.same(told((await rest(open.call, a)).rows), toAll, name)
    t.same(told((await rest(early.call, b)).rows), toEarly, name)
    const { version: now } = version ? { version } : await get(editor, `/v1/articles/${id}`)
    t.match(await get(editor, `/v1/articles/${id}/reports/${now}`), { article: { id } })
    await sweep(db)
    t.same(told((await rest(open.call, a)).rows), toAll, 'and nothing by the sweep')
  }
})

t.test('a snapshot goes over into what happens, without a gap', async (t) => {
  const p = await partner({ languages: ['en'], categories: { allowed: [harbour.id] } })
  const stories = []
  for (let i = 0; i < 9; i++) {
    stories.push(await story(editor, { headline: `Story ${i}`, categories: [harbour.id] }))
  }
  const path = '/v1/changes?limit=4&snapshot=true'
  const first = await get(p.call, path)
  await patch(editor, `/v1/articles/${stories[8].id}`, { headline: 'Changed meanwhile' })
  await must(editor, 'POST', `/v1/articles/${stories[0].id}/unpublish`)
  const added = await story(editor, { headline: 'Added meanwhile', categories: [harbour.id] })
  const { rows } = await rest(p.call, first.page.next, '/v1/changes?limit=4')
  const all = [...first.data, ...rows]
  const snapshot = all.filter((row) => row.event === 'snapshot')
  t.equal(snapshot[0].resource, 'category', 'categories, sources, articles')
  const mirror = new Map()
  for (const { op, id, resource, article } of all) {
    if (resource !== 'article') continue
    if (op === 'remove' || !article) mirror.delete(id)
    else mirror.set(id, article)
  }
  const present = await get(
    p.call,
    '/v1/articles?limit=100&body=html&include=categories,sources,quotes,corrections',
  )
  t.same([...mirror.keys()].sort(), present.data.map((one: Any) => one.id).sort())
  t.ok(mirror.has(added.id) && !mirror.has(stories[0].id))
  for (const one of present.data) t.same(mirror.get(one.id), one)
})

t.test('waiting: at once when something happens, else until the time is over', async (t) => {
  const { next } = await rest(readers)
  const began = performance.now()
  const waiting = get(readers, `/v1/changes?wait=20&cursor=${next}`)
  await new Promise((resolve) => setTimeout(resolve, 200))
  await story(editor, { headline: 'While they wait' })
  const { data } = await waiting
  t.same(told(data), ['upsert article.published'])
  t.ok(performance.now() - began < 5000)
  const now = await rest(readers)
  const start = performance.now()
  t.same((await get(readers, `/v1/changes?wait=1&cursor=${now.next}`)).data, [])
  t.ok(performance.now() - start > 950)
})

t.test('types choose what is told', async (t) => {
  const { next } = await rest(readers, undefined, '/v1/changes?limit=50&types=article.killed')
  const { id } = await story(editor)
  await must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'r', notice: 'n' })
  const { rows } = await rest(readers, next, '/v1/changes?limit=50&types=article.killed')
  t.same(told(rows), ['remove article.killed killed'])
})

t.test('what is wrong is named', async (t) => {
  const other = await partner()
  const { next } = await rest(readers)
  const wrong: [string, string][] = [
    ['wait=1e9', 'wait'],
    ['wait=31', 'wait'],
    ['wait=-1', 'wait'],
    ['types=article.kiled', 'types'],
    ['types=', 'types'],
    ['snapshot=maybe', 'snapshot'],
    ['snapshot=true&types=article.killed', 'types'],
    ['limit=0', 'limit'],
    ['cursor=x', 'cursor'],
    [`cursor=${next.slice(0, -3)}`, 'cursor'],
    [`cursor=${next}&types=article.killed`, 'cursor'],
    ['form=1', 'form'],
    ['include=everything', 'include'],
  ]
  for (const [query, parameter] of wrong) {
    const reply = await readers('GET', `/v1/changes?${query}`)
    t.equal(reply.status, 400, query)
    t.equal(reply.json.errors[0].parameter, parameter, query)
  }
  t.match(
    await other.call('GET', `/v1/changes?cursor=${next}`),
    { status: 400, json: { code: 'invalid_cursor' } },
    'of another key',
  )
  const forge = (values: unknown[]) => {
    const body = JSON.parse(Buffer.from(next, 'base64url').toString())
    return Buffer.from(JSON.stringify([body[0], values, body[2], body[3]])).toString('base64url')
  }
  for (const values of [
    ['-1'],
    ['1e9'],
    ['9'.repeat(30)],
    ['1', 'key'],
    ['1', 'article', 'x'],
    ["1' or 1"],
    [],
  ]) {
    t.equal(
      (await readers('GET', `/v1/changes?cursor=${forge(values)}`)).status,
      400,
      JSON.stringify(values),
    )
  }
  for (const beyond of [['999999999'], ['999999999', 'source']]) {
    const reply = await readers('GET', `/v1/changes?cursor=${forge(beyond)}`)
    t.match(reply, { status: 400, json: { code: 'invalid_cursor' } }, 'made up, or of another time')
    t.match(reply.json.detail ?? reply.json.errors[0].message, /beyond all that has happened/)
  }
  t.equal((await room.reader('GET', '/v1/changes')).status, 401)
  t.equal((await (await room.as('read'))('GET', '/v1/changes')).status, 403)
})

t.test('a ledger that was set back refuses the cursors of before', async (t) => {
  const { next } = await rest(readers)
  const config = { ...room.config, feedEpoch: '2027-03-01' }
  const after = await buildApp({ config, db })
  t.teardown(() => after.close())
  const { key } = await must(editor, 'POST', '/v1/keys', {
    name: 'x',
    scopes: ['syndication'],
  }).then(({ json }) => json)
  const call = callerOf(after, `Bearer ${key}`)
  const refused = { status: 400, json: { code: 'invalid_cursor' } }
  t.match(await call('GET', `/v1/changes?cursor=${next}`), refused)
  t.match(await call('GET', `/v1/changes/stream?cursor=${next}`), refused)
  const begun = (await get(call, '/v1/changes?limit=7')).page.next
  t.equal((await call('GET', `/v1/changes?cursor=${begun}`)).status, 200)
  t.match(await readers('GET', `/v1/changes?cursor=${begun}`), refused)
})

t.test('what is published while a page is being read comes with its text', async (t) => {
  const p = await partner()
  const { next } = await rest(p.call)
  const { id } = await draft(editor, { headline: 'Between two moments' })
  // The reader's transaction begins and is held up by whoever has the entitlements.
  const client = new pg.Client({ connectionString: room.url })
  await client.connect()
  t.teardown(() => client.end())
  await client.query('begin; lock table entitlements in access exclusive mode')
  const page = get(p.call, `/v1/changes?cursor=${next}`)
  const { rows: waiting } = await untilWaiting(client)
  t.equal(waiting.length, 1)
  await publish(editor, id)
  // Another reader numbers the row.
  await get(readers, '/v1/changes?limit=1')
  await client.query('rollback')
  const read = await page
  t.match(read.data, [{ event: 'article.published', op: 'upsert', article: { id } }])
  t.same((await rest(p.call, read.page.next)).rows, [])
})

t.test('the stream: the same rows as they happen, resumed where it was', async (t) => {
  const p = await partner()
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  type Event = { id: string; event: string; data: Any }
  const open = (headers: Record<string, string> = {}, query = '') => {
    const events: Event[] = []
    const call = request(`${address}/v1/changes/stream${query}`, {
      headers: { authorization: `Bearer ${p.key}`, ...headers },
    })
    const started = new Promise<string | undefined>((resolve) => {
      call.on('response', (response) => {
        resolve(response.headers['content-type'])
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
          for (let at = text.indexOf('\n\n'); at !== -1; at = text.indexOf('\n\n')) {
            const lines = Object.fromEntries(
              text
                .slice(0, at)
                .split('\n')
                .map((line) => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)]),
            )
            if (lines.data)
              events.push({
                id: lines.id ?? '',
                event: lines.event ?? '',
                data: JSON.parse(lines.data),
              })
            text = text.slice(at + 2)
          }
        })
      })
    })
    call.on('error', () => {})
    call.end()
    const until = async (count: number) => {
      for (let i = 0; i < 200 && events.length < count; i++)
        await new Promise((r) => setTimeout(r, 25))
      return events
    }
    return { started, until, end: () => call.destroy() }
  }
  const first = open()
  t.match(await first.started, 'text/event-stream')
  const { id } = await story(editor, { headline: 'Streamed' })
  await patch(editor, `/v1/articles/${id}`, { summary: 'More.' })
  const seen = await first.until(2)
  t.same(
    seen.map(({ event }) => event),
    ['article.published', 'article.updated'],
  )
  t.match(seen[0]?.data, { op: 'upsert', id, article: { headline: 'Streamed' } })
  first.end()
  await must(editor, 'POST', `/v1/articles/${id}/unpublish`)
  const resumed = open({ 'last-event-id': seen[0]?.id ?? '' })
  t.same(
    (await resumed.until(2)).map(({ event }) => event),
    ['article.updated', 'article.unpublished'],
  )
  resumed.end()
  const whole = open({}, '?snapshot=true')
  t.ok((await whole.until(3)).every(({ event }) => event === 'snapshot'))
  whole.end()
  t.equal((await p.call('GET', '/v1/changes/stream?cursor=x')).status, 400)
})

t.test('whoever waits is answered when the service ends', async (t) => {
  const own = await newsroom(t)
  await own.app.listen({ host: '127.0.0.1', port: 0 })
  const waiter = await own.as('syndication')
  const { next } = (await get(waiter, '/v1/changes')).page
  const waiting = get(waiter, `/v1/changes?wait=30&cursor=${next}`)
  await new Promise((resolve) => setTimeout(resolve, 200))
  const began = performance.now()
  await own.app.close()
  t.same((await waiting).data, [])
  const ms = performance.now() - began
  t.ok(ms < 5000, `${Math.round(ms)} ms`)
})
