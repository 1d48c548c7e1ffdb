import type { Writing } from '../db/client.ts'
import { findAddresses } from '../db/slugs.ts'
import { type Detail, unknownReferences } from '../errors.ts'
import type { ArticleCreate, ArticlePatch } from './schema.ts'

export type NamedSource = { id: string; role: string | null; note: string | null }
export type References = { categories: string[] | undefined; sources: NamedSource[] | undefined }

/**
 * The ids of the categories and sources an article names, undefined for a list that is not given.
 * Throws `unknown_reference` with all that do not exist, and all that are named twice.
 */
export async function findReferences(
  { tx }: Writing,
  input: ArticleCreate | ArticlePatch,
): Promise<References> {
  const reading = { db: tx, schema: 'editor' } as const
  const sources = input.sources?.map((entry) =>
    typeof entry === 'string' ? { source: entry } : entry,
  )
  const categoryIds = await findAddresses(reading, 'category', input.categories ?? [])
  const sourceIds = await findAddresses(reading, 'source', sources?.map((s) => s.source) ?? [])
  const faults: Detail[] = []
  const resolve = (kind: string, list: string, names: string[], ids: typeof categoryIds) => {
    const seen = new Set<string>()
    return names.map((name, i) => {
      const id = ids.get(name)?.id
      const pointer = `/${list}/${i}`
      if (id === undefined) faults.push({ pointer, message: `There is no ${kind} ${name}.` })
      else if (seen.has(id))
        faults.push({ pointer, message: `The ${kind} ${name} is named twice.` })
      if (id !== undefined) seen.add(id)
      return id ?? ''
    })
  }
  const categories =
    input.categories && resolve('category', 'categories', input.categories, categoryIds)
  const named =
    sources &&
    resolve(
      'source',
      'sources',
      sources.map((s) => s.source),
      sourceIds,
    )
  if (faults.length > 0) throw unknownReferences(faults)
  return {
    categories,
    sources: named?.map((id, i) => ({
      id,
      role: sources?.[i]?.role ?? null,
      note: sources?.[i]?.note ?? null,
    })),
  }
}
