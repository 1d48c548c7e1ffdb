import { sweep } from '../src/changes/sweep.ts'
import { type Bed, bedIn, COMMON, type Plant } from './canary-bed.ts'
import type { CanaryRoom } from './canary-room.ts'
import { category, draft, must, patch, publish, quote, source } from './factories.ts'
import type { Call } from './newsroom.ts'

/**
 * Plants canaries in every hidden state, once in things that readers never saw and once in things
 * that they did, beside a small newsroom that readers see. `editor` is who writes.
 */
export async function plant(room: CanaryRoom, editor: Call): Promise<Plant> {
  const bed = bedIn(room, editor)
  const shown = await plantVisible(bed)
  await plantUnseen(bed)
  await plantSeenOnce(bed)
  await plantParts(bed, shown)
  await plantRevisions(bed, shown)
  await plantKept(bed)
  for (const thing of bed.plant.hidden) {
    const rows = await room.sql('select slug from slugs where resource_id = $1', [thing.id])
    thing.slugs = rows.map((row) => String(row.slug))
  }
  return bed.plant
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Made = any
type Shown = Record<'main' | 'piers' | 'speaker' | 'trust' | 'council', Made>

/** What readers see: four stories, and what they name. */
async function plantVisible({ editor, wordsOf, show }: Bed): Promise<Shown> {
  const harbour = await category(editor, { name: wordsOf('renamed')('category'), slug: 'harbour' })
  const piers = await category(editor, { name: 'Piers', parent: 'harbour' })
  const town = await category(editor, { name: 'Town' })
  const speaker = await source(editor, {
    name: wordsOf('renamed')('source'),
    slug: 'petra-quill',
  })
  const trust = await source(editor, { kind: 'organization', name: 'Pier Trust' })
  const council = await source(editor, { kind: 'organization', name: 'Council' })
  for (const { id, slug } of [harbour, piers, town]) show('categories', id, slug)
  for (const { id, slug } of [speaker, trust, council]) show('sources', id, slug)
  const stories = []
  for (const [i, headline] of ['Ferry late', 'Pier shut', 'Levy voted', 'Lamp lit'].entries()) {
    const made = await draft(editor, {
      headline,
      body: { markdown: `The ferry, at last.\n\n“${COMMON}, number ${i}”, she said.` },
      categories: [i % 2 === 0 ? piers.id : town.id],
      sources: [trust.id, council.id],
      quotes: [{ text: `${COMMON}, number ${i}`, speaker: speaker.id }],
    })
    await publish(editor, made.id, { publishedAt: `2026-0${i + 1}-01T06:00:00Z` })
    show('articles', made.id, made.slug)
    const whole = (await must(editor, 'GET', `/v1/articles/${made.id}?include=quotes`)).json
    show('quotes', whole.quotes[0].id)
    stories.push(whole)
  }
  const [main, moved] = stories
  await patch(editor, `/v1/articles/${moved.id}`, { slug: 'pier-shut-for-good' })
  show('articles', 'pier-shut-for-good')
  await patch(editor, `/v1/sources/${speaker.id}`, { name: 'Petra Quill' })
  await patch(editor, `/v1/categories/${harbour.id}`, { name: 'Harbour' })
  return { main, piers, speaker, trust, council }
}

/** What was never visible. */
async function plantUnseen({ editor, hiddenArticle, verb, later }: Bed): Promise<void> {
  const draftOne = await hiddenArticle('draft', 404, { language: 'cy' })
  const oldSlug = draftOne.word('oldslug')
  await patch(editor, `/v1/articles/${draftOne.id}`, { slug: oldSlug })
  await patch(editor, `/v1/articles/${draftOne.id}`, { slug: draftOne.word('newslug') })
  await publish(editor, (await hiddenArticle('scheduled', 404)).id, { at: later })
  await publish(editor, (await hiddenArticle('embargoed', 404)).id, { embargoUntil: later })
  const called = await hiddenArticle('called', 404)
  await publish(editor, called.id, { at: later })
  await verb(called.id, 'unpublish', { reason: called.word('reason') })
  const spiked = await hiddenArticle('spiked', 404)
  await verb(spiked.id, 'kill', { reason: spiked.word('reason'), notice: 'Never to be read.' })
}

/** What was visible once and is not. */
async function plantSeenOnce({ room, editor, hiddenArticle, verb, later, expireNow }: Bed) {
  const held = await hiddenArticle('held', 410)
  await publish(editor, held.id)
  await publish(editor, held.id, { embargoUntil: later })
  const expired = await hiddenArticle('expired', 410)
  await publish(editor, expired.id, { expiresAt: later })
  await expireNow(expired.id)
  await sweep(room.db)
  const unpublished = await hiddenArticle('unpublished', 410)
  await publish(editor, unpublished.id)
  await verb(unpublished.id, 'corrections', {
    kind: 'correction',
    text: unpublished.word('correction'),
    quote: unpublished.quoteId,
  })
  await patch(editor, `/v1/articles/${unpublished.id}`, { slug: unpublished.word('laterslug') })
  await verb(unpublished.id, 'unpublish', { reason: unpublished.word('reason') })
  for (const [thing, legal] of [
    ['killed', false],
    ['legal', true],
  ] as const) {
    const { id, word } = await hiddenArticle(thing, legal ? 451 : 410)
    await publish(editor, id)
    await verb(id, 'kill', { reason: word('reason'), notice: 'Withdrawn.', legal })
  }
  const revived = await hiddenArticle('revived', 410)
  await publish(editor, revived.id)
  await verb(revived.id, 'kill', { reason: revived.word('reason'), notice: 'Withdrawn.' })
  await verb(revived.id, 'revive', { reason: revived.word('revival') })
}

/** Hidden parts of what readers see: an employer, empty categories, suggestions. */
async function plantParts(bed: Bed, { main, speaker }: Shown): Promise<void> {
  const { editor, wordsOf, hide, hiddenCategory, hiddenSource, verb } = bed
  const word = wordsOf('part')
  const employer = await hiddenSource('employer', 404, { kind: 'organization' })
  await patch(editor, `/v1/sources/${speaker.id}`, { organization: employer.id })
  const empty = await hiddenCategory('empty', 404, { parent: 'harbour' })
  await hiddenCategory('deeper', 404, { parent: empty.id })
  const whisperer = await hiddenSource('whisperer', 404)
  const suggested = await quote(editor, {
    article: main.id,
    text: `${COMMON}, number 0`,
    ...{ suggested: true, speaker: whisperer.id, cue: word('cue'), occasion: word('occasion') },
    ...{ original: { text: word('original'), language: 'de' } },
  })
  hide('quotes', suggested.id, 404)
  const guessed = await quote(editor, {
    article: main.id,
    text: word('paraphrase'),
    // Of somebody whom readers know, who has one quote more than they may count.
    ...{ kind: 'paraphrase', suggested: true, speaker: speaker.id },
  })
  hide('quotes', guessed.id, 404)
  await verb(main.id, 'corrections', {
    kind: 'clarification',
    text: 'The ferry was late by an hour.',
    quote: suggested.id,
  })
}

/** Earlier revisions, with a category, a source and a quote that were taken out again; a purge. */
async function plantRevisions(bed: Bed, { main, piers, trust, council }: Shown): Promise<void> {
  const { editor, wordsOf, hide, hiddenCategory, hiddenSource } = bed
  const word = wordsOf('purge')
  const removedCategory = await hiddenCategory('removed', 410)
  const removedSource = await hiddenSource('removed', 410)
  const removedSpeaker = await hiddenSource('removedspeaker', 410)
  const earlier = wordsOf('earlier')
  const before = await must(
    editor,
    'GET',
    `/v1/articles/${main.id}?body=blocks&include=quotes,sources,categories`,
  )
  const now = before.json
  const removedText = `So ${earlier('quote')} it is`
  await patch(editor, `/v1/articles/${main.id}?reason=${earlier('why')}`, {
    headline: earlier('headline'),
    summary: earlier('summary'),
    byline: earlier('byline'),
    leadImage: { url: `https://img.example/${earlier('image')}.jpg`, alt: earlier('alt') },
    body: {
      markdown: `The ferry, at last, ${earlier('body')}, ${word('purged')}.\n\n“${COMMON}, number 0”, she said. “${removedText}”, he said.`,
    },
    categories: [piers.id, removedCategory.id],
    sources: [trust.id, { source: removedSource.id, note: earlier('note') }],
    quotes: [
      ...now.quotes.map(({ id }: { id: string }) => ({ id })),
      { text: removedText, speaker: removedSpeaker.id },
    ],
  })
  const after = (await must(editor, 'GET', `/v1/articles/${main.id}?include=quotes`)).json
  hide('quotes', after.quotes.at(-1).id, 410)
  await patch(editor, `/v1/articles/${main.id}`, {
    headline: now.headline,
    summary: null,
    byline: null,
    leadImage: null,
    body: { blocks: now.body.blocks },
    categories: [piers.id],
    sources: [trust.id, council.id],
    quotes: now.quotes.map(({ id }: { id: string }) => ({ id })),
  })
  await must(editor, 'POST', `/v1/articles/${main.id}/purge`, {
    text: word('purged'),
    reason: word('purgereason'),
  })
}

/** The answer kept for an idempotency key, the keys, and what has vanished a moment ago. */
async function plantKept({ room, editor, wordsOf, hide, hiddenArticle, expireNow, later }: Bed) {
  const word = wordsOf('kept')
  const kept = await must(
    editor,
    'POST',
    '/v1/articles',
    { headline: word('kept'), slug: word('keptslug') },
    { 'idempotency-key': 'once' },
  )
  hide('articles', kept.json.id, 404)
  for (const { id } of await room.sql('select id from api_keys')) hide('keys', String(id), 404)
  // Seen until a moment ago, by the clock alone: no sweep has looked since.
  const lapsed = await hiddenArticle('lapsed', 410)
  await publish(editor, lapsed.id, { expiresAt: later })
  await expireNow(lapsed.id)
}

/** Makes the twin: the same newsroom, in which what is hidden does not exist. */
export async function unplant(sql: CanaryRoom['sql'], { hidden }: Plant): Promise<void> {
  const ids = hidden.map(({ id }) => id)
  for (const statement of [
    `delete from revisions r using articles a where a.id = r.article_id and r.version < a.version`,
    'delete from articles where id = any($1)',
    'delete from quotes where id = any($1)',
    'update corrections set quote_id = null where quote_id = any($1)',
    'update sources set organization_id = null where organization_id = any($1)',
    'delete from sources where id = any($1)',
    // Children first: a category is not deleted from above another.
    'update categories set parent_id = null where id = any($1)',
    'delete from categories where id = any($1)',
    'delete from slugs where resource_id = any($1)',
    'delete from sightings where resource_id = any($1)',
    'delete from changes where resource_id = any($1)',
    // That something was written to a visible article readers see by its version.
    'update changes set part_kind = null, part_id = null where part_id = any($1)',
    'delete from idempotency_keys where api_key_id = any($1)',
    'delete from api_keys where id = any($1)',
  ]) {
    await sql(statement, statement.includes('$1') ? [ids] : [])
  }
}
