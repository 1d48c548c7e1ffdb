import type { FastifyReply } from 'fastify'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { Fault } from '../errors.ts'

/** Seconds of the window. */
const WINDOW = 60

/**
 * Counts a request of a caller; undefined where nothing is counted, so that nobody waits. Rejects with
 * `rate_limited` (429) when it was one too many.
 */
export type Count = (caller: string, reply: FastifyReply) => Promise<void> | undefined

/**
 * At most `perMinute` requests by each key, or by each address without a good one; 0 is off. Told in
 * `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), and 429 with
 * `Retry-After`. Each process counts for itself.
 */
export function limitRates(perMinute: number): Count {
  if (perMinute === 0) return () => undefined
  const limiter = new RateLimiterMemory({ points: perMinute, duration: WINDOW })
  return async (caller, reply) => {
    reply.header('ratelimit-policy', `"default";q=${perMinute};w=${WINDOW}`)
    const told = (result: RateLimiterRes) => {
      const seconds = Math.ceil(result.msBeforeNext / 1000)
      reply.header('ratelimit', `"default";r=${result.remainingPoints};t=${seconds}`)
      return seconds
    }
    try {
      told(await limiter.consume(caller))
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error
      const seconds = told(error)
      reply.header('retry-after', String(seconds))
      throw new Fault('rate_limited', `At most ${perMinute} requests a minute; wait ${seconds} s.`)
    }
  }
}
