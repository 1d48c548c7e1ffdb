import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { category, draft, get, must, patch, source, story, walk } from './factories.ts'
import { newsroom } from './newsroom.ts'
import { runs } from './size.ts'

const { editor, reader } = await newsroom(t)

const desk = (await category(editor, { name: 'Search' })).slug
const stories = {
  levy: { headline: 'Council adopts the sea-wall levies', language: 'en' },
  ferry: {
    headline: 'On the water',
    summary: 'Two ferries were running late.',
    body: { markdown: 'The **captain** waited at the old swing bridge. Nobody was hurrying.' },
    language: 'en-GB',
  },
  mare: {
    headline: 'Marés vivas chegaram ao cais',
    body: { markdown: 'Os barcos ficaram no porto.' },
    language: 'pt-BR',
  },
  limani: {
    headline: 'Τα λιμάνια έκλεισαν',
    summary: 'Ο άνεμος δυνάμωσε.',
    body: { markdown: 'Κανένα πλοίο δεν έφυγε.' },
    language: 'el',
  },
  // PostgreSQL has no configuration for Welsh.
  harbwr: {
    headline: 'Llongau yn yr harbwr',
    body: { markdown: 'Mae’r ferries yn hwyr.' },
    language: 'cy',
  },
}
type Name = keyof typeof stories
const names = new Map<string, Name>()
for (const [name, input] of Object.entries(stories)) {
  names.set((await story(editor, { ...input, categories: [desk] })).id, name as Name)
}

const found = async (q: string, more = '') =>
  (await walk(reader, `/v1/articles?category=${desk}&fields=id&q=${encodeURIComponent(q)}${more}`))
    .map((row) => names.get(row.id))
    .sort()

t.test('headline, summary and body are searched, each text in its own language', async (t) => {
  const cases: [string, Name[]][] = [
    ['levy', ['levy']],
    ['LEVIES adopted', ['levy']],
    ['ferry', ['ferry']],
    ['run', ['ferry']],
    ['bridges captain', ['ferry']],
    ['hurry', ['ferry']],
    ['marés vivas', ['mare']],
    ['chegar', ['mare']],
    ['barco porto', ['mare']],
    ['λιμάνι', ['limani']],
    ['ΛΙΜΑΝΙΑ', ['limani']],
    ['άνεμος', ['limani']],
    ['πλοία', ['limani']],
    ['harbwr', ['harbwr']],
    ['Llongau hwyr', ['harbwr']],
    ['llong', []],
    ['levy ferry', []],
    ['nowhere', []],
  ]
  for (const [q, expected] of cases) t.same(await found(q), expected, q)
  t.same(await found('ferries'), ['ferry', 'harbwr'], 'the word itself is found in any language')
  t.same(await found('ferries', '&language=en'), ['ferry'])
  t.same(await found('ferries', '&language=cy,en-GB'), ['ferry', 'harbwr'])
  t.same(await found('levy or barco', '&language=pt'), ['mare'])
})

t.test('web-search syntax: phrases, or, and what must not be', async (t) => {
  t.same(await found('"swing bridge"'), ['ferry'])
  t.same(await found('"bridge swing"'), [])
  t.same(await found('levy or captain'), ['ferry', 'levy'])
  t.same(await found('levy OR harbwr OR λιμάνι'), ['harbwr', 'levy', 'limani'])
  t.same(await found('bridge -captain'), [])
  t.same(await found('bridge -levy'), ['ferry'])
  t.same(await found('council -"sea wall"'), [])
  t.same(await found('council -"wall sea"'), ['levy'])
})

t.test('-word takes away in every language, and brings nothing in', async (t) => {
  const all: Name[] = ['ferry', 'harbwr', 'levy', 'limani', 'mare']
  const without = (...gone: Name[]) => all.filter((name) => !gone.includes(name))
  t.same(await found('-levy'), without('levy'))
  t.same(await found('-barco'), without('mare'))
  t.same(await found('-λιμάνι'), without('limani'))
  t.same(await found('-harbwr'), without('harbwr'))
  t.same(await found('-ferries'), without('ferry', 'harbwr'))
  t.same(await found('ferries -late'), ['harbwr'], 'late stands only in the English one')
  t.same(await found('captain -barco'), ['ferry'])
})

t.test('a text is found as it is now', async (t) => {
  const { id } = await draft(editor, { headline: 'Ephemeral', categories: [desk] })
  const ids = async (q: string) =>
    (await get(editor, `/v1/articles?q=${encodeURIComponent(q)}&fields=id`)).data.map(
      (row: { id: string }) => row.id,
    )
  t.same(await ids('ephemeral'), [id])
  await patch(editor, `/v1/articles/${id}`, { headline: 'Σκάφη', language: 'el' })
  t.same(await ids('ephemeral'), [])
  t.same(await ids('σκάφος'), [id], 'also when its language changes')
})

t.test('quotes are found in their language, sources and categories by their words', async (t) => {
  await source(editor, { kind: 'organization', name: 'Search-and-Rescue Trust' })
  const { id } = await draft(editor, {
    language: 'en',
    quotes: [
      { text: 'We were rowing', kind: 'direct' },
      { text: 'Remávamos', language: 'pt' },
    ],
  })
  const texts = async (q: string) =>
    (await get(editor, `/v1/quotes?article=${id}&q=${encodeURIComponent(q)}`)).data.map(
      (row: { text: string }) => row.text,
    )
  t.same(await texts('row'), ['We were rowing'])
  t.same(await texts('remar'), ['Remávamos'])
  t.same(await texts('remar or rows'), ['Remávamos', 'We were rowing'])
  t.equal((await get(editor, '/v1/sources?q=rescue%20trust')).data.length, 1)
  t.equal((await get(editor, '/v1/sources?q=rescue%20-trust')).data.length, 0)
  t.equal((await get(editor, '/v1/categories?q=SEARCH')).data.length, 1)
})

t.test('no syntax is an error of ours', async (t) => {
  const bit = fc.oneof(
    fc.constantFrom(
      '"',
      '-',
      ' or ',
      ' OR ',
      '(',
      ')',
      '&',
      '|',
      '!',
      '<->',
      ':*',
      ':A',
      '\\',
      "'",
    ),
    fc.constantFrom(
      'levy',
      'the',
      'a-b',
      '--',
      '%',
      '_',
      '*',
      '🚢',
      'x@y.example',
      'http://a/b?c=d',
    ),
    fc.string({ unit: 'binary', maxLength: 8 }),
  )
  const lists = ['articles', 'quotes', 'sources', 'categories']
  const statuses = { 200: 0, 400: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(bit, { minLength: 1, maxLength: 12 }), fc.nat(), async (bits, n) => {
      const q = bits.join('')
      if (!q.isWellFormed()) return
      const reply = await reader('GET', `/v1/${lists[n % 4]}?q=${encodeURIComponent(q)}`)
      assert.ok(reply.status === 200 || reply.status === 400, `${JSON.stringify(q)}: ${reply.text}`)
      statuses[reply.status]++
      // Only what holds nothing to look for is refused.
      const words = /[\p{L}\p{N}]/u.test(q) && !q.includes('\0') && [...q].length <= 500
      assert.equal(reply.status, words ? 200 : 400, JSON.stringify(q))
    }),
    { numRuns: runs(150) },
  )
  t.ok(statuses[200] > 50 && statuses[400] > 0, JSON.stringify(statuses))
  for (const q of ['the', 'the of and', '"the"', '-the', 'o os']) {
    t.equal((await must(reader, 'GET', `/v1/articles?q=${encodeURIComponent(q)}`)).status, 200, q)
  }
  for (const q of ['', '"', '-', '&!|', 'x'.repeat(501)]) {
    const reply = await reader('GET', `/v1/articles?q=${encodeURIComponent(q)}`)
    t.match(reply, { status: 400, json: { errors: [{ parameter: 'q' }] } }, q.slice(0, 5))
  }
  t.equal((await reader('GET', '/v1/articles?q=a&q=b')).status, 400)
})
