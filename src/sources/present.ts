import { reference, rfc3339 } from '../fields.ts'
import type { Source } from './schema.ts'

/** A row of the views `sources` and `article_sources`. */
export type SourceRow = {
  id: string
  version: number
  slug: string
  kind: Source['kind']
  name: string
  title: string | null
  url: string | null
  description: string | null
  same_as: string[]
  organization_id: string | null
  organization_slug: string | null
  organization_name: string | null
  created_at: Date | string
  updated_at: Date | string
  quote_count?: number
  article_count?: number
}

/** A source as its readers get it. */
export function presentSource(row: SourceRow): Source {
  return {
    id: row.id,
    version: row.version,
    slug: row.slug,
    kind: row.kind,
    name: row.name,
    title: row.title,
    url: row.url,
    description: row.description,
    sameAs: row.same_as,
    organization: reference(row.organization_id, row.organization_slug, row.organization_name),
    createdAt: rfc3339(row.created_at),
    updatedAt: rfc3339(row.updated_at),
  }
}

/** The counts that were asked for with a source. */
export function presentCounts({ quote_count, article_count }: SourceRow): Partial<Source> {
  return {
    ...(quote_count !== undefined && { quoteCount: quote_count }),
    ...(article_count !== undefined && { articleCount: article_count }),
  }
}
