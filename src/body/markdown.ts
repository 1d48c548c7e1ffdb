import MarkdownIt, { type Token } from 'markdown-it'
import { toMarkdown } from 'mdast-util-to-markdown'
import { htmlToBlocks } from './html.ts'
import { MARKDOWN_STYLE, markdownTree } from './markdown-tree.ts'
import type { Block } from './schema.ts'

/** Nothing is made of what is not written: no smart quotes, no links of what looks like one. */
const reader = new MarkdownIt({ html: true, linkify: false, typographer: false })
// URLs are judged where HTML is read, and until then kept as they are written.
reader.validateLink = () => true
reader.normalizeLink = (url) => url
reader.normalizeLinkText = (url) => url
// Its own leaves escaped characters and code out of an image's alt (markdown-it issue 1142).
reader.renderer.renderInlineAsText = plain

/**
 * Blocks (without keys) of any Markdown, never throwing: CommonMark with tables and ~~deletions~~;
 * HTML within it is sanitised, and read, as {@link htmlToBlocks} does. The title of an image is its
 * caption. Nesting deeper than 100 is text (markdown-it's `maxNesting`).
 *
 * (It goes by way of HTML since `@portabletext/markdown` sets the paragraphs of a list item together
 * without a space, makes hard line breaks of soft ones, and drops underline, sub and sup.)
 */
export function markdownToBlocks(markdown: string): Block[] {
  return htmlToBlocks(reader.render(markdown.toWellFormed()))
}

/**
 * Markdown of blocks that the schema accepts, with all escaped that would otherwise mean something.
 * What CommonMark has no sign for stands as HTML in it: underline, sub, sup, images with a credit or
 * a size. Reading it back gives the same text and structure, with the exceptions that
 * {@link blocksToHtml} names.
 */
export function blocksToMarkdown(blocks: Block[]): string {
  return toMarkdown(markdownTree(blocks), MARKDOWN_STYLE)
}

function plain(tokens: Token[]): string {
  return tokens
    .map(({ type, content, children }) => {
      if (type === 'image') return plain(children ?? [])
      return type === 'softbreak' || type === 'hardbreak' ? '\n' : content
    })
    .join('')
}
