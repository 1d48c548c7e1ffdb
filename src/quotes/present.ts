import { markedHtml } from '../search/marks.ts'
import type { Quote } from './schema.ts'

/** A quote of a search as PostgreSQL makes it: its text with marks in it, of which HTML is made here. */
type Made = Quote & { marked: string }

/** The text of quotes with commas between, their marks as HTML. Pure. */
export function finishedQuotes(text: string): string {
  if (text === '') return text
  const quotes = JSON.parse(`[${text}]`) as Made[]
  return quotes
    .map(({ marked, ...quote }) => {
      const html = markedHtml(marked)?.join('')
      return JSON.stringify({ ...quote, highlight: { ...(html && { text: html }) } })
    })
    .join(',')
}
