/*
 * The formats that stories are given out in beside the API's own JSON, and where each is asked for.
 */

/** Every format by the name that entitlements use. */
export const FORMATS = [
  'rss',
  'atom',
  'jsonfeed',
  'sitemap',
  'ninjs',
  'jsonld',
  'html',
  'markdown',
  'text',
] as const
export type Format = (typeof FORMATS)[number]

type Suffixes = Readonly<Record<string, { format: Format; type: string }>>

/** What a feed's address ends with, and the media type it then comes in. */
export const FEED_SUFFIXES = {
  rss: { format: 'rss', type: 'application/rss+xml' },
  atom: { format: 'atom', type: 'application/atom+xml' },
  json: { format: 'jsonfeed', type: 'application/feed+json' },
} as const satisfies Suffixes
export type FeedSuffix = keyof typeof FEED_SUFFIXES

/** What the address of one article ends with. IPTC has registered no media type for ninjs. */
export const STORY_SUFFIXES = {
  ninjs: { format: 'ninjs', type: 'application/json' },
  jsonld: { format: 'jsonld', type: 'application/ld+json' },
  html: { format: 'html', type: 'text/html' },
  md: { format: 'markdown', type: 'text/markdown' },
  txt: { format: 'text', type: 'text/plain' },
} as const satisfies Suffixes
export type StorySuffix = keyof typeof STORY_SUFFIXES

/** The media type of sitemaps. */
export const SITEMAP_TYPE = 'application/xml'
