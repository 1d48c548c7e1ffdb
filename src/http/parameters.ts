import { z } from 'zod'
import { text } from '../text.ts'

/*
 * The building blocks of query parameters. They take the string as it came and give the value the
 * queries want; what they document is the string's form.
 */

/** in a filter a comma is "any of" and a leading `-` is "none of". */
export type Filter = { any: string[]; none: string[] }

const MAX_ITEMS = 100

function items(value: string, ctx: z.RefinementCtx): string[] {
  const found = value.split(',')
  if (found.length > MAX_ITEMS) {
    ctx.addIssue({ code: 'custom', message: `must name at most ${MAX_ITEMS} values` })
    return []
  }
  for (const item of found) {
    if (item === '' || item === '-') {
      ctx.addIssue({ code: 'custom', message: 'must not hold an empty value' })
    }
  }
  if (new Set(found).size < found.length) {
    ctx.addIssue({ code: 'custom', message: 'must not name a value twice' })
  }
  return found
}

/** `a,b` any of these; `-a` none of these. Values are ids or slugs, or one of `allowed`. */
export function filter(description: string, example: string, allowed?: readonly string[]) {
  return text(4000, 1)
    .transform((value, ctx): Filter => {
      const found = items(value, ctx)
      const none = found.filter((item) => item.startsWith('-')).map((item) => item.slice(1))
      const any = found.filter((item) => !item.startsWith('-'))
      for (const item of [...any, ...none]) {
        if (allowed && item !== '' && !allowed.includes(item)) {
          ctx.addIssue({ code: 'custom', message: notAllowed(item, allowed) })
        }
      }
      for (const item of any.filter((value) => none.includes(value))) {
        ctx.addIssue({ code: 'custom', message: `asks for ${item} and for none of it` })
      }
      return { any, none }
    })
    .optional()
    .meta({
      description: `${description} A comma is "any of", a leading \`-\` "none of".${
        allowed ? ` Values: ${allowed.map((v) => `\`${v}\``).join(', ')}.` : ''
      }`,
      param: { example },
    })
}

/** A comma-separated list out of `allowed`, documented as an array without explode. */
export function list<const T extends string>(
  allowed: readonly T[],
  description: string,
  example: readonly NoInfer<T>[],
) {
  return text(4000, 1)
    .transform((value, ctx): T[] => {
      const found = items(value, ctx)
      for (const item of found) {
        if (item !== '' && !(allowed as readonly string[]).includes(item)) {
          ctx.addIssue({ code: 'custom', message: notAllowed(item, allowed) })
        }
      }
      return found as T[]
    })
    .optional()
    .meta({
      description,
      override: { type: 'array', items: { type: 'string', enum: [...allowed] }, minItems: 1 },
      param: { style: 'form', explode: false, example },
    })
}

/** One of `allowed`, with a default. */
export function choice<const T extends string>(
  allowed: readonly [T, ...T[]],
  fallback: NoInfer<T>,
  description: string,
) {
  return z
    .enum(allowed, { error: (issue) => notAllowed(String(issue.input), allowed) })
    .default(fallback)
    .meta({ description })
}

/** 1 to 100, 20 unless told. */
export const limit = z
  .string()
  .regex(/^[1-9]\d{0,2}$/, 'must be a whole number from 1 to 100')
  .transform(Number)
  .refine((n) => n <= 100, 'must be a whole number from 1 to 100')
  .default(20)
  .meta({
    description: 'How many at most.',
    override: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
  })

/**
 * The `next` of the page before. The longest is made of a headline of 300 control characters: 6 bytes
 * of JSON each, a third more in base64.
 */
export const cursor = text(4000, 1).optional().meta({
  description:
    'Where the page begins: `page.next` of the page before, with the same filters and sort.',
})

/** Web-search syntax: words, "a phrase", or, -not. */
export const q = text(500, 1)
  .refine((value) => /[\p{L}\p{N}]/u.test(value), 'must hold a word to look for')
  .optional()
  .meta({
    description:
      'Words to look for, in web-search syntax: all words, `"a phrase"`, `or`, `-not this`. Without regard to case and, where the language is known, to word endings.',
    param: { example: 'harbour' },
  })

function notAllowed(item: string, allowed: readonly string[]): string {
  return `does not know ${JSON.stringify(item.slice(0, 60))}; allowed are ${allowed.join(', ')}`
}
