import fc from 'fast-check'
import { Parser } from 'htmlparser2'
import t from 'tap'
import { z } from 'zod'
import { blocksToHtml, htmlToBlocks } from '../src/body/html.ts'
import { bodyFromInput } from '../src/body/input.ts'
import { blocksToMarkdown, markdownToBlocks } from '../src/body/markdown.ts'
import { DECORATORS } from '../src/body/rules.ts'
import { type Block, Blocks, Body, BodyInput, TextBlock } from '../src/body/schema.ts'
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
    fc.assert(
      fc.property(body, (blocks) => {
        const written = WRITERS[format](blocks)
        const read = READERS[format](written)
        t.strictSame(essence(read), essence(blocks), written)
        t.equal(blocksToText(read), blocksToText(blocks))
      }),
      { numRuns: runs(300) },
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
    ...['<img src=/a.jpg alt=x title="t" width=9>', '<img src=x onerror=alert(1)>', '<svg/onload=x>'],
    ...['<a href="javascript:alert(1)">', '<a href=" java\nscript:x">', '<a href="https://x.example/">'],
    ...['<img src="javascript:x">', '<p onclick=alert(1)>', '<a href="data:text/html,x" style=x>'],
    ...['- a\n', '1. b\n', '> q\n', '    ', '```\n', '# h\n', '| a | b |\n|---|---|\n| c | d |\n'],
    ...['**b**', '*i*', '~~d~~', '`c`', '[l](https://x.example/ "t")', '[x](javascript:alert(1))'],
    ...['![i](/a.jpg "c")', '![i](javascript:x)', '<javascript:alert(1)>', '\\', '---\n', '===\n'],
    ...['<code class="language-js">', '[r]: javascript:x\n', '[r]', '<b style="font-weight:normal">'],
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
    fc.assert(
      fc.property(fc.oneof(markup, fc.string({ unit: 'binary' })), (source) => {
        const blocks = READERS[format](source)
        t.strictSame(Blocks.safeParse(blocks).error?.issues, undefined)
        const html = blocksToHtml(blocks)
        t.strictSame(offences(html), [])
        t.strictSame(offences(blocksToHtml(markdownToBlocks(blocksToMarkdown(blocks)))), [])
        for (const out of FORMATS) {
          const again = READERS[out](WRITERS[out](blocks))
          t.strictSame(essence(again, { levels: false }), essence(blocks, { levels: false }))
        }
      }),
      { numRuns: runs(200) },
    )
  })
}

t.test('text that looks like markup stays text', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
      const children = [{ _type: 'span' as const, text: `${text}<script>alert(1)</script>` }]
      t.strictSame(offences(blocksToHtml([{ _type: 'block', children }])), [])
    }),
    { numRuns: runs(100) },
  )
  for (const line of ['1. x', '*x*', '# x', '- x', '> x', '    x', '`x`', '<b>x</b>', 'a\\*b']) {
    const blocks = bodyFromInput({
      blocks: [{ _type: 'block', children: [{ _type: 'span', text: line }] }],
    })
    for (const format of FORMATS) {
      t.equal(blocksToText(READERS[format](WRITERS[format](blocks))), line.trim(), format)
    }
  }
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
    '# a\n\n**b** *c* `d` ~~e~~': ['h2: a', 'normal: {b|strong} {c|em} {d|code} {e|strike-through}'],
    'soft\nwrap\\\nhard  \nhard': ['normal: soft wrap\nhard\nhard'],
    '- a\n  1. b\n- c\n\n  d': ['normal bullet1: a', 'normal number2: b', 'normal bullet1: c\n\nd'],
    '> a\n>\n> b': ['blockquote: a', 'blockquote: b'],
    'a <u>b</u><script>c</script>': ['normal: a {b|underline}c'],
    '<div onclick="x">\n\n*a*\n\n</div>': ['normal: {a|em}'],
    '[a](javascript:x) <https://b.example/%20> https://c.example': [
      'normal: a {https://b.example/%20|l0} https://c.example https://b.example/%20',
    ],
    '![a \\* `b`](/i.jpg "c")': [
      '{"_type":"image","url":"/i.jpg","alt":"a * b","caption":"c"}',
    ],
    '| a | b |\n|---|---|\n| 1 | **2** |': ['normal: a | b', 'normal: 1 | {2|strong}'],
    '```js\na\n```\n\n---': ['{"_type":"code","language":"js","code":"a"}', '{"_type":"break"}'],
    "\"straight\" 'quotes' -- (c) ...": ["normal: \"straight\" 'quotes' -- (c) ..."],
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
  fc.assert(
    fc.property(fc.array(anyBlock, { maxLength: 6 }), (blocks) => {
      const keyed = bodyFromInput({ blocks })
      const plain = blocksToText(keyed)
      t.equal(plain, plain.normalize(), 'NFC as a whole')
      const characters = [...plain]
      const cut = blockOffsets(keyed).map(({ key, start, end }) => {
        const block = keyed.find(({ _key }) => _key === key) as Block
        const own = block._type === 'block' ? block.children.map(({ text }) => text).join('') : ''
        const expected = block._type === 'code' ? block.code : own
        t.equal(characters.slice(start, end).join(''), expected.normalize())
        return characters.slice(start, end).join('')
      })
      t.equal(cut.join('\n\n'), plain, 'and nothing stands between them but the empty lines')
    }),
    { numRuns: runs(200) },
  )
})
