import ipaddr from 'ipaddr.js'

export type Address = ipaddr.IPv4 | ipaddr.IPv6
/** An address and how many of its leading bits count. */
export type Network = readonly [Address, number]

/**
 * What no webhook may lead to, by what it is: IANA's registries of special-purpose addresses for
 * IPv4 and IPv6, also those entries that are globally reachable (no partner's site stands there),
 * multicast, and what was withdrawn. The first that fits names an address.
 */
const SPECIAL: Record<string, string[]> = {
  unspecified: ['0.0.0.0/32', '::/128'],
  loopback: ['127.0.0.0/8', '::1/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
  // Where clouds answer with an instance's own credentials: 169.254.169.254.
  'link-local': ['169.254.0.0/16', 'fe80::/10'],
  'shared between a carrier and its customers': ['100.64.0.0/10'],
  'of this network': ['0.0.0.0/8'],
  broadcast: ['255.255.255.255/32'],
  multicast: ['224.0.0.0/4', 'ff00::/8'],
  documentation: [
    ...['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'],
    ...['2001:db8::/32', '3fff::/20'],
  ],
  benchmarking: ['198.18.0.0/15', '2001:2::/48'],
  'assigned to protocols': ['192.0.0.0/24', '2001::/23'],
  'a relay or sinkhole': [
    ...['192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.175.48.0/24'],
    '2620:4f:8000::/48',
  ],
  // Public by its number, but inside Azure the host under a machine answers there.
  'of a cloud’s own host': ['168.63.129.16/32'],
  // Whatever carries an IPv4 address may lead to that one, through a translator on the way.
  'an IPv4 address in IPv6': [
    ...['::/96', '::ffff:0:0/96', '::ffff:0:0:0/96'],
    ...['64:ff9b::/96', '64:ff9b:1::/48', '2002::/16'],
  ],
  reserved: ['240.0.0.0/4', '3ffe::/16'],
}

/** All of IPv6 that is handed out to the public (RFC 4291, IANA's IPv6 address space). */
const HANDED_OUT = ipaddr.IPv6.parseCIDR('2000::/3')

const LISTS = Object.fromEntries(
  Object.entries(SPECIAL).map(([name, cidrs]) => [
    name,
    cidrs.map((cidr) => ipaddr.parseCIDR(cidr)),
  ]),
)

/** CIDRs, of `WEBHOOK_ALLOW_CIDRS`, as networks. Throws for what is none. */
export function networks(cidrs: readonly string[]): Network[] {
  return cidrs.map((cidr) => ipaddr.parseCIDR(cidr))
}

/**
 * Whether an address, as the URL parser or a resolver writes it, lies in one of the networks. An
 * IPv4 address within IPv6 counts as IPv6 only, so what is allowed is allowed in one spelling.
 */
export function isWithin(address: string, allowed: readonly Network[]): boolean {
  const parsed = ipaddr.parse(address)
  return allowed.some(
    ([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits),
  )
}

/** What is special about an address, in words; undefined for a public unicast one. */
export function specialRange(address: string): string | undefined {
  const parsed = ipaddr.parse(address)
  const found = ipaddr.subnetMatch(parsed, LISTS, '')
  if (found) return found
  return parsed.kind() === 'ipv4' || parsed.match(HANDED_OUT) ? undefined : 'reserved'
}
