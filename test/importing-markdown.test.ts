import fc from 'fast-check'
import t from 'tap'
import { markdownToBlocks } from '../src/body/markdown.ts'
import { blocksToText } from '../src/body/text.ts'
import { storyFromMarkdown } from '../src/importing/markdown.ts'
import { runs } from './size.ts'

const FULL = `---
slug: the-bank-moved
title: The bank moved
description: A ferry ran aground.
author: [Petra Lind, Ole Berg]
lang: pt-br
categories: sea, Local News, Ærø
sources:
  - brackholm-harbour
  - { source: ingrid-vale, role: official, note: By telephone }
  - source: Diver
    kind: anonymous
    name: a diver
    organization: divers-guild
quotes:
  - text: It was the bank that moved.
    speaker: ingrid-vale
    cue: Vale said
    saidAt: 2026-03-02T10:00:00Z
    spans: [{ start: 1, end: 28 }]
  - { text: Nobody looked., kind: paraphrase, speaker: a diver }
  - { text: We did., kind: direct, speaker: old-pilot, language: da, original: { text: Vi gjorde., language: da } }
leadImage: { url: 'https://images.example/a.jpg', alt: A ferry, width: 800 }
publish: { at: P2D, expiresAt: P30DT12H }
origin: { system: wire, id: '17' }
---

“It was the bank that moved,” Vale said.
`

t.test('front matter says all that a story can have', async (t) => {
  t.same(storyFromMarkdown(FULL), {
    slug: 'the-bank-moved',
    headline: 'The bank moved',
    summary: 'A ferry ran aground.',
    byline: 'Petra Lind, Ole Berg',
    language: 'pt-BR',
    leadImage: { url: 'https://images.example/a.jpg', alt: 'A ferry', width: 800 },
    body: { markdown: '\n“It was the bank that moved,” Vale said.\n' },
    categories: [
      { slug: 'sea' },
      { name: 'Local News', slug: 'local-news' },
      { name: 'Ærø', slug: 'aero' },
    ],
    sources: [
      { handle: 'brackholm-harbour', slug: 'brackholm-harbour' },
      { handle: 'ingrid-vale', slug: 'ingrid-vale', role: 'official', note: 'By telephone' },
      { handle: 'Diver', kind: 'anonymous', name: 'a diver', organization: 'divers-guild' },
      { handle: 'divers-guild', slug: 'divers-guild', listed: false },
      { handle: 'old-pilot', slug: 'old-pilot', listed: false },
    ],
    quotes: [
      {
        text: 'It was the bank that moved.',
        kind: 'direct',
        speaker: 'ingrid-vale',
        cue: 'Vale said',
        saidAt: '2026-03-02T10:00:00Z',
        spans: [{ start: 1, end: 28 }],
        suggested: false,
      },
      { text: 'Nobody looked.', kind: 'paraphrase', speaker: 'Diver', suggested: false },
      {
        text: 'We did.',
        kind: 'direct',
        speaker: 'old-pilot',
        language: 'da',
        original: { text: 'Vi gjorde.', language: 'da' },
        suggested: false,
      },
    ],
    origin: { system: 'wire', id: '17' },
    publish: { at: 'P2D', expiresAt: 'P30DT12H' },
  })
})

t.test('without a headline there, the first heading is it', async (t) => {
  const cases: [string, string | undefined, string][] = [
    ['# The *old* bridge #\n\nText.', 'The old bridge', 'Text.'],
    ['The bridge\n===\n\nText.', 'The bridge', 'Text.'],
    ['Before.\n\n# The bridge\nText.', 'The bridge', 'Before.\n\nText.'],
    [
      '```\n# not this\n```\n\n# The bridge\n\nText.',
      'The bridge',
      '```\n# not this\n```\n\nText.',
    ],
    ['---\nheadline: The bridge\n---\n# The bridge\n\nText.', 'The bridge', 'Text.'],
    ['---\nheadline: The bridge\n---\n# Part one\n\nText.', 'The bridge', '# Part one\n\nText.'],
    ['\ufeff---\r\nheadline: The bridge\r\n---\r\nText.', 'The bridge', 'Text.'],
    ['Text only.', undefined, 'Text only.'],
    ['# Only a headline', 'Only a headline', ''],
  ]
  for (const [source, headline, body] of cases) {
    const story = storyFromMarkdown(source)
    t.same([story.headline, story.body?.markdown ?? ''], [headline, body], source)
  }
})

t.test('every fault is named at once', async (t) => {
  const faulty = `---
headlien: x
slug: Not A Slug
language: "?"
date: yesterday
lang: en
quotes: [{ text: a, saidAt: noon, who: me }]
sources: [{ source: Ana Prowse }, { source: a, name: A }]
publish: { at: soon, expires: P1D }
---
Text.`
  const message = (source: string) => {
    try {
      storyFromMarkdown(source)
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  const found = message(faulty)
  for (const part of [
    'headlien',
    'slug',
    'language',
    'date',
    'quotes.0.saidAt',
    'quotes.0.who',
    'sources.0.source',
    'sources.1',
    'publish.at',
    'publish.expires',
  ]) {
    t.match(found, new RegExp(`^ +${part.replaceAll('.', '\\.')}:`, 'm'), part)
  }
  t.match(message('---\ntitle: a\nheadline: b\nlang: en\nlanguage: en\n---\nx'), /title:.*lang:/s)
  t.match(message('---\nheadline: a\nheadline: b\n---\nx'), /line 3/)
  t.match(message('---\nheadline: a\n'), /no line ---/)
  t.match(message('---\ndraft: true\npublish: {}\n---\nx'), /contradicts/)
  t.match(message('---\nquotes: [{ text: a, speaker: No Body }]\n---\nx'), /No Body/)
  t.match(message('---\nsources: [a, a]\n---\nx'), /twice/)
  t.match(message('---\n[1, 2]\n---\nx'), /not accepted/)
  t.match(message(''), /no text/)
  t.match(message('a\u0000'), /NUL/)
})

t.test('a date publishes only what is to be published', async (t) => {
  const times = (matter: string) => {
    const { publish, dated } = storyFromMarkdown(`---\n${matter}\n---\nText.`)
    return { publish, dated }
  }
  const date = '2026-03-01T00:00:00Z'
  t.same(times('date: 2026-03-01'), { publish: undefined, dated: date })
  t.same(times('date: 2026-03-01\ndraft: true'), { publish: undefined, dated: date })
  t.same(times('date: 2026-03-01\ndraft: false'), {
    publish: { publishedAt: date },
    dated: undefined,
  })
  t.same(times('date: 2026-03-01\npublish: { at: P1D }'), {
    publish: { at: 'P1D', publishedAt: date },
    dated: undefined,
  })
  t.same(times('draft: false'), { publish: {}, dated: undefined })
})

t.test('quotes are found where the front matter has none', async (t) => {
  const text =
    '# H\n\n## “Not This One Here.”\n\n*Ana Prowse* said: “It **really** rained\non us.”\n\n    “nor this,” said Ana Prowse\n'
  const story = storyFromMarkdown(text)
  t.equal(story.quotes.length, 1)
  const [quote] = story.quotes
  t.match(quote, { speaker: 'ana-prowse', kind: 'direct', suggested: true })
  const plain = [...blocksToText(markdownToBlocks(story.body?.markdown ?? ''))]
  t.equal(plain.slice(quote?.spans?.[0]?.start, quote?.spans?.[0]?.end).join(''), quote?.text)
  t.same(storyFromMarkdown(`---\nquotes: []\n---\n${text}`).quotes, [])
  const listed = storyFromMarkdown(
    `---\nsources: [ana-prowse]\n---\n${text}“No,” said Tom Quill. Ole Berg said yes.`,
  )
  t.same(
    listed.sources.map(({ handle, listed }) => [handle, listed]),
    [
      ['ana-prowse', undefined],
      ['tom-quill', false],
    ],
  )
  t.equal(listed.quotes[0]?.speaker, 'ana-prowse')
})

t.test('any front matter is a story or a clear error', async () => {
  const key = fc.constantFrom(
    'headline',
    'slug',
    'sources',
    'quotes',
    'date',
    'publish',
    'origin',
    'leadImage',
    'categories',
    'x',
    '__proto__',
  )
  const matter = fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }))
  fc.assert(
    fc.property(
      fc.oneof(
        matter.map((value) => JSON.stringify(value)),
        fc.string(),
      ),
      fc.string(),
      (yaml, body) => {
        try {
          return Array.isArray(storyFromMarkdown(`---\n${yaml}\n---\n${body}`).quotes)
        } catch (error) {
          return (
            error instanceof Error &&
            /^(?:The (?:file|front matter|category) |Named twice|.+ is neither)/s.test(
              error.message,
            )
          )
        }
      },
    ),
    { numRuns: runs(200) },
  )
})
