import type { LeadImage } from '../articles/schema.ts'
import type { KeyedBlock } from '../body/schema.ts'
import type { Quote } from '../quotes/schema.ts'

/* What a revision keeps: rows of the editors' views, under the names of their columns. */

type Named = { id: string; slug: string }

type KeptSource = Named & { role: string | null; note: string | null }

type KeptQuote = {
  id: string
  kind: Quote['kind']
  text: string
  language: string | null
  original_text: string | null
  original_language: string | null
  cue: string | null
  said_at: string | null
  occasion: string | null
  state: Quote['state']
  spans: { start: number; end: number }[]
  speaker_id: string | null
  speaker_slug: string | null
  speaker_name: string | null
  corrections: unknown[]
}

/** An article as a revision keeps it: as far as restoring and purging it look at it. */
export type KeptArticle = {
  headline: string | null
  summary: string | null
  byline: string | null
  language: string
  lead_image: LeadImage | null
  body: KeyedBlock[]
  categories: Named[]
  sources: KeptSource[]
  quotes: KeptQuote[]
  corrections: unknown[]
}
