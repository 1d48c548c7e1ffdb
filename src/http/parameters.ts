import { z } from 'zod'
import { InstantInput, Language, UUID } from '../fields.ts'
import { didYouMean } from '../nearest.ts'
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

/** A filter by language: `en` is any English. What is no language tag at all finds nothing, ever. */
export function languages(description: string) {
  return filter(description, 'en').superRefine((asked, ctx) => {
    for (const tag of [...(asked?.any ?? []), ...(asked?.none ?? [])]) {
      if (tag === '' || Language.safeParse(tag).success) continue
      const message = `${JSON.stringify(tag.slice(0, 60))} is not a BCP 47 language tag, such as en or pt-BR`
      ctx.addIssue({ code: 'custom', message })
    }
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

/** Ids, 1 to 100 of them. */
export const ids = text(4000, 1)
  .transform((value, ctx): string[] => {
    const found = items(value, ctx)
    for (const item of found.filter((one) => one !== '' && !UUID.test(one))) {
      ctx.addIssue({ code: 'custom', message: `${JSON.stringify(item.slice(0, 60))} is not an id` })
    }
    return found
  })
  .optional()
  .meta({
    description: `Of these ids, at most ${MAX_ITEMS}; what is not there, or not visible, does not come.`,
    override: {
      type: 'array',
      // A pattern, since the page of the reference has no part for the format in a list.
      items: { type: 'string', pattern: UUID.source },
      minItems: 1,
      maxItems: MAX_ITEMS,
    },
    param: { style: 'form', explode: false, example: ['01990000-0000-7000-8000-000000000001'] },
  })

/** `true` or `false`. */
export function flag(description: string) {
  return z
    .string()
    .transform((value, ctx) => {
      if (value === 'true' || value === 'false') return value === 'true'
      ctx.addIssue({ code: 'custom', message: notAllowed(value, ['true', 'false']) })
      return z.NEVER
    })
    .optional()
    .meta({ description, override: { type: 'boolean' }, param: { example: true } })
}

/** An instant that bounds a window. */
export function instant(description: string, example: string) {
  return InstantInput.optional().meta({ description, param: { example } })
}

/** The instant that a window ends with must come after the one it begins with. */
export function windows(
  value: Readonly<Record<string, unknown>>,
  ctx: z.RefinementCtx,
  pairs: readonly (readonly [from: string, to: string])[],
): void {
  for (const [from, to] of pairs) {
    const [start, end] = [value[from], value[to]]
    if (typeof start !== 'string' || typeof end !== 'string') continue
    if (Date.parse(start) >= Date.parse(end)) {
      ctx.addIssue({ code: 'custom', path: [to], message: `must be later than ${from}` })
    }
  }
}

/** `fields[kind]` says something only where the kind is included. */
export function fieldsOfIncluded(
  value: Readonly<Record<string, unknown>>,
  ctx: z.RefinementCtx,
): void {
  const include = (value.include ?? []) as readonly string[]
  for (const name of Object.keys(value)) {
    const kind = /^fields\[(\w+)\]$/.exec(name)?.[1]
    if (kind === undefined || value[name] === undefined || include.includes(kind)) continue
    ctx.addIssue({
      code: 'custom',
      path: [name],
      message: `needs ${kind} to be included: add include=${kind}`,
    })
  }
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

/** `count=exact`: how many rows the list has on all its pages. */
export const count = z
  .enum(['exact'], { error: (issue) => notAllowed(String(issue.input), ['exact']) })
  .optional()
  .meta({
    description:
      '`exact`: `meta.count` says how many there are on all pages. Without a selective filter that takes as long as counting does.',
    param: { example: 'exact' },
  })

/** Web-search syntax: words, "a phrase", or, -not. */
export const q = text(500, 1)
  .refine((value) => /[\p{L}\p{N}]/u.test(value), 'must hold a word to look for')
  .optional()
  .meta({
    description:
      'Words to look for, in web-search syntax: all words, `"a phrase"`, `or`, `-not this`. Without regard to case and, where the language is known, to word endings. Words such as `the` are left out where the language has them; a query of nothing else finds nothing.',
    param: { example: 'harbour' },
  })

/** What makes sense only with words to look for. */
export function needsWords(
  query: { q?: string | undefined; sort: string; highlight?: boolean | undefined },
  ctx: z.RefinementCtx,
): void {
  if (query.q !== undefined) return
  const parts = { sort: query.sort === 'relevance', highlight: query.highlight !== undefined }
  for (const [name, given] of Object.entries(parts)) {
    if (!given) continue
    const message = `${name === 'sort' ? 'relevance ' : ''}needs words to look for: add q`
    ctx.addIssue({ code: 'custom', path: [name], message })
  }
}

function notAllowed(item: string, allowed: readonly string[]): string {
  return `does not know ${JSON.stringify(item.slice(0, 60))}; allowed are ${allowed.join(', ')}${didYouMean(item, allowed)}`
}
