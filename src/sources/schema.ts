import { z } from 'zod'
import { HttpUrl, Id, IdOrSlug, Instant, Reference, Slug } from '../fields.ts'
import { PageMeta, pageOf } from '../http/paging.ts'
import {
  choice,
  count,
  cursor,
  filter,
  ids,
  limit,
  list,
  needsWords,
  q,
} from '../http/parameters.ts'
import { didYouMean, FACET_VALUES, NamedCount, ValueCount } from '../search/schema.ts'
import { text } from '../text.ts'

export const SOURCE_KINDS = [
  'person',
  'organization',
  'publication',
  'document',
  'anonymous',
] as const
export const SourceKind = z.enum(SOURCE_KINDS).meta({
  description: '`anonymous`: the name is the public label only; no field can hold an identity.',
})

const fields = {
  kind: SourceKind,
  name: text(300, 1).meta({ description: 'For an anonymous source: the label readers see.' }),
  title: text(300).nullable().meta({ description: 'Office or profession, as printed.' }),
  url: HttpUrl.nullable(),
  description: text(5000).nullable(),
  sameAs: z
    .array(HttpUrl)
    .max(50)
    .meta({ description: 'The same one elsewhere: Wikidata, ISNI, a web site.' }),
}

/** A source, as it is read. */
export const Source = z
  .object({
    id: Id,
    version: z.int(),
    slug: Slug,
    ...fields,
    organization: Reference.nullable().meta({ description: 'The organisation it belongs to.' }),
    quoteCount: z.int().meta({
      description: 'With `include=counts`: how many quotes of it the caller can see.',
    }),
    articleCount: z.int().meta({
      description:
        'With `include=counts`: how many articles that the caller can see name or quote it.',
    }),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .partial()
  .required({ id: true })
  .meta({
    id: 'Source',
    description: 'Who or what a story relies on. Members not asked for with `fields` are absent.',
  })
export type Source = z.infer<typeof Source>

const organization = IdOrSlug.nullable().meta({
  description: 'Id or slug of a source of kind organization or publication.',
})

/** A source, as it is created. */
export const SourceCreate = z
  .strictObject({ slug: Slug.optional(), ...fields, organization })
  .partial()
  .required({ kind: true, name: true })
  .meta({ id: 'SourceCreate', description: 'A new source.' })
export type SourceCreate = z.infer<typeof SourceCreate>

/** A JSON merge patch (RFC 7396) of a source: null empties a member. */
export const SourcePatch = z
  .strictObject({ slug: Slug, ...fields, organization })
  .extend({ sameAs: fields.sameAs.nullable() })
  .partial()
  .meta({
    id: 'SourcePatch',
    description: 'A JSON merge patch: absent members stay, null empties.',
  })
export type SourcePatch = z.infer<typeof SourcePatch>

export const SOURCE_FIELDS = Source.keyof().exclude(['quoteCount', 'articleCount']).options
export const SOURCE_SORTS = [
  'name',
  '-name',
  '-quoteCount',
  '-createdAt',
  'createdAt',
  'relevance',
] as const

const fieldsParameter = list(SOURCE_FIELDS, 'Only these members; `id` always comes.', [
  'name',
  'title',
])
const include = list(['counts'], '`counts`: how many quotes and articles.', ['counts'])
export const SOURCE_FACETS = ['kind', 'organization'] as const
export const SourceQuery = z.strictObject({ fields: fieldsParameter, include })
export type SourceQuery = z.infer<typeof SourceQuery>
export const SourceListQuery = z
  .strictObject({
    q: q.meta({
      description:
        'Part of the name, or nearly it: `mad` and `madruo` find Maduro. With quotation marks, `or` or `-not`: whole words, in web-search syntax.',
      param: { example: 'quil' },
    }),
    ids,
    kind: filter('Of these kinds.', 'person', SOURCE_KINDS),
    organization: filter(
      'Belonging to these organisations (id or slug).',
      'marlhythe-town-council',
    ),
    sort: choice(
      SOURCE_SORTS,
      'name',
      'The order. `-quoteCount` is the most quoted first, by the quotes that the caller can see; `relevance` needs `q`.',
    ),
    facets: list(
      SOURCE_FACETS,
      `\`meta.facets\` counts the sources on all pages by these: the ${FACET_VALUES} most frequent values.`,
      ['kind'],
    ),
    fields: fieldsParameter,
    include,
    limit,
    cursor,
    count,
  })
  .superRefine(needsWords)
export type SourceListQuery = z.infer<typeof SourceListQuery>

export const SourceFacets = z
  .object({ kind: z.array(ValueCount), organization: z.array(NamedCount) })
  .partial()
  .meta({ id: 'SourceFacets', description: 'Counts of the whole result, by what was asked for.' })
export type SourceFacets = z.infer<typeof SourceFacets>

export const SourcePage = pageOf(
  Source,
  'SourcePage',
  PageMeta.extend({ facets: SourceFacets, didYouMean })
    .partial()
    .meta({ id: 'SourcePageMeta', description: 'What was asked for beside the sources.' }),
)
