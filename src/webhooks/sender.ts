import { setMaxListeners } from 'node:events'
import { attempt } from './attempt.ts'
import { openConnector } from './connector.ts'
import { openResolver, type Resolve } from './names.ts'
import { failed, type Outcome } from './outcome.ts'
import { urlFaults } from './policy.ts'
import { networks } from './ranges.ts'
import type { Message } from './signature.ts'

/** For everything, the name, the connection, headers and body; in ms. */
const TIMEOUT = 15_000
/** Deliveries under way to one host and port: what hangs there holds no more than these. */
const PER_HOST = 4

/** One message to one webhook: `secrets` are those that are valid now, the newest first. */
export type Delivery = Message & { url: string; secrets: readonly string[] }

export type Sender = {
  /**
   * Resolves to what came of it, whatever the receiver does. Without room it is `busy` at once and
   * nothing is sent, so that nobody waits behind a slow receiver.
   */
  send(delivery: Delivery): Promise<Outcome>
  /** Whether there is room for a delivery to the host of this URL. */
  hasRoom(url: string): boolean
  /** Breaks off what is under way (`stopped`), and waits until it is. */
  close(): Promise<void>
}

export type SenderOptions = {
  /** CIDRs of WEBHOOK_ALLOW_CIDRS. */
  allow: readonly string[]
  /** Of this service; receivers see it in `User-Agent`. */
  publicUrl: string
  /** Of a whole attempt, in ms. */
  timeout?: number
  perHost?: number
  resolve?: Resolve
}

/** Opens what sends webhooks. It keeps no connection and no state but what is under way. */
export function openSender({
  allow,
  publicUrl,
  timeout = TIMEOUT,
  perHost = PER_HOST,
  resolve = openResolver(),
}: SenderOptions): Sender {
  const allowed = networks(allow)
  const stopping = new AbortController()
  // One listener for each delivery under way; eleven are no leak.
  setMaxListeners(0, stopping.signal)
  const means = {
    connect: openConnector(allowed, resolve),
    userAgent: `Dateline (+${publicUrl})`,
    timeout,
    stop: stopping.signal,
  }
  const underWay = new Map<string, Set<Promise<Outcome>>>()
  const at = (host = '') => underWay.get(host) ?? new Set()

  return {
    hasRoom: (url) => at(URL.parse(url)?.host).size < perHost,

    async send({ url: text, secrets, ...message }) {
      const url = URL.parse(text)
      // The settings may have changed since it was registered.
      if (!url || urlFaults(text, allowed).length > 0) return failed('refused_address')
      if (stopping.signal.aborted) return failed('stopped')
      const others = at(url.host)
      if (others.size >= perHost) return failed('busy')
      const one = attempt(url, message, secrets, means)
      underWay.set(url.host, others.add(one))
      try {
        return await one
      } finally {
        others.delete(one)
        if (others.size === 0) underWay.delete(url.host)
      }
    },

    async close() {
      stopping.abort()
      await Promise.allSettled([...underWay.values()].flatMap((all) => [...all]))
    },
  }
}
