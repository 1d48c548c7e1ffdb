import { LRUCache } from 'lru-cache'
import { type Plan, type Prepared, prepare } from '../db/statement.ts'
import { UUID } from '../fields.ts'
import type { Shown } from '../http/caching.ts'

/** A read of the public that was asked before: its statement, and what its answers are made with. */
export type KnownRead = {
  ask: Prepared<Shown>
  route: string
  operation: string | undefined
  /** What was asked for, validated. */
  query: object
}

/** Lists in use, with their filters and pages; one takes about 3 kB. */
const MOST = 4000

/** `/v1/articles`, or `/v1/articles/name`: what a name may be is what a path may hold of one. */
const PATH = /^(\/v1\/[a-z]+)(?:\/([a-z0-9-]{1,100}))?(?=\?|$)/i

/** Under what a read is known: a list by its whole URL, an item by all of it but the name. */
function keyOf(url: string): { key: string; name: string } | undefined {
  const match = PATH.exec(url)
  if (!match) return undefined
  const [whole, kind, name] = match
  if (name === undefined) return { key: url, name: '' }
  const addressed = name.length === 36 && UUID.test(name) ? 'id' : 'slug'
  return { key: `${kind}/{${addressed}}${url.slice(whole.length)}`, name }
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
