import { LRUCache } from 'lru-cache'
import { type Plan, type Prepared, prepare } from '../db/statement.ts'
import { UUID } from '../fields.ts'
import type { Shown } from '../http/caching.ts'

/** What answers of one basis depend on, and the headers that say so. */
export type Depends = {
  basis: string
  groups: ReadonlySet<string>
  headers: readonly string[]
}

/** A read of the public that was asked before: its statement, and what its answers are made with. */
export type KnownRead = {
  ask: Prepared<Shown>
  route: string
  operation: string | undefined
  /** What was asked for, validated. */
  query: object
  /** Of its last answer, where the next one will most likely depend on the same. */
  last?: Depends
}

/** Lists in use, with their filters and pages; one takes about 3 kB. */
const MOST = 4000

/** Of a URL: whoever asks longer ones each time would have as much of them remembered. */
const LONGEST = 1000

/** `/v1/articles`, or `/v1/articles/name`: a name is an id or a slug. */
const PATH = /^(\/v1\/[a-z]+)(?:\/([a-z0-9-]{1,100}))?(?=\?|$)/i
/** A list's filter by one name; a cursor belongs to that one list, and so does its plan. */
const FILTER =
  /^([^?]*(?=\?)(?!.*[?&]cursor=).*[?&](?:article|category|organization|parent|source|speaker)=)([a-z0-9][a-z0-9-]{0,99})(?=&|$)/i

/** Under what a read is known: by all of its URL but a name, whose kind it says. */
function keyOf(url: string): { key: string; name: string } | undefined {
  if (url.length > LONGEST) return undefined
  const item = PATH.exec(url)
  if (!item) return undefined
  const [, , ofItem] = item
  const [whole, before = '', name] = ofItem === undefined ? (FILTER.exec(url) ?? []) : item
  if (whole === undefined || name === undefined) return { key: url, name: '' }
  const kind = name.length === 36 && UUID.test(name) ? 'id' : 'slug'
  return { key: `${before}{${kind}}${url.slice(whole.length)}`, name }
}

export type Plans = ReturnType<typeof openPlans>

/** The reads of the public as they can be asked again, the least recently asked forgotten first. */
export function openPlans() {
  const known = new LRUCache<string, KnownRead>({ max: MOST })
  return {
    find(url: string): { read: KnownRead; name: string } | undefined {
      const address = keyOf(url)
      const read = address && known.get(address.key)
      return read && { read, name: address.name }
    },
    /** Remembers a read that was answered 200. */
    add(url: string, plan: Plan<Shown>, read: Omit<KnownRead, 'ask'>): void {
      const address = keyOf(url)
      if (!address || known.has(address.key)) return
      known.set(address.key, { ...read, ask: prepare(plan) })
    },
  }
}
