import { z } from 'zod'
import { text } from './text.ts'

/* The field types that several kinds of resource share. */

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export const Id = z.uuid().meta({ description: 'UUIDv7.' })

/** `[a-z0-9]+(-[a-z0-9]+)*`, at most 100 long, not shaped like a UUID. */
export const Slug = z
  .string()
  .max(100)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters and digits, joined by hyphens')
  .refine((value) => !UUID.test(value), 'must not look like a UUID')

/** How a body or a path names a resource: its id, or a slug it has or once had. */
export const IdOrSlug = z
  .string()
  .min(1, 'must not be empty')
  .max(100)
  .regex(/^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*$/, 'must be an id or a slug')
  .meta({ description: 'Id or slug.' })

/** A resource named in another: enough to show and to link it. */
export const Reference = z
  .object({ id: Id, slug: Slug, name: z.string() })
  .meta({ id: 'Reference', description: 'A source or category named by another resource.' })

/** An instant, as readers get it: RFC 3339 in UTC, to the millisecond. */
export const Instant = z.iso.datetime().meta({ examples: ['2026-05-04T06:30:00.000Z'] })

/** The years that RFC 3339 can write, in UTC too: an offset can lead out of them. */
const FIRST = Date.parse('0001-01-01T00:00:00Z')
const LAST = Date.parse('9999-12-31T23:59:59.999Z')

/**
 * An instant as writers give it: RFC 3339 with a zone (a time without one is refused: whose clock?).
 * Kept to the millisecond.
 */
export const InstantInput = z.iso
  .datetime({
    offset: true,
    error: 'must be an RFC 3339 time with a zone, such as 2026-05-04T08:30:00+02:00',
  })
  .refine(
    // What is no time at all has been told already.
    (value) => !(Date.parse(value) < FIRST || Date.parse(value) > LAST),
    'must lie in the years 0001 to 9999',
  )
  .meta({ examples: ['2026-05-04T08:30:00+02:00'] })

/** An absolute http or https URL. */
export const HttpUrl = text(2000, 1)
  .refine(
    (value) => /^https?:\/\//i.test(value) && URL.canParse(value),
    'must be an http or https URL',
  )
  .meta({ format: 'uri', examples: ['https://www.example.org/'] })

/** BCP 47, in canonical form: `pt-br` is kept as `pt-BR`. */
export const Language = z
  .string()
  .max(35)
  .transform((value, ctx) => {
    try {
      return Intl.getCanonicalLocales(value)[0] ?? value
    } catch {
      ctx.addIssue({
        code: 'custom',
        message: 'must be a BCP 47 language tag, such as en or pt-BR',
      })
      return value
    }
  })
  .meta({
    description: 'BCP 47.',
    override: { type: 'string', maxLength: 35, examples: ['en', 'pt-BR'] },
  })

/** What PostgreSQL or JSON gives for an instant, as RFC 3339. */
export function rfc3339(value: Date | string): string
export function rfc3339(value: Date | string | null): string | null
export function rfc3339(value: Date | string | null): string | null {
  if (value === null || value instanceof Date) return value?.toISOString() ?? null
  // In UTC, as the service's connections have it, only the form differs; parsing took a tenth of a list.
  const utc = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?\+00(?::00)?$/.exec(value)
  if (utc) return `${utc[1]}T${utc[2]}.${(utc[3] ?? '').padEnd(3, '0')}Z`
  // PostgreSQL's print, `0044-03-15 00:00:00+00`, made ISO: for other forms V8 guesses the century.
  return new Date(value.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')).toISOString()
}

/** Only these members of an object (`fields`), and always its id. */
export function pick<T extends { id: string }>(value: T, fields: readonly string[] | undefined) {
  if (!fields) return value
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => name === 'id' || fields.includes(name)),
  ) as T
}

/** What a left join brought, as a Reference; null when it brought nothing. */
export function reference(id: string | null, slug: string | null, name: string | null) {
  return id === null || slug === null || name === null ? null : { id, slug, name }
}
