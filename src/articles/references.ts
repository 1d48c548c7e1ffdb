import type { Writing } from '../db/client.ts'
import { findAddresses } from '../db/slugs.ts'
import { type Detail, unknownReferences } from '../errors.ts'
import type { ArticleCreate, ArticlePatch } from './schema.ts'

export type NamedSource = { id: string; role: string | null; note: string | null }
export type References = { categories: string[] | undefined; sources: NamedSource[] | undefined }

/** A name in the input, and where it stands. */
type Name = { name: string; pointer: string }

/**
 * The ids of the categories and sources an article names, undefined for a list that is not given.
 * Throws `unknown_reference` with all that do not exist, speakers of its quotes included, and all
 * categories and sources that are named twice.
 */
export async function findReferences(
  { tx }: Writing,
  input: ArticleCreate | ArticlePatch,
): Promise<References> {
  const reading = { db: tx, schema: 'editor' } as const
  const categories = input.categories?.map((name, i) => ({ name, pointer: `/categories/${i}` }))
  const sources = input.sources?.map((entry, i) =>
    typeof entry === 'string'
      ? { name: entry, pointer: `/sources/${i}` }
      : { name: entry.source, pointer: `/sources/${i}/source` },
  )
  const speakers = (input.quotes ?? []).flatMap(({ speaker }, i) =>
    speaker ? [{ name: speaker, pointer: `/quotes/${i}/speaker` }] : [],
  )
  const find = (kind: 'category' | 'source', names: Name[]) =>
    findAddresses(reading, kind, [...new Set(names.map(({ name }) => name))])
  const categoryIds = await find('category', categories ?? [])
  const sourceIds = await find('source', [...(sources ?? []), ...speakers])
  const faults: Detail[] = []
  const resolve = (kind: string, names: Name[], ids: typeof categoryIds) => {
    const seen = new Set<string>()
    return names.map(({ name, pointer }) => {
      const id = ids.get(name)?.id
      if (id === undefined) faults.push({ pointer, message: `There is no ${kind} ${name}.` })
      else if (seen.has(id))
        faults.push({ pointer, message: `The ${kind} ${name} is named twice.` })
      if (id !== undefined) seen.add(id)
      return id ?? ''
    })
  }
  const inCategories = categories && resolve('category', categories, categoryIds)
  const named = sources && resolve('source', sources, sourceIds)
  // quotes/speakers.ts resolves and locks them; here they are only told with the rest.
  for (const { name, pointer } of speakers) {
    if (!sourceIds.has(name)) faults.push({ pointer, message: `There is no source ${name}.` })
  }
  if (faults.length > 0) throw unknownReferences(faults)
  return {
    categories: inCategories,
    sources: named?.map((id, i) => {
      const entry = input.sources?.[i]
      const { role = null, note = null } = typeof entry === 'object' ? entry : {}
      return { id, role, note }
    }),
  }
}
