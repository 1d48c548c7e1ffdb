import t from 'tap'
import { newsroom } from './newsroom.ts'

/*
 * The story of one article as the README tells it, on the demo newsroom: draft, quote, publish, an
 * edit that breaks the quote and is refused, a correction, a kill, 410.
 */

const { editor, reader } = await newsroom(t, { seeded: true })
const slug = 'ferry-fares-rise-in-june'
const path = `/v1/articles/${slug}`

const SAID = '“We held the fare for six years,” Orrock said.'
const text = (fare: string) => `A single costs **${fare}** from 1 June.\n\n${SAID}`

t.test('the story of one article', async (t) => {
  // A draft: nobody but editors knows of it.
  const draft = await editor('POST', '/v1/articles', {
    headline: 'Ferry fares rise in June',
    body: { markdown: text('£4.80') },
  })
  t.match(draft, {
    status: 201,
    headers: { location: path },
    json: { slug, version: 1, status: 'draft', publishAt: null },
  })
  t.equal((await reader('GET', path)).status, 404)

  // A quote, tied to the characters of the text.
  const quote = await editor('POST', '/v1/quotes', {
    article: slug,
    text: 'We held the fare for six years',
    speaker: 'delphine-orrock',
  })
  t.match(quote, {
    status: 201,
    json: {
      state: 'verified',
      spans: [{ start: 36, end: 66 }],
      speaker: { name: 'Delphine Orrock' },
    },
  })

  // Published: there for everybody, with its ETag.
  const published = await editor('POST', `${path}/publish`)
  t.match(published, { status: 200, json: { status: 'published', version: 3 } })
  const seen = await reader('GET', `${path}?include=quotes&body=text`)
  t.match(seen, {
    status: 200,
    headers: { etag: /^"3-/ },
    json: { quotes: [{ state: 'verified' }] },
  })

  // An edit that changes what was said is refused, and says how.
  const broken = { body: { markdown: text('£4.80').replace('six years', 'nine years') } }
  const etag = { 'if-match': String(seen.headers.etag) }
  const refused = await editor('PATCH', path, broken, etag)
  t.match(refused, {
    status: 409,
    json: {
      code: 'quote_altered',
      detail:
        '“We held the fare for six years” would read “We held the fare for nine years”. Send onQuoteChange=mark to save and mark.',
      quotes: [
        {
          id: quote.json.id,
          text: 'We held the fare for six years',
          state: 'altered',
          found: 'We held the fare for nine years',
        },
      ],
    },
  })
  t.equal((await reader('GET', path)).json.version, 3, 'nothing was written')

  // A correction: the note and the change it describes, in one version.
  const note = {
    kind: 'correction',
    text: 'An earlier version gave the fare as £4.80; it is £4.60.',
  }
  const change = { ...note, changes: { body: { markdown: text('£4.60') } } }
  const corrected = await editor('POST', `${path}/corrections`, change, etag)
  t.match(corrected, { status: 200, json: { version: 4 } })
  const again = await editor('POST', `${path}/corrections`, change, etag)
  t.match(again, { status: 412, json: { code: 'version_stale' } })
  const now = await reader('GET', `${path}?include=corrections,quotes&body=text`)
  t.match(now.json, {
    version: 4,
    body: { text: /£4\.60/ },
    corrections: [{ ...note, fromVersion: 3, toVersion: 4 }],
    quotes: [{ state: 'verified' }],
  })
  const revisions = await editor('GET', `${path}/revisions`)
  t.same(
    revisions.json.data.map((r: { version: number; event: string }) => [r.version, r.event]),
    [
      [4, 'article.corrected'],
      [3, 'article.published'],
      [2, 'quote.created'],
      [1, 'article.created'],
    ],
  )
  const diff = await editor('GET', `${path}/diff?from=3&to=4`)
  t.match(diff.json.blocks[0].words, [
    { op: 'same', text: /A single costs £4\.?/ },
    { op: 'removed', text: /80/ },
    { op: 'added', text: /60/ },
    { op: 'same', text: / from 1 June\./ },
  ])

  // Killed: out of every reader's reach at once, the notice in its place.
  const killed = await editor('POST', `${path}/kill`, {
    reason: 'The company denies all of it.',
    notice: 'This article was withdrawn on 4 May.',
  })
  t.match(killed, { status: 200, json: { status: 'killed', version: 5 } })
  for (const headers of [{}, { 'if-none-match': String(now.headers.etag) }]) {
    const gone = await reader('GET', path, undefined, headers)
    t.match(gone, {
      status: 410,
      json: {
        code: 'gone',
        detail: 'This article was withdrawn on 4 May.',
        gone: { kind: 'article', notice: 'This article was withdrawn on 4 May.' },
      },
    })
  }
  t.equal((await reader('GET', `/v1/quotes/${quote.json.id}`)).status, 410)
  t.equal((await editor('GET', `${path}/revisions/4`)).status, 200, 'editors have it still')
})
