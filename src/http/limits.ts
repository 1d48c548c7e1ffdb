import { createRequire } from 'node:module'
import type { FastifyReply } from 'fastify'
import type * as Limiter from 'rate-limiter-flexible'
import { Fault } from '../errors.ts'

// Its index also loads the limiters that count in two dozen databases.
const load = createRequire(import.meta.url)
const RateLimiterMemory = load(
  'rate-limiter-flexible/lib/RateLimiterMemory.js',
) as typeof Limiter.RateLimiterMemory
const RateLimiterRes = load(
  'rate-limiter-flexible/lib/RateLimiterRes.js',
) as typeof Limiter.RateLimiterRes

/** Seconds of the window. */
const WINDOW = 60

/** Who is counted, and how many requests a minute are its own to make, where not as many as everybody's. */
export type Caller = { id: string; perMinute?: number | undefined }

/**
 * Counts a request of a caller; undefined where nothing is counted, so that nobody waits. Rejects with
 * `rate_limited` (429) when it was one too many.
 */
export type Count = (caller: Caller, reply: FastifyReply) => Promise<void> | undefined

/**
 * At most `perMinute` requests by each key, by all of a partner's keys together, or by each address
 * without a good one; 0 is off. Told in `RateLimit` and `RateLimit-Policy`
 * (draft-ietf-httpapi-ratelimit-headers-10), and 429 with `Retry-After`. Each process counts for itself.
 */
export function limitRates(perMinute: number): Count {
  const limiters = new Map<number, Limiter.RateLimiterMemory>()
  const limiterOf = (points: number) => {
    const known = limiters.get(points) ?? new RateLimiterMemory({ points, duration: WINDOW })
    limiters.set(points, known)
    return known
  }
  return (caller, reply) => {
    const points = caller.perMinute ?? perMinute
    return points === 0 ? undefined : consume(limiterOf(points), caller.id, reply)
  }
}

async function consume(
  limiter: Limiter.RateLimiterMemory,
  id: string,
  reply: FastifyReply,
): Promise<void> {
  const { points } = limiter
  reply.header('ratelimit-policy', `"default";q=${points};w=${WINDOW}`)
  const told = (result: Limiter.RateLimiterRes) => {
    const seconds = Math.ceil(result.msBeforeNext / 1000)
    reply.header('ratelimit', `"default";r=${result.remainingPoints};t=${seconds}`)
    return seconds
  }
  try {
    told(await limiter.consume(id))
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error
    const seconds = told(error)
    reply.header('retry-after', String(seconds))
    throw new Fault('rate_limited', `At most ${points} requests a minute; wait ${seconds} s.`)
  }
}
