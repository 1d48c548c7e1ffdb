import { z } from 'zod'
import { Id, IdOrSlug, Instant, Language, Reference } from '../fields.ts'
import { pageOf } from '../http/paging.ts'
import { choice, count, cursor, ids, limit, list } from '../http/parameters.ts'
import { FORMATS } from '../syndication/formats.ts'
import { text } from '../text.ts'

const Format = z.enum(FORMATS)

const distinct = (values: readonly unknown[]) => new Set(values).size === values.length
const twice = 'must not name one twice'
/** What an entitlement says of one thing: all of it, or only these. */
const only = <T extends z.ZodType>(item: T, most: number, description: string) =>
  z.array(item).min(1).max(most).refine(distinct, twice).nullable().meta({ description })

const fields = {
  name: text(200, 1),
  contact: text(500).nullable().meta({ description: 'Whom to call, in words.' }),
  languages: only(Language, 50, 'Only these languages (`en` is any English); null: all.'),
  formats: only(Format, FORMATS.length, 'Only these formats besides JSON; null: all.'),
  earlyAccess: z.boolean().meta({
    description:
      'Whether a key of it with the scope `embargo:read` reads what is under embargo, from its schedule on.',
  }),
  rateLimit: z
    .int()
    .min(1)
    .max(1_000_000)
    .nullable()
    .meta({ description: 'Requests a minute of all its keys together; null: as for everybody.' }),
}

/** A partner, as an administrator sees it. */
export const Partner = z
  .object({
    id: Id,
    version: z.int(),
    ...fields,
    categories: z
      .object({ allowed: z.array(Reference).nullable(), excluded: z.array(Reference) })
      .meta({
        id: 'EntitledCategories',
        description: 'Each with all below it; `allowed` null: all. What is excluded counts first.',
      }),
    endedAt: Instant.nullable().meta({ description: 'Since when it is none any more.' }),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .partial()
  .required({ id: true })
  .meta({ id: 'Partner', description: 'Who syndicates, and what it may have.' })
export type Partner = z.infer<typeof Partner>

const categories = {
  allowed: only(IdOrSlug, 200, 'Ids or slugs; null: all.'),
  excluded: z
    .array(IdOrSlug)
    .max(200)
    .refine(distinct, twice)
    .meta({ description: 'Ids or slugs.' }),
}

/** A partner, as it is made: entitled to everything public unless it is said otherwise. */
export const PartnerCreate = z
  .strictObject({ ...fields, categories: z.strictObject(categories).partial() })
  .partial()
  .required({ name: true })
  .meta({ id: 'PartnerCreate', description: 'A new partner.' })
export type PartnerCreate = z.infer<typeof PartnerCreate>

/** A JSON merge patch (RFC 7396) of a partner; lists are replaced whole. */
export const PartnerPatch = z
  .strictObject({
    ...fields,
    categories: z
      .strictObject({ ...categories, excluded: categories.excluded.nullable() })
      .partial(),
  })
  .partial()
  .meta({
    id: 'PartnerPatch',
    description: 'A JSON merge patch: absent members stay, null lifts, lists are replaced whole.',
  })
export type PartnerPatch = z.infer<typeof PartnerPatch>

export const PARTNER_FIELDS = Partner.keyof().options
export const PARTNER_SORTS = ['name', '-name', 'createdAt', '-createdAt'] as const
const fieldsParameter = list(PARTNER_FIELDS, 'Only these members; `id` always comes.', ['name'])
export const PartnerQuery = z.strictObject({ fields: fieldsParameter })
export type PartnerQuery = z.infer<typeof PartnerQuery>
export const PartnerListQuery = z.strictObject({
  ids,
  sort: choice(PARTNER_SORTS, 'name', 'The order.'),
  fields: fieldsParameter,
  limit,
  cursor,
  count,
})
export type PartnerListQuery = z.infer<typeof PartnerListQuery>
export const PartnerPage = pageOf(Partner, 'PartnerPage')
export const PartnerParams = z.object({ id: Id })

/** What decides whether a partner has an article, each rule by itself. */
export const ACCESS_RULES = [
  'partner',
  'published',
  'schedule',
  'embargo',
  'expiry',
  'language',
  'allowedCategories',
  'excludedCategories',
  'formats',
] as const

export const Access = z
  .object({
    access: z.boolean().meta({ description: 'Whether the partner can read the article now.' }),
    rule: z
      .enum(ACCESS_RULES)
      .nullable()
      .meta({ description: 'The first rule that denies it; null where none does.' }),
    rules: z.array(
      z.object({
        rule: z.enum(ACCESS_RULES),
        passes: z.boolean(),
        detail: z.string().meta({ description: 'Why, in words.' }),
      }),
    ),
  })
  .meta({ id: 'Access', description: 'Which rules allow or deny a partner an article.' })
export type Access = z.infer<typeof Access>

export const AccessQuery = z.strictObject({
  partner: Id.meta({ description: 'The partner, by id.' }),
})
