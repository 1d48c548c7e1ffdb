import { z } from 'zod'
import { CATEGORY_FIELDS } from '../categories/schema.ts'
import { CORRECTION_FIELDS } from '../corrections/schema.ts'
import { InstantInput } from '../fields.ts'
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
import { QUOTE_FIELDS } from '../quotes/schema.ts'
import { FACET_VALUES } from '../search/schema.ts'
import { SOURCE_FIELDS } from '../sources/schema.ts'
import { text } from '../text.ts'
import { RelatedArticle, STATUSES } from './schema.ts'

/* What can be asked of articles: which, in which order, and how they are shown. */

export const BODY_FORMATS = ['html', 'text', 'markdown', 'blocks', 'none'] as const
/** What is kept with each version. */
export const KEPT_INCLUDES = ['categories', 'sources', 'quotes', 'corrections'] as const
export const INCLUDES = [...KEPT_INCLUDES, 'related'] as const
const SOURCE_OF_ARTICLE_FIELDS = [...SOURCE_FIELDS, 'role', 'note'] as const
const RELATED_FIELDS = RelatedArticle.keyof().options
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
/**
 * Of more matches than these the newest are ranked by relevance: each costs 8 to 9 µs in memory and a read of
 * its own where its text is on disk. 5,000 of them took over 10 s at a million articles that were not in memory.
 */
export const RANKED = 1000
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
/** Who asks for the body must not ask for none. */
function formatOfBody(
  { fields, body }: { fields?: string[] | undefined; body?: string[] | undefined },
  ctx: z.RefinementCtx,
): void {
  if (!fields?.includes('body') || !body?.includes('none')) return
  ctx.addIssue({ code: 'custom', path: ['body'], message: 'must not be none: fields names body' })
}

const ItemQuery = z.strictObject({
  ...shape,
  body: body.meta({
    description: 'The body in these formats, `html` unless told; `none` leaves it out.',
  }),
})
export const ArticleQuery = ItemQuery.superRefine((query, ctx) => {
  fieldsOfIncluded(query, ctx)
  formatOfBody(query, ctx)
})
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
    language: languages('In these languages; `en` is any English.'),
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
    formatOfBody(query, ctx)
    if (query.fields?.includes('body') && query.body === undefined)
      ctx.addIssue({ code: 'custom', path: ['fields'], message: 'body needs its format: add body' })
    windows(query, ctx, [['publishedAfter', 'publishedBefore']])
  })
export type ArticleListQuery = z.infer<typeof ArticleListQuery>
