import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Whether this process is about to end. It goes on serving until load balancers have heard so from `/readyz`,
 * but each answer is the last on its connection: a connection that is closed while a request is on its way
 * loses it, and one that was told `Connection: close` is not used again.
 */
export type Leaving = { begun: boolean }

declare module 'fastify' {
  interface FastifyInstance {
    /** Says from now on that this process is about to end. */
    leave(): void
  }
}

/** How long a new connection has to say something once nobody listens any more, in ms: it may be on its way. */
const SILENCE = 1000

/**
 * What closes, a moment later, the connections of a server on which nothing was ever said. Browsers open some
 * to be quick later, and a server that ends would wait for what they say.
 */
export function silentConnections(server: Server): () => void {
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  const close = () => {
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy()
  }
  return () => void setTimeout(close, SILENCE).unref()
}
