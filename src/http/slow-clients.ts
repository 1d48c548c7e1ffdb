import type { Server, ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

/** How often connections are looked at, in ms: a limit is overstepped by as much. */
const LOOK = 1000

/**
 * How long a request may take to come, in ms. Node.js counts from its first byte, or from the connection's
 * opening, so that a byte now and then gains nothing. Without them a socket that sends its body byte by
 * byte is held for ever: Fastify sets no limit.
 */
export const TIMEOUTS = {
  headersTimeout: 8_000,
  /** Headers and body: 2 MB, the most that is taken, in this time are 1.4 Mbit/s. */
  requestTimeout: 12_000,
  connectionsCheckingInterval: LOOK,
  /** Between requests: longer than the minute that load balancers keep a connection open without use. */
  keepAliveTimeout: 72_000,
} as const satisfies ServerOptions

/** How long a reader may take nothing of what is sent to it, in ms; Node.js notices within twice that. */
const TAKES_NOTHING = 6_000
/** How long a reader may be behind, in ms, and how much longer for what it has to take, in bytes per ms: 256 kbit/s. */
const BEHIND = 12_000
const PACE = 32

/**
 * Closes the connections of those who do not read what they asked for: it lies in this process's memory
 * for as long. Whoever is told events is looked after by events.ts too.
 */
export function dropSlowReaders(server: Server): void {
  const open = new Set<Socket>()
  /** Who has not taken everything, and until when it may be so. */
  const behind = new Map<Socket, number>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      behind.delete(socket)
    })
  })
  const look = () => {
    const now = performance.now()
    for (const socket of open) {
      const until = behind.get(socket)
      if (socket.writableLength === 0) {
        if (until === undefined) continue
        behind.delete(socket)
        // Behind an answer that is whole, Node.js has set its own.
        if (socket.timeout === TAKES_NOTHING) socket.setTimeout(0)
      } else if (until === undefined) {
        behind.set(socket, now + BEHIND + socket.writableLength / PACE)
        socket.setTimeout(TAKES_NOTHING)
      } else if (now > until) socket.destroy()
    }
  }
  const timer = setInterval(look, LOOK).unref()
  server.once('close', () => clearInterval(timer))
}
