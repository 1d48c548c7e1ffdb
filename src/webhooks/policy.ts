import ipaddr from 'ipaddr.js'
import type { Detail } from '../errors.ts'
import { isWithin, type Network, specialRange } from './ranges.ts'

/** White space, control characters and backslashes: the URL parser drops them or turns them. */
const TURNED = /[\s\p{Cc}\\]/u
const CREDENTIALS = /^[a-z]+:\/*[^/?#]*@/i
/** Names that only the inside knows: RFC 6762, RFC 8375, and `.internal` (ICANN, 2024). */
const INSIDE = /^[^.]+$|\.(local|internal|home\.arpa)$/
/** RFC 6761 section 6.3: these mean this machine, whatever a resolver says. */
const LOCALHOST = /^(.+\.)?localhost$/

/** The host of a URL as sockets take it: IPv6 without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1')
}

/** The port of a URL, also where it is the default. */
export function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
}

/**
 * The addresses that a host means without anybody being asked: itself when it is an address
 * (the URL parser has made one spelling of all), loopback for localhost; undefined for other names.
 */
export function addressesOf(host: string): string[] | undefined {
  if (LOCALHOST.test(host)) return ['127.0.0.1', '::1']
  return host.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(host) ? [host] : undefined
}

/**
 * Whether a URL may be called at an address: anywhere in the networks that the operator allows,
 * elsewhere by https on port 443 at a public address.
 */
export function mayConnect(url: URL, address: string, allowed: readonly Network[]): boolean {
  if (isWithin(address, allowed)) return true
  const ordinary = url.protocol === 'https:' && portOf(url) === 443
  return ordinary && specialRange(address) === undefined
}

/**
 * Everything that is wrong with the URL of a webhook, empty when it may be registered. Nothing is
 * looked up: what a name leads to is checked in the connection, each time anew. A name may have
 * http or another port only if there are networks where those are allowed.
 */
export function urlFaults(text: string, allowed: readonly Network[]): Detail[] {
  return [...faults(text, allowed)].map((message) => ({ pointer: '/url', message }))
}

function* faults(text: string, allowed: readonly Network[]): Generator<string> {
  const url = URL.parse(text)
  const web = url && /^https?:$/.test(url.protocol)
  if (!web || !/^https?:\/\/[^/?#]/i.test(text)) yield 'must be an absolute https URL with a host'
  if (TURNED.test(text)) yield 'must not have white space, control characters or backslashes'
  if (CREDENTIALS.test(text)) yield 'must not hold a user name or password'
  if (text.includes('#')) yield 'must not have a fragment, which is never sent'
  if (!web) return
  const host = hostOf(url)
  const addresses = addressesOf(host)
  if (!addresses && host.endsWith('.')) yield 'must name its host without a dot at the end'
  const free = addresses ? addresses.some((one) => isWithin(one, allowed)) : allowed.length > 0
  if (free) return
  if (url.protocol === 'http:') yield 'must use https'
  if (url.port !== '') yield 'must use port 443'
  const special = addresses?.map(specialRange).find((range) => range !== undefined)
  if (special) yield `must lead to a public address; ${host} is ${special}`
  if (!addresses && INSIDE.test(host)) yield `must lead to a public name; ${host} is none`
}
