import type { BlockBuilder } from './builder.ts'
import { isSafeLink, tidyUrl } from './links.ts'
import type { Decorator } from './rules.ts'

export type Attributes = Record<string, string>

/** What the start and the end of an element do to the blocks. */
type Element = {
  open: (builder: BlockBuilder, attributes: Attributes) => void
  close: (builder: BlockBuilder) => void
}

/** The headline is the h1 of an article; below h4 no newspaper goes. */
const STYLES = {
  h1: 'h2',
  h2: 'h2',
  h3: 'h3',
  h4: 'h4',
  h5: 'h4',
  h6: 'h4',
  blockquote: 'blockquote',
} as const

const MARKS: Record<Decorator, string[]> = {
  strong: ['strong', 'b'],
  em: ['em', 'i'],
  underline: ['u', 'ins'],
  'strike-through': ['s', 'del', 'strike'],
  code: ['code', 'kbd', 'samp', 'tt'],
  sub: ['sub'],
  sup: ['sup'],
}

/** Elements whose start and end are those of a paragraph, and that mean no more to us. */
const PARAGRAPHS = [
  ...['address', 'article', 'aside', 'body', 'caption', 'center', 'dd', 'details', 'dialog', 'div'],
  ...[
    'dl',
    'dt',
    'fieldset',
    'figcaption',
    'figure',
    'footer',
    'form',
    'header',
    'hgroup',
    'html',
    'legend',
  ],
  ...['main', 'nav', 'p', 'search', 'section', 'summary', 'table', 'tbody', 'tfoot', 'thead'],
]

const paragraph: Element = {
  open: (builder) => builder.endParagraph(),
  close: (builder) => builder.endParagraph(),
}

const cell: Element = { open: (builder) => builder.startCell(), close: () => {} }

/** Every element that shapes running text; of those not here, only the text counts. */
export const ELEMENTS: ReadonlyMap<string, Element> = new Map<string, Element>([
  ...PARAGRAPHS.map((name) => [name, paragraph] as const),
  ...Object.entries(STYLES).map(([name, style]) => [name, styled(style)] as const),
  ...(Object.entries(MARKS) as [Decorator, string[]][]).flatMap(([decorator, names]) =>
    names.map((name) => [name, marked(decorator)] as const),
  ),
  [
    'a',
    { open: (builder, at) => builder.marks.startLink(target(at)), close: (b) => b.marks.endLink() },
  ],
  ['br', { open: (builder) => builder.lineBreak(), close: () => {} }],
  ['hr', { open: (builder) => builder.block({ _type: 'break' }), close: () => {} }],
  ['ul', { open: (builder) => builder.startList('bullet'), close: (b) => b.endList() }],
  ['ol', { open: (builder) => builder.startList('number'), close: (b) => b.endList() }],
  ['li', { open: (builder) => builder.startItem(), close: (builder) => builder.endItem() }],
  ['tr', { open: (builder) => builder.startRow(), close: (builder) => builder.endRow() }],
  ['td', cell],
  ['th', cell],
])

function styled(style: (typeof STYLES)[keyof typeof STYLES]): Element {
  return { open: (builder) => builder.startStyle(style), close: (builder) => builder.endStyle() }
}

function marked(decorator: Decorator): Element {
  return {
    open: (builder) => builder.marks.start(decorator),
    close: (builder) => builder.marks.end(decorator),
  }
}

function target(attributes: Attributes): string | undefined {
  const href = tidyUrl(attributes.href ?? '')
  return isSafeLink(href) ? href : undefined
}
