import type { TextBlock } from '../body/schema.ts'
import { layOut, type Part } from './layout.ts'
import { findQuotes } from './quoting.ts'
import type { Story } from './story.ts'

/**
 * A plain-text news story: its first line is the headline; sub-headings, paragraphs, a by-line, a
 * date and a closing block of related links (categories) are told by their form. Quotes, and the
 * sources that sentences name, are found by rules of English news prose and are suggestions.
 * Throws an Error for what has no text in it, or is no text.
 */
export function storyFromText(source: string): Story {
  const { headline, byline, summary, dated, categories, parts } = layOut(source)
  const texts = parts.map(({ text, style }) => ({ text, heading: style === 'h2' }))
  return {
    headline,
    ...(byline && { byline }),
    ...(summary && { summary }),
    ...(dated && { dated }),
    ...(parts.length > 0 && { body: { blocks: parts.map(blockOf) } }),
    categories,
    ...findQuotes(texts),
  }
}

function blockOf({ style, text, bullet }: Part, index: number): TextBlock {
  return {
    _type: 'block',
    _key: `b${index}`,
    style,
    ...(bullet && { listItem: 'bullet', level: 1 }),
    children: [{ _type: 'span', _key: 's0', text, marks: [] }],
    markDefs: [],
  }
}
