import { z } from 'zod'
import { Correction } from '../corrections/schema.ts'
import { Id, IdOrSlug, Instant, InstantInput, Language, Reference, Slug } from '../fields.ts'
import { pageOf } from '../http/paging.ts'
import { choice, cursor, filter, limit, list, q } from '../http/parameters.ts'
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
    speaker: Reference.nullable(),
    cue,
    saidAt: Instant.nullable(),
    occasion,
    state: z.enum(QUOTE_STATES).nullable().meta({
      description:
        '`verified`: the spans cut out exactly this text. `altered`: something close stands there. `ambiguous`: several equal candidates. `orphaned`: neither. `suggested`: found by a machine, seen by editors only. Null for a paraphrase: there are no words to verify.',
    }),
    spans,
    corrections: z.array(Correction).meta({ description: 'What was corrected of it.' }),
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

export const QUOTE_FIELDS = [
  'id',
  'version',
  'article',
  'kind',
  'text',
  'language',
  'original',
  'speaker',
  'cue',
  'saidAt',
  'occasion',
  'state',
  'spans',
  'corrections',
  'createdAt',
  'updatedAt',
] as const
export const QUOTE_SORTS = ['-saidAt', 'saidAt', '-createdAt', 'createdAt'] as const

const fieldsParameter = list(QUOTE_FIELDS, 'Only these members; `id` always comes.', [
  'text',
  'speaker',
])
export const QuoteParams = z.object({ id: Id })
export const QuoteQuery = z.strictObject({ fields: fieldsParameter })
export const QuoteWriteQuery = QuoteQuery.extend({
  onQuoteChange: choice(
    ['refuse', 'mark'],
    'refuse',
    'When the quote would no longer be verified: refuse with 409 `quote_altered`, or save and mark it.',
  ),
})
export const SimilarQuery = z.strictObject({ fields: fieldsParameter, limit })
export const QuoteListQuery = z.strictObject({
  q,
  article: filter('Printed by these articles (id or slug).', 'council-adopts-sea-wall-levy'),
  speaker: filter('Said by these sources (id or slug).', 'delphine-orrock'),
  kind: filter('Of these kinds.', 'direct', QUOTE_KINDS),
  state: filter('In these states; `suggested` is for editors.', 'verified', QUOTE_STATES),
  sort: choice(
    QUOTE_SORTS,
    '-saidAt',
    'The order. Where `saidAt` is unknown, the date of the article counts.',
  ),
  fields: fieldsParameter,
  limit,
  cursor,
})
export type QuoteListQuery = z.infer<typeof QuoteListQuery>
export const QuotePage = pageOf(Quote, 'QuotePage')
