/** In which answer something was sent. */
export type How = 'webhook' | 'changes' | 'stream' | 'item' | 'list' | 'format' | 'feed' | 'sitemap'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * A GET whose objects (`objects` of its Read) are articles with `id` and `version`: in which kind of answer
     * a partner is given them. Who has what is written down from it; without it nothing is.
     */
    gives?: How
  }
}

/** What an answer says of itself, as far as it matters here. */
type Read =
  | { members?: readonly string[]; objects?: () => unknown; removed?: readonly string[] }
  | undefined

/** An answer to a key. */
export type Sent = {
  /** The kind of answer that its route gives; undefined where it shows no articles. */
  how: How | undefined
  method: string
  status: number
  /** `If-None-Match` of its request. */
  known: string | undefined
  read: Read
  /** The article that its path names. */
  name: string | undefined
}

/** A version of an article that was in an answer, with its text or without; or that it is gone. */
export type Shown = { how: How; article: string; version?: number; what: 'text' | 'word' | 'gone' }

/**
 * What of articles was in the bytes of an answer: nothing in that to a HEAD. A 304 says that the caller
 * has those bytes, which it can have named only if it was given them; `*` names nothing. Pure.
 */
export function shownIn({ how, method, status, known, read, name }: Sent): Shown[] {
  if (!how || method !== 'GET') return []
  if ((status === 410 || status === 451) && name !== undefined)
    return [{ how, article: name, what: 'gone' }]
  if (status !== 200 && !(status === 304 && known?.trim() !== '*')) return []
  const what = read?.members?.includes('body') ? 'text' : 'word'
  const objects = [read?.objects?.() ?? []].flat() as { id: string; version: number }[]
  const removed = read?.removed ?? []
  return [
    ...objects.map(({ id, version }): Shown => ({ how, article: id, version, what })),
    ...removed.map((article): Shown => ({ how, article, what: 'gone' })),
  ]
}
