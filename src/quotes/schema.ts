import { z } from 'zod'
import { Correction } from '../corrections/schema.ts'
import { Id, IdOrSlug, Instant, InstantInput, Language, Slug } from '../fields.ts'
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
  languages,
  limit,
  list,
  needsWords,
  q,
  windows,
} from '../http/parameters.ts'
import { didYouMean, FACET_VALUES, NamedCount, ValueCount } from '../search/schema.ts'
import { SOURCE_FIELDS, Source } from '../sources/schema.ts'
import { text } from '../text.ts'

export const QUOTE_KINDS = ['direct', 'partial', 'paraphrase'] as const
export const QUOTE_STATES = ['suggested', 'verified', 'altered', 'ambiguous', 'orphaned'] as const

export const Span = z
  .strictObject({ start: z.int().min(0), end: z.int().min(1) })
  .meta({ id: 'Span', description: 'Code points of the plain text (`body=text`), end exclusive.' })

const kind = z
  .enum(QUOTE_KINDS)
  .meta({ description: '`partial`: a fragment; `paraphrase`: not verbatim, without spans.' })
const words = text(10_000, 1).meta({
  description:
    'Verbatim, without its quotation marks and without a comma that stands only because an attribution follows.',
})
const cue = text(500).nullable().meta({ description: 'The words that attribute it, as printed.' })
const occasion = text(500).nullable().meta({ description: 'Where it was said.' })
const spans = z.array(Span).max(20).meta({
  description: 'Where it stands; several when an attribution interrupts it, joined by one space.',
})

export const QuoteHighlight = z
  .object({
    text: z.string().meta({
      description:
        'The quote, as HTML: escaped, and what was found within `<mark>`. Absent where nothing was found.',
    }),
  })
  .partial()
  .meta({ id: 'QuoteHighlight', description: 'Where the words of `q` stand.' })
export type QuoteHighlight = z.infer<typeof QuoteHighlight>

/** A quote, as it is read. */
export const Quote = z
  .object({
    id: Id,
    version: z.int(),
    article: z.object({ id: Id, slug: Slug, headline: z.string().nullable() }).meta({
      id: 'ArticleReference',
      description: 'The article that prints it.',
    }),
    kind,
    text: words,
    language: z.string().nullable().meta({ description: 'BCP 47; null: that of the article.' }),
    original: z
      .object({ text: z.string(), language: z.string() })
      .nullable()
      .meta({ description: 'What was said, where the article prints a translation.' }),
    speaker: Source.nullable().meta({
      description: 'Id, slug and name; with `include=speaker` the whole source.',
    }),
    cue,
    saidAt: Instant.nullable(),
    occasion,
    state: z.enum(QUOTE_STATES).nullable().meta({
      description:
        '`verified`: the spans cut out exactly this text. `altered`: something close stands there. `ambiguous`: several equal candidates. `orphaned`: neither. `suggested`: found by a machine, seen by editors only. Null for a paraphrase: there are no words to verify.',
    }),
    spans,
    corrections: z.array(Correction).meta({ description: 'What was corrected of it.' }),
    highlight: QuoteHighlight.meta({ description: 'With `highlight=true`.' }),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .partial()
  .required({ id: true })
  .meta({
    id: 'Quote',
    description: 'What was said, tied to the characters of the article that prints it.',
  })
export type Quote = z.infer<typeof Quote>

const inputs = {
  kind: kind.optional(),
  text: words,
  speaker: IdOrSlug.nullable()
    .optional()
    .meta({ description: 'Id or slug of a source; not of a document.' }),
  cue: cue.optional(),
  saidAt: InstantInput.nullable().optional(),
  occasion: occasion.optional(),
  language: Language.nullable().optional(),
  original: z
    .strictObject({ text: text(10_000, 1), language: Language })
    .nullable()
    .optional()
    .meta({ description: 'What was said, where the article prints a translation.' }),
  spans: spans.min(1).optional().meta({ description: 'Without them the text is looked for.' }),
  suggested: z.literal(true).optional().meta({ description: 'Unseen by readers until confirmed.' }),
}

/** A quote as an article carries it: with `id` one that is there, without a new one. */
export const QuoteInArticle = z
  .strictObject({ id: Id.optional(), ...inputs, text: words.optional() })
  .refine((quote) => quote.id !== undefined || quote.text !== undefined, {
    path: ['text'],
    message: 'is needed for a new quote',
  })
  .meta({
    id: 'QuoteInArticle',
    description: 'A quote of the article: with `id` keep or change, without add.',
  })
export type QuoteInArticle = z.infer<typeof QuoteInArticle>

export const QuoteCreate = z
  .strictObject({
    article: IdOrSlug.meta({ description: 'Id or slug of the article that prints it.' }),
    ...inputs,
  })
  .meta({ id: 'QuoteCreate', description: 'A new quote of an article.' })
export type QuoteCreate = z.infer<typeof QuoteCreate>
export type QuoteInput = Omit<QuoteCreate, 'article'>

const { suggested: _, ...patchable } = inputs
export const QuotePatch = z
  .strictObject(patchable)
  .partial()
  .meta({ id: 'QuotePatch', description: 'A JSON merge patch: absent members stay, null empties.' })
export type QuotePatch = z.infer<typeof QuotePatch>

export const QUOTE_FIELDS = Quote.keyof().exclude(['highlight']).options
export const QUOTE_FACETS = ['speaker', 'category', 'kind', 'language', 'month'] as const
/** Of more matches than these the newest are ranked by relevance. */
export const RANKED = 5000
export const QUOTE_SORTS = ['-saidAt', 'saidAt', '-createdAt', 'createdAt', 'relevance'] as const

const shape = {
  fields: list(QUOTE_FIELDS, 'Only these members; `id` and what is included always come.', [
    'text',
    'speaker',
  ]),
  include: list(['speaker'], '`speaker`: the whole source, in place.', ['speaker']),
  'fields[speaker]': list(
    SOURCE_FIELDS,
    'Only these members of an included speaker; `id` always comes.',
    ['name', 'title'],
  ),
}
const ItemQuery = z.strictObject(shape)
export const QuoteParams = z.object({ id: Id })
export const QuoteQuery = ItemQuery.superRefine(fieldsOfIncluded)
export type QuoteQuery = z.infer<typeof QuoteQuery>
export const QuoteWriteQuery = ItemQuery.extend({
  onQuoteChange: choice(
    ['refuse', 'mark'],
    'refuse',
    'When the quote would no longer be verified: refuse with 409 `quote_altered`, or save and mark it.',
  ),
}).superRefine(fieldsOfIncluded)
export const SimilarQuery = z.strictObject({ ...shape, limit }).superRefine(fieldsOfIncluded)
export const QuoteListQuery = z
  .strictObject({
    q,
    highlight: flag(
      'With `q`: each quote has `highlight`, safe HTML in which what was found stands within `<mark>`.',
    ),
    ids,
    article: filter('Printed by these articles (id or slug).', 'council-adopts-sea-wall-levy'),
    speaker: filter('Said by these sources (id or slug).', 'delphine-orrock'),
    source: filter('Of articles that name these sources (id or slug).', 'marlhythe-harbour-trust'),
    category: filter('Of articles in these categories (id or slug), or below them.', 'harbour'),
    language: languages('In these languages, or those of their articles; `en` is any English.'),
    saidAfter: instant(
      'Said then or later; where `saidAt` is unknown, the date of the article counts.',
      '2020-01-01T00:00:00Z',
    ),
    saidBefore: instant(
      'Said earlier than that, so that one window follows another without overlap.',
      '2030-01-01T00:00:00Z',
    ),
    kind: filter('Of these kinds.', 'direct', QUOTE_KINDS),
    state: filter('In these states; `suggested` is for editors.', 'verified', QUOTE_STATES),
    sort: choice(
      QUOTE_SORTS,
      '-saidAt',
      `The order. Where \`saidAt\` is unknown, the date of the article counts. \`relevance\` needs \`q\`; of more than ${RANKED} matches the newest ${RANKED} are ranked.`,
    ),
    facets: list(
      QUOTE_FACETS,
      `\`meta.facets\` counts the quotes on all pages by these: the ${FACET_VALUES} most frequent values (the ${FACET_VALUES} latest months). What is below a category, or a variant of a language, counts there too.`,
      ['speaker', 'kind'],
    ),
    ...shape,
    limit,
    cursor,
    count,
  })
  .superRefine((query, ctx) => {
    needsWords(query, ctx)
    fieldsOfIncluded(query, ctx)
    windows(query, ctx, [['saidAfter', 'saidBefore']])
  })
export type QuoteListQuery = z.infer<typeof QuoteListQuery>

export const QuoteFacets = z
  .object({
    speaker: z.array(NamedCount),
    category: z.array(NamedCount),
    kind: z.array(ValueCount),
    language: z.array(ValueCount).meta({ description: 'Theirs, or of their articles.' }),
    month: z.array(ValueCount).meta({
      description: 'Of `saidAt`, or the date of the article, in UTC: `2026-05`.',
    }),
  })
  .partial()
  .meta({ id: 'QuoteFacets', description: 'Counts of the whole result, by what was asked for.' })
export type QuoteFacets = z.infer<typeof QuoteFacets>

export const QuotePage = pageOf(
  Quote,
  'QuotePage',
  PageMeta.extend({ facets: QuoteFacets, didYouMean })
    .partial()
    .meta({ id: 'QuotePageMeta', description: 'What was asked for beside the quotes.' }),
)
