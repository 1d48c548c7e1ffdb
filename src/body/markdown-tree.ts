import { createRequire } from 'node:module'
import {
  buildMarksTree,
  isPortableTextToolkitSpan,
  isPortableTextToolkitTextNode,
  spanToPlainText,
  type ToolkitNestedPortableTextSpan,
} from '@portabletext/toolkit'
import type { BlockContent, ListItem, List as MarkdownList, PhrasingContent, Root } from 'mdast'
import type { Attention, ConstructName, Handle, Options } from 'mdast-util-to-markdown'
import { imageHtml } from './html.ts'
import { isSafeLink } from './links.ts'
import { type Item, type List, type Node, outline, portableText } from './outline.ts'
import type { Block, ImageBlock, Span, TextBlock } from './schema.ts'

/** As in html.ts: loaded when the first reads Markdown. */
const load = createRequire(import.meta.url)
const library = () => load('mdast-util-to-markdown') as typeof import('mdast-util-to-markdown')

/** Markdown of blocks, by way of its syntax tree (mdast). */
export function writeMarkdown(blocks: Block[]): string {
  return library().toMarkdown(markdownTree(blocks), MARKDOWN_STYLE)
}

/** The Markdown syntax tree of blocks. */
function markdownTree(blocks: Block[]): Root {
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
  return { type: 'heading', depth: HEADINGS[style], children: phrasing(block, HTML_BREAK) }
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

/** How the signs in a block are set. */
type Setting = { lineBreak: PhrasingContent; marksAreHtml: boolean }

const HTML_BREAK: PhrasingContent = { type: 'html', value: '<br/>' }

/**
 * Characters beside which a sign is no sure thing: the writer looks at UTF-16 units and takes
 * U+FEFF and U+2028 for spaces, markdown-it does neither; and where they agree that a sign must be
 * kept off a character by writing that as a reference, there is no reference to a control character.
 */
const DISPUTED =
  '[\\ud800-\\udfff\\ufeff\\u2028\\u2029\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]'
const DISPUTED_EDGE = new RegExp(`^${DISPUTED}|${DISPUTED}$`)

function phrasing(block: TextBlock, lineBreak: PhrasingContent): PhrasingContent[] {
  const children = trimmed(block.children)
  const marksAreHtml = children.some((span) => DISPUTED_EDGE.test(span.text))
  return inline(buildMarksTree(portableText({ ...block, children })), { lineBreak, marksAreHtml })
}

/** By hand: a pattern that ends in `$` looks at each run of spaces once for each of its spaces. */
function withoutSpaceBehind(text: string): string {
  let end = text.length
  while (end > 0 && ' \t\n\f\r'.includes(text[end - 1] ?? '')) end--
  return text.slice(0, end)
}

/** Without white space at the ends: Markdown cannot have it there. */
function trimmed(spans: Span[]): Span[] {
  const starts = spans.findIndex((span) => /[^ \t\n\f\r]/.test(span.text))
  const ends = spans.findLastIndex((span) => /[^ \t\n\f\r]/.test(span.text))
  return spans.slice(starts, ends + 1).map((span, index) => {
    let { text } = span
    if (index === 0) text = text.replace(/^[ \t\n\f\r]+/, '')
    if (index === ends - starts) text = withoutSpaceBehind(text)
    return { ...span, text }
  })
}

function inline(nodes: ReturnType<typeof buildMarksTree>, setting: Setting): PhrasingContent[] {
  return nodes.flatMap((node) => {
    if (isPortableTextToolkitSpan(node)) return marked(node, setting)
    if (!isPortableTextToolkitTextNode(node) || node.text === '') return []
    return node.text === '\n' ? setting.lineBreak : { type: 'text', value: node.text }
  })
}

const ELEMENTS: Partial<Record<string, string>> = {
  strong: 'strong',
  em: 'em',
  'strike-through': 'del',
  underline: 'u',
  code: 'code',
  sub: 'sub',
  sup: 'sup',
}

/** Within marks line breaks are HTML: a mark cannot end at the end of a line. */
function marked(span: ToolkitNestedPortableTextSpan, setting: Setting): PhrasingContent[] {
  const { markType, markDef } = span
  const children = inline(span.children, { ...setting, lineBreak: HTML_BREAK })
  if (markDef !== undefined) return link(linkTarget(markDef), children)
  if (markType === 'code' && isPlainCode(children)) {
    return [{ type: 'inlineCode', value: spanToPlainText(span) }]
  }
  if (!setting.marksAreHtml) {
    if (markType === 'strong') return [{ type: 'strong', children }]
    if (markType === 'em') return [{ type: 'emphasis', children }]
    if (markType === 'strike-through') return [{ type: 'delete', children }]
  }
  return element(ELEMENTS[markType] ?? 'span', children)
}

/** Between backticks nothing can be marked, and markdown-it errs where U+2028 is beside a space. */
function isPlainCode(children: PhrasingContent[]): boolean {
  return children.every((child) => child.type === 'text' && !/[`\u2028\u2029]/.test(child.value))
}

function element(name: string, children: PhrasingContent[]): PhrasingContent[] {
  return [{ type: 'html', value: `<${name}>` }, ...children, { type: 'html', value: `</${name}>` }]
}

function link(url: string, children: PhrasingContent[]): PhrasingContent[] {
  return isSafeLink(url) ? [{ type: 'link', url, children }] : children
}

function linkTarget(markDef: object): string {
  return 'href' in markDef ? String(markDef.href) : ''
}

/** ~~Deletions~~, which CommonMark leaves to its extensions. */
const deletion: Handle & { attention?: Attention; peek?: () => string } = (
  node,
  _parent,
  state,
  info,
) => state.containerPhrasing(node, info)
deletion.attention = () => ({ construct: 'emphasis', markers: ['~'], sizes: [2] })
deletion.peek = () => '~'

/** Text as the library writes it, with the underscores escaped that it takes to be in a word. */
const text: Handle = (node, parent, state, info) =>
  library()
    .defaultHandlers.text(node, parent, state, info)
    .replace(UNDERSCORE, (sign, escaped) => escaped ?? `\\${sign}`)
const UNDERSCORE = new RegExp(`(\\\\.)|(?<=${DISPUTED})_|_(?=${DISPUTED})`, 'g')

/** Where a sign means nothing, since no marks can be there. */
const NO_MARKS: ConstructName[] = ['autolink', 'destinationLiteral', 'destinationRaw', 'titleQuote']

/** How the tree is written down, and what is escaped beyond CommonMark's own signs. */
const MARKDOWN_STYLE: Options = {
  bullet: '-',
  emphasis: '*',
  rule: '-',
  handlers: { delete: deletion, text },
  unsafe: [
    { character: '~', inConstruct: 'phrasing', notInConstruct: NO_MARKS },
    // The line below the head of a table.
    { atBreak: true, character: '|' },
    { atBreak: true, character: ':', after: '-' },
    { atBreak: true, character: '-', after: '[|:]' },
  ],
}
