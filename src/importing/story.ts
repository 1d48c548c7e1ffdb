import type { BodyInput } from '../body/schema.ts'

/** A stretch of the plain text, in code points, end exclusive. */
export type Span = { start: number; end: number }

/**
 * A source as a format finds it; `handle` is what quotes and other sources of the story call it.
 * Without `kind` and `name` it has a `slug`, and refers to a source the newsroom has already. With
 * all three it is a new source under that slug, unless the newsroom has one there.
 */
export type StorySource = {
  handle: string
  kind?: 'person' | 'organization' | 'publication' | 'document' | 'anonymous'
  name?: string
  slug?: string
  title?: string
  url?: string
  description?: string
  /** The handle of the organisation it belongs to. */
  organization?: string
  role?: string
  note?: string
  /** False for one that is named only as a quote's speaker: not among the article's sources. */
  listed?: boolean
}

/** A quote as a format finds it. `speaker` is a source's handle. */
export type StoryQuote = {
  text: string
  kind: 'direct' | 'partial' | 'paraphrase'
  speaker?: string
  /** The words that attribute it, as printed: `Trump responded`. */
  cue?: string
  /** Where it stands in the plain text; without it the writing command looks for it. */
  spans?: Span[]
  saidAt?: string
  occasion?: string
  language?: string
  original?: { text: string; language: string }
  /** Found by a machine: nobody has looked at it yet. */
  suggested: boolean
}

/**
 * The neutral form between an import format and the commands: what one file says, with its
 * categories and sources by name, not yet matched against what the newsroom has.
 */
export type Story = {
  slug?: string
  headline?: string
  summary?: string
  byline?: string
  language?: string
  leadImage?: {
    url: string
    alt?: string
    caption?: string
    credit?: string
    width?: number
    height?: number
  }
  body?: BodyInput
  categories: { name?: string; slug: string }[]
  sources: StorySource[]
  quotes: StoryQuote[]
  /** Set when the file names its own origin; otherwise the importer uses the hash of the bytes. */
  origin?: { system: string; id: string; url?: string }
  /** The day the text bears, RFC 3339: `publishedAt`, should it be published on import. */
  dated?: string
  /** What the file asks for itself (front matter): RFC 3339 times, or ISO 8601 durations from now
   * such as `P30D`; absent for a draft. */
  publish?: { at?: string; embargoUntil?: string; expiresAt?: string; publishedAt?: string }
}
