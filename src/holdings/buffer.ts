import { numberChanges } from '../changes/queries.ts'
import type { Database } from '../db/client.ts'
import { loggable } from '../db/failure.ts'
import { transaction } from '../db/transaction.ts'
import type { Place } from '../feed/place.ts'
import type { Given } from '../feed/queries.ts'
import { type Feed, type FeedNews, settleBehind } from './feeds.ts'
import type { How, Shown } from './given.ts'
import { type Note, writeNotes } from './notes.ts'

/** How often what was given is written, in ms: a crash loses as much. */
const INTERVAL = 1000
/** Notes in one transaction. */
const BATCH = 5000
/** Notes that are kept while the database does not answer, about 30 MB; what comes then is lost. */
const MOST = 100_000

/** What a change feed has handed over: these rows, and the place where the reader goes on. */
export type Telling = {
  how: How
  given: readonly Given[]
  /** Whether their text came with the articles. */
  text: boolean
  next: Place
  /** When it was read, on this process's monotonic clock. */
  began: number
}

export type Holdings = ReturnType<typeof openHoldings>

/**
 * What this process has given to partners, written together each second, and before whoever reads the
 * holdings here. Times are kept as ages on the monotonic clock: the database's clock dates them.
 */
export function openHoldings(db: Database, onError: (error: unknown) => void) {
  const failed = (error: unknown) => onError(loggable(error))
  let notes = new Map<string, Note>()
  let feeds = new Map<string, FeedNews>()
  const counts = { failures: 0, lost: 0 }
  // Whoever was stopped with acknowledgements to work off has left them to others.
  let behind = true
  let closed = false
  let flushing: Promise<void> = Promise.resolve()

  const add = (note: Note) => {
    const { partnerId, article, version, what, telling } = note
    const key = [partnerId, article, version, what, telling?.feed.list, telling?.place].join(' ')
    const known = notes.get(key)
    if (known) known.began = note.began
    else if (notes.size < MOST) notes.set(key, note)
    else counts.lost++
  }
  const newsOf = (feed: Feed): FeedNews => {
    const key = `${feed.partnerId} ${feed.list}`
    const news = feeds.get(key) ?? { feed, told: 0, snapshot: undefined, acknowledged: [] }
    feeds.set(key, news)
    return news
  }

  const write = async () => {
    const [written, news] = [[...notes.values()], [...feeds.values()]]
    notes = new Map()
    feeds = new Map()
    if (written.length === 0 && news.length === 0) return
    try {
      await numberChanges(db.editor)
      while (written.length > BATCH) {
        // What was acknowledged comes when all is written.
        const told = news.map((one) => ({ ...one, acknowledged: [] }))
        await transaction(db, (tx) => writeNotes(tx, written.slice(0, BATCH), told))
        written.splice(0, BATCH)
      }
      if (await transaction(db, (tx) => writeNotes(tx, written, news))) behind = true
    } catch (error) {
      counts.failures++
      keep(written, news)
      throw error
    }
  }
  /** Puts back what could not be written, before what has come since. */
  const keep = (unwritten: readonly Note[], news: readonly FeedNews[]) => {
    const [later, after] = [[...notes.values()], [...feeds.values()]]
    notes = new Map()
    feeds = new Map()
    for (const note of [...unwritten, ...later]) add(note)
    for (const { feed, told, snapshot, acknowledged } of [...news, ...after]) {
      const merged = newsOf(feed)
      merged.told = Math.max(merged.told, told)
      merged.snapshot = snapshot ?? merged.snapshot
      merged.acknowledged.push(...acknowledged)
    }
  }
  const flush = () => {
    const next = flushing.then(write)
    flushing = next.catch(() => {})
    return next
  }
  // Nobody waits for this one: it may take minutes.
  let settling = false
  const settle = async () => {
    if (settling) return
    settling = true
    try {
      while (behind && !closed) behind = await transaction(db, settleBehind)
    } finally {
      settling = false
    }
  }
  const timer = setInterval(() => {
    flush().then(settle).catch(failed)
  }, INTERVAL).unref()

  return {
    counts,
    size: () => notes.size,

    /** Notes what an answer has shown to a partner; when it was asked for, and when it went out. */
    show(partnerId: string, shown: readonly Shown[], began: number): void {
      const sent = performance.now()
      for (const one of shown) add({ partnerId, ...one, began, sent })
    },

    /** Notes what a change feed has handed over. */
    tell(feed: Feed, { how, given, text, next, began }: Telling): void {
      const news = newsOf(feed)
      if ('after' in next) news.told = Math.max(news.told, next.after)
      else
        news.snapshot = { base: next.base, article: next.phase === 'article' ? next.id : undefined }
      const sent = performance.now()
      for (const { articleId, version, removal, position, snapshot } of given) {
        add({
          ...{ partnerId: feed.partnerId, article: articleId, version, position, how, began, sent },
          what: removal ? 'removal' : text ? 'text' : 'word',
          telling: { feed, place: position, snapshot },
        })
      }
    },

    /** Notes that a reader of a feed has all before this place: it has asked with its cursor. */
    acknowledge(feed: Feed, place: Place): void {
      const isArticle = !('after' in place) && place.phase === 'article'
      if (!('after' in place) && !isArticle) return
      const at = performance.now()
      const ack = 'after' in place ? { place: place.after } : { place: place.base, upTo: place.id }
      newsOf(feed).acknowledged.push({ ...ack, at })
      for (const note of notes.values()) {
        if (note.telling?.feed.list !== feed.list || note.partnerId !== feed.partnerId) continue
        const { place, snapshot } = note.telling
        const covered =
          ack.upTo === undefined
            ? place <= ack.place
            : snapshot && place === ack.place && note.article <= ack.upTo
        if (covered) note.acknowledged ??= at
      }
    },

    /** Writes what is noted; rejects when that fails, and keeps it then. */
    flush,

    async close(): Promise<void> {
      closed = true
      clearInterval(timer)
      await flush().catch(failed)
    },
  }
}
