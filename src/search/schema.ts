import { z } from 'zod'
import { Id, Slug } from '../fields.ts'

/** How many values of a facet are told. */
export const FACET_VALUES = 50

const counted = { count: z.int() }
export const NamedCount = z
  .object({ id: Id, slug: Slug, name: z.string(), ...counted })
  .meta({ id: 'NamedCount', description: 'How many of the result name it.' })
export const ValueCount = z
  .object({ value: z.string(), ...counted })
  .meta({ id: 'ValueCount', description: 'How many of the result have the value.' })

/** What the `meta` of a search tells when nothing was found. */
export const didYouMean = z.string().meta({
  description: 'When `q` finds nothing: what was probably meant, which finds something.',
})
