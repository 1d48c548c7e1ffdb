import fc from 'fast-check'
import t from 'tap'
import { Blocks } from '../src/body/schema.ts'
import { blocksToText } from '../src/body/text.ts'
import type { Span, Story } from '../src/importing/story.ts'
import { storyFromText } from '../src/importing/text.ts'
import { runs } from './size.ts'

const plainText = (story: Story) => blocksToText(story.body?.blocks ?? [])
const cut = (text: string, spans: Span[] = []) =>
  spans.map(({ start, end }) => [...text].slice(start, end).join('')).join(' ')
const paragraphs = (story: Story) => plainText(story).split('\n\n')
/** `text / kind / speaker / cue` of each quote of a story with these paragraphs. */
const quotesIn = (...body: string[]) =>
  storyFromText(['A headline', ...body].join('\n')).quotes.map(
    ({ text, kind, speaker, cue }) => `${text} / ${kind} / ${speaker ?? '-'} / ${cue ?? '-'}`,
  )
const sourcesIn = (...body: string[]) =>
  storyFromText(['A headline', ...body].join('\n')).sources.map(
    ({ kind, name, title }) => `${kind}: ${title ? `${title} ` : ''}${name}`,
  )

const FERRY = `Ferry Runs Aground Off Brackholm
By Petra Lind
March 3, 2026
BRACKHOLM — Mayor Ingrid S. Vale ordered the harbour closed on Monday after a ferry with 41 people aboard ran on to a bank. According to sources familiar with the rescue, the pilot had asked for a tug.
Vale confirmed to reporters that the pilot was ashore, adding:
“It wasn’t the fog, and it wasn’t the pilot. It was the bank that moved.”
Owners Under Pressure
The company’s chairman, Tomas Reuel, called the report “a guess in a good binding.” He would not say more.
“We read it twice,” Vale said, “and we’ll read it again.”
What Divers Found
Vale’s answer to the owners has included blaming them for “eleven winters without a survey,” according to a letter sent to the harbour board.
Some officials close to the owners claim the bank was charted.
Related Coverage
- Sea News – https://paper.example/sea-news/
- Opinion – https://paper.example/opinion-2/
- The Night the Bank Moved Under Us – https://paper.example/2026/02/the-night/
`

t.test('a story is taken apart', async (t) => {
  const story = storyFromText(FERRY)
  t.equal(story.headline, 'Ferry Runs Aground Off Brackholm')
  t.equal(story.byline, 'Petra Lind')
  t.equal(story.dated, '2026-03-03T00:00:00.000Z')
  t.same(story.categories, [
    { name: 'Sea News', slug: 'sea-news' },
    { name: 'Opinion', slug: 'opinion-2' },
  ])
  const blocks = Blocks.parse(story.body?.blocks)
  const headings = blocks.filter((block) => block._type === 'block' && block.style === 'h2')
  t.same(
    headings.map((block) => blocksToText([block])),
    ['Owners Under Pressure', 'What Divers Found'],
  )
  t.match(paragraphs(story)[0], /^BRACKHOLM — Mayor/)
  t.notMatch(plainText(story), /Related|https|Petra/)
  t.equal(new Set(blocks.map((block) => block._key)).size, blocks.length)
  t.equal(story.publish, undefined)
})

t.test('its quotes have text, speaker, cue and spans', async (t) => {
  const story = storyFromText(FERRY)
  t.same(
    story.quotes.map(({ text, kind, speaker, cue }) => [text, kind, speaker, cue]),
    [
      [
        'It wasn’t the fog, and it wasn’t the pilot. It was the bank that moved.',
        'direct',
        'ingrid-s-vale',
        'adding',
      ],
      ['a guess in a good binding.', 'partial', 'tomas-reuel', 'Tomas Reuel, called'],
      ['We read it twice and we’ll read it again.', 'direct', 'ingrid-s-vale', 'Vale said'],
      [
        'eleven winters without a survey',
        'partial',
        'ingrid-s-vale',
        'according to a letter sent to the harbour board',
      ],
    ],
  )
  for (const quote of story.quotes) {
    t.equal(cut(plainText(story), quote.spans), quote.text)
    t.equal(quote.suggested, true)
  }
  t.equal(story.quotes[2]?.spans?.length, 2)
})

t.test('its sources are those who speak, each once', async (t) => {
  t.same(
    storyFromText(FERRY).sources.map(({ kind, name, title, role }) => [kind, name, title, role]),
    [
      ['anonymous', 'sources familiar with the rescue', undefined, 'cited'],
      ['person', 'Ingrid S. Vale', 'Mayor', 'quoted'],
      ['person', 'Tomas Reuel', 'chairman', 'quoted'],
      ['document', 'a letter sent to the harbour board', undefined, 'document'],
      ['anonymous', 'some officials close to the owners', undefined, 'cited'],
    ],
  )
})

t.test('who said it', async (t) => {
  const cases: [string, string[], string[]][] = [
    [
      'subject after the verb',
      ['“We are done here,” said Ana Prowse, a baker.'],
      ['We are done here / direct / ana-prowse / said Ana Prowse'],
    ],
    [
      'told somebody',
      ['Ana Prowse told Tom Quill: “Go home now.” “I will not go,” he told her.'],
      [
        'Go home now. / direct / ana-prowse / Ana Prowse told Tom Quill',
        'I will not go / direct / ana-prowse / he told her',
      ],
    ],
    [
      'an apposition with commas',
      ['Ana Prowse, 54, of Hull, a baker, said it was “a very bad year.”'],
      ['a very bad year. / partial / ana-prowse / Ana Prowse, 54, of Hull, a baker, said'],
    ],
    [
      'a relative clause',
      ['The wall, which Ana Prowse called “a paper hat,” fell.'],
      ['a paper hat / partial / ana-prowse / Ana Prowse called'],
    ],
    [
      'according to',
      ['The wall is “a paper hat,” according to Ana Prowse.'],
      ['a paper hat / partial / ana-prowse / according to Ana Prowse'],
    ],
    [
      'a pronoun, the person named last',
      ['Mrs. Ana Prowse met Mr. Tom Quill.', '“He is late,” she said.'],
      ['He is late / direct / ana-prowse / she said'],
    ],
    [
      'a title',
      ['Mayor Ana Prowse came.', '“It is cold,” the mayor said.'],
      ['It is cold / direct / ana-prowse / the mayor said'],
    ],
    [
      'a passive',
      ['The wall was called “a paper hat” by Ana Prowse.'],
      ['a paper hat / partial / ana-prowse / by Ana Prowse'],
    ],
    [
      'an unnamed source',
      ['“Nobody checked,” said an official who spoke on condition of anonymity.'],
      [
        'Nobody checked / direct / an-official-who-spoke-on-condition-of-anonymity / said an official who spoke on condition of anonymity',
      ],
    ],
    [
      'an organisation',
      ['“The road is shut,” the Interior Ministry said in a statement.'],
      ['The road is shut / direct / interior-ministry / the Interior Ministry said'],
    ],
    [
      'a signature',
      ['“The road is shut.” — Ana Prowse'],
      ['The road is shut. / direct / ana-prowse / Ana Prowse'],
    ],
  ]
  for (const [name, body, quotes] of cases) t.same(quotesIn(...body), quotes, name)
})

t.test('never guessed', async (t) => {
  const cases: [string, string[], (string | undefined)[]][] = [
    [
      'nobody in the sentence',
      ['Ana Prowse said no.', '“The road is shut for the whole winter.”'],
      [undefined],
    ],
    ['two together', ['Ana Prowse and Tom Quill said: “We are closed.”'], [undefined]],
    [
      'namesakes',
      ['Ana Prowse and Tom Prowse came.', '“We are closed,” Prowse said.'],
      [undefined],
    ],
    ['a place', ['The talks in Lisbon failed.', '“We are closed,” Lisbon said.'], [undefined]],
    ['an unnamed company', ['Ana Prowse left.', '“We are closed,” the company said.'], [undefined]],
    ['somebody’s lawyer', ['It was “a paper hat,” according to Ana Prowse’s lawyer.'], [undefined]],
    ['a capital for its place only', ['Anglers said “it is all over now.”'], [undefined]],
  ]
  for (const [name, body, speakers] of cases) {
    const { quotes } = storyFromText(['A headline', ...body].join('\n'))
    t.same(
      quotes.map(({ speaker }) => speaker),
      speakers,
      name,
    )
  }
})

t.test('not everything in quotation marks is a quote', async (t) => {
  const none = [
    'The so-called “smart” bin is full.',
    'She wrote the novel “The Salt Ladder” in a shed.',
    'The “ghost shift” ended in May.',
    'Ana Prowse, author of “The Salt Ladder,” said that it rained.',
    'A 6" pipe and a 4" pipe were found.',
    'The miners’ union and the ‘90s band met the workers’ council.',
    'An unclosed “mark runs to the end',
  ]
  for (const text of none) t.same(quotesIn(text), [], text)
})

t.test('marks of other styles and languages', async (t) => {
  t.same(quotesIn('‘It’s the workers’ turn,’ Ana Prowse said. ‘They said “no” twice.’'), [
    'It’s the workers’ turn / direct / ana-prowse / Ana Prowse said',
    'They said “no” twice. / direct / - / -',
  ])
  t.same(quotesIn('"Don\'t go," Ana Prowse said.'), [
    "Don't go / direct / ana-prowse / Ana Prowse said",
  ])
  t.same(quotesIn('Le maire a dit : «\u00a0Nous avons tout perdu.\u00a0»'), [
    'Nous avons tout perdu. / direct / - / -',
  ])
  t.same(quotesIn('Er sagte: „Wir haben alles verloren.“'), [
    'Wir haben alles verloren. / direct / - / -',
  ])
})

t.test('a quote of several paragraphs is one', async (t) => {
  const story = storyFromText(
    'Headline\nAna Prowse said: “We waited.\n“Nobody came, not even Tom.”',
  )
  t.equal(story.quotes.length, 1)
  t.equal(story.quotes[0]?.text, 'We waited. Nobody came, not even Tom.')
  t.equal(story.quotes[0]?.speaker, 'ana-prowse')
  t.equal(cut(plainText(story), story.quotes[0]?.spans), story.quotes[0]?.text)
})

t.test('sources without a quote', async (t) => {
  t.same(
    sourcesIn(
      'According to court documents, the boat was sold. Two unnamed officials said it sank.',
    ),
    ['document: court documents', 'anonymous: two unnamed officials'],
  )
  t.same(
    sourcesIn('Officials said it rained. Critics say it will again. Ana Prowse walked to Hull.'),
    [],
  )
  t.same(
    sourcesIn('Norse leader Ana Prowse said yes. Prowse said no. President Ole Berg said maybe.'),
    ['person: Norse leader Ana Prowse', 'person: President Ole Berg'],
  )
})

t.test('line ends, wrapping, and what files bring with them', async (t) => {
  const long =
    'The boats went out before six, and by noon there was nobody on the quay but the clerk'
  const wrapped = `Boats Go Out\n\n${long}\nand his dog. Neither had been asked what they thought about it, as a rule.\n\nThe tide turned at two and the boats came home with\nwhat they had.\n`
  t.equal(paragraphs(storyFromText(wrapped)).length, 2)
  t.match(paragraphs(storyFromText(wrapped))[0], /the clerk and his dog/)
  const odd =
    '\ufeffBoats Go Out\u00a0 \r\n\r\nThe boats went out.\u00a0\r\nThey came home.  \r\n\r\n\r\n'
  t.equal(storyFromText(odd).headline, 'Boats Go Out')
  t.same(paragraphs(storyFromText(odd)), ['The boats went out.', 'They came home.'])
  const bare = storyFromText('Only a headline')
  t.same(bare, { headline: 'Only a headline', categories: [], sources: [], quotes: [] })
  t.same(paragraphs(storyFromText('Cafe\u0301\nCafe\u0301 is open.')), ['Café is open.'])
})

t.test('related links: sections are categories, stories are not', async (t) => {
  const categories = (...lines: string[]) =>
    storyFromText(['Headline', 'It rained.', ...lines].join('\n')).categories
  const link = (title: string, path: string) => `* ${title}: https://paper.example/${path}`
  t.same(categories('Read more:', link('World', 'news/world.html'), link('World', 'world')), [
    { name: 'World', slug: 'world' },
  ])
  t.same(categories('See also', '[Arts & Life](https://paper.example/Arts_Life/?x=1)'), [
    { name: 'Arts & Life', slug: 'arts-life' },
  ])
  t.same(categories('More on this', 'Sport', 'https://paper.example/sport/'), [
    { name: 'Sport', slug: 'sport' },
  ])
  t.same(categories('Related', link('Five words make a story', 'rain')), [])
  t.same(categories('Related', link('Rain', '2026/03/rain')), [])
  t.same(categories('Related', link('Rain', 'rain-123456')), [])
  t.same(categories('Related', link('Rain', 'rain-in-the-old-town')), [])
  const kept = storyFromText('Headline\nRead more\nIt rained.')
  t.match(plainText(kept), /Read more/, 'a heading without links stays')
})

t.test('what is no story is an error', async (t) => {
  t.throws(() => storyFromText(''), /no text/)
  t.throws(() => storyFromText(' \n\u00a0\n'), /no text/)
  t.throws(() => storyFromText('a\u0000b'), /NUL/)
  t.throws(() => storyFromText('\u0089PNG\u001a'), /control characters/)
  t.throws(() => storyFromText('a\ud800'), /well-formed/)
  t.throws(() => storyFromText('\ufffd\ufffd a'), /UTF-8/)
})

t.test('spans cut exactly the quote, between its marks, in any text', async () => {
  const word = fc.constantFrom(
    'sea',
    'Å',
    '𝒮alt',
    '🚢',
    'don’t',
    'rope',
    'boats’',
    'Hull',
    'e\u0301t',
    '6"',
    '—',
  )
  const words = fc.array(word, { minLength: 3, maxLength: 9 }).map((all) => all.join(' '))
  const marks = fc.constantFrom(
    ['“', '”'],
    ['"', '"'],
    ['„', '“'],
    ['«\u00a0', '\u00a0»'],
    ['‘', '’'],
  )
  const sentence = fc
    .tuple(
      words,
      words,
      marks,
      fc.constantFrom('.', ',', '?', ''),
      fc.constantFrom('said Ana Prowse', 'Prowse said', 'she told Tom Quill'),
      fc.boolean(),
    )
    .map(([a, b, [open, close], end, cue, interrupted]) =>
      interrupted
        ? `${open}It ${a},${close} ${cue}, ${open}${b}.${close}`
        : `${open}It ${a}${end}${close} ${cue}. ${b}.`,
    )
  const paragraph = fc
    .array(fc.oneof(sentence, words), { minLength: 1, maxLength: 5 })
    .map((all) => all.join(' '))
  let found = 0
  fc.assert(
    fc.property(fc.array(paragraph, { minLength: 1, maxLength: 6 }), (body) => {
      const story = storyFromText(['Headline', 'Ana Prowse came.', ...body].join('\n'))
      const text = plainText(story)
      const points = [...text]
      for (const { text: quoted, spans = [] } of story.quotes) {
        found++
        if (cut(text, spans) !== quoted) return false
        for (const { start, end } of spans) {
          const before = points.slice(0, start).join('').trimEnd().at(-1) ?? ''
          const after = points.slice(end).join('').trimStart().at(0) ?? '\n'
          const open = '“"„«‘'.includes(before) && before !== ''
          if (!open || !(',”"“»’'.includes(after) || points[end] === '\n')) return false
        }
      }
      const handles = new Set(story.sources.map(({ handle }) => handle))
      return story.quotes.every(({ speaker }) => !speaker || handles.has(speaker))
    }),
    { numRuns: runs(200) },
  )
  if (found < 200) throw new Error(`only ${found} quotes were found`)
})

t.test('any text at all is a story or a clear error', async () => {
  const piece = fc.constantFrom(
    '“',
    '”',
    '‘',
    '’',
    '"',
    ' ',
    '\n',
    'said',
    'Ana',
    ',',
    '.',
    'according to',
    'sources',
    'who',
    'the',
    ':',
    '\r',
    'Related',
    'http://a.example/b',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(piece).map((all) => all.join(' ')),
      ),
      (source) => {
        try {
          const story = storyFromText(source)
          for (const quote of story.quotes) {
            if (cut(plainText(story), quote.spans) !== quote.text) return false
          }
          return story.body === undefined || Blocks.safeParse(story.body.blocks).success
        } catch (error) {
          return error instanceof Error && /^The file /.test(error.message)
        }
      },
    ),
    { numRuns: runs(300) },
  )
})

t.test('time grows with the length only', async (t) => {
  const hard = [
    'The mayor, Ana Prowse, said “no” twice. “We wait,” she said, “for now.” ',
    '“ „ « ‘ ',
    " 'as’ b",
    'said, ',
    'according to a source close to ',
    'A, ',
    '“a b” and ',
    ' ',
  ]
  for (const piece of hard) {
    const source = `Headline\n${piece.repeat(300_000 / piece.length)}x`
    const start = performance.now()
    storyFromText(source)
    // Quadratic work would take minutes; a loaded machine gets ten times what is needed.
    t.ok(performance.now() - start < 10_000, JSON.stringify(piece))
  }
})
