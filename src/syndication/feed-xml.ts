import type { LeadImage } from '../articles/schema.ts'
import { uriOf, urnOf } from './address.ts'
import type { Entry, Feed, Removal } from './model.ts'
import type { Xml } from './xml.ts'

/* What RSS and Atom say in the same elements. */

/** Media RSS, and RFC 6721, which tells what is gone. */
export const NAMESPACES = {
  '@xmlns:media': 'http://search.yahoo.com/mrss/',
  '@xmlns:at': 'http://purl.org/atompub/tombstones/1.0',
}

/** Links of RFC 4287, RFC 5005 (paging) and WebSub: the page itself, the first, the next, the hub. */
export function feedLinks({ self, first, next, type, publication }: Feed): Xml[] {
  const links = [{ '@rel': 'self', '@href': self, '@type': type }]
  if (first !== self) links.push({ '@rel': 'first', '@href': first, '@type': type })
  if (next !== undefined) links.push({ '@rel': 'next', '@href': next, '@type': type })
  const hub = publication.hub === undefined ? [] : [{ '@rel': 'hub', '@href': publication.hub }]
  return [...links, ...hub]
}

/** `via` is where what is told comes from (RFC 4287 section 4.2.7.2): sources with an address. */
export function sourceLinks({ sources }: Entry): Xml[] {
  return sources.flatMap(({ url, name }) =>
    url ? [{ '@rel': 'via', '@href': uriOf(url), '@title': name }] : [],
  )
}

/** The lead image. */
export function mediaContent(image: LeadImage | undefined): Xml | undefined {
  if (!image) return undefined
  const { url, width, height, alt, caption, credit } = image
  return {
    '@url': uriOf(url),
    '@medium': 'image',
    '@width': width,
    '@height': height,
    'media:title': alt && { '@type': 'plain', '#text': alt },
    'media:description': caption && { '@type': 'plain', '#text': caption },
    'media:credit': credit,
  }
}

/** What is gone, since when, and what the public is told of it. */
export function deletedEntries(removals: readonly Removal[]): Xml[] {
  return removals.map(({ id, since, notice }) => ({
    '@ref': urnOf(id),
    '@when': since,
    'at:comment': notice ?? undefined,
  }))
}
