import {
  buildMarksTree,
  isPortableTextToolkitSpan,
  isPortableTextToolkitTextNode,
  spanToPlainText,
  type ToolkitNestedPortableTextSpan,
} from '@portabletext/toolkit'
import type { BlockContent, ListItem, List as MarkdownList, PhrasingContent, Root } from 'mdast'
import type { Attention, Handle, Options } from 'mdast-util-to-markdown'
import { imageHtml } from './html.ts'
import { type Item, type List, type Node, outline, portableText } from './outline.ts'
import type { Block, ImageBlock, Span, TextBlock } from './schema.ts'

/** The Markdown syntax tree (mdast) of blocks. */
export function markdownTree(blocks: Block[]): Root {
  return { type: 'root', children: outline(blocks).map(flow) }
}

function flow(node: Node): BlockContent {
  switch (node._type) {
    case 'block':
      return textFlow(node)
    case 'list':
      return list(node)
    case 'quotation':
      return { type: 'blockquote', children: node.blocks.map(paragraph) }
    case 'image':
      return image(node)
    case 'code':
      return { type: 'code', lang: node.language ?? null, value: node.code }
    case 'break':
      return { type: 'thematicBreak' }
  }
}

const HEADINGS = { h2: 2, h3: 3, h4: 4 } as const

function textFlow(block: TextBlock): BlockContent {
  const { style = 'normal' } = block
  if (style === 'normal') return paragraph(block)
  if (style === 'blockquote') return { type: 'blockquote', children: [paragraph(block)] }
  // A heading is one line, so the line breaks in it are HTML.
  return { type: 'heading', depth: HEADINGS[style], children: phrasing(block, LINE_BREAK) }
}

function paragraph(block: TextBlock): BlockContent {
  return { type: 'paragraph', children: phrasing(block, { type: 'break' }) }
}

function list({ listItem, items }: List): MarkdownList {
  return {
    type: 'list',
    ordered: listItem === 'number',
    spread: false,
    children: items.map(item),
  }
}

function item({ block, lists }: Item): ListItem {
  return { type: 'listItem', spread: false, children: [textFlow(block), ...lists.map(list)] }
}

function image(block: ImageBlock): BlockContent {
  const { url, alt = '', caption = null, credit, width, height } = block
  if (credit !== undefined || width !== undefined || height !== undefined) {
    return { type: 'html', value: imageHtml(block) }
  }
  return { type: 'paragraph', children: [{ type: 'image', url, alt, title: caption }] }
}

const LINE_BREAK: PhrasingContent = { type: 'html', value: '<br/>' }

function phrasing(block: TextBlock, lineBreak: PhrasingContent): PhrasingContent[] {
  const children = trimmed(block.children)
  return inline(buildMarksTree(portableText({ ...block, children })), lineBreak)
}

/** Without white space at the ends: Markdown cannot have it there. */
function trimmed(spans: Span[]): Span[] {
  const starts = spans.findIndex((span) => /[^ \t\n\f\r]/.test(span.text))
  const ends = spans.findLastIndex((span) => /[^ \t\n\f\r]/.test(span.text))
  return spans.slice(starts, ends + 1).map((span, index) => {
    let { text } = span
    if (index === 0) text = text.replace(/^[ \t\n\f\r]+/, '')
    if (index === ends - starts) text = text.replace(/[ \t\n\f\r]+$/, '')
    return { ...span, text }
  })
}

type Marked = ReturnType<typeof buildMarksTree>

function inline(nodes: Marked, lineBreak: PhrasingContent): PhrasingContent[] {
  return nodes.flatMap((node) => {
    if (isPortableTextToolkitSpan(node)) return marked(node)
    if (!isPortableTextToolkitTextNode(node) || node.text === '') return []
    return node.text === '\n' ? lineBreak : { type: 'text', value: node.text }
  })
}

/** Within marks line breaks are HTML: a mark cannot end at the end of a line. */
function marked(span: ToolkitNestedPortableTextSpan): PhrasingContent[] {
  const children = inline(span.children, LINE_BREAK)
  switch (span.markType) {
    case 'strong':
      return [{ type: 'strong', children }]
    case 'em':
      return [{ type: 'emphasis', children }]
    case 'strike-through':
      return [{ type: 'delete', children }]
    case 'link':
      return [{ type: 'link', url: linkTarget(span), children }]
    case 'code':
      // Between backticks nothing can be marked.
      if (children.some((child) => child.type !== 'text')) return element('code', children)
      return [{ type: 'inlineCode', value: spanToPlainText(span) }]
    case 'underline':
      return element('u', children)
    default:
      return element(span.markType, children)
  }
}

function element(name: string, children: PhrasingContent[]): PhrasingContent[] {
  return [{ type: 'html', value: `<${name}>` }, ...children, { type: 'html', value: `</${name}>` }]
}

function linkTarget({ markDef }: ToolkitNestedPortableTextSpan): string {
  return markDef !== undefined && 'href' in markDef ? String(markDef.href) : ''
}

/** ~~Deletions~~, which CommonMark leaves to its extensions. */
const deletion: Handle & { attention?: Attention } = (node, _parent, state, info) =>
  state.containerPhrasing(node, info)
deletion.attention = () => ({ construct: 'emphasis', markers: ['~'], sizes: [2] })

/** Spaces that are not ASCII: CommonMark keeps them, markdown-it trims them at the ends of lines. */
const WIDE_SPACES = [
  ...'\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a',
  ...'\u2028\u2029\u202f\u205f\u3000\ufeff',
]

/** How the tree is written down, and what is escaped beyond CommonMark's own signs. */
export const MARKDOWN_STYLE: Options = {
  bullet: '-',
  emphasis: '*',
  rule: '-',
  handlers: { delete: deletion },
  unsafe: [
    { character: '~', before: '~', inConstruct: 'phrasing' },
    { character: '~', after: '~', inConstruct: 'phrasing' },
    // The line below the head of a table.
    { atBreak: true, character: '|' },
    { atBreak: true, character: ':', after: '-' },
    ...WIDE_SPACES.flatMap((character) => [
      { character, atBreak: true },
      { character, after: '[\\r\\n]', inConstruct: 'phrasing' as const },
    ]),
  ],
}
