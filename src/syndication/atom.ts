import { uriOf } from './address.ts'
import { deletedEntries, feedLinks, mediaContent, NAMESPACES, sourceLinks } from './feed-xml.ts'
import { type Entry, type Feed, languageOf, updatedOf } from './model.ts'
import { type Xml, xml } from './xml.ts'

/** Atom (RFC 4287), with a tombstone for whatever is gone (RFC 6721). */
export function atom(feed: Feed): string {
  const { publication, title, description, first } = feed
  return xml({
    feed: {
      '@xmlns': 'http://www.w3.org/2005/Atom',
      ...NAMESPACES,
      '@xml:lang': languageOf(feed),
      // The address of the feed names it, whatever page of it this is.
      id: first,
      title,
      subtitle: description,
      updated: updatedOf(feed),
      author: { name: publication.name },
      generator: 'Dateline',
      link: [
        ...feedLinks(feed),
        { '@rel': 'alternate', '@href': publication.home, '@type': 'text/html' },
      ],
      'at:deleted-entry': deletedEntries(feed.removals),
      entry: feed.entries.map((one) => entry(one, publication.api)),
    },
  })
}

function entry(entry: Entry, api: string): Xml {
  return {
    '@xml:lang': entry.language,
    id: entry.urn,
    title: entry.title,
    link: [
      { '@rel': 'alternate', '@href': uriOf(entry.url), '@type': 'text/html' },
      ...sourceLinks(entry),
    ],
    published: entry.published,
    updated: entry.updated,
    author: entry.author === undefined ? undefined : { name: entry.author },
    category: entry.categories.map(({ slug, name }) => ({
      '@term': slug,
      '@scheme': `${api}/v1/categories`,
      '@label': name,
    })),
    summary: entry.summary,
    content: { '@type': 'html', '#text': entry.html },
    'media:content': mediaContent(entry.image),
  }
}
