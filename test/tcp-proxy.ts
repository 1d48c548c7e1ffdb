import { connect, createServer, type Socket } from 'node:net'

/*
 * A process that passes connections on to one port of loopback, and to another when it is told: what HAProxy
 * or a virtual address does in front of PostgreSQL. Whoever is connected when it changes is cut off.
 */

let port = Number(process.argv[2])
const open = new Set<Socket>()

const server = createServer((inside) => {
  const outside = connect(port, '127.0.0.1')
  for (const [from, to] of [
    [inside, outside],
    [outside, inside],
  ] as const) {
    open.add(from)
    from.pipe(to)
    from.on('error', () => {})
    from.on('close', () => {
      open.delete(from)
      to.destroy()
    })
  }
})

process.on('message', (told: { to: number; cut: boolean }) => {
  port = told.to
  if (told.cut) for (const socket of open) socket.destroy()
  process.send?.({ to: port })
})
process.on('disconnect', () => process.exit())

server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as { port: number }).port })
})
