import type { Leaf } from './queries.ts'
import type { CategoryNode } from './schema.ts'

/**
 * Categories, siblings in their order, as trees: each below its parent where that is among them, the
 * others on top. Pure.
 */
export function presentTree(leaves: readonly Leaf[]): CategoryNode[] {
  const nodes = new Map(
    leaves.map(({ id, category }) => [id, { ...category, children: [] as CategoryNode[] }]),
  )
  const top: CategoryNode[] = []
  for (const { id, parent_id } of leaves) {
    const node = nodes.get(id)
    const parent = parent_id === null ? undefined : nodes.get(parent_id)
    if (node) (parent?.children ?? top).push(node)
  }
  return top
}
