import { uriOf, urnOf } from './address.ts'
import { type Entry, type Feed, languageOf, type Removal } from './model.ts'
import type { JsonFeed } from './schema.ts'
import { WITHDRAWN } from './wording.ts'

/**
 * JSON Feed 1.1. What it has no members for stands in `_dateline`, as it asks of extensions: the
 * public shapes of sources, quotes and corrections, and what is gone. Killed articles also come as
 * items with the notice for a text, since readers that do not know the extension keep what they have.
 */
export function jsonFeed(feed: Feed): JsonFeed {
  const { publication, title, description, self, next, removals, notices } = feed
  const language = languageOf(feed)
  return {
    version: 'https://jsonfeed.org/version/1.1',
    title,
    home_page_url: publication.home,
    feed_url: self,
    description,
    ...(next !== undefined && { next_url: next }),
    authors: [{ name: publication.name }],
    ...(language !== undefined && { language }),
    ...(publication.hub !== undefined && { hubs: [{ type: 'WebSub', url: publication.hub }] }),
    items: [...notices.map(noticeItem), ...feed.entries.map(item)],
    _dateline: {
      about: `${publication.api}/docs`,
      removed: removals.map(({ id, since, notice }) => ({ id: urnOf(id), since, notice })),
    },
  }
}

function item(entry: Entry): JsonFeed['items'][number] {
  return {
    id: entry.urn,
    url: uriOf(entry.url),
    title: entry.title,
    ...(entry.summary !== undefined && { summary: entry.summary }),
    content_html: entry.html,
    ...(entry.image && { image: uriOf(entry.image.url) }),
    date_published: entry.published,
    date_modified: entry.updated,
    ...(entry.author !== undefined && { authors: [{ name: entry.author }] }),
    tags: entry.categories.map(({ name = '' }) => name),
    language: entry.language,
    _dateline: entry.whole,
  }
}

function noticeItem({ id, notice, since }: Removal): JsonFeed['items'][number] {
  return {
    id: urnOf(id),
    title: WITHDRAWN,
    content_text: notice ?? '',
    date_published: since,
    date_modified: since,
  }
}
