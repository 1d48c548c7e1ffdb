import { uriOf, urnOf } from './address.ts'
import { deletedEntries, feedLinks, mediaContent, NAMESPACES, sourceLinks } from './feed-xml.ts'
import { type Entry, type Feed, languageOf, type Removal, updatedOf } from './model.ts'
import { WITHDRAWN } from './wording.ts'
import { type Xml, xml } from './xml.ts'

/**
 * RSS 2.0, with the modules that are at home in it: the whole text in `content:encoded`, Dublin Core,
 * Media RSS, and of Atom what RSS has no word for. RSS cannot take anything back, so what was killed
 * comes again under its own guid, with the notice for a text: readers show it in the story's place.
 */
export function rss(feed: Feed): string {
  const { publication, title, description } = feed
  return xml({
    rss: {
      '@version': '2.0',
      '@xmlns:atom': 'http://www.w3.org/2005/Atom',
      '@xmlns:content': 'http://purl.org/rss/1.0/modules/content/',
      '@xmlns:dc': 'http://purl.org/dc/elements/1.1/',
      ...NAMESPACES,
      channel: {
        title,
        link: publication.home,
        description,
        language: languageOf(feed),
        lastBuildDate: rfc822(updatedOf(feed)),
        generator: 'Dateline',
        'atom:link': feedLinks(feed),
        'at:deleted-entry': deletedEntries(feed.removals),
        item: [...feed.notices.map(noticeItem), ...feed.entries.map(item)],
      },
    },
  })
}

function item(entry: Entry): Xml {
  return {
    title: entry.title,
    link: uriOf(entry.url),
    guid: { '@isPermaLink': 'false', '#text': entry.urn },
    pubDate: rfc822(entry.published),
    'atom:updated': entry.updated,
    'dc:creator': entry.author,
    'dc:language': entry.language,
    category: entry.categories.map(({ name = '' }) => name),
    description: entry.summary,
    'content:encoded': entry.html,
    'media:content': mediaContent(entry.image),
    'atom:link': sourceLinks(entry),
  }
}

function noticeItem({ id, notice, since }: Removal): Xml {
  return {
    title: WITHDRAWN,
    guid: { '@isPermaLink': 'false', '#text': urnOf(id) },
    pubDate: rfc822(since),
    description: notice ?? undefined,
  }
}

/** RFC 822, with the four digits of the year that RSS asks for. */
function rfc822(instant: string): string {
  return new Date(instant).toUTCString()
}
