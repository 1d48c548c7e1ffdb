import { z } from 'zod'

/**
 * The one rule for text, in every field and parameter: it is refused or kept exactly.
 * PostgreSQL cannot store NUL, and a lone surrogate does not survive UTF-8, so both are refused;
 * nothing is trimmed or normalised.
 */
const NUL = '\u0000'

/** Length in Unicode code points, the unit of every limit and offset here. */
export function codePoints(value: string): number {
  let count = 0
  for (const _ of value) count++
  return count
}

/**
 * A zod schema for text of `min` to `max` code points.
 * JSON Schema counts string length in characters (RFC 8259), that is in code points too,
 * so the published limits are the enforced ones.
 */
export function text(max: number, min = 0) {
  return z
    .string()
    .superRefine((value, ctx) => {
      if (!value.isWellFormed()) {
        ctx.addIssue({ code: 'custom', message: 'is not well-formed Unicode (lone surrogate)' })
      } else if (value.includes(NUL)) {
        ctx.addIssue({ code: 'custom', message: 'must not contain NUL (U+0000)' })
      }
      // UTF-16 units bound code points from above, so short text is never counted.
      if (value.length > max && codePoints(value) > max) {
        ctx.addIssue({ code: 'custom', message: `must have at most ${max} characters` })
      }
      if (value.length < min * 2 && codePoints(value) < min) {
        const message = min === 1 ? 'must not be empty' : `must have at least ${min} characters`
        ctx.addIssue({ code: 'custom', message })
      }
    })
    .meta(min > 0 ? { minLength: min, maxLength: max } : { maxLength: max })
}
