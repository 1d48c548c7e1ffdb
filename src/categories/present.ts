import { reference, rfc3339 } from '../fields.ts'
import type { Category } from './schema.ts'

/** A row of the views `categories` and `article_categories`. */
export type CategoryRow = {
  id: string
  version: number
  slug: string
  name: string
  description: string | null
  position: number
  parent_id: string | null
  parent_slug: string | null
  parent_name: string | null
  created_at: Date | string
  updated_at: Date | string
}

/** A category as its readers get it. */
export function presentCategory(row: CategoryRow): Category {
  return {
    id: row.id,
    version: row.version,
    slug: row.slug,
    name: row.name,
    description: row.description,
    position: row.position,
    parent: reference(row.parent_id, row.parent_slug, row.parent_name),
    createdAt: rfc3339(row.created_at),
    updatedAt: rfc3339(row.updated_at),
  }
}
