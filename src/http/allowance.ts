import { performance } from 'node:perf_hooks'
import { Fault } from '../errors.ts'

/** How long a caller's requests are counted together, in ms: from the first of them. */
export const WINDOW = 60_000

/** The requests of one caller in one window, which `ends` on this process's monotonic clock, in ms. */
export type Tally = { used: number; ends: number }

/** Policies as they are told, of which there are few. */
const policies = new Map<number, string>()

function policyOf(limit: number): string {
  const known = policies.get(limit) ?? `"default";q=${limit};w=${WINDOW / 1000}`
  policies.set(limit, known)
  return known
}

/** What a caller may still ask in its window. */
export class Allowance {
  readonly #tally: Tally
  readonly #limit: number

  constructor(tally: Tally, limit: number) {
    this.#tally = tally
    this.#limit = limit
  }

  /** Counts a request; false, and not counted, where it would be one too many. */
  take(): boolean {
    if (this.#tally.used >= this.#limit) return false
    this.#tally.used++
    return true
  }

  /** Counts it no more: whoever was told that nothing has changed was told nothing new. */
  giveBack(): void {
    this.#tally.used--
  }

  /** `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): names and values in turn. */
  headers(): string[] {
    const left = Math.max(0, this.#limit - this.#tally.used)
    const state = `"default";r=${left};t=${this.seconds()}`
    return ['ratelimit-policy', policyOf(this.#limit), 'ratelimit', state]
  }

  /** Whole seconds until the window ends, at least. */
  seconds(): number {
    return Math.max(0, Math.ceil((this.#tally.ends - performance.now()) / 1000))
  }

  /** For whom there is nothing left: `rate_limited` (429). */
  refusal(): Fault {
    const wait = `At most ${this.#limit} requests a minute; wait ${this.seconds()} s.`
    return new Fault('rate_limited', wait)
  }
}
