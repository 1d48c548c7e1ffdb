import { blocksToMarkdown } from '../body/markdown.ts'
import type { KeyedBlock } from '../body/schema.ts'
import { type CategoryRow, presentCategory } from '../categories/present.ts'
import { type CorrectionRow, presentCorrection } from '../corrections/present.ts'
import { rfc3339 } from '../fields.ts'
import { presentQuote, type QuoteRow } from '../quotes/present.ts'
import { presentSource, type SourceRow } from '../sources/present.ts'
import type { Article, LeadImage } from './schema.ts'

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
  category_slug: string | null
  body_html?: string
  plain_text?: string
  body?: KeyedBlock[]
  categories?: CategoryRow[]
  sources?: (SourceRow & { role: string | null; note: string | null })[]
  quotes?: QuoteRow[]
  corrections?: CorrectionRow[]
}

/** How an article is shown: its page's address, the formats of its body, and to whom. */
export type Shape = {
  articleUrl: string
  formats: readonly string[]
  editor: boolean
  fields: readonly string[] | undefined
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
  const { fields } = shape
  const members = fields
    ? Object.entries(article).filter(([name]) => name === 'id' || fields.includes(name))
    : Object.entries(article)
  return {
    ...(Object.fromEntries(members) as Article),
    ...(row.categories && { categories: row.categories.map(presentCategory) }),
    ...(row.sources && {
      sources: row.sources.map((s) => ({ ...presentSource(s), role: s.role, note: s.note })),
    }),
    ...(row.quotes && { quotes: row.quotes.map(presentQuote) }),
    ...(row.corrections && { corrections: row.corrections.map(presentCorrection) }),
  }
}

function bodyOf(row: ArticleRow, formats: readonly string[]): Article['body'] {
  return {
    ...(formats.includes('html') && { html: row.body_html }),
    ...(formats.includes('text') && { text: row.plain_text }),
    ...(formats.includes('markdown') && { markdown: blocksToMarkdown(row.body ?? []) }),
    ...(formats.includes('blocks') && { blocks: row.body }),
  }
}

function originOf(row: ArticleRow): Article['origin'] {
  if (row.origin_system === null || row.origin_id === null) return null
  const { origin_system: system, origin_id: id, origin_url: url } = row
  return { system, id, ...(url !== null && { url }) }
}

/**
 * ARTICLE_URL with its parts put in. What an article does not have (no category, no date yet) leaves
 * no empty path segment behind.
 */
function addressOf(row: ArticleRow, template: string): string {
  const [year, month, day] = (rfc3339(row.published_at) ?? '').slice(0, 10).split('-')
  const parts: Record<string, string | null | undefined> = {
    id: row.id,
    slug: row.slug,
    category: row.category_slug,
    language: row.language,
    year,
    month,
    day,
  }
  return template
    .replaceAll(/\{(\w+)\}/g, (_, part: string) => encodeURIComponent(parts[part] ?? ''))
    .replaceAll(/(?<!:)\/{2,}/g, '/')
}
