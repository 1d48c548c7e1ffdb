import type { Reading } from '../db/client.ts'
import { splitUrl } from '../http/url.ts'
import { FEED_SUFFIXES, STORY_SUFFIXES } from './formats.ts'
import type { Alternate, Publication, Story } from './model.ts'
import { FEED_FILTERS } from './parameters.ts'

type Suffixes = Readonly<Record<string, { type: string }>>

/**
 * `Link` headers that tell in which other formats a list or an item can be had (RFC 8288); nothing for
 * editors, who read what has none.
 */
export function alternatesFor(publicUrl: string) {
  const links = (path: string, suffixes: Suffixes, query = '') =>
    Object.entries(suffixes)
      .map(
        ([suffix, { type }]) =>
          `<${publicUrl}${path}.${suffix}${query}>; rel="alternate"; type="${type}"`,
      )
      .join(', ')
  const of = {
    /** Of the list of articles at a URL. */
    articles: (url: string) => links('/feeds/latest', FEED_SUFFIXES, filtersOf(url)),
    article: (slug: string) => links(`/v1/articles/${slug}`, STORY_SUFFIXES),
    category: (slug: string) => links(`/feeds/categories/${slug}`, FEED_SUFFIXES),
    source: (slug: string) => links(`/feeds/quotes/${slug}`, FEED_SUFFIXES),
  }
  return ({ schema }: Pick<Reading, 'schema'>) => (schema === 'editor' ? undefined : of)
}

/** Those of the list's filters that its feed takes too. */
function filtersOf(url: string): string {
  const { query } = splitUrl(url)
  if (query === '') return ''
  const given = new URLSearchParams(query)
  for (const name of [...given.keys()]) if (!FEED_FILTERS.includes(name)) given.delete(name)
  return given.size > 0 ? `?${given}` : ''
}

/** Where an article can be had but as a page, and the feeds of everything and of its first category. */
export function alternatesOf(
  { id, categories: [primary] }: Story,
  { api, name }: Publication,
): Alternate[] {
  const feeds = [
    { path: 'latest', title: name },
    ...(primary ? [{ path: `categories/${primary.slug}`, title: primary.name }] : []),
  ]
  return [
    ...Object.entries(STORY_SUFFIXES)
      .filter(([suffix]) => suffix !== 'html')
      .map(([suffix, { type }]) => ({ type, url: `${api}/v1/articles/${id}.${suffix}` })),
    ...feeds.flatMap(({ path, title }) =>
      Object.entries(FEED_SUFFIXES).map(([suffix, { type }]) => {
        return { type, url: `${api}/feeds/${path}.${suffix}`, title }
      }),
    ),
  ]
}
