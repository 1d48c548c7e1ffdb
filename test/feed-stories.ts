import fc from 'fast-check'

/* Stories with everything in them that has broken a feed. */

const NASTY = [
  ...[
    ']]>',
    '<![CDATA[',
    ']]',
    '&',
    '&amp;',
    '&#0;',
    '&lt;b&gt;',
    '<b>',
    '</title>',
    '<!--',
    '-->',
  ],
  ...[
    '</script>',
    '<?xml?>',
    '"',
    "'",
    '`',
    '\\',
    '{{x}}',
    '---',
    '\n---\n',
    '...',
    '# x',
    '* * *',
  ],
  ...[
    '\u0001',
    '\u0008',
    '\u000b',
    '\u000c',
    '\u001f',
    '\u007f',
    '\u0085',
    '\u009f',
    '\ufffe',
    '\uffff',
  ],
  ...['\r\n', '\r', '\t', '\n', '  ', '\u00a0', '\u2028', '\u2029', '\u200b', '\ufeff', '\u00ad'],
  ...['😀', '👨‍👩‍👧‍👦', '🇬🇷', '𝔘𝔫𝔦', 'e\u0301', '\u{1fffe}', '\u{10ffff}'],
  ...['شرطة', 'עיתון', '\u202e', '\u2067', 'ﷺ', '北京', 'ไทย', 'Ελλάδα'],
]

/** Text of any characters that a field may hold. */
const wild = (max: number) =>
  fc
    .array(
      fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...NASTY) },
        { weight: 3, arbitrary: fc.constantFrom('word', 'Ferry', ' ', ', ', 'x') },
        { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
      ),
      { minLength: 1, maxLength: 12 },
    )
    .map((parts) => parts.join('').replaceAll('\u0000', '').toWellFormed())
    .map((text) => [...text].slice(0, max).join(''))
    .filter((text) => text.trim() !== '')

const span = fc.record({
  _type: fc.constant('span' as const),
  text: wild(200),
  marks: fc.subarray(['strong', 'em', 'underline', 'code']),
})
const block = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      _type: fc.constant('block' as const),
      style: fc.constantFrom('normal', 'normal', 'h2', 'blockquote'),
      children: fc.array(span, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      _type: fc.constant('image' as const),
      url: fc.constantFrom('/relative/a.jpg', 'https://img.example/%C3%A4?x=1&y=2', '../up.png'),
      alt: wild(50),
      caption: wild(50),
    }),
  },
  { weight: 1, arbitrary: fc.record({ _type: fc.constant('code' as const), code: wild(300) }) },
)

const url = fc.constantFrom(
  'https://a.example/',
  'https://ä.example/ö?q=[1]|2&x="y"#a#b',
  'http://a.example/%zz/{x}/\u202e',
)
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })

const image = fc.record({
  url,
  alt: wild(100),
  caption: wild(100),
  credit: wild(50),
  width: fc.integer({ min: 1, max: 5000 }),
  height: fc.integer({ min: 1, max: 5000 }),
})

/** What a story is made of: its sources, speakers and categories are made before it. */
export const generatedStory = fc.record({
  headline: wild(300),
  summary: maybe(wild(500)),
  byline: maybe(wild(100)),
  language: fc.constantFrom('en', 'ar', 'he', 'zh-Hant-TW', 'pt-BR', 'el'),
  leadImage: maybe(image),
  blocks: fc.array(block, { minLength: 1, maxLength: 5 }),
  category: wild(80),
  source: fc.record({
    name: wild(80),
    title: maybe(wild(80)),
    url: maybe(url),
    kind: fc.constantFrom('person', 'organization', 'publication', 'document'),
    role: maybe(wild(60)),
    note: maybe(wild(200)),
  }),
  speaker: fc.record({
    name: wild(80),
    kind: fc.constantFrom('person', 'organization', 'anonymous'),
  }),
  quote: fc.record({
    text: wild(300),
    occasion: maybe(wild(100)),
    original: maybe(fc.record({ text: wild(100), language: fc.constantFrom('el', 'fa') })),
    saidAt: maybe(fc.constantFrom('2026-05-04T08:30:00Z', '0044-03-15T00:00:00Z')),
  }),
  correction: maybe(wild(300)),
})
export type GeneratedStory = typeof generatedStory extends fc.Arbitrary<infer T> ? T : never

/** A body of the greatest length, with something of all that is nasty every few words. */
export function hugeBody(): string {
  const parts = NASTY.map((one) => `The ferry ${one} left at eight. `)
  const text = parts.join('').replaceAll(/[\r\n]/g, ' ')
  const length = [...text].length
  return text.repeat(Math.floor(99_000 / length))
}
