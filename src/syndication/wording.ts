import { escapeHtml } from '../body/html.ts'
import type { Correction } from '../corrections/schema.ts'
import type { Quote } from '../quotes/schema.ts'

/* What formats that are read by people say in words of their own. */

/** How much of a quote its title shows, in characters. */
const LONGEST_TITLE = 100

const KINDS = {
  correction: 'Correction',
  clarification: 'Clarification',
  update: 'Update',
  retraction: 'Retraction',
} as const

/** `Correction, 2026-05-04` */
export function correctionHead({ kind = 'correction', at = '' }: Correction): string {
  return `${KINDS[kind]}, ${at.slice(0, 10)}`
}

/** A line for each correction, for the end of a text; nothing when there are none. */
export function correctionsHtml(corrections: readonly Correction[]): string {
  if (corrections.length === 0) return ''
  const notes = corrections.map(
    (one) => `<p><em>${correctionHead(one)}:</em> ${linesHtml(one.text ?? '')}</p>`,
  )
  return `<hr/>${notes.join('')}`
}

/** Text as HTML that keeps its line ends. */
export function linesHtml(text: string): string {
  return text
    .split(/\r\n|[\n\r]/)
    .map(escapeHtml)
    .join('<br/>')
}

/** The words within quotation marks; a paraphrase has none. */
function quoted({ kind, text = '' }: Quote, words = text): string {
  return kind === 'paraphrase' ? words : `“${words}”`
}

/** `Petra Quill: “The tide waits for nobody”` */
export function quoteTitle(quote: Quote): string {
  const words = [...(quote.text ?? '').replace(/\s+/g, ' ')]
  const shown =
    words.length > LONGEST_TITLE
      ? `${words.slice(0, LONGEST_TITLE).join('').trimEnd()}…`
      : words.join('')
  return `${quote.speaker ? `${quote.speaker.name}: ` : ''}${quoted(quote, shown)}`
}

/** A quote, who said it, when and where, and the article that prints it. */
export function quoteHtml(quote: Quote, story: { url: string; headline: string }): string {
  const { text = '', original, speaker, occasion, saidAt } = quote
  const words = quote.kind === 'paraphrase' ? 'p' : 'blockquote'
  const said = [speaker?.name, occasion, saidAt?.slice(0, 10)].filter((part) => part)
  return [
    `<${words}>${linesHtml(text)}</${words}>`,
    original ? `<p lang="${escapeHtml(original.language)}">${linesHtml(original.text)}</p>` : '',
    said.length > 0 ? `<p>${escapeHtml(said.join(', '))}</p>` : '',
    `<p><a href="${escapeHtml(story.url)}">${escapeHtml(story.headline)}</a></p>`,
  ].join('')
}

/** The headline of what was killed, where there must be one. */
export const WITHDRAWN = 'Withdrawn'
