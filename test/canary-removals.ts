import type { Plant } from './canary-bed.ts'
import type { Answer } from './canary-crawl.ts'
import { type Ask, CHANGES } from './canary-requests.ts'

/*
 * What feeds and the change feed may tell of what was visible once: that it was, that it is gone, since
 * when, why, and the public notice; by its id, and without a word of it. Taken out of an answer, the rest
 * must be as if it had never been.
 */

// biome-ignore lint/suspicious/noExplicitAny: what of an answer is allowed is looked at member by member
type Any = any

/** What an answer may tell of what was visible once, taken out of it. */
export function withoutRemovals(ask: Ask, answer: Answer, { hidden }: Plant): Answer {
  const gone = new Set(hidden.flatMap(({ id, own }) => (own === 404 ? [] : [id])))
  const isFeed = ask.url.startsWith('/feeds/')
  if (!isFeed && ask.operation !== CHANGES) return answer
  // They are of all that is told.
  const { etag: _, 'content-length': __, ...headers } = answer.headers
  const without = isFeed ? feedWithout : changesWithout
  const isAnswer = answer.status === 200 && answer.body !== ''
  return { ...answer, headers, body: isAnswer ? without(answer.body, gone) : answer.body }
}

/** A feed, but for when it was updated. */
function feedWithout(text: string, gone: ReadonlySet<string>): string {
  if (text.startsWith('{')) return jsonFeedWithout(text, gone)
  const unless = (entry: string, id: string) => (gone.has(id) ? '' : entry)
  return text
    .replace(
      /\s*<at:deleted-entry ref="urn:uuid:([\w-]+)" when="[^"]*"(?:\/>|>\s*<at:comment>Withdrawn\.<\/at:comment>\s*<\/at:deleted-entry>)/g,
      unless,
    )
    .replace(
      /\s*<item>\s*<title>Withdrawn<\/title>\s*<guid isPermaLink="false">urn:uuid:([\w-]+)<\/guid>\s*<pubDate>[^<]*<\/pubDate>\s*<description>Withdrawn\.<\/description>\s*<\/item>/g,
      unless,
    )
    .replace(/^ {1,2}<(updated|lastBuildDate)>.*$/m, '')
}

function jsonFeedWithout(text: string, gone: ReadonlySet<string>): string {
  const feed = JSON.parse(text)
  const isGone = (id: string) => gone.has(id.replace('urn:uuid:', ''))
  const { removed } = feed._dateline
  feed._dateline.removed = removed.filter((one: Any) => {
    return !isGone(one.id) || ![null, 'Withdrawn.'].includes(one.notice)
  })
  feed.items = feed.items.filter((item: Any) => {
    const { id = '', title, content_text, date_published, date_modified, ...rest } = item
    const said = title === 'Withdrawn' && content_text === 'Withdrawn.'
    return !isGone(id) || !said || !date_published || !date_modified || Object.keys(rest).length > 0
  })
  return JSON.stringify(feed)
}

/** The change feed, but for where in the ledger its rows stand: what is hidden has rows there too. */
function changesWithout(text: string, gone: ReadonlySet<string>): string {
  const { data, page } = JSON.parse(text)
  const rest = data
    .filter((row: Any) => !tellsOfGone(row, gone))
    .map(({ position, ...row }: Any) => {
      if (!Number.isSafeInteger(position)) throw new Error(`There is no position ${position}`)
      return row
    })
  return JSON.stringify({ data: rest, page: { ...page, next: placeWithout(page.next) } })
}

const REASONS = ['killed', 'legal', 'unpublished', 'embargoed', 'expired', 'deleted']

/** Whether a row tells of what was visible once what it may: all of its members, each as it must be. */
function tellsOfGone(row: Any, gone: ReadonlySet<string>): boolean {
  const { position, op, resource, event, id, version, at, reason, ...others } = row
  return (
    gone.has(id) &&
    Object.keys(others).length === 0 &&
    [position, version].every(Number.isSafeInteger) &&
    ['article', 'source', 'category'].includes(resource) &&
    /^(article|quote|source|category)\.[a-z-]{1,20}$/.test(event) &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(at) &&
    (op === 'upsert' ? reason === null : op === 'remove' && REASONS.includes(reason))
  )
}

/** A cursor without the position it leads to. */
function placeWithout(cursor: string): unknown {
  const [version, values, ...rest] = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  return [version, values.filter((value: string) => !/^\d+$/.test(value)), ...rest]
}
