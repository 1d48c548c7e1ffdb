import net from 'node:net'
import tls from 'node:tls'
import type { Resolve } from './names.ts'
import type { Stage } from './outcome.ts'
import { addressesOf, hostOf, mayConnect, portOf } from './policy.ts'
import type { Network } from './ranges.ts'

/** How long one of several addresses may take before the next is tried too, in ms. */
const NEXT_ADDRESS = 1000
/** More are not tried: a name could list thousands of somebody else's. */
const MOST_ADDRESSES = 8

/** Thrown, or the error of the socket, when nothing that the URL leads to may be called. */
export class RefusedAddress extends Error {
  override name = 'RefusedAddress'
}

/**
 * Of what is read at once, in bytes, instead of Node's 64 kB: the parser goes through all of it before
 * anybody can stop, and a flood of interim answers in 64 kB is 10 MB of objects.
 */
const PIECE = 4096

/** What opens sockets. Tests put something else in its place, which keeps them on the machine. */
export type Dial = {
  tcp(options: net.NetConnectOpts): net.Socket
  tls(options: tls.ConnectionOptions): net.Socket
}

export type Connector = (url: URL, reached: (stage: Stage) => void) => net.Socket

/**
 * Opens connections to what `mayConnect` permits and to nothing else. Names are looked up and
 * checked inside the connection, and it goes to the very addresses that were checked; those of a
 * name that may not be called are left out. `reached` is told of each stage as it begins.
 */
export function openConnector(
  allowed: readonly Network[],
  resolve: Resolve,
  dial: Dial = { tcp: net.connect, tls: tls.connect },
): Connector {
  // Made once: it holds the machine's certificate authorities.
  const secureContext = tls.createSecureContext()
  return (url, reached) => {
    const host = hostOf(url)
    const known = addressesOf(host)
    const permitted = (address: string) => mayConnect(url, address, allowed)
    // A socket asks no lookup about an address.
    if (known && !known.some(permitted)) throw new RefusedAddress()

    const lookup: net.LookupFunction = (name, _options, done) => {
      const give = (addresses: string[]) => {
        const usable = addresses.filter(permitted).slice(0, MOST_ADDRESSES)
        if (usable.length === 0) return done(new RefusedAddress(), [])
        reached('connect')
        done(
          null,
          usable.map((address) => ({ address, family: net.isIP(address) })),
        )
      }
      const asked = known ? Promise.resolve(known) : resolve(name)
      asked.then(give, (error) => done(error, []))
    }

    const to = {
      ...{ host, port: portOf(url), lookup },
      ...{ autoSelectFamily: true, autoSelectFamilyAttemptTimeout: NEXT_ADDRESS },
      onread: {
        buffer: Buffer.alloc(PIECE),
        callback: (length: number, buffer: Uint8Array): boolean =>
          socket.push(Buffer.from(buffer.subarray(0, length))),
      },
    }
    reached(net.isIP(host) ? 'connect' : 'dns')
    const socket: net.Socket =
      url.protocol === 'http:'
        ? dial.tcp(to).once('connect', () => reached('exchange'))
        : dial
            .tls({
              ...to,
              ...(net.isIP(host) ? {} : { servername: host }),
              ...{ ALPNProtocols: ['http/1.1'], secureContext, rejectUnauthorized: true },
            })
            .once('connect', () => reached('tls'))
            .once('secureConnect', () => reached('exchange'))
    return socket
  }
}
