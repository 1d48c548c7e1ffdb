import { z } from 'zod'
import { Article } from '../articles/schema.ts'
import { Quote } from '../quotes/schema.ts'

/* The formats that are JSON, as the reference shows them; the rest is text of a media type. */

const Url = z.string().meta({ format: 'uri' })
const Urn = z.string().meta({ description: '`urn:uuid:` and the id.' })
const Instant = z.string().meta({ format: 'date-time' })

const JsonFeedItem = z
  .object({
    id: Urn,
    url: Url.optional(),
    title: z.string(),
    summary: z.string().optional(),
    content_html: z.string().optional(),
    content_text: z.string().optional(),
    image: Url.optional(),
    date_published: Instant,
    date_modified: Instant,
    authors: z.array(z.object({ name: z.string() })).optional(),
    tags: z.array(z.string()).optional(),
    language: z.string().optional(),
    _dateline: z
      .union([
        Article.pick({
          version: true,
          leadImage: true,
          sources: true,
          quotes: true,
          corrections: true,
        }),
        Quote,
      ])
      .optional()
      .meta({ description: 'Of an article what the format has no members for; a quote whole.' }),
  })
  .meta({ id: 'JsonFeedItem', description: 'An item of a JSON Feed.' })

export const JsonFeed = z
  .object({
    version: z.literal('https://jsonfeed.org/version/1.1'),
    title: z.string(),
    home_page_url: Url,
    feed_url: Url,
    description: z.string(),
    next_url: Url.optional(),
    authors: z.array(z.object({ name: z.string() })),
    language: z.string().optional(),
    hubs: z.array(z.object({ type: z.string(), url: Url })).optional(),
    items: z.array(JsonFeedItem),
    _dateline: z.object({
      about: Url,
      removed: z
        .array(z.object({ id: Urn, since: Instant, notice: z.string().nullable() }))
        .meta({ description: 'What was visible and is not, the latest first.' }),
    }),
  })
  .meta({ id: 'JsonFeed', description: 'JSON Feed 1.1.' })
export type JsonFeed = z.infer<typeof JsonFeed>

const Text = z.object({
  role: z.string().optional(),
  contentType: z.string(),
  value: z.string(),
  charCount: z.int().optional(),
})
const Named = z.object({
  name: z.string(),
  rel: z.string().optional(),
  role: z.string().optional(),
  uri: Url,
  literal: z.string(),
})
const Rendition = z.object({
  name: z.string(),
  href: Url,
  contentType: z.string().optional(),
  width: z.int().optional(),
  height: z.int().optional(),
})
const Association = z.object({
  name: z.string(),
  rel: z.string(),
  uri: Url,
  type: z.enum(['picture', 'component']),
  version: z.string().optional(),
  language: z.string().optional(),
  by: z.string().optional(),
  contentCreated: Instant.optional(),
  descriptions: z.array(Text).optional(),
  bodies: z.array(Text).optional(),
  renditions: z.array(Rendition).optional(),
})

/** The part of ninjs that is used here; IPTC's own schema is the whole of it. */
export const Ninjs = z
  .object({
    uri: Urn,
    standard: z.object({ name: z.string(), version: z.string(), schema: Url }),
    type: z.literal('text'),
    representationType: z.literal('full'),
    version: z.string(),
    contentCreated: Instant,
    versionCreated: Instant,
    pubStatus: z.literal('usable'),
    embargoedUntil: Instant.optional().meta({
      description: 'To a partner that may read it before: until when it must not be published.',
    }),
    language: z.string(),
    slugline: z.string(),
    by: z.string().optional(),
    edNote: z.string().optional().meta({ description: 'The corrections, for the desk.' }),
    headlines: z.array(Text),
    descriptions: z.array(Text).meta({ description: 'The summary, and each correction.' }),
    bodies: z.array(Text),
    subjects: z.array(Named),
    infoSources: z.array(Named),
    people: z.array(Named).meta({ description: 'Those quoted.' }),
    organisations: z.array(Named).meta({ description: 'Those quoted.' }),
    altIds: z.array(z.object({ role: z.string(), value: z.string() })),
    renditions: z.array(Rendition),
    associations: z.array(Association).meta({ description: 'The lead image, and each quote.' }),
  })
  .meta({ id: 'Ninjs', description: 'A news item in ninjs 3.1 of IPTC.' })
export type Ninjs = z.infer<typeof Ninjs>

export const JsonLd = z
  .looseObject({
    '@context': z.literal('https://schema.org'),
    '@type': z.literal('NewsArticle'),
    '@id': Urn,
    url: Url,
    headline: z.string(),
  })
  .meta({ id: 'JsonLd', description: 'A NewsArticle of schema.org.' })

/** A format that is a text of its own. */
export const Document = z.string().meta({ description: 'The text, in the format.' })
