import { z } from 'zod'
import { Body, BodyInput } from '../body/schema.ts'
import { Category } from '../categories/schema.ts'
import { CORRECTION_KINDS, Correction } from '../corrections/schema.ts'
import { HttpUrl, Id, IdOrSlug, Instant, InstantInput, Language, Slug } from '../fields.ts'
import { PageMeta, pageOf } from '../http/paging.ts'
import { Quote, QuoteInArticle } from '../quotes/schema.ts'
import { didYouMean, NamedCount, ValueCount } from '../search/schema.ts'
import { Source } from '../sources/schema.ts'
import { text } from '../text.ts'

export const STATUSES = ['draft', 'published', 'unpublished', 'killed'] as const

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
    embargoUntil: Instant.nullable().meta({
      description:
        'To editors: not visible before. To partners: until when it is under embargo, else null.',
    }),
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
