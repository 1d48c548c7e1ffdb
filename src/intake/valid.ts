import type { z } from 'zod'
import { ruleBroken } from '../errors.ts'

/**
 * Input for a command, checked against the schema that the API checks it with. Throws `rule_broken`
 * with all faults; `what` says what the input is of.
 */
export function valid<T extends z.ZodType>(schema: T, what: string, input: unknown): z.output<T> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  throw ruleBroken(
    parsed.error.issues.map((issue) => ({
      pointer: issue.path.map((part) => `/${String(part)}`).join(''),
      message: `${what}: ${issue.path.join('.')} ${issue.message}.`,
    })),
  )
}
