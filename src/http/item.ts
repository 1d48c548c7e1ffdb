import { z } from 'zod'
import { IdOrSlug } from '../fields.ts'

/** `reassignTo` of DELETE: who takes the place of what is deleted. */
export const reassignment = (example: string) =>
  z.strictObject({
    reassignTo: IdOrSlug.optional().meta({
      description: 'Id or slug of the one that takes its place everywhere.',
      param: { example },
    }),
  })

/** The body of a verb that takes nothing. */
export const Nothing = z.strictObject({}).meta({ id: 'Nothing', description: 'An empty object.' })
