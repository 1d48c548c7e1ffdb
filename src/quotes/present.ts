import { type CorrectionRow, presentCorrection } from '../corrections/present.ts'
import { pick, reference, rfc3339 } from '../fields.ts'
import { markedHtml } from '../search/marks.ts'
import type { Quote } from './schema.ts'

/** A row of the view `quotes`. */
export type QuoteRow = {
  id: string
  version: number
  kind: Quote['kind']
  text: string
  language: string | null
  original_text: string | null
  original_language: string | null
  cue: string | null
  said_at: Date | string | null
  occasion: string | null
  state: Quote['state']
  spans: { start: number; end: number }[]
  article_id: string
  article_slug: string
  article_headline: string | null
  speaker_id: string | null
  speaker_slug: string | null
  speaker_name: string | null
  corrections: CorrectionRow[]
  created_at: Date | string
  updated_at: Date | string
  /** Where the words of a search stand, if that was asked for. */
  marked_text?: string
}

/** A quote as its readers get it. */
export function presentQuote(row: QuoteRow): Quote {
  const original =
    row.original_text === null || row.original_language === null
      ? null
      : { text: row.original_text, language: row.original_language }
  return {
    id: row.id,
    version: row.version,
    article: { id: row.article_id, slug: row.article_slug, headline: row.article_headline },
    kind: row.kind,
    text: row.text,
    language: row.language,
    original,
    speaker: reference(row.speaker_id, row.speaker_slug, row.speaker_name),
    cue: row.cue,
    saidAt: rfc3339(row.said_at),
    occasion: row.occasion,
    state: row.state,
    // jsonb keeps no order of members; start comes first for whoever reads it.
    spans: row.spans.map(({ start, end }) => ({ start, end })),
    corrections: row.corrections.map(presentCorrection),
    createdAt: rfc3339(row.created_at),
    updatedAt: rfc3339(row.updated_at),
  }
}

/** A quote of a list: the members that were asked for, and where the words stand if that was. */
export function presentFound(row: QuoteRow, fields: readonly string[] | undefined): Quote {
  const quote = pick(presentQuote(row), fields)
  if (row.marked_text === undefined) return quote
  const text = markedHtml(row.marked_text)?.join('')
  return { ...quote, highlight: { ...(text && { text }) } }
}
