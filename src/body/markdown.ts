import { createRequire } from 'node:module'
import type MarkdownIt from 'markdown-it'
import type { StateBlock, Token } from 'markdown-it'
import { htmlToBlocks } from './html.ts'
import { writeMarkdown } from './markdown-tree.ts'
import type { Block } from './schema.ts'

/** As in html.ts: loaded when the first writes Markdown. */
const load = createRequire(import.meta.url)
let known: MarkdownIt | undefined

// Its own limit of 100 levels leaves out what is deeper; two levels at most are added at once.
const DEEPEST_NESTING = 90

/** Nothing is made of what is not written: no smart quotes, no links of what looks like one. */
function reader(): MarkdownIt {
  if (known) return known
  const Reader = load('markdown-it') as typeof MarkdownIt
  known = new Reader({ html: true, linkify: false, typographer: false })
  // URLs are judged where HTML is read, and until then kept as they are written.
  known.validateLink = () => true
  known.normalizeLink = (url) => url
  known.normalizeLinkText = (url) => url
  // Its own leaves escaped characters and code out of an image's alt (markdown-it issue 1142).
  known.renderer.renderInlineAsText = plain
  known.block.ruler.before('table', 'too_deep', tooDeep)
  return known
}

/**
 * Blocks (without keys) of any Markdown, never throwing: CommonMark with tables and ~~deletions~~;
 * HTML within it is sanitised, and read, as {@link htmlToBlocks} does. The title of an image is its
 * caption. Signs nested deeper than 90 levels are text.
 *
 * (It goes by way of HTML since `@portabletext/markdown` sets the paragraphs of a list item together
 * without a space, makes hard line breaks of soft ones, and drops underline, sub and sup.)
 */
export function markdownToBlocks(markdown: string): Block[] {
  return htmlToBlocks(reader().render(markdown.toWellFormed()))
}

/**
 * Markdown of blocks that the schema accepts, with all escaped that would otherwise mean something.
 * What CommonMark has no sign for stands as HTML in it: underline, sub, sup, images with a credit or
 * a size. Reading it back gives the same text and structure, with the exceptions that
 * {@link blocksToHtml} names.
 */
export function blocksToMarkdown(blocks: Block[]): string {
  return writeMarkdown(blocks)
}

function plain(tokens: Token[]): string {
  return tokens
    .map(({ type, content, children }) => {
      if (type === 'image') return plain(children ?? [])
      return type === 'softbreak' || type === 'hardbreak' ? '\n' : content
    })
    .join('')
}

/** A block rule of markdown-it: all that is left of a deep container is one paragraph. */
function tooDeep(state: StateBlock, start: number, end: number, silent: boolean): boolean {
  if (state.level < DEEPEST_NESTING) return false
  if (silent) return true
  state.push('paragraph_open', 'p', 1)
  const inline = state.push('inline', '', 0)
  inline.content = state.getLines(start, end, state.blkIndent, false).trim()
  inline.children = []
  state.push('paragraph_close', 'p', -1)
  state.line = end
  return true
}
