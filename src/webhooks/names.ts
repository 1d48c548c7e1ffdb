import { Resolver } from 'node:dns/promises'

/** A name to its addresses. Throws an error with a code, such as ENOTFOUND, when it has none. */
export type Resolve = (name: string) => Promise<string[]>

/** Of one question to one server, in ms; asked twice at most, 4 s in all of an attempt's 15 s. */
const ANSWER = 2000
const TRIES = 2

/**
 * Asks the DNS servers of /etc/resolv.conf, or those given. Not `dns.lookup`, which waits for a
 * silent name server in one of libuv's four threads: four such names, and files, zlib and every
 * other look-up of the process wait too.
 */
export function openResolver(servers?: readonly string[]): Resolve {
  const resolver = new Resolver({ timeout: ANSWER, tries: TRIES, maxTimeout: ANSWER })
  if (servers) resolver.setServers(servers)
  return async (name) => {
    const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)])
    const addresses = answers.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    const [failed] = answers.filter((one) => one.status === 'rejected')
    if (addresses.length === 0 && failed) throw failed.reason
    return addresses
  }
}
