import { performance } from 'node:perf_hooks'
import { Allowance, WINDOW } from './allowance.ts'

type Log = { warn(fields: object, text: string): void; info(text: string): void }

/** How long a request waits for Redis before it is counted here, in ms. */
const PATIENCE = 250
/** How long nobody waits after one has waited in vain, in ms. */
const PAUSE = 1000
/** Waits between attempts to connect, in ms: doubled each time, up to the second. */
const BACKOFF = [50, 2000] as const

/** Counts one request more, if it is not one too many: both in one step, whoever else is counting. */
const TAKE = `
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local taken = used < tonumber(ARGV[1])
if taken then
  used = redis.call('INCR', KEYS[1])
  if used == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
end
return {taken and 1 or 0, used, redis.call('PTTL', KEYS[1])}`

/** Counts one less, of a window that has not ended. */
const GIVE_BACK = `
if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then redis.call('DECR', KEYS[1]) end
return 0`

/** An allowance that all instances share, as it was at the moment of asking. */
export type SharedAllowance = { allowance: Allowance; taken: boolean }

export type SharedTallies = {
  /** Counts a request for all instances; undefined while Redis is away, when each counts for itself. */
  take(id: string, limit: number): Promise<SharedAllowance | undefined>
  close(): void
}

/** The same, where the count itself is elsewhere. */
class RemoteAllowance extends Allowance {
  readonly #back: () => void

  constructor(used: number, msLeft: number, limit: number, back: () => void) {
    super({ used, ends: performance.now() + msLeft }, limit)
    this.#back = back
  }

  override giveBack(): void {
    super.giveBack()
    this.#back()
  }
}

/**
 * Counts callers in Redis or Valkey, for all instances together. Does not wait for the connection, nor
 * for long for an answer: limits protect the service, and must not be what takes it down.
 */
export async function openSharedTallies(url: string, log: Log): Promise<SharedTallies> {
  const { createClient } = await import('@redis/client')
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 1000,
      reconnectStrategy: (tries) => Math.min(BACKOFF[0] * 2 ** tries, BACKOFF[1]),
    },
  })
  let away = false
  let waitUntil = Number.NEGATIVE_INFINITY
  const isAway = (error: unknown) => {
    if (!away) log.warn({ err: error }, 'Redis is away: each instance counts requests for itself')
    away = true
  }
  const isBack = () => {
    if (away) log.info('Redis is back: requests are counted for all instances together')
    away = false
  }
  client.on('error', isAway)
  client.connect().catch(isAway)
  const key = (id: string) => `dateline:rate:${id}`
  const giveBack = (id: string) => {
    client.eval(GIVE_BACK, { keys: [key(id)], arguments: [] }).catch(isAway)
  }
  return {
    async take(id, limit) {
      if (!client.isReady || performance.now() < waitUntil) return undefined
      try {
        const asked = client.eval(TAKE, {
          keys: [key(id)],
          arguments: [String(limit), String(WINDOW)],
        }) as Promise<[taken: number, used: number, ms: number]>
        const [taken, used, ms] = await inTime(asked)
        isBack()
        const allowance = new RemoteAllowance(used, ms, limit, () => giveBack(id))
        return { allowance, taken: taken === 1 }
      } catch (error) {
        waitUntil = performance.now() + PAUSE
        isAway(error)
        return undefined
      }
    },
    close: () => {
      if (client.isOpen) client.destroy()
    },
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${PATIENCE} ms`)), PATIENCE)
  })
  // It may still come, or fail, when nobody waits for it.
  work.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
