import type { IncomingMessage } from 'node:http'
import proxyAddr from '@fastify/proxy-addr'
import ipaddr from 'ipaddr.js'

/** Tells whom a request is counted to, where it comes without a key. */
export type CallerAddress = (request: IncomingMessage) => string

/**
 * The address of whoever asks, as it is counted: of IPv4 all of it, of IPv6 its first 64 bits.
 * `X-Forwarded-For` is read from its end, as long as addresses are in the `trusted` networks, so that
 * nobody but a proxy of ours can say who asks; without any it is not read at all.
 */
export function callerAddresses(trusted: readonly string[]): CallerAddress {
  const trust = proxyAddr.compile([...trusted])
  /** Of connections, so that the address of each is looked at once. */
  const known = new WeakMap<object, string>()
  return (request) => {
    const { socket } = request
    const direct = socket.remoteAddress ?? ''
    if (trusted.length > 0 && request.headers['x-forwarded-for'] !== undefined) {
      const told = withoutPort(proxyAddr(request, trust))
      // Not an address: the proxy stands for all whom it does not name.
      return countedAs(ipaddr.isValid(told) ? told : direct)
    }
    if (!direct.includes(':')) return direct
    const counted = known.get(socket) ?? countedAs(direct)
    known.set(socket, counted)
    return counted
  }
}

/** As some proxies write it: `192.0.2.1:50123`, `[2001:db8::1]:50123`. */
function withoutPort(text: string): string {
  const [, six, four] = /^(?:\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/.exec(text) ?? []
  return six ?? four ?? text
}

/**
 * A host on IPv6 is given a network of 64 bits and takes as many addresses in it as it likes (RFC 4291
 * section 2.5.4, RFC 8981). IPv4 comes as `::ffff:192.0.2.1` where a socket listens to both: were it
 * counted by 64 bits, all of IPv4 would be one caller.
 */
function countedAs(address: string): string {
  if (!address.includes(':') || !ipaddr.isValid(address)) return address
  const parsed = ipaddr.parse(address)
  if (!(parsed instanceof ipaddr.IPv6)) return address
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString()
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`
}
