import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Config } from './config.ts'

type Place = Pick<Config, 'host' | 'port'>

/** Says to the operator why nobody can listen there. */
export function whyNot({ code, message }: NodeJS.ErrnoException, { host, port }: Place): string {
  return code === 'EADDRINUSE'
    ? `port ${port} of ${host} is taken; set PORT to another one`
    : message
}

/**
 * Rejects when somebody listens there already. The kernel would let sockets that are willing to share a port
 * share it with those of another start, and half of the readers would be answered by each.
 */
export async function mustBeFree({ host, port }: Place): Promise<void> {
  const probe = createServer().listen({ host, port })
  await once(probe, 'listening')
  await once(probe.close(), 'close')
}
