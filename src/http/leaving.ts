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
