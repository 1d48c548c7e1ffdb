import { z } from 'zod'
import { Id, Instant } from '../fields.ts'

export const CORRECTION_KINDS = ['correction', 'clarification', 'update', 'retraction'] as const

/** A correction, as it is read. */
export const Correction = z
  .object({
    id: Id,
    kind: z.enum(CORRECTION_KINDS),
    text: z.string(),
    at: Instant,
    fromVersion: z.int().meta({ description: 'The version that was wrong.' }),
    toVersion: z.int().meta({ description: 'The version that is right.' }),
    block: z.string().nullable().meta({ description: 'The `_key` of the block it concerns.' }),
    quote: z.string().nullable().meta({ description: 'The id of the quote it concerns.' }),
  })
  // `fields[corrections]` leaves some out.
  .partial()
  .required({ id: true })
  .meta({ id: 'Correction', description: 'What was wrong and is set right, or what is added.' })
export type Correction = z.infer<typeof Correction>

export const CORRECTION_FIELDS = Correction.keyof().options
