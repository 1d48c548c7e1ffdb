import fc from 'fast-check'
import t from 'tap'
import { fold } from '../src/quotes/fold.ts'
import { cut, type Span } from '../src/quotes/spans.ts'
import { draft, get, must, patch, source, story, walk } from './factories.ts'
import { newsroom } from './newsroom.ts'
import { runs } from './size.ts'

const { editor, reader, as, sql } = await newsroom(t)
const any = { 'if-match': '*' }

type Quoted = { id: string; version: number; text: string; state: string; spans: Span[] }

const folded = (text: string) => fold(text).text.trim()

/** All that a refused write must leave as it was. */
const traces = async (id: string) => {
  const [row] = await sql(
    `select a.version, a.updated_at, a.plain_text, a.headline,
      (select jsonb_agg(q order by q.position) from quotes q where q.article_id = a.id) as quotes,
      (select count(*)::int from revisions r where r.article_id = a.id) as revisions,
      (select count(*)::int from changes c where c.resource_id = a.id) as changes
     from articles a where a.id = $1`,
    [id],
  )
  return row
}

const edit = (id: string, markdown: string, mark = false) =>
  editor(
    'PATCH',
    `/v1/articles/${id}?include=quotes&body=text${mark ? '&onQuoteChange=mark' : ''}`,
    { body: { markdown } },
    any,
  )

// The property ------------------------------------------------------------------------------------

// Many of them alike, and some the same: a lookalike is always near.
const WORDS = [
  'The pier will open in May',
  'The pier will open in June',
  'The pier will not open in May',
  'We lost 12 boats that night',
  'We lost 21 boats that night',
  'Never',
  'We listened',
  'The pier will open in May',
  'Nobody asked the people who live by the harbour before it was closed',
]
const SPEAKERS = ['Ana Lenz', 'Ben Farrow', 'Cleo Marsh', 'Dan Oxley']
const PROSE = [
  'The council met on Monday.',
  'Rain fell all night over the harbour.',
  'The pier will open in May, the notice says.',
  'Boats were lost 🌊 that night.',
]
const STYLES = ['curly', 'straight', 'spaced', 'hyphenated'] as const

/** A paragraph: prose, or a quotation and whose it is. `quote`: which of the article's it was. */
type Paragraph = { words: string; by?: string; style?: (typeof STYLES)[number]; quote?: number }

function print({ words, by, style }: Paragraph): string {
  if (!by) return words
  const said = words.replaceAll(' ', style === 'spaced' ? '\u00A0' : ' ')
  const hyphened = style === 'hyphenated' ? said.replaceAll(/(\w\w)(\w\w)/g, '$1\u00AD$2') : said
  return style === 'straight' ? `"${hyphened}," ${by} said.` : `“${hyphened},” ${by} said.`
}

const place = fc.nat({ max: 20 })
const change = fc.oneof(
  fc.record({ do: fc.constant('prose' as const), at: place, n: fc.nat({ max: 3 }) }),
  fc.record({ do: fc.constant('lookalike' as const), at: place, n: place, by: fc.nat({ max: 3 }) }),
  fc.record({ do: fc.constant('remove' as const), at: place }),
  fc.record({ do: fc.constant('swap' as const), at: place, n: place }),
  fc.record({ do: fc.constant('style' as const), at: place, n: fc.nat({ max: 3 }) }),
  fc.record({ do: fc.constant('reword' as const), at: place, n: place }),
  fc.record({ do: fc.constant('undo' as const) }),
)
type Change = typeof change extends fc.Arbitrary<infer C> ? C : never

function apply(before: Paragraph[], now: Paragraph[], step: Change): Paragraph[] {
  const next = [...now]
  if (step.do === 'undo') return before
  const at = step.at % Math.max(1, next.length)
  const here = next[at]
  if (!here) return before
  switch (step.do) {
    case 'prose':
      next.splice(at, 0, { words: PROSE[step.n] ?? '' })
      return next
    case 'lookalike':
      next.splice(at, 0, {
        words: WORDS[step.n % WORDS.length] ?? '',
        by: SPEAKERS[step.by] ?? '',
        style: 'curly',
      })
      return next
    case 'remove':
      if (next.length > 1) next.splice(at, 1)
      return next
    case 'swap': {
      const other = step.n % next.length
      const there = next[other]
      if (there) [next[at], next[other]] = [there, here]
      return next
    }
    case 'style':
      next[at] = { ...here, style: STYLES[step.n] ?? 'curly' }
      return next
    case 'reword': {
      const words = here.words.split(' ')
      const k = step.n % words.length
      if (words[k] === 'not') words.splice(k, 1)
      else if (/^\d/.test(words[k] ?? '')) words[k] = String(Number(words[k]) + 1)
      else words[k] = 'otherwise'
      next[at] = { ...here, words: words.join(' ') }
      return next
    }
  }
}

/** How often these words stand in the text, after folding. */
const times = (text: string, words: string) => folded(text).split(folded(words)).length - 1

let edits = 0
const seen: Record<string, number> = {}

async function follow(picked: number[], steps: { change: Change; mark: boolean }[]) {
  let paragraphs: Paragraph[] = picked.map((n, i) => ({
    words: WORDS[n] ?? '',
    by: SPEAKERS[i % SPEAKERS.length] ?? '',
    style: 'curly',
    quote: i,
  }))
  const first = paragraphs
  let printed = paragraphs.map(print).join('\n\n')
  let offset = 0
  const spoken = paragraphs.map(({ words }) => {
    const start = printed.indexOf(words, offset)
    offset = start + words.length
    return { text: words, spans: [{ start, end: offset }] }
  })
  const input = { body: { markdown: printed }, quotes: spoken }
  const { json } = await must(editor, 'POST', '/v1/articles?include=quotes&body=text', input)
  const { id } = json
  let text: string = json.body.text
  let quotes: Quoted[] = json.quotes
  const made = quotes.map((q) => q.id)
  for (const { change, mark } of steps) {
    const wanted = apply(first, paragraphs, change)
    printed = wanted.map(print).join('\n\n')
    const before = mark ? undefined : await traces(id)
    const reply = await edit(id, printed, mark)
    edits++
    if (reply.status === 409) {
      if (mark || reply.json.code !== 'quote_altered') throw new Error(reply.text)
      const named: { id: string; text: string; state: string; found: string | null }[] =
        reply.json.quotes
      if (named.length === 0) throw new Error('refused without naming a quote')
      for (const { id, text, found } of named) {
        const was = quotes.find((q) => q.id === id)
        if (was?.state !== 'verified' || was.text !== text) throw new Error(`names ${text}`)
        if (found !== null && folded(found) === folded(text)) throw new Error(`found ${found}`)
      }
      if (JSON.stringify(await traces(id)) !== JSON.stringify(before)) {
        throw new Error('a refused write wrote')
      }
      seen.refused = (seen.refused ?? 0) + 1
      continue
    }
    if (reply.status !== 200) throw new Error(reply.text)
    const textBefore = text
    text = reply.json.body.text
    const previous = new Map(quotes.map((q) => [q.id, q]))
    const pastParagraphs = paragraphs
    paragraphs = wanted
    quotes = reply.json.quotes
    for (const now of quotes) {
      const { state, spans } = now
      seen[state] = (seen[state] ?? 0) + 1
      const is = cut(text, spans)
      // The promise.
      if (state === 'verified' && folded(is) !== folded(now.text)) {
        throw new Error(`“${now.text}” is verified at “${is}”`)
      }
      if (state === 'altered' && (spans.length === 0 || folded(is) === folded(now.text))) {
        throw new Error(`“${now.text}” is altered at “${is}”`)
      }
      if ((state === 'ambiguous' || state === 'orphaned') && spans.length > 0) {
        throw new Error(`“${now.text}” is ${state} at “${is}”`)
      }
      const was = previous.get(now.id)
      if (!mark && was?.state === 'verified' && state !== 'verified') {
        throw new Error(`“${now.text}” was broken without a word`)
      }
      const n = made.indexOf(now.id)
      const own = paragraphs.findIndex((p) => p.quote === n)
      const past = pastParagraphs.find((p) => p.quote === n)
      const unique = times(textBefore, now.text) === 1 && times(text, now.text) === 1
      // Its own paragraph still says it and nothing else does: it must be found there, unless the same
      // person says something else beside it, which could be the quote, changed.
      const there = paragraphs[own]
      const speaks = (list: Paragraph[]) => list.filter((p) => p.by && p.by === past?.by).length
      if (
        speaks(paragraphs) === 1 &&
        speaks(pastParagraphs) === 1 &&
        was?.state === 'verified' &&
        unique &&
        there?.words === now.text &&
        past?.words === now.text
      ) {
        if (state !== 'verified') throw new Error(`“${now.text}” was lost: ${state}`)
      }
      // Nothing says it any more: what stands elsewhere is somebody else's.
      if (own === -1 && past && was?.state === 'verified' && state !== 'orphaned') {
        const at = standsIn(paragraphs, text, spans[0]?.start ?? -1)
        // In the same person's mouth nobody can tell it from the quote, changed.
        const stoodBefore = pastParagraphs.some((p) => p !== past && p === at && p.by !== past.by)
        if (stoodBefore && (state !== 'verified' || at?.words !== now.text)) {
          throw new Error(`“${now.text}” went over to “${at?.words}”: ${state}`)
        }
      }
    }
  }
}

/** The paragraph in which a code point of the text stands. */
function standsIn(paragraphs: Paragraph[], text: string, point: number) {
  const before = [...text].slice(0, Math.max(0, point)).join('')
  return paragraphs[before.split('\n\n').length - 1]
}

t.test('whenever a quote is verified its spans cut out exactly its words', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.nat({ max: WORDS.length - 1 }), { minLength: 1, maxLength: 4 }),
      fc.array(fc.record({ change, mark: fc.boolean() }), { minLength: 20, maxLength: 20 }),
      follow,
    ),
    { numRuns: runs(51) },
  )
  t.comment(`${edits} edits: ${JSON.stringify(seen)}`)
  t.ok(edits >= 1000, `${edits} edits`)
  for (const state of ['verified', 'altered', 'orphaned', 'refused']) {
    t.ok((seen[state] ?? 0) > 20, `${state}: ${seen[state]}`)
  }
})

// One by one --------------------------------------------------------------------------------------

const SAID = '“The harbour stays closed until 12 March, and we will not open it early,” she said.'
const WORDS_SAID = 'The harbour stays closed until 12 March, and we will not open it early'

async function spoken(markdown = SAID, text = WORDS_SAID) {
  const made = await draft(editor, { body: { markdown }, quotes: [{ text }] })
  const [first] = (await get(editor, `/v1/articles/${made.id}?include=quotes`)).quotes
  return { id: made.id as string, quote: first as Quoted }
}

t.test('what is only print does not matter', async (t) => {
  const { id, quote } = await spoken()
  t.equal(quote.state, 'verified')
  for (const [name, markdown] of [
    ['straight quotation marks', SAID.replaceAll(/[“”]/g, '"')],
    ['other quotation marks', SAID.replace('“', '«').replace('”', '»')],
    ['spaces that do not break', SAID.replaceAll('12 March', '12\u00A0March')],
    ['thin and double spaces', SAID.replaceAll(' we ', ' \u2009 we  ')],
    ['soft hyphens', SAID.replace('harbour', 'har\u00ADbour').replace('early', 'ear\u00ADly')],
    ['emphasis', SAID.replace('will not', '**will _not_**')],
    ['a line break', SAID.replace('and we', 'and\nwe')],
    ['a paragraph before it', `Rain 🌊 fell.\n\n${SAID}`],
  ] as const) {
    const reply = await edit(id, markdown)
    t.match(
      reply,
      { status: 200, json: { quotes: [{ state: 'verified', text: WORDS_SAID }] } },
      name,
    )
    const [{ spans }] = reply.json.quotes
    t.equal(folded(cut(reply.json.body.text, spans)), folded(WORDS_SAID), name)
  }
})

t.test(
  'what is said otherwise is refused, named with its new words, and nothing is written',
  async (t) => {
    const { id, quote } = await spoken()
    for (const [from, to] of [
      ['closed', 'open'],
      ['12', '21'],
      ['will not', 'will'],
      ['March', 'march'],
      ['early', 'early, ever'],
      ['The harbour', 'Harbour'],
      ['12', '1.2'],
      ['closed until', 'closed, until'],
    ] as const) {
      const before = await traces(id)
      const reply = await edit(id, SAID.replace(from, to))
      const found = WORDS_SAID.replace(from, to)
      t.match(reply, {
        status: 409,
        json: {
          code: 'quote_altered',
          quotes: [{ id: quote.id, text: WORDS_SAID, state: 'altered', found }],
          errors: [{ pointer: '/body' }],
        },
      })
      t.ok(
        reply.json.detail.includes(WORDS_SAID) && reply.json.detail.includes(found),
        `${from} ${to}`,
      )
      t.same(await traces(id), before, 'nothing written')
    }
  },
)

t.test('onQuoteChange=mark saves and marks, and editors find what to mend', async (t) => {
  const { id, quote } = await spoken()
  const changed = SAID.replace('not ', '')
  const reply = await edit(id, changed, true)
  t.match(reply, {
    status: 200,
    json: { quotes: [{ id: quote.id, state: 'altered', version: 2 }] },
  })
  const list = async () => (await walk(editor, '/v1/quotes?state=altered')).map((q) => q.id)
  t.ok((await list()).includes(quote.id))
  const other = await edit(id, `Rain fell.\n\n${changed}`)
  t.equal(other.status, 200, 'what is altered already is no longer in the way')
  t.match(other.json.quotes, [{ id: quote.id, state: 'altered' }])
  await must(editor, 'POST', `/v1/articles/${id}/publish`)
  t.equal((await get(reader, `/v1/quotes/${quote.id}`)).state, 'altered', 'readers see the state')
  const mended = await edit(id, SAID)
  t.match(mended.json.quotes, [{ id: quote.id, state: 'verified' }])
  t.notOk((await list()).includes(quote.id))
})

t.test('a lookalike is never taken for the quote', async (t) => {
  const ana = '“We will rebuild the pier by the end of May,” Ana Lenz said.'
  const ben = '“We will rebuild the pier by the end of June,” Ben Farrow said.'
  const { id } = await draft(editor, {
    body: { markdown: `${ana}\n\n${ben}` },
    quotes: [
      { text: 'We will rebuild the pier by the end of May' },
      { text: 'We will rebuild the pier by the end of June' },
    ],
  })
  t.match(await edit(id, ben), {
    status: 409,
    json: { quotes: [{ state: 'orphaned', found: null }] },
  })
  const reply = await edit(id, ben, true)
  t.match(reply.json.quotes, [{ state: 'orphaned', spans: [] }, { state: 'verified' }])
  t.match((await edit(id, `${ben}\n\n${ana}`)).json.quotes, [
    { state: 'verified' },
    { state: 'verified' },
  ])

  const twins = await draft(editor, {
    body: {
      markdown:
        '“Nobody came to the harbour,” Ana said.\n\n“Nobody came to the harbour,” Ben said.',
    },
    quotes: [
      { text: 'Nobody came to the harbour', spans: [{ start: 1, end: 27 }] },
      { text: 'Nobody came to the harbour', spans: [{ start: 42, end: 68 }] },
    ],
  })
  const left = await edit(twins.id, '“Nobody came to the harbour,” Ben said.', true)
  t.match(left.json.quotes, [
    { state: 'orphaned', spans: [] },
    { state: 'verified', spans: [{ start: 1, end: 27 }] },
  ])
})

t.test('several quotes that break are all named', async (t) => {
  const { id } = await draft(editor, {
    body: { markdown: '“Three boats were lost,” he said.\n\n“Five men were saved,” she said.' },
    quotes: [{ text: 'Three boats were lost' }, { text: 'Five men were saved' }],
  })
  const reply = await edit(id, '“Two boats were lost,” he said.\n\n“Six men were saved,” she said.')
  t.match(reply, {
    status: 409,
    json: { quotes: [{ found: 'Two boats were lost' }, { found: 'Six men were saved' }] },
  })
  t.equal(reply.json.errors.length, 2)
  const removed = await editor(
    'PATCH',
    `/v1/articles/${id}`,
    { body: { markdown: 'Nothing is left.' }, quotes: [] },
    any,
  )
  t.equal(removed.status, 200, 'quotes that are removed with their text are not broken')
})

t.test('a change of the quote itself is held to the same', async (t) => {
  const { id, quote } = await spoken()
  const before = await traces(id)
  const path = `/v1/quotes/${quote.id}`
  const change = { text: 'The harbour stays open until 12 March, and we will not open it early' }
  t.match(await editor('PATCH', path, change, any), {
    status: 409,
    json: { code: 'quote_altered' },
  })
  t.same(await traces(id), before)
  const marked = await editor('PATCH', `${path}?onQuoteChange=mark`, change, any)
  t.match(marked, { status: 200, json: { state: 'altered', ...change } })
})

t.test('bad quotes are refused with their rule, and nothing is written', async (t) => {
  const { id } = await spoken('Short 👨‍👩‍👧 text.', 'Short')
  const report = await source(editor, { kind: 'document', name: 'Pier report' })
  const before = await traces(id)
  for (const [input, pointer] of [
    [{ text: 'This is longer than the whole text' }, '/text'],
    [{ text: 'text', spans: [{ start: 10, end: 400 }] }, '/spans'],
    [{ text: 'text', spans: [{ start: 400, end: 410 }] }, '/spans'],
    [{ text: 'Short', spans: [{ start: 0, end: 3 }] }, '/spans'],
    [{ text: '👨‍👩‍👧', spans: [{ start: 6, end: 8 }] }, '/spans'],
    [{ text: '👨‍👩‍👧', spans: [{ start: 7, end: 11 }] }, '/spans'],
    [{ text: 'Short', spans: [{ start: 5, end: 5 }] }, '/spans'],
    [{ text: 'Short', speaker: report.slug }, '/speaker'],
  ] as const) {
    const reply = await editor('POST', '/v1/quotes', { article: id, ...input })
    t.match(reply, { status: 422, json: { code: 'rule_broken' } }, JSON.stringify(input))
    t.equal(reply.json.errors?.[0]?.pointer, pointer, reply.json.detail)
    const within = await editor('PATCH', `/v1/articles/${id}`, { quotes: [input] }, any)
    t.equal(within.status, 422)
    t.equal(within.json.errors?.[0]?.pointer, `/quotes/0${pointer}`)
  }
  t.same(await traces(id), before)
  const early = await draft(editor, { body: null, quotes: [{ text: 'Nothing is written yet' }] })
  t.match((await get(editor, `/v1/articles/${early.id}?include=quotes`)).quotes, [
    { state: 'orphaned' },
  ])
})

// Suggestions, speakers, variants -----------------------------------------------------------------

t.test('a suggestion is confirmed or dismissed', async (t) => {
  const made = await story(editor, {
    body: { markdown: '“It was zqlate,” he said. “It was zqvery late,” he said.' },
    quotes: [
      { text: 'It was zqlate', suggested: true },
      { text: 'It was zqvery late', suggested: true },
    ],
  })
  const [one, two] = (await get(editor, `/v1/articles/${made.id}?include=quotes`)).quotes
  const unseen = async () =>
    (await Promise.all([one, two].map(({ id }) => reader('GET', `/v1/quotes/${id}`)))).map(
      (reply) => reply.status,
    )
  t.same(await unseen(), [404, 404])
  t.equal((await reader('GET', '/v1/quotes?state=suggested')).status, 403)
  t.same((await get(editor, `/v1/quotes?state=suggested&article=${made.id}`)).data.length, 2)
  const writer = await as('content:write')
  t.equal((await writer('POST', `/v1/quotes/${one.id}/confirm`)).status, 403, 'it is live')
  const stale = await editor('POST', `/v1/quotes/${one.id}/confirm`, undefined, {
    'if-match': '"7-x"',
  })
  t.equal(stale.status, 412)
  t.match(await must(editor, 'POST', `/v1/quotes/${one.id}/confirm`), {
    json: { state: 'verified', version: 2, spans: [{ start: 1, end: 14 }] },
  })
  const gone = await must(editor, 'POST', `/v1/quotes/${two.id}/dismiss`)
  t.equal(gone.status, 204)
  t.same(await unseen(), [200, 404], 'a dismissed one was never there')
  for (const verb of ['confirm', 'dismiss']) {
    t.match(await editor('POST', `/v1/quotes/${one.id}/${verb}`), {
      status: 409,
      json: { code: 'wrong_state' },
    })
    t.equal((await editor('POST', `/v1/quotes/${two.id}/${verb}`)).status, 404)
  }
  t.equal((await get(editor, `/v1/articles/${made.id}`)).version, 4)
  const rows = await sql(
    'select part_kind, part_id from changes where resource_id = $1 order by id desc limit 2',
    [made.id],
  )
  t.match(rows, [
    { part_kind: 'quote', part_id: two.id },
    { part_kind: 'quote', part_id: one.id },
  ])
})

t.test('a suggestion follows the text and stays one', async (t) => {
  const made = await draft(editor, {
    body: { markdown: SAID },
    quotes: [{ text: WORDS_SAID, suggested: true }],
  })
  const moved = await edit(made.id, `Rain fell.\n\n${SAID}`)
  t.match(moved.json.quotes, [{ state: 'suggested', spans: [{ start: 13 }] }])
  const broken = await edit(made.id, SAID.replace('not ', ''))
  t.match(broken, { status: 200, json: { quotes: [{ state: 'suggested' }] } })
})

t.test('variants of a quote stand side by side, to readers only what is visible', async (t) => {
  const body = (words: string) => ({
    body: { markdown: `“${words},” she said.` },
    quotes: [{ text: words }],
  })
  const words = 'The zebra crossing at the quay will be repainted in spring'
  const mine = await story(editor, body(words))
  const near = words.replace('spring', 'summer')
  const far = 'Nothing at all like it was ever uttered'
  const other = await story(editor, body(near))
  const hidden = await draft(editor, body(words.replace('repainted', 'painted')))
  await story(editor, body(far))
  const [own] = (await get(editor, `/v1/articles/${mine.id}?include=quotes`)).quotes
  const path = `/v1/quotes/${own.id}/similar`
  const texts = async (call: typeof editor) => {
    const { data, page } = await get(call, path)
    t.equal(page.next, null)
    return data.map((q: { text: string }) => q.text)
  }
  t.same(await texts(reader), [near])
  t.same(new Set(await texts(editor)), new Set([near, words.replace('repainted', 'painted')]))
  t.same((await get(editor, `${path}?limit=1&fields=text`)).data.length, 1)
  await must(editor, 'POST', `/v1/articles/${other.id}/unpublish`)
  t.same(await texts(reader), [])
  await must(editor, 'POST', `/v1/articles/${hidden.id}/publish`)
  t.same(await texts(reader), [words.replace('repainted', 'painted')])
  t.equal((await reader('GET', `${path}?cursor=x`)).status, 400)
})

t.test('a speaker’s quotes come in time order', async (t) => {
  const speaker = await source(editor, { name: 'Time Keeper' })
  const days = ['2026-03-04', '2026-03-01', '2026-03-03', '2026-03-02']
  for (const day of days) {
    await story(editor, {
      body: { markdown: `“It was ${day},” he said.` },
      quotes: [{ text: `It was ${day}`, speaker: speaker.slug, saidAt: `${day}T10:00:00+02:00` }],
    })
  }
  const texts = async (query: string) =>
    (await walk(reader, `/v1/quotes?speaker=${speaker.slug}${query}`)).map((q) => q.text.slice(7))
  t.same(await texts('&limit=2'), days.toSorted().toReversed())
  t.same(await texts('&sort=saidAt'), days.toSorted())
  await patch(editor, `/v1/sources/${speaker.id}`, { slug: 'keeper-of-time' })
  t.same(await texts('&sort=saidAt&limit=1'), days.toSorted(), 'an old slug works as a filter')
})
