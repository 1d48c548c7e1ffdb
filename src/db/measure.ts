import { AsyncLocalStorage } from 'node:async_hooks'
import { performance } from 'node:perf_hooks'
import pg from 'pg'

/**
 * A time in which the database was asked, on this process's monotonic clock, in ms: from asking a pool for a
 * connection until its statement was answered, or its transaction ended.
 */
export type Spent = { pool: string; began: number; ended: number }

/** What a request has spent in the database. */
export type Trail = Spent[]

/** So many of a request are noted: a stream asks again and again. */
const MOST = 100

const trails = new AsyncLocalStorage<Trail>()

/** Does the work, and notes in the trail what it spends in the database. */
export function followed<T>(trail: Trail, work: () => T): T {
  return trails.run(trail, work)
}

/** How long the database was asked, in ms: what was asked at the same time counts once. */
export function spentIn(trail: Trail): number {
  let total = 0
  let until = Number.NEGATIVE_INFINITY
  for (const { began, ended } of trail.toSorted((a, b) => a.began - b.began)) {
    total += Math.max(0, ended - Math.max(began, until))
    until = Math.max(until, ended)
  }
  return total
}

/**
 * A pool that tells how long it was asked: the request that asks, and whoever `heard` of it; and how long
 * whoever asks waits for a connection.
 */
export class MeasuredPool extends pg.Pool {
  /** `reader`, `partner` or `editor`. */
  readonly named: string
  readonly #heard: readonly ((spent: Spent) => void)[]
  /** Who waits for a connection, and since when, in the order of coming. */
  readonly #waiting = new Set<{ since: number }>()

  constructor(named: string, options: pg.PoolConfig, heard: readonly ((spent: Spent) => void)[]) {
    super(options)
    this.named = named
    this.#heard = heard
  }

  /** Does the work, which asks this pool. */
  async measured<T>(work: () => Promise<T>): Promise<T> {
    const trail = trails.getStore()
    const began = performance.now()
    try {
      return await work()
    } finally {
      const spent = { pool: this.named, began, ended: performance.now() }
      if (trail && trail.length < MOST) trail.push(spent)
      for (const hear of this.#heard) hear(spent)
    }
  }

  /** How long the one that has waited longest for a connection has done so by now, in ms. */
  waits(): number {
    for (const { since } of this.#waiting) return performance.now() - since
    return 0
  }

  // biome-ignore lint/suspicious/noExplicitAny: the two signatures of pg's connect pass through
  override connect(then?: any): any {
    const waiting = { since: performance.now() }
    this.#waiting.add(waiting)
    if (then) {
      return super.connect((...given) => {
        this.#waiting.delete(waiting)
        then(...given)
      })
    }
    return super.connect().finally(() => this.#waiting.delete(waiting))
  }

  // biome-ignore lint/suspicious/noExplicitAny: the six signatures of pg's query pass through
  override query(...args: any[]): any {
    const ask = () => super.query.apply(this, args as never) as unknown as Promise<unknown>
    return typeof args.at(-1) === 'function' ? ask() : this.measured(ask)
  }
}
