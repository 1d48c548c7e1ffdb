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

const trails = new AsyncLocalStorage<Trail | undefined>()

/**
 * How long a request may be held up by the database before it is refused, in ms: with what its process takes,
 * its caller has waited for about 1.5 s. Who asks again finds the same queue, so that a longer wait would
 * only hold more of them.
 */
const PATIENCE = 1200
/** How long work that nobody waits for may wait, in ms. */
const BACKGROUND = 10_000
/** After so many ms without the database (it read a body, it waited for news) its patience is new. */
const PAUSE = 500

/** Since when a request has been at the database, when it was last, and how often it is at this moment. */
type Spell = { since: number; last: number; open: number }
const spells = new WeakMap<Trail, Spell>()

function spellOf(trail: Trail): Spell {
  const now = performance.now()
  const known = spells.get(trail)
  if (known && (known.open > 0 || now - known.last < PAUSE)) return known
  const spell = { since: now, last: now, open: 0 }
  spells.set(trail, spell)
  return spell
}

/** Thrown when no connection was to be had in time: nothing was sent. */
export class NoneFree extends Error {
  override name = 'NoneFree'
}

/** Does the work, and notes in the trail what it spends in the database. */
export function followed<T>(trail: Trail, work: () => T): T {
  return trails.run(trail, work)
}

/** Does the work as if no request waited for it, whoever has begun it. */
export function unfollowed<T>(work: () => T): T {
  return trails.run(undefined, work)
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
 * How much one connection's use changes what uses are expected to take: about the last thirty count. From
 * nothing it rises slowly, for the first uses of a start are the longest.
 */
const WEIGHT = 1 / 30

/**
 * A pool that tells how long it was asked: the request that asks, and whoever `heard` of it; and how long
 * whoever asks now is going to wait.
 */
export class MeasuredPool extends pg.Pool {
  /** `reader`, `partner` or `editor`. */
  readonly named: string
  readonly #heard: readonly ((spent: Spent) => void)[]
  /** How long a connection is used, as a moving mean since nothing was asked at all, in ms. */
  #use = 0
  /** When a connection last changed hands, or nobody waited for one. */
  #moved = performance.now()

  readonly #patience: number

  /** `patience`: how long a request may be held up, in ms, where that is not the usual time. */
  constructor(
    named: string,
    { patience = PATIENCE, ...options }: pg.PoolConfig & { patience?: number | undefined },
    heard: readonly ((spent: Spent) => void)[],
  ) {
    super(options)
    this.named = named
    this.#patience = patience
    this.#heard = heard
    const since = new WeakMap<pg.PoolClient, number>()
    this.on('acquire', (client) => {
      this.#moved = performance.now()
      since.set(client, this.#moved)
    })
    this.on('release', (_error, client) => {
      this.#moved = performance.now()
      const used = this.#moved - (since.get(client) ?? this.#moved)
      this.#use += (used - this.#use) * WEIGHT
    })
  }

  /**
   * How long whoever asks now waits for a connection, in ms: as many uses as wait before it, done by all
   * connections together; or as long as none has changed hands, where the database does not answer. Who waits
   * by now is known before the first of them has waited for long. Ask it of each request: it remembers when
   * nobody waited, and that what was slow is over when no connection is in use.
   */
  expectedWait(): number {
    const { waitingCount } = this
    const now = performance.now()
    if (waitingCount === 0) {
      this.#moved = now
      if (this.idleCount === this.totalCount) this.#use = 0
      return 0
    }
    const size = Math.max(1, this.options.max ?? 1)
    return Math.max((waitingCount * this.#use) / size, now - this.#moved)
  }

  /** Does the work, which asks this pool. */
  async measured<T>(work: () => Promise<T>): Promise<T> {
    const trail = trails.getStore()
    const began = performance.now()
    const spell = trail && spellOf(trail)
    if (spell) spell.open++
    try {
      return await work()
    } finally {
      const spent = { pool: this.named, began, ended: performance.now() }
      if (spell) {
        spell.open--
        spell.last = spent.ended
      }
      if (trail && trail.length < MOST) trail.push(spent)
      for (const hear of this.#heard) hear(spent)
    }
  }

  /** How long whoever asks now may still wait, in ms; 0 and less: no longer. */
  patienceLeft(): number {
    const trail = trails.getStore()
    return trail ? this.#patience - (performance.now() - spellOf(trail).since) : BACKGROUND
  }

  /**
   * A connection; rejects with NoneFree when the request has waited long enough. One that is being made is
   * not given up with it: where making one takes longer than anybody waits, there would never be any.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the two signatures of pg's connect
  override connect(callback?: any): any {
    const wanted = this.#within(super.connect())
    if (!callback) return wanted
    wanted.then((client) => callback(undefined, client, client.release), callback)
  }

  #within(wanted: Promise<pg.PoolClient>): Promise<pg.PoolClient> {
    // There is one for each of those who wait.
    if (this.idleCount >= this.waitingCount && this.waitingCount > 0) return wanted
    const left = this.patienceLeft()
    return new Promise((resolve, reject) => {
      let waiting = true
      const timer = setTimeout(
        () => {
          waiting = false
          reject(new NoneFree(`No connection was free within ${Math.round(left)} ms.`))
        },
        Math.max(1, left),
      )
      wanted.then(
        (client) => {
          clearTimeout(timer)
          if (waiting) resolve(client)
          else client.release()
        },
        (error) => {
          clearTimeout(timer)
          reject(error)
        },
      )
    })
  }

  // biome-ignore lint/suspicious/noExplicitAny: the six signatures of pg's query pass through
  override query(...args: any[]): any {
    const ask = () => super.query.apply(this, args as never) as unknown as Promise<unknown>
    return typeof args.at(-1) === 'function' ? ask() : this.measured(ask)
  }
}
