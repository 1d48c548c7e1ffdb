import { z } from 'zod'
import { Body, BodyInput } from '../body/schema.ts'
import { CATEGORY_FIELDS, Category } from '../categories/schema.ts'
import { CORRECTION_FIELDS, CORRECTION_KINDS, Correction } from '../corrections/schema.ts'
import { HttpUrl, Id, IdOrSlug, Instant, InstantInput, Language, Slug } from '../fields.ts'
import { PageMeta, pageOf } from '../http/paging.ts'
import {
  choice,
  count,
  cursor,
  fieldsOfIncluded,
  filter,
  flag,
  ids,
  instant,
  limit,
  list,
  needsWords,
  q,
  windows,
} from '../http/parameters.ts'
import { QUOTE_FIELDS, Quote, QuoteInArticle } from '../quotes/schema.ts'
import { didYouMean, FACET_VALUES, NamedCount, ValueCount } from '../search/schema.ts'
import { SOURCE_FIELDS, Source } from '../sources/schema.ts'
import { text } from '../text.ts'

const STATUSES = ['draft', 'published', 'unpublished', 'killed'] as const

export const LeadImage = z
  .strictObject({
    url: HttpUrl,
    alt: text(1000).optional(),
    caption: text(2000).optional(),
    credit: text(300).optional(),
    width: z.int().min(1).max(100_000).optional(),
    height: z.int().min(1).max(100_000).optional(),
  })
  .meta({ id: 'LeadImage', description: 'The image that stands for the article.' })
export type LeadImage = z.infer<typeof LeadImage>

export const Origin = z
  .strictObject({ system: text(100, 1), id: text(500, 1), url: HttpUrl.optional() })
  .meta({
    id: 'Origin',
    description:
      'Where an imported article came from; unique, so that importing again changes nothing.',
  })

const content = {
  headline: text(300).nullable(),
  summary: text(3000).nullable(),
  byline: text(300).nullable(),
  leadImage: LeadImage.nullable(),
}

/** A source as an article names it. */
export const SourceOfArticle = Source.extend({
  role: z
    .string()
    .nullable()
    .optional()
    .meta({ description: 'What it is to the story: interviewee, document, ...' }),
  note: z.string().nullable().optional(),
}).meta({ id: 'SourceOfArticle', description: 'A source, with its role in the article.' })

/** What a story stands beside: an article like it, in short. */
export const RelatedArticle = z
  .object({
    id: Id,
    slug: Slug,
    url: z.string(),
    headline: z.string().nullable(),
    summary: z.string().nullable(),
    publishedAt: Instant.nullable(),
  })
  .partial()
  .required({ id: true })
  .meta({ id: 'RelatedArticle', description: 'An article that is like another one, in short.' })
export type RelatedArticle = z.infer<typeof RelatedArticle>

const html = (what: string) =>
  `${what}, as HTML: escaped, and what was found within \`<mark>\`. Absent where nothing was found.`

export const Highlight = z
  .object({
    headline: z.string().meta({ description: html('The headline') }),
    summary: z.string().meta({ description: html('The summary') }),
    body: z.array(z.string()).meta({ description: html('At most three fragments of the body') }),
  })
  .partial()
  .meta({ id: 'Highlight', description: 'Where the words of `q` stand.' })
export type Highlight = z.infer<typeof Highlight>

/** An article, as it is read. */
export const Article = z
  .object({
    id: Id,
    version: z.int(),
    slug: Slug,
    url: z.string().meta({ description: 'Its page, after ARTICLE_URL.' }),
    ...content,
    language: z.string().meta({ description: 'BCP 47.' }),
    body: Body,
    origin: Origin.nullable(),
    publishedAt: Instant.nullable().meta({ description: 'The date shown and sorted by.' }),
    updatedAt: Instant.meta({
      description: 'For readers never earlier than when it became visible.',
    }),
    status: z.enum(STATUSES).meta({ description: 'To editors.' }),
    publishAt: Instant.nullable().meta({ description: 'To editors: visible from.' }),
    embargoUntil: Instant.nullable().meta({ description: 'To editors: not visible before.' }),
    expiresAt: Instant.nullable().meta({ description: 'To editors: visible until.' }),
    createdAt: Instant.meta({ description: 'To editors.' }),
    categories: z
      .array(Category)
      .meta({ description: 'With `include=categories`; the first is the primary one.' }),
    sources: z.array(SourceOfArticle).meta({ description: 'With `include=sources`.' }),
    quotes: z.array(Quote).meta({ description: 'With `include=quotes`.' }),
    corrections: z.array(Correction).meta({ description: 'With `include=corrections`.' }),
    related: z
      .array(RelatedArticle)
      .meta({ description: 'With `include=related`: at most five, the most like it first.' }),
    highlight: Highlight.meta({ description: 'With `highlight=true`.' }),
  })
  .partial()
  .required({ id: true })
  .meta({
    id: 'Article',
    description: 'A story. Members not asked for with `fields`, `include` or `body` are absent.',
  })
export type Article = z.infer<typeof Article>

const SourceName = z.union([
  IdOrSlug,
  z.strictObject({
    source: IdOrSlug,
    role: text(80).nullable().optional(),
    note: text(1000).nullable().optional(),
  }),
])

const inputs = {
  ...content,
  language: Language,
  body: BodyInput.nullable(),
  categories: z
    .array(IdOrSlug)
    .max(50)
    .meta({ description: 'Ids or slugs in order; the first is the primary one.' }),
  sources: z
    .array(SourceName)
    .max(200)
    .meta({ description: 'Ids or slugs in order, or objects that add role and note.' }),
  quotes: z.array(QuoteInArticle).max(500).meta({
    description: 'In order: with `id` keep or change, without add, missing remove.',
  }),
}

/** An article, as it is created: a draft, which may lack anything. */
export const ArticleCreate = z
  .strictObject({ slug: Slug, ...inputs, origin: Origin })
  .partial()
  .meta({ id: 'ArticleCreate', description: 'A new draft; anything may be missing yet.' })
export type ArticleCreate = z.infer<typeof ArticleCreate>

/** A JSON merge patch (RFC 7396) of an article. A body, and each list, is replaced whole. */
export const ArticlePatch = z
  .strictObject({ slug: Slug, ...inputs })
  .extend({
    // A merge patch reaches into objects: one member of the image can be changed, or emptied.
    leadImage: z
      .strictObject({
        url: HttpUrl.optional(),
        alt: text(1000).nullable().optional(),
        caption: text(2000).nullable().optional(),
        credit: text(300).nullable().optional(),
        width: z.int().min(1).max(100_000).nullable().optional(),
        height: z.int().min(1).max(100_000).nullable().optional(),
      })
      .nullable(),
  })
  .partial()
  .meta({
    id: 'ArticlePatch',
    description:
      'A JSON merge patch: absent members stay, null empties, lists and the body are replaced whole.',
  })
export type ArticlePatch = z.infer<typeof ArticlePatch>

/** A correction, and in the same call the changes that it describes. */
export const CorrectionCreate = z
  .strictObject({
    kind: z.enum(CORRECTION_KINDS),
    text: text(5000, 1).refine((value) => value.trim() !== '', 'must not be blank'),
    block: z
      .string()
      .max(64)
      .optional()
      .meta({ description: 'The `_key` of the block it concerns.' }),
    quote: Id.optional().meta({ description: 'The quote of the article it concerns.' }),
    changes: ArticlePatch.optional(),
  })
  .meta({ id: 'CorrectionCreate', description: 'A correction, and the changes that it describes.' })
export type CorrectionCreate = z.infer<typeof CorrectionCreate>

/** When an article is to be visible. */
export const Publication = z
  .strictObject({
    at: InstantInput.optional().meta({
      description: 'Visible from; now unless given. Must not be past.',
    }),
    embargoUntil: InstantInput.nullable()
      .optional()
      .meta({ description: 'Not visible before; null lifts it.' }),
    expiresAt: InstantInput.nullable()
      .optional()
      .meta({ description: 'Visible until; null lifts it.' }),
    publishedAt: InstantInput.optional().meta({
      description:
        'The date shown and sorted by; may be past. Otherwise the first instant of visibility.',
    }),
  })
  .meta({ id: 'Publication', description: 'When the article is to be visible.' })
export type Publication = z.infer<typeof Publication>

/** Why an article is taken back or revived, for editors. */
export const Unpublication = z
  .strictObject({ reason: text(2000, 1).optional().meta({ description: 'For editors.' }) })
  .meta({ id: 'Unpublication', description: 'Why, for editors.' })
export type Unpublication = z.infer<typeof Unpublication>

const told = (max: number) =>
  text(max, 1).refine((value) => value.trim() !== '', 'must not be blank')

export const Kill = z
  .strictObject({
    reason: told(2000).meta({ description: 'For editors.' }),
    notice: told(2000).meta({ description: 'What the public is told.' }),
    legal: z.boolean().optional().meta({ description: 'Removed for legal reasons: 451.' }),
  })
  .meta({ id: 'Kill', description: 'Why an article is killed, and what the public is told.' })
export type Kill = z.infer<typeof Kill>

export const BODY_FORMATS = ['html', 'text', 'markdown', 'blocks', 'none'] as const
const KEPT_INCLUDES = ['categories', 'sources', 'quotes', 'corrections'] as const
export const INCLUDES = [...KEPT_INCLUDES, 'related'] as const
const SOURCE_OF_ARTICLE_FIELDS = [...SOURCE_FIELDS, 'role', 'note'] as const
const RELATED_FIELDS = ['id', 'slug', 'url', 'headline', 'summary', 'publishedAt'] as const
export const EDITOR_FIELDS = [
  'status',
  'publishAt',
  'embargoUntil',
  'expiresAt',
  'createdAt',
] as const
export const ARTICLE_FIELDS = [
  'id',
  'version',
  'slug',
  'url',
  'headline',
  'summary',
  'byline',
  'language',
  'leadImage',
  'body',
  'origin',
  'publishedAt',
  'updatedAt',
  ...EDITOR_FIELDS,
] as const
export const ARTICLE_SORTS = [
  '-publishedAt',
  'publishedAt',
  '-updatedAt',
  'headline',
  'relevance',
] as const
export const FACETS = ['category', 'source', 'speaker', 'language', 'month'] as const
/** Of more matches than these the newest are ranked by relevance: each costs 8 to 9 µs in memory. */
export const RANKED = 5000
/** What an editor can ask for as `status`: the statuses, and the times read as such. */
export const STATUS_FILTERS = [...STATUSES, 'scheduled', 'embargoed', 'expired'] as const

const body = list(BODY_FORMATS, 'The body in these formats; `none` leaves it out.', [
  'html',
  'text',
]).refine(
  (formats) => !formats?.includes('none') || formats.length === 1,
  'must not ask for none and for a format',
)
const of = (kind: string) => `Only these members of included ${kind}; \`id\` always comes.`
const shape = {
  include: list(
    INCLUDES,
    'Whole objects in place. `related`: at most five articles that share categories or sources, those first that share most and whose headline and summary are most alike.',
    ['quotes', 'sources'],
  ),
  'fields[categories]': list(CATEGORY_FIELDS, of('categories'), ['name', 'slug']),
  'fields[sources]': list(SOURCE_OF_ARTICLE_FIELDS, of('sources'), ['name', 'role']),
  'fields[quotes]': list(QUOTE_FIELDS, of('quotes'), ['text', 'speaker']),
  'fields[corrections]': list(CORRECTION_FIELDS, of('corrections'), ['text', 'at']),
  'fields[related]': list(RELATED_FIELDS, of('related articles'), ['headline', 'url']),
  fields: list(
    ARTICLE_FIELDS,
    `Only these members; \`id\` and what is included always come. ${EDITOR_FIELDS.map((f) => `\`${f}\``).join(', ')} are for editors.`,
    ['headline', 'summary', 'publishedAt'],
  ),
}
const ItemQuery = z.strictObject({
  ...shape,
  body: body.meta({
    description: 'The body in these formats, `html` unless told; `none` leaves it out.',
  }),
})
export const ArticleQuery = ItemQuery.superRefine(fieldsOfIncluded)
export type ArticleQuery = z.infer<typeof ArticleQuery>

/** What a write that changes an article's text can say beside it. */
export const ArticleWriteQuery = ItemQuery.extend({
  onQuoteChange: choice(
    ['refuse', 'mark'],
    'refuse',
    'When verified quotes would break: refuse with 409 `quote_altered`, or save and mark them.',
  ),
  reason: text(2000, 1)
    .optional()
    .meta({ description: 'Why, for editors: kept with the revision.' }),
}).superRefine(fieldsOfIncluded)
export type ArticleWriteQuery = z.infer<typeof ArticleWriteQuery>

/** How a revision is shown: to which others an article was alike then is not kept. */
export const KeptQuery = ItemQuery.omit({ 'fields[related]': true })
  .extend({
    include: list(KEPT_INCLUDES, 'Whole objects in place, as they were.', ['quotes', 'sources']),
  })
  .superRefine(fieldsOfIncluded)

export const RevisionQuery = ItemQuery.extend({
  asOf: InstantInput.optional().meta({ description: 'For editors: as it was at this instant.' }),
}).superRefine((query, ctx) => {
  fieldsOfIncluded(query, ctx)
  if (query.asOf === undefined || !query.include?.includes('related')) return
  const message = 'must not ask for related with asOf: it is not kept with what an article was'
  ctx.addIssue({ code: 'custom', path: ['include'], message })
})
export type RevisionQuery = z.infer<typeof RevisionQuery>

export const ArticleListQuery = z
  .strictObject({
    q,
    highlight: flag(
      'With `q`: each article has `highlight`, safe HTML in which what was found stands within `<mark>`.',
    ),
    category: filter('In these categories (id or slug), or below them.', 'harbour'),
    source: filter('Naming these sources (id or slug).', 'marlhythe-harbour-trust'),
    speaker: filter('With a quote of these speakers (id or slug).', 'delphine-orrock'),
    language: filter('In these languages; `en` is any English.', 'en'),
    ids,
    publishedAfter: instant('Published at this instant or later.', '2026-05-01T00:00:00Z'),
    publishedBefore: instant('Published before this instant.', '2026-06-01T00:00:00Z'),
    updatedAfter: instant('Updated at this instant or later.', '2026-05-01T00:00:00Z'),
    status: filter('For editors. Without it all but the killed.', 'draft', STATUS_FILTERS),
    sort: choice(
      ARTICLE_SORTS,
      '-publishedAt',
      `The order. \`relevance\` needs \`q\`: found in the headline comes before the summary, that before the body, the newer first where they are equal; of more than ${RANKED} matches the newest ${RANKED} are ranked.`,
    ),
    facets: list(
      FACETS,
      `\`meta.facets\` counts the articles on all pages by these: the ${FACET_VALUES} most frequent values (the ${FACET_VALUES} latest months). What is below a category, or a variant of a language, counts there too.`,
      ['category', 'month'],
    ),
    count,
    ...shape,
    body: body.meta({ description: 'The body in these formats; without it, none.' }),
    limit,
    cursor,
  })
  .superRefine((query, ctx) => {
    needsWords(query, ctx)
    fieldsOfIncluded(query, ctx)
    windows(query, ctx, [['publishedAfter', 'publishedBefore']])
  })
export type ArticleListQuery = z.infer<typeof ArticleListQuery>

export const ArticleFacets = z
  .object({
    category: z.array(NamedCount),
    source: z.array(NamedCount),
    speaker: z.array(NamedCount),
    language: z.array(ValueCount),
    month: z.array(ValueCount).meta({ description: 'Of `publishedAt` in UTC: `2026-05`.' }),
  })
  .partial()
  .meta({ id: 'ArticleFacets', description: 'Counts of the whole result, by what was asked for.' })
export type ArticleFacets = z.infer<typeof ArticleFacets>

export const ArticlePage = pageOf(
  Article,
  'ArticlePage',
  PageMeta.extend({
    facets: ArticleFacets,
    didYouMean,
  })
    .partial()
    .meta({ id: 'ArticlePageMeta', description: 'What was asked for beside the articles.' }),
)
