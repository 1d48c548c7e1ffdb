import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Allowance } from './allowance.ts'
import type { CallerAddress } from './caller-address.ts'
import { namesWhatItHas } from './conditional.ts'
import type { SharedTallies } from './redis-tallies.ts'
import { openTallies } from './tallies.ts'

/** Whoever has a key: who is counted, and how many requests a minute are its own to make, where not as many as everybody's. */
export type Keyed = { id: string; perMinute?: number | undefined }

declare module 'fastify' {
  interface FastifyRequest {
    /** What its caller may still ask; undefined where nothing is counted. */
    allowance: Allowance | undefined
  }
}

export type Limits = {
  /** What an address may still ask; undefined where nothing is counted. Nothing is counted by asking. */
  ofAddress(request: IncomingMessage): Allowance | undefined
  /**
   * Counts a request, by its key or else by its address; undefined where nobody has to wait for it.
   * Throws or rejects with `rate_limited` (429) when it was one too many.
   */
  admit(
    request: FastifyRequest,
    reply: FastifyReply,
    keyed: Keyed | undefined,
  ): Promise<void> | undefined
}

/**
 * At most `perMinute` requests by each key, by all of a partner's keys together, or by each address
 * without a good one; 0 is off. Keys are counted for all instances together where there are `shared`
 * tallies; addresses in each instance's memory, which warm reads need not wait for.
 */
export function limitRates(
  perMinute: number,
  addressOf: CallerAddress,
  shared: SharedTallies | undefined,
): Limits {
  const tallies = openTallies()
  const ofAddress = (request: IncomingMessage) =>
    perMinute === 0 ? undefined : new Allowance(tallies.find(addressOf(request)), perMinute)
  return {
    ofAddress,
    admit(request, reply, keyed) {
      if (!keyed) {
        const allowance = ofAddress(request.raw)
        if (allowance) settle(request, reply, allowance, allowance.take())
        return undefined
      }
      const limit = keyed.perMinute ?? perMinute
      if (limit === 0) return undefined
      const here = () => {
        const allowance = new Allowance(tallies.find(keyed.id), limit)
        settle(request, reply, allowance, allowance.take())
      }
      if (shared) {
        return shared.take(keyed.id, limit).then((all) => {
          if (all) settle(request, reply, all.allowance, all.taken)
          else here()
        })
      }
      here()
      return undefined
    },
  }
}

/** Tells a caller what is left; throws where nothing was. */
function settle(
  request: FastifyRequest,
  reply: FastifyReply,
  allowance: Allowance,
  taken: boolean,
): void {
  tell(reply, allowance)
  if (taken) request.allowance = allowance
  else {
    reply.header('retry-after', String(allowance.seconds()))
    throw allowance.refusal()
  }
}

function tell(reply: FastifyReply, allowance: Allowance): void {
  const headers = allowance.headers()
  for (let i = 0; i < headers.length; i += 2) reply.header(headers[i] ?? '', headers[i + 1])
}

/** Does an answer cost its caller nothing? One that says only that it has what it named does. */
export function isFree(status: number, headers: IncomingHttpHeaders): boolean {
  return status === 304 && namesWhatItHas(headers)
}

/** Register it behind the hooks that find out that a caller has what would be sent. */
export function giveBackUnchanged(app: FastifyInstance): void {
  app.decorateRequest('allowance', undefined)
  app.addHook('onSend', (request, reply, _payload, done) => {
    const { allowance } = request
    if (allowance && isFree(reply.statusCode, request.headers)) {
      allowance.giveBack()
      tell(reply, allowance)
    }
    done()
  })
}
