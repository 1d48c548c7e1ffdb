import { reference, rfc3339 } from '../fields.ts'
import type { Category, CategoryNode } from './schema.ts'

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
  article_count?: number
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

/** The count that was asked for with a category. */
export function presentCount({ article_count }: CategoryRow): Partial<Category> {
  return article_count === undefined ? {} : { articleCount: article_count }
}

/**
 * Rows, siblings in their order, as trees: each below its parent where that is among them, the
 * others on top.
 */
export function presentTree(
  rows: readonly CategoryRow[],
  present: (row: CategoryRow) => Category,
): CategoryNode[] {
  const nodes = new Map(
    rows.map((row) => [row.id, { ...present(row), children: [] as CategoryNode[] }]),
  )
  const top: CategoryNode[] = []
  for (const row of rows) {
    const node = nodes.get(row.id)
    const parent = row.parent_id === null ? undefined : nodes.get(row.parent_id)
    if (node) (parent?.children ?? top).push(node)
  }
  return top
}
