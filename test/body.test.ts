import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { Parser } from 'htmlparser2'
import t from 'tap'
import { z } from 'zod'
import { blocksToHtml, htmlToBlocks } from '../src/body/html.ts'
import { bodyFromInput } from '../src/body/input.ts'
import { blocksToMarkdown, markdownToBlocks } from '../src/body/markdown.ts'
import { DECORATORS } from '../src/body/rules.ts'
import { type Block, Blocks, Body, BodyInput, type TextBlock } from '../src/body/schema.ts'
import { blockOffsets, blocksToText } from '../src/body/text.ts'
import { Fault } from '../src/errors.ts'
import { runs } from './size.ts'

/** What is easily changed: signs of Markdown and HTML, typography, invisible and odd characters. */
const SIGNS =
  '* ** *x* _ __ _a_ a_b # ## 1. 2) - + > ` `a` ``` ~ ~~ ~~~ ~~x~~ [a](b) ![ [a] [a]: [ ] [^1]: | ' +
  'a|b |-| -|- :--|--: --- === \\ \\\\ & &amp; &#35; &lt; < <b> </p> <!-- --> <script> <u> </code> ' +
  'http://x.example/ www.x.example a@b.example (c) -- ... ! " \' $ “q” ‘q’ ’ « – — … é 😀 👨‍👩‍👧 🏳️‍🌈'
const INVISIBLE = [
  ...['\u00a0', '\u00ad', '\u200b', '\u200b\u200b\u200b\u200b', '\u200d', '\u2028', '\u2009'],
  ...['\u3000', '\ufeff', '\u0085', '\u0001', '\u007f', 'e\u0301', '\u0301', '\u202e'],
]
const word = fc.oneof(
  fc.constantFrom(...SIGNS.split(' '), ...INVISIBLE),
  fc.constantFrom('a', 'be', 'sea', 'Über', '北京'),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
    .map((text) => text.replace(/[\s\0]/g, ''))
    .filter((text) => text !== ''),
)
const phrase = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' '))

const HREFS = [
  ...['https://a.example/x?y=1&copy=2#z', '/rel/(a)_b', 'mailto:a@b.example', '#f', 'x.html'],
  ...['https://a.example/*_[]~"\'<>', 'https://ü.example/é%20', 'https://x.example/\\a'],
]

/** Text blocks with white space where HTML keeps it: single, between words. */
const textBlock = fc
  .record({
    parts: fc.array(
      fc.record({
        word,
        space: fc.constantFrom('', ' ', ' ', '\n', '\n\n'),
        spaceFirst: fc.boolean(),
        marks: fc.subarray([...DECORATORS], { maxLength: 3 }),
        link: fc.option(fc.constantFrom(...HREFS), { nil: undefined, freq: 4 }),
      }),
      { minLength: 1, maxLength: 8 },
    ),
    style: fc.constantFrom('normal', 'normal', 'h2', 'h3', 'h4', 'blockquote'),
    list: fc.option(
      fc.record({
        listItem: fc.constantFrom('bullet', 'number'),
        level: fc.integer({ min: 1, max: 4 }),
      }),
      { nil: undefined },
    ),
  })
  .map(({ parts, style, list }) => {
    const links = parts.flatMap(({ link }, index) =>
      link === undefined ? [] : [{ _type: 'link' as const, _key: `l${index}`, href: link }],
    )
    const children = parts.map(({ word, space, spaceFirst, marks, link }, index) => {
      const [before, after] = spaceFirst ? [space, ''] : ['', space]
      const text = `${index === 0 ? '' : before}${word}${index === parts.length - 1 ? '' : after}`
      const keys = link === undefined ? marks : [...marks, `l${index}`]
      return { _type: 'span' as const, text: singly(text, parts[index - 1]), marks: keys }
    })
    return { _type: 'block' as const, style, ...list, children, markDefs: links } as TextBlock
  })
  .filter((block) => block.children.some(({ text }) => text.trim() !== ''))

/** Without white space at the start if the part before ends with some. */
function singly(text: string, before: { space: string; spaceFirst: boolean } | undefined): string {
  return before !== undefined && !before.spaceFirst && before.space !== ''
    ? text.replace(/^[ \n]+/, '')
    : text
}

const image = fc.record(
  {
    _type: fc.constant('image' as const),
    url: fc.constantFrom('/a.jpg', 'https://x.example/a%20b', 'https://x.example/(a'),
    alt: phrase,
    caption: phrase,
    credit: phrase,
    width: fc.integer({ min: 1, max: 9999 }),
    height: fc.integer({ min: 1, max: 9999 }),
  },
  { requiredKeys: ['_type', 'url'] },
)

const code = fc.record(
  {
    _type: fc.constant('code' as const),
    language: fc.constantFrom('js', 'c++', 'c#'),
    code: fc
      .array(fc.oneof(word, fc.constantFrom('\n', ' ', '\t', '    x')), { minLength: 1 })
      .map((parts) => parts.join(''))
      .filter((text) => text.trim() !== ''),
  },
  { requiredKeys: ['_type', 'code'] },
)

/** Bodies that HTML and Markdown can express whole; no list begins deep or skips a level. */
const body = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: textBlock as fc.Arbitrary<Block> },
      image as fc.Arbitrary<Block>,
      code as fc.Arbitrary<Block>,
      fc.constant<Block>({ _type: 'break' }),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((blocks) => {
    let depth = 0
    return blocks.map((block) => {
      const level = block._type === 'block' ? block.level : undefined
      depth = level === undefined ? 0 : Math.min(level, depth + 1)
      return level === undefined ? block : { ...block, level: depth }
    })
  })

/** What is the same whatever the keys are and however the text is cut into spans. */
function essence(blocks: Block[], { levels = true } = {}) {
  return blocks.map((block) => {
    if (block._type !== 'block') return { ...block, _key: undefined }
    const { style, listItem, level, children, markDefs = [] } = block
    const marked = children.flatMap(({ text, marks = [] }) => {
      const names = marks.map((mark) => markDefs.find(({ _key }) => _key === mark)?.href ?? mark)
      return text.split('').map((unit) => [unit, ...names.sort()].join(' '))
    })
    return { style, listItem, ...(levels && { level }), marked }
  })
}

const READERS = { html: htmlToBlocks, markdown: markdownToBlocks }
const WRITERS = { html: blocksToHtml, markdown: blocksToMarkdown }
const FORMATS = ['html', 'markdown'] as const

for (const format of FORMATS) {
  t.test(`blocks come back from ${format} as they were`, async (t) => {
    t.doesNotThrow(() =>
      fc.assert(
        fc.property(body, (blocks) => {
          const written = WRITERS[format](blocks)
          const read = READERS[format](written)
          assert.deepEqual(essence(read), essence(blocks), written)
          assert.equal(blocksToText(read), blocksToText(blocks))
        }),
        { numRuns: runs(300) },
      ),
    )
  })
}

/** Pieces of markup, good and bad, in any order. */
const NAMES =
  'p div h1 h3 h6 blockquote ul ol li pre code table tr td th figure figcaption small b i u del sub ' +
  'sup a q span script style svg math title textarea section dl dt iframe noscript option body x-y'
const piece = fc.oneof(
  fc.constantFrom(...NAMES.split(' ').map((name) => `<${name}>`)),
  fc.constantFrom(...NAMES.split(' ').map((name) => `</${name}>`)),
  fc.constantFrom(
    ...['text', 'a b', ' ', '\n', '\n\n', '&nbsp;', '&lt;b&gt;', '<br>', '<hr/>', '<', '>', '"'],
    ...["'", '&#x85;', '&#0;', '&#xD800;', '\u0000', '\ud800', '\u00a0', '😀', '<!--', '<![CDATA['],
    ...[
      '<img src=/a.jpg alt=x title="t" width=9>',
      '<img src=x onerror=alert(1)>',
      '<svg/onload=x>',
    ],
    ...[
      '<a href="javascript:alert(1)">',
      '<a href=" java\nscript:x">',
      '<a href="https://x.example/">',
    ],
    ...['<img src="javascript:x">', '<p onclick=alert(1)>', '<a href="data:text/html,x" style=x>'],
    ...['- a\n', '1. b\n', '> q\n', '    ', '```\n', '# h\n', '| a | b |\n|---|---|\n| c | d |\n'],
    ...['**b**', '*i*', '~~d~~', '`c`', '[l](https://x.example/ "t")', '[x](javascript:alert(1))'],
    ...['![i](/a.jpg "c")', '![i](javascript:x)', '<javascript:alert(1)>', '\\', '---\n', '===\n'],
    ...[
      '<code class="language-js">',
      '[r]: javascript:x\n',
      '[r]',
      '<b style="font-weight:normal">',
    ],
  ),
)
const markup = fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join(''))

const ALLOWED: Record<string, string[]> = {
  ...Object.fromEntries(
    'p h2 h3 h4 blockquote ul ol li pre figure figcaption small hr br strong em u del sub sup'
      .split(' ')
      .map((name) => [name, []]),
  ),
  a: ['href', 'rel'],
  img: ['src', 'alt', 'width', 'height'],
  code: ['class'],
}

/** What is not allowed in the HTML that is given out. */
function offences(html: string): string[] {
  const found: string[] = []
  const parser = new Parser({
    onopentag(name, attributes) {
      const allowed = ALLOWED[name]
      if (allowed === undefined) found.push(`<${name}>`)
      for (const [attribute, value] of Object.entries(attributes)) {
        if (!allowed?.includes(attribute)) found.push(`${name}[${attribute}]`)
        if (attribute !== 'href' && attribute !== 'src') continue
        const { protocol } = new URL(value, 'https://here.example/')
        if (!['http:', 'https:', 'mailto:'].includes(protocol)) found.push(value)
      }
    },
    oncomment: (comment) => found.push(`<!--${comment}`),
    onprocessinginstruction: (name) => found.push(name),
  })
  parser.end(html)
  return found
}

for (const format of FORMATS) {
  t.test(`any string of ${format} is read, and only what is harmless goes out`, async (t) => {
    t.doesNotThrow(() =>
      fc.assert(
        fc.property(fc.oneof(markup, fc.string({ unit: 'binary' })), (source) => {
          const blocks = READERS[format](source)
          assert.deepEqual(Blocks.safeParse(blocks).error?.issues, undefined)
          const html = blocksToHtml(blocks)
          assert.deepEqual(offences(html), [])
          assert.deepEqual(offences(blocksToHtml(markdownToBlocks(blocksToMarkdown(blocks)))), [])
          for (const out of FORMATS) {
            const again = READERS[out](WRITERS[out](blocks))
            assert.deepEqual(essence(again, { levels: false }), essence(blocks, { levels: false }))
          }
        }),
        { numRuns: runs(200) },
      ),
    )
  })
}

t.test('text that looks like markup stays text', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const children = [{ _type: 'span' as const, text: `${text}<script>alert(1)</script>` }]
        assert.deepEqual(offences(blocksToHtml([{ _type: 'block', children }])), [])
      }),
      { numRuns: runs(100) },
    ),
  )
  const lines = ['1. x', '*x*', '# x', '- x', '> x', '    x', '`x`', '<b>x</b>', 'a\\*b', '~~x~~']
  const tables = ['a | b\n-|-', 'a | b\n:-|-:', 'a | b\n|--|--', 'a\n---', 'a\n===', 'a\n-:|-']
  // Emoji are punctuation to the one Markdown library and letters to the other.
  const emoji = ['x 😀_a b_😀 c', 'a_😀b_😀c', '😀_b a_😀']
  for (const line of [...lines, ...tables, ...emoji]) {
    const blocks = bodyFromInput({
      blocks: [{ _type: 'block', children: [{ _type: 'span', text: line }] }],
    })
    for (const format of FORMATS) {
      t.equal(blocksToText(READERS[format](WRITERS[format](blocks))), line.trim(), format)
    }
  }
})

t.test('marks hold beside any character', async (t) => {
  const odd = ['😀', '\ufeff', '\u2028', '\u2028`', '\u0085', '\u0001', '\u00a0', '“']
  const texts = [...odd, '*', '_', '~', '`', '\\', ' ', 'a']
  const pairs = texts.flatMap((inner) => texts.map((outer) => [inner, outer] as const))
  const lost: string[] = []
  for (const mark of ['strong', 'em', 'strike-through', 'code', 'underline']) {
    for (const [inner, outer] of pairs) {
      if (inner === ' ' && outer === ' ') continue
      const children = [`x${outer}`, `${inner}m${inner}`, `${outer}x`].map((text, index) => ({
        _type: 'span' as const,
        text,
        marks: index === 1 ? [mark] : [],
      }))
      const blocks: Block[] = [{ _type: 'block', style: 'normal', children }]
      for (const format of FORMATS) {
        const written = WRITERS[format](blocks)
        const back = essence(READERS[format](written))
        if (!isDeepStrictEqual(back, essence(blocks))) lost.push(JSON.stringify(written))
      }
    }
  }
  t.strictSame(lost, [])
})

t.test('addresses are judged when blocks are written, too', async (t) => {
  const href = 'javascript:alert(1)'
  const blocks: Block[] = [
    {
      _type: 'block',
      children: [{ _type: 'span', text: 'a', marks: ['l'] }],
      markDefs: [{ _type: 'link', _key: 'l', href }],
    },
    { _type: 'image', url: href },
  ]
  t.equal(blocksToHtml(blocks), '<p>a</p>')
  t.equal(blocksToMarkdown(blocks), 'a\n')
})

/** Blocks in short: style or type, list, text with its marks after it. */
function outlineOf(blocks: Block[]): string[] {
  return blocks.map((block) => {
    if (block._type !== 'block') return JSON.stringify(block)
    const list = block.listItem === undefined ? '' : ` ${block.listItem}${block.level}`
    const spans = block.children.map(({ text, marks = [] }) =>
      marks.length === 0 ? text : `{${text}|${marks.join()}}`,
    )
    const links = (block.markDefs ?? []).map(({ href }) => ` ${href}`)
    return `${block.style}${list}: ${spans.join('')}${links.join('')}`
  })
}

t.test('what HTML means', async (t) => {
  const cases: Record<string, string[]> = {
    '<h1>a</h1><h2>b</h2><h5>c</h5>d': ['h2: a', 'h2: b', 'h4: c', 'normal: d'],
    '<div>a<p>b</p>c</div>': ['normal: a', 'normal: b', 'normal: c'],
    ' a \n b<br> c <br><br>': ['normal: a b\nc'],
    '<p>a <b>b <i>c</i></b></p>': ['normal: a {b |strong}{c|strong,em}'],
    '<ul><li>a<ol><li>b</ol><li><p>c</p><p>d</p></ul>': [
      'normal bullet1: a',
      'normal number2: b',
      'normal bullet1: c\n\nd',
    ],
    '<ul><li><h3>a</h3><p>b</p></ul>': ['h3 bullet1: a', 'normal bullet1: b'],
    '<blockquote><p>a</p><p>b</p></blockquote>': ['blockquote: a', 'blockquote: b'],
    '<table><tr><th>a<th>b<tr><td><p>1</p><td><p>2</p><p>3</p><td>4</table>': [
      'normal: a | b',
      'normal: 1 | 2',
      'normal: 3 | 4',
    ],
    '<table><tr><td><h2>a</h2><p>b</p></td></tr></table>': ['h2: a', 'normal: b'],
    '<a href="javascript:x">a</a> <a href=" https://x.example/b c ">d</a>': [
      'normal: a {d|l0} https://x.example/b%20c',
    ],
    '<a href="/x"><p>a</p><p>b</p></a>': ['normal: {a|l0} /x', 'normal: {b|l0} /x'],
    'he said <q>a <q>b</q></q>': ['normal: he said “a ‘b’”'],
    '<b style="font-weight:normal"><p>a</p></b>': ['normal: a'],
    'a<script>b</script><style>c</style><title>d</title><svg><text>e</text></svg>f': ['normal: af'],
    '<p>&nbsp;</p><p>a\u00a0 b</p>': ['normal: a\u00a0 b'],
    '<pre>\n a\n\n</pre><hr>': ['{"_type":"code","code":" a\\n"}', '{"_type":"break"}'],
    '<pre><code class="language-js">a</code></pre>': [
      '{"_type":"code","language":"js","code":"a"}',
    ],
    'a<img src="/i.jpg" alt="x" width="9">b<img src="data:x">': [
      'normal: a',
      '{"_type":"image","url":"/i.jpg","alt":"x","width":9}',
      'normal: b',
    ],
    '<figure><img src=/i.jpg><figcaption>A <i>b</i> <small>c</small></figcaption></figure>': [
      '{"_type":"image","url":"/i.jpg","caption":"A b","credit":"c"}',
    ],
    '<figure><pre>a</pre><figcaption>b</figcaption></figure>': [
      '{"_type":"code","code":"a"}',
      'normal: b',
    ],
  }
  for (const [html, expected] of Object.entries(cases)) {
    t.strictSame(outlineOf(htmlToBlocks(html)), expected, html)
  }
})

t.test('what Markdown means', async (t) => {
  const cases: Record<string, string[]> = {
    '# a\n\n**b** *c* `d` ~~e~~': [
      'h2: a',
      'normal: {b|strong} {c|em} {d|code} {e|strike-through}',
    ],
    'soft\nwrap\\\nhard  \nhard': ['normal: soft wrap\nhard\nhard'],
    '- a\n  1. b\n- c\n\n  d': ['normal bullet1: a', 'normal number2: b', 'normal bullet1: c\n\nd'],
    '> a\n>\n> b': ['blockquote: a', 'blockquote: b'],
    'a <u>b</u><script>c</script>': ['normal: a {b|underline}'],
    '<div onclick="x">\n\n*a*\n\n</div>': ['normal: {a|em}'],
    '[a](javascript:x) <https://b.example/%20> https://c.example': [
      'normal: a {https://b.example/%20|l0} https://c.example https://b.example/%20',
    ],
    '![a \\* `b`](/i.jpg "c")': ['{"_type":"image","url":"/i.jpg","alt":"a * b","caption":"c"}'],
    '| a | b |\n|---|---|\n| 1 | **2** |': ['normal: a | b', 'normal: 1 | {2|strong}'],
    '```js\na\n```\n\n---': ['{"_type":"code","language":"js","code":"a"}', '{"_type":"break"}'],
    '"straight" \'quotes\' -- (c) ...': ['normal: "straight" \'quotes\' -- (c) ...'],
  }
  for (const [markdown, expected] of Object.entries(cases)) {
    t.strictSame(outlineOf(markdownToBlocks(markdown)), expected, markdown)
  }
})

t.test('what is written', async (t) => {
  const markdown =
    '## a\n\n- b\n  - c\n  1. d\n- e\n\n> f\n>\n> g\n\n[h](https://x.example/) [i](/i)\\\n~~j~~\n'
  const html =
    '<h2>a</h2><ul><li>b<ul><li>c</li></ul><ol><li>d</li></ol></li><li>e</li></ul>' +
    '<blockquote><p>f</p><p>g</p></blockquote><p><a href="https://x.example/" rel="noopener">h</a> ' +
    '<a href="/i">i</a><br/><del>j</del></p>'
  const blocks = markdownToBlocks(markdown)
  t.equal(blocksToHtml(blocks), html)
  t.equal(blocksToMarkdown(blocks), markdown)
  t.equal(blocksToHtml([]), '')
  t.equal(blocksToMarkdown([]), '')
  t.equal(blocksToText([]), '')
})

t.test('typography is kept exactly in every format', async (t) => {
  const text = `“It’s” ‘a’ \u00a0b\u00a0c\u00ad\u200d\u200b\u200b\u200b\u200b 👨‍👩‍👧 e\u0301 ﬁ Å ½ … — x`
  const inputs: BodyInput[] = [
    { markdown: text },
    { html: `<p>${text}</p>` },
    { blocks: [{ _type: 'block', children: [{ _type: 'span', text }] }] },
  ]
  for (const input of inputs) {
    const [block] = bodyFromInput(input)
    t.equal(block?._type === 'block' && block.children.map((span) => span.text).join(''), text)
  }
})

t.test('offsets cut the text of each block out of the plain text', async (t) => {
  const anyText = fc.oneof(phrase, fc.constantFrom('', ' ', '\u00a0', '\u0301a', 'a\u0301\u0323'))
  const anyBlock = fc.oneof(
    anyText.map((text): Block => ({ _type: 'block', children: [{ _type: 'span', text }] })),
    body.map(([block]) => block as Block),
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(anyBlock, { maxLength: 6 }), (blocks) => {
        const keyed = bodyFromInput({ blocks })
        const plain = blocksToText(keyed)
        assert.equal(plain, plain.normalize(), 'NFC as a whole')
        const characters = [...plain]
        const cut = blockOffsets(keyed).map(({ key, start, end }) => {
          const block = keyed.find(({ _key }) => _key === key) as Block
          const own = block._type === 'block' ? block.children.map(({ text }) => text).join('') : ''
          const expected = block._type === 'code' ? block.code : own
          assert.equal(characters.slice(start, end).join(''), expected.normalize())
          return characters.slice(start, end).join('')
        })
        assert.equal(cut.join('\n\n'), plain, 'and nothing stands between them but the empty lines')
      }),
      { numRuns: runs(200) },
    ),
  )
})

const paragraph = (text: string, _key?: string): Block => ({
  _type: 'block',
  ...(_key !== undefined && { _key }),
  children: [{ _type: 'span', text }],
})
const keysOf = (blocks: Block[]) => blocks.map(({ _key }) => _key)

t.test('an insertion, a removal or a move shifts no key', async (t) => {
  const texts = fc.array(fc.constantFrom<string>('a b', 'c d', 'e f', 'g h', 'i j'), {
    maxLength: 12,
  })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        texts,
        fc.nat(12),
        fc.constantFrom<string>('a b', 'new'),
        (before, place, added) => {
          const previous = bodyFromInput({ blocks: before.map((text) => paragraph(text)) })
          const keys = keysOf(previous)
          assert.equal(new Set(keys).size, keys.length)
          const markdown = before.toSpliced(place, 0, added).join('\n\n')
          const inserted = keysOf(bodyFromInput({ markdown }, previous))
          assert.equal(new Set(inserted).size, keys.length + 1)
          assert.deepEqual(
            inserted.filter((key) => keys.includes(key)),
            keys,
          )
          const without = before.toSpliced(place, 1)
          const removed = bodyFromInput({ markdown: without.join('\n\n') }, previous)
          assert.equal(new Set(keysOf(removed)).size, without.length)
          for (const block of removed) {
            const old = previous.find(({ _key }) => _key === block._key) as Block
            assert.equal(blocksToText([old]), blocksToText([block]))
          }
        },
      ),
      { numRuns: runs(200) },
    ),
  )
  const previous = ['one', 'two', 'three'].map((text) => paragraph(text, `k-${text}`))
  const moved = bodyFromInput({ html: '<p>three</p><h2>two</h2><p>one</p>' }, previous)
  t.strictSame(keysOf(moved), ['k-three', 'k-two', 'k-one'])
})

t.test('an edited paragraph keeps its key, new text never takes one', async (t) => {
  const previous = [
    paragraph('The council voted on Monday to close the bridge.', 'council'),
    paragraph('No.', 'no'),
    { _type: 'break' as const, _key: 'rule' },
    { _type: 'image' as const, url: '/a.jpg', _key: 'picture' },
  ]
  const markdown =
    'Intro.\n\nThe council voted on **Tuesday** to close the old bridge.\n\nYes.\n\n---\n\n![](/a.jpg "b")'
  const [intro, council, yes, rule, picture] = keysOf(bodyFromInput({ markdown }, previous))
  t.strictSame([council, rule, picture], ['council', 'rule', 'picture'])
  t.notMatch(`${intro} ${yes}`, /council|no|rule|picture/)
})

t.test('given keys win', async (t) => {
  const previous = [paragraph('one', 'a'), paragraph('two', 'b')]
  const blocks = [paragraph('two', 'a'), paragraph('one'), paragraph('two')]
  const [first, second, third] = keysOf(bodyFromInput({ blocks }, previous))
  t.equal(first, 'a')
  t.equal(third, 'b')
  t.not(second, 'a')
  const fresh = keysOf(bodyFromInput({ markdown: 'one\n\none\n\ntwo' }))
  t.strictSame(fresh, keysOf(bodyFromInput({ html: '<p>one<p>one<p>two' })), 'imported twice')
  t.equal(new Set(fresh).size, 3)
})

t.test('a block comes out complete', async (t) => {
  const blocks: Block[] = [
    { _type: 'block', _key: 'k', children: [] },
    { _type: 'block', _key: 'l', listItem: 'bullet', children: [{ _type: 'span', text: 'a' }] },
    {
      _type: 'block',
      _key: 'm',
      children: ['a', 'b'].map((text) => ({
        _type: 'span' as const,
        text,
        ...(text === 'b' && { _key: 's0' }),
      })),
    },
  ]
  const span = (_key: string, text: string) => ({ _type: 'span', _key, text, marks: [] })
  const normal = { _type: 'block', style: 'normal', markDefs: [] }
  t.strictSame(bodyFromInput({ blocks }), [
    { ...normal, _key: 'k', children: [span('s0', '')] },
    { ...normal, _key: 'l', listItem: 'bullet', level: 1, children: [span('s0', 'a')] },
    { ...normal, _key: 'm', children: [span('s1', 'a'), span('s0', 'b')] },
  ])
})

t.test('what is no body is refused, with all that is wrong', async (t) => {
  const faults = (input: unknown) =>
    BodyInput.safeParse(input).error?.issues.map(({ path, message }) =>
      `${path.join('.')} ${message}`.trim(),
    )
  const link = (href: string) => ({ _type: 'link', _key: 'l', href })
  const exactlyOne = ['must have exactly one of "markdown", "html" and "blocks"']
  t.strictSame(faults({}), exactlyOne)
  t.strictSame(faults({ markdown: 'a', html: 'b' }), exactlyOne)
  t.match(faults({ text: 'a' }), ['Unrecognized key: "text"'])
  t.match(faults({ markdown: 'a\u0000' }), [/^markdown must not contain NUL/])
  const hrefs = ['JavaScript:x', 'java\tscript:x', '\u0001javascript:x', ' javascript:x', 'data:,x']
  for (const href of [...hrefs, 'vbscript:x', 'https://', 'a b', '', `/${'x'.repeat(2048)}`]) {
    t.ok(faults({ blocks: [{ _type: 'block', children: [], markDefs: [link(href)] }] }), href)
    t.ok(faults({ blocks: [{ _type: 'image', url: href }] }), href)
  }
  for (const href of [...HREFS, '//x.example/a', '?a=b']) {
    t.notOk(faults({ blocks: [{ _type: 'block', children: [], markDefs: [link(href)] }] }), href)
  }
  const marks = { _type: 'span', _key: 's', text: '', marks: ['em', 'nothing'] }
  const twice = { _type: 'block', children: [marks, { ...marks, marks: [] }], level: 1 }
  t.match(faults({ blocks: [twice] }), [
    /^blocks.0.children.1._key is used twice/,
    /^blocks.0.children.0.marks.1 names neither a decorator/,
    /^blocks.0.level needs listItem/,
  ])
  t.match(faults({ blocks: [paragraph('a', 'k'), paragraph('b', 'k')] }), [/1._key is used twice/])
  t.match(faults({ blocks: [paragraph('a'.repeat(60_000)), paragraph('😀'.repeat(40_001))] }), [
    'blocks has 100001 characters of text; at most 100000',
  ])
  t.match(faults({ blocks: [{ ...paragraph('a'), colour: 'red' }] }), [/Unrecognized key/])
})

t.test('markup that makes too large a body is refused by name', async (t) => {
  const large = { html: '<p>a'.repeat(2001), markdown: `${'a\n\n'.repeat(2001)}` }
  for (const format of FORMATS) {
    try {
      bodyFromInput({ [format]: large[format] })
      t.fail('is taken')
    } catch (error) {
      t.ok(error instanceof Fault && error.code === 'rule_broken')
      t.match(error, { errors: [{ pointer: `/body/${format}`, message: /2000/ }] })
    }
  }
  t.equal(bodyFromInput({ html: '<p>a'.repeat(2000) }).length, 2000)
})

t.test('nesting without end neither overflows nor takes long', async (t) => {
  const deep = (open: string, close = '') => `${open.repeat(10_000)}x${close.repeat(10_000)}`
  const sources = [
    deep('<div>', '</div>'),
    ...['<b>', '<blockquote>', '<ul><li>', '<table><tr><td>', '<figure><figcaption>', '<pre>'].map(
      (open) => deep(open),
    ),
    ...['> ', '- ', '[', '![', '*a **b ', '~~a ', '`a ', '<div>\n\n'].map((open) => deep(open)),
  ]
  for (const source of sources) {
    for (const format of FORMATS) {
      const start = performance.now()
      const blocks = READERS[format](source)
      t.match(blocksToText(blocks), /x/)
      t.match(blocksToHtml(blocks), /x/)
      t.match(blocksToMarkdown(blocks), /x/)
      t.ok(performance.now() - start < 10_000, `${format} ${source.slice(0, 20)}`)
    }
  }
  t.equal(htmlToBlocks('<div>x'.repeat(300)).length, 200, 'paragraphs are told apart so deep')
})

t.test('the published schema is the same for what comes in and what goes out', async (t) => {
  for (const schema of [BodyInput, Body]) {
    const published = z.toJSONSchema(schema, { io: 'input' })
    t.strictSame(published, z.toJSONSchema(schema, { io: 'output' }))
    t.hasProps(published.$defs ?? {}, ['TextBlock', 'ImageBlock', 'CodeBlock', 'BreakBlock'])
  }
})
