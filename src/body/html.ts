import { createRequire } from 'node:module'
import { type PortableTextHtmlComponents, toHTML } from '@portabletext/to-html'
import type sanitize from 'sanitize-html'
import { foldSpace } from './builder.ts'
import { ELEMENTS } from './elements.ts'
import { readHtml } from './html-reader.ts'
import { isSafeLink } from './links.ts'
import { type Item, type List, type Node, outline, portableText } from './outline.ts'
import type { Block, CodeBlock, ImageBlock, TextBlock } from './schema.ts'

/** What only those need who write HTML is loaded when the first does: a tenth of a start. */
const load = createRequire(import.meta.url)

/** Nobody nests so deep on purpose; the tags of what is deeper are dropped, its text is kept. */
const DEEPEST_NESTING = 200

const SANITIZE: sanitize.IOptions = {
  allowedTags: [...ELEMENTS.keys(), 'img', 'pre', 'q', 'small', 'span'],
  allowedAttributes: {
    a: ['href'],
    img: ['src', 'alt', 'title', 'width', 'height'],
    pre: ['class'],
    code: ['class'],
  },
  allowedSchemes: ['http', 'https', 'mailto'],
  // Elements whose text no reader of the page sees.
  nonTextTags: [
    ...['script', 'style', 'template', 'title', 'textarea', 'select', 'option', 'noscript'],
    ...['iframe', 'noembed', 'noframes', 'svg', 'xmp'],
  ],
  nestingLimit: DEEPEST_NESTING,
  transformTags: {
    // Google Docs wraps all it copies in a b element that says it is not bold.
    b: (tagName, { style = '' }) => ({
      tagName: /font-weight:\s*(normal|400)/.test(style) ? 'span' : tagName,
      attribs: {},
    }),
  },
}

/**
 * Blocks (without keys) of any HTML, never throwing. Sanitised by an allow-list of elements; links
 * go to http, https, mailto and relative addresses (images not to mailto), of others just the text
 * is kept. h1 becomes h2; h5 and h6 become h4. How lists, tables and white space are set, see
 * {@link BlockBuilder}. Not kept: embedded media, styles, the number a list starts with, images
 * within `pre` and captions, and the elements (so the paragraphs too) nested deeper than 200.
 *
 * (`@portabletext/html` is not used because it changes text: it drops runs of zero-width characters,
 * folds U+00A0, and runs the paragraphs of a list item into one word. It also needs a DOM with XPath,
 * which only jsdom has, at twenty times the time.)
 */
export function htmlToBlocks(html: string): Block[] {
  // Line ends as the HTML standard normalises them; NUL and lone surrogates cannot be stored.
  const source = html.toWellFormed().replaceAll('\u0000', '').replace(/\r\n?/g, '\n')
  const clean = load('sanitize-html') as typeof sanitize
  return readHtml(clean(source, SANITIZE))
}

/**
 * HTML of blocks that the schema accepts: everything is escaped, so it holds no markup but ours.
 * Reading it back gives the same text and structure, except what HTML cannot express: runs of white
 * space and white space at the ends of a block or around a line break, empty blocks, levels that a
 * list skips, and the keys.
 */
export function blocksToHtml(blocks: Block[]): string {
  return outline(blocks).map(nodeHtml).join('')
}

/** A figure on one line without an empty line in it, so that it may stand in Markdown as well. */
export function imageHtml(image: ImageBlock): string {
  const { url, alt = '', width, height } = image
  const caption = foldSpace(image.caption ?? '')
  const credit = foldSpace(image.credit ?? '')
  const attributes = Object.entries({ src: url, alt, width, height })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${escapeHtml(String(value)).replace(/\r?\n/g, '&#10;')}"`)
  const small = credit === '' ? '' : `<small>${escapeHtml(credit)}</small>`
  const texts = [escapeHtml(caption), small].filter((text) => text !== '').join(' ')
  const figcaption = texts === '' ? '' : `<figcaption>${texts}</figcaption>`
  return `<figure><img${attributes.join('')}/>${figcaption}</figure>`
}

function nodeHtml(node: Node): string {
  switch (node._type) {
    case 'block':
      return textHtml(node)
    case 'list':
      return listHtml(node)
    case 'quotation':
      return `<blockquote>${node.blocks.map((block) => `<p>${inlineHtml(block)}</p>`).join('')}</blockquote>`
    case 'image':
      return imageHtml(node)
    case 'code':
      return codeHtml(node)
    case 'break':
      return '<hr/>'
  }
}

const TAGS = { normal: 'p', h2: 'h2', h3: 'h3', h4: 'h4', blockquote: 'blockquote' } as const

function textHtml(block: TextBlock): string {
  const tag = TAGS[block.style ?? 'normal']
  return `<${tag}>${inlineHtml(block)}</${tag}>`
}

function listHtml({ listItem, items }: List): string {
  const tag = listItem === 'number' ? 'ol' : 'ul'
  return `<${tag}>${items.map(itemHtml).join('')}</${tag}>`
}

function itemHtml({ block, lists }: Item): string {
  const isPlain = (block.style ?? 'normal') === 'normal'
  return `<li>${isPlain ? inlineHtml(block) : textHtml(block)}${lists.map(listHtml).join('')}</li>`
}

/** The final line feed is the one that readers drop. */
function codeHtml({ language, code }: CodeBlock): string {
  const name = language === undefined ? '' : ` class="language-${escapeHtml(language)}"`
  return `<pre><code${name}>${escapeHtml(code)}\n</code></pre>`
}

const INLINE: Partial<PortableTextHtmlComponents> = {
  block: ({ children = '' }) => children,
  marks: {
    underline: ({ children }) => `<u>${children}</u>`,
    sub: ({ children }) => `<sub>${children}</sub>`,
    sup: ({ children }) => `<sup>${children}</sup>`,
    link: ({ children, value }) => linkHtml(value?.href ?? '', children),
  },
  escapeHTML: escapeHtml,
}

/** What stands within a block's element; which element that is, is decided here and not there. */
function inlineHtml(block: TextBlock): string {
  return toHTML(portableText(block), { components: INLINE, onMissingComponent: false })
}

/** `noopener`, so that a front end may open other sites in a new window without further care. */
function linkHtml(href: string, children: string): string {
  if (!isSafeLink(href)) return children
  const rel = URL.canParse(href) ? ' rel="noopener"' : ''
  return `<a href="${escapeHtml(href)}"${rel}>${children}</a>`
}

const REFERENCES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** For text and for attributes within double quotes alike. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => REFERENCES[character] ?? character)
}
