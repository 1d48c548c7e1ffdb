import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIP } from 'node:net'
import { type Answer, decode, encode } from 'dns-packet'

/** What a name is said to have, at the nth question about it, from 1: addresses, or one alias. */
type Zone = Record<string, (question: number) => string[]>

/**
 * A DNS server on loopback that knows these names, and says of all others that there are none.
 * `silent.example` is never answered. `address` is what a resolver is told.
 */
export async function startNameServer(zone: Zone) {
  const socket = createSocket('udp4')
  const asked = new Map<string, number>()
  const answers = (name: string, type: string): Answer[] | undefined => {
    const known = zone[name]
    if (!known) return undefined
    // Both kinds of address are asked for at once; one look-up counts once.
    const count = asked.get(`${type} ${name}`) ?? 0
    asked.set(`${type} ${name}`, count + 1)
    return known(count + 1).flatMap((data): Answer[] => {
      if (isIP(data) === 0)
        return [{ type: 'CNAME', name, data, ttl: 60 }, ...(answers(data, type) ?? [])]
      const kind = isIP(data) === 6 ? 'AAAA' : 'A'
      return kind === type ? [{ type: kind, name, data, ttl: 60 }] : []
    })
  }
  socket.on('message', (bytes, from) => {
    const { id, questions = [] } = decode(bytes)
    const [question] = questions
    const name = question?.name.toLowerCase() ?? ''
    if (!question || name === 'silent.example') return
    const found = answers(name, question.type)
    // RCODE 3: there is no such name.
    const flags = 0x0480 | (found ? 0 : 3)
    socket.send(
      encode({ type: 'response', id: id ?? 0, flags, questions, answers: found ?? [] }),
      from.port,
      from.address,
    )
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    close: () => new Promise<void>((resolve) => socket.close(resolve)),
  }
}
