import { blocksToHtml } from '../body/html.ts'
import { blocksToMarkdown } from '../body/markdown.ts'
import type { KeyedBlock } from '../body/schema.ts'
import { blocksToText } from '../body/text.ts'
import { type CategoryRow, presentCategory } from '../categories/present.ts'
import { type CorrectionRow, presentCorrection } from '../corrections/present.ts'
import { pick, rfc3339 } from '../fields.ts'
import { presentQuote, type QuoteRow } from '../quotes/present.ts'
import { markedHtml } from '../search/marks.ts'
import { presentSource, type SourceRow } from '../sources/present.ts'
import type { Article, Highlight, LeadImage, RelatedArticle } from './schema.ts'

/** A row of the load query. What was not asked for is absent. */
export type ArticleRow = {
  id: string
  version: number
  slug: string
  status: NonNullable<Article['status']>
  headline: string | null
  summary: string | null
  byline: string | null
  language: string
  lead_image: LeadImage | null
  origin_system: string | null
  origin_id: string | null
  origin_url: string | null
  publish_at: Date | null
  embargo_until: Date | null
  expires_at: Date | null
  published_at: Date | null
  created_at: Date
  updated_at: Date
  category_slug?: string | null
  body_html?: string
  plain_text?: string
  body?: KeyedBlock[]
  categories?: CategoryRow[]
  sources?: (SourceRow & { role: string | null; note: string | null })[]
  quotes?: QuoteRow[]
  corrections?: CorrectionRow[]
  related?: RelatedRow[]
  marked_headline?: string | null
  marked_summary?: string | null
  marked_body?: string | null
}

/** An article that is like another, as its load brings it. */
export type RelatedRow = Pick<
  ArticleRow,
  'id' | 'slug' | 'headline' | 'summary' | 'language' | 'category_slug'
> & { published_at: string | null }

/** How an article is shown: its page's address, the formats of its body, and to whom. */
export type Shape = {
  articleUrl: string
  formats: readonly string[]
  editor: boolean
  fields: readonly string[] | undefined
  /** Members of what is included, by kind. */
  fieldsOf?: Readonly<Record<string, readonly string[] | undefined>>
}

/** An article as its readers get it. Pure: what the row does not bring is not there. */
export function presentArticle(row: ArticleRow, shape: Shape): Article {
  const article: Article = {
    id: row.id,
    version: row.version,
    slug: row.slug,
    url: addressOf(row, shape.articleUrl),
    headline: row.headline,
    summary: row.summary,
    byline: row.byline,
    language: row.language,
    leadImage: row.lead_image,
    ...(shape.formats.length > 0 && { body: bodyOf(row, shape.formats) }),
    origin: originOf(row),
    publishedAt: rfc3339(row.published_at),
    updatedAt: rfc3339(row.updated_at),
    ...(shape.editor && {
      status: row.status,
      publishAt: rfc3339(row.publish_at),
      embargoUntil: rfc3339(row.embargo_until),
      expiresAt: rfc3339(row.expires_at),
      createdAt: rfc3339(row.created_at),
    }),
  }
  const { fieldsOf = {} } = shape
  const highlight = highlightOf(row)
  return {
    ...pick(article, shape.fields),
    ...(row.categories && {
      categories: row.categories.map((c) => pick(presentCategory(c), fieldsOf.categories)),
    }),
    ...(row.sources && {
      sources: row.sources.map((s) =>
        pick({ ...presentSource(s), role: s.role, note: s.note }, fieldsOf.sources),
      ),
    }),
    ...(row.quotes && { quotes: row.quotes.map((q) => pick(presentQuote(q), fieldsOf.quotes)) }),
    ...(row.corrections && {
      corrections: row.corrections.map((c) => pick(presentCorrection(c), fieldsOf.corrections)),
    }),
    ...(row.related && {
      related: row.related.map((r) => pick(presentRelated(r, shape.articleUrl), fieldsOf.related)),
    }),
    ...(highlight && { highlight }),
  }
}

function presentRelated(row: RelatedRow, articleUrl: string): RelatedArticle {
  return {
    id: row.id,
    slug: row.slug,
    url: addressOf(row, articleUrl),
    headline: row.headline,
    summary: row.summary,
    publishedAt: rfc3339(row.published_at),
  }
}

/** Where the words stand; undefined when that was not asked for. */
function highlightOf(row: ArticleRow): Highlight | undefined {
  if (row.marked_body === undefined) return undefined
  const headline = markedHtml(row.marked_headline)?.join('')
  const summary = markedHtml(row.marked_summary)?.join('')
  const body = markedHtml(row.marked_body)
  return { ...(headline && { headline }), ...(summary && { summary }), ...(body && { body }) }
}

function bodyOf(row: ArticleRow, formats: readonly string[]): Article['body'] {
  return {
    // Revisions leave the HTML and the plain text to the blocks.
    ...(formats.includes('html') && { html: row.body_html ?? blocksToHtml(row.body ?? []) }),
    ...(formats.includes('text') && { text: row.plain_text ?? blocksToText(row.body ?? []) }),
    ...(formats.includes('markdown') && { markdown: blocksToMarkdown(row.body ?? []) }),
    ...(formats.includes('blocks') && { blocks: row.body }),
  }
}

function originOf(row: ArticleRow): Article['origin'] {
  if (row.origin_system === null || row.origin_id === null) return null
  const { origin_system: system, origin_id: id, origin_url: url } = row
  return { system, id, ...(url !== null && { url }) }
}

type Addressed = Pick<ArticleRow, 'id' | 'slug' | 'category_slug' | 'language'> & {
  published_at: Date | string | null
}

/** What `{part}` of ARTICLE_URL stands for; empty where an article does not have it. */
function partOf(row: Addressed, part: string): string {
  if (part === 'category') return row.category_slug ?? ''
  if (part === 'id' || part === 'slug' || part === 'language') return row[part]
  const [year, month, day] = (rfc3339(row.published_at) ?? '').slice(0, 10).split('-')
  return { year, month, day }[part] ?? ''
}

/** A template in pieces: text, part, text, part, ..., text. One per process, so it is split once. */
const pieces = new Map<string, string[]>()

/**
 * ARTICLE_URL with its parts put in. What an article does not have (no category, no date yet) leaves
 * no empty path segment behind.
 */
function addressOf(row: Addressed, template: string): string {
  const known = pieces.get(template) ?? template.split(/\{(\w+)\}/)
  pieces.set(template, known)
  let address = ''
  let empty = false
  for (const [i, piece] of known.entries()) {
    const text = i % 2 === 0 ? piece : encodeURIComponent(partOf(row, piece))
    if (i % 2 === 1 && text === '') empty = true
    address += text
  }
  return empty ? address.replaceAll(/(?<!:)\/{2,}/g, '/') : address
}
