import { z } from 'zod'
import { Body, BodyInput } from '../body/schema.ts'
import { Category } from '../categories/schema.ts'
import { CORRECTION_KINDS, Correction } from '../corrections/schema.ts'
import { HttpUrl, Id, IdOrSlug, Instant, InstantInput, Language, Slug } from '../fields.ts'
import { pageOf } from '../http/paging.ts'
import { choice, cursor, filter, limit, list, q } from '../http/parameters.ts'
import { Quote, QuoteInArticle } from '../quotes/schema.ts'
import { Source } from '../sources/schema.ts'
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
    .meta({ description: 'What it is to the story: interviewee, document, ...' }),
  note: z.string().nullable(),
}).meta({ id: 'SourceOfArticle', description: 'A source, with its role in the article.' })

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
export const INCLUDES = ['categories', 'sources', 'quotes', 'corrections'] as const
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
export const ARTICLE_SORTS = ['-publishedAt', 'publishedAt', '-updatedAt', 'headline'] as const
/** What an editor can ask for as `status`: the statuses, and the times read as such. */
export const STATUS_FILTERS = [...STATUSES, 'scheduled', 'embargoed', 'expired'] as const

const body = list(BODY_FORMATS, 'The body in these formats; `none` leaves it out.', [
  'html',
  'text',
]).refine(
  (formats) => !formats?.includes('none') || formats.length === 1,
  'must not ask for none and for a format',
)
const shape = {
  include: list(INCLUDES, 'Whole objects in place.', ['quotes', 'sources']),
  fields: list(
    ARTICLE_FIELDS,
    `Only these members; \`id\` and what is included always come. ${EDITOR_FIELDS.map((f) => `\`${f}\``).join(', ')} are for editors.`,
    ['headline', 'summary', 'publishedAt'],
  ),
}
export const ArticleQuery = z.strictObject({
  ...shape,
  body: body.meta({
    description: 'The body in these formats, `html` unless told; `none` leaves it out.',
  }),
})
export type ArticleQuery = z.infer<typeof ArticleQuery>

/** What a write that changes an article's text can say beside it. */
export const ArticleWriteQuery = ArticleQuery.extend({
  onQuoteChange: choice(
    ['refuse', 'mark'],
    'refuse',
    'When verified quotes would break: refuse with 409 `quote_altered`, or save and mark them.',
  ),
  reason: text(2000, 1)
    .optional()
    .meta({ description: 'Why, for editors: kept with the revision.' }),
})
export type ArticleWriteQuery = z.infer<typeof ArticleWriteQuery>

export const RevisionQuery = ArticleQuery.extend({
  asOf: InstantInput.optional().meta({ description: 'For editors: as it was at this instant.' }),
})
export type RevisionQuery = z.infer<typeof RevisionQuery>

export const ArticleListQuery = z.strictObject({
  q,
  category: filter('In these categories (id or slug), or below them.', 'harbour'),
  source: filter('Naming these sources (id or slug).', 'marlhythe-harbour-trust'),
  speaker: filter('With a quote of these speakers (id or slug).', 'delphine-orrock'),
  language: filter('In these languages; `en` is any English.', 'en'),
  status: filter('For editors. Without it all but the killed.', 'draft', STATUS_FILTERS),
  sort: choice(ARTICLE_SORTS, '-publishedAt', 'The order.'),
  ...shape,
  body: body.meta({ description: 'The body in these formats; without it, none.' }),
  limit,
  cursor,
})
export type ArticleListQuery = z.infer<typeof ArticleListQuery>
export const ArticlePage = pageOf(Article, 'ArticlePage')
