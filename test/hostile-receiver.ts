import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'

/*
 * A process of receivers that do what a sender must survive, each on a port of its own. Tells its
 * parent `{ports}` at the start, and `{counts}` (connections so far and open now) when it is asked.
 * The only argument is the pause between two bytes of the slow ones, in ms.
 */
const PAUSE = Number(process.argv[2] ?? 1000)
const HEAD = 'HTTP/1.1 200 OK\r\n'
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
const MB = 1024 * 1024

/** Writes as long as the other side takes it. */
function forever(socket: Socket, piece: string) {
  const bytes = Buffer.from(piece.repeat(Math.ceil(16_384 / piece.length)))
  const write = () => {
    if (!socket.destroyed) socket.write(bytes, (error) => error ?? setImmediate(write))
  }
  write()
}

/** One byte, a pause, one byte. */
function slowly(socket: Socket, bytes: Buffer) {
  let at = 0
  const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), PAUSE)
  socket.on('close', () => clearInterval(timer))
}

const bomb = gzipSync(Buffer.alloc(64 * MB))
const letters = Buffer.alloc(MB, 'a')
const slowHead = Buffer.from(
  `${HEAD}X-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`,
)
// A handshake record that is announced to hold 16 kB.
const slowHello = Buffer.concat([Buffer.from([0x16, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc]), letters])

/** What each does when the first bytes of a request, or of a TLS handshake, have come. */
const HOSTILE: Record<string, (socket: Socket) => void> = {
  silent: () => {},
  slowHead: (socket) => slowly(socket, slowHead),
  slowBody: (socket) => {
    socket.write(`${HEAD}Content-Length: 1000000\r\n\r\n`)
    slowly(socket, letters)
  },
  slowTls: (socket) => slowly(socket, slowHello),
  endlessBody: (socket) => {
    socket.write(`${HEAD}\r\n`)
    forever(socket, 'spam ')
  },
  endlessChunks: (socket) => {
    socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`)
    forever(socket, '5\r\nspam \r\n')
  },
  endlessExtension: (socket) => {
    socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5;`)
    forever(socket, 'spam')
  },
  endlessTrailers: (socket) => {
    socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n`)
    forever(socket, 'X-Spam: spam\r\n')
  },
  endlessInterim: (socket) => forever(socket, 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'),
  manyInterim: (socket) => socket.end(`${CONTINUE.repeat(20)}${HEAD}\r\nok`),
  fewInterim: (socket) => socket.end(`${CONTINUE.repeat(3)}${HEAD}\r\nok`),
  endlessLines: (socket) => forever(socket, '\r\n'),
  endlessHeaders: (socket) => {
    socket.write(HEAD)
    forever(socket, 'X-Spam: spam\r\n')
  },
  hugeHeader: (socket) => {
    socket.write(`${HEAD}X-Huge: `)
    for (let i = 0; i < 10; i++) socket.write(letters)
    socket.end('\r\n\r\nok')
  },
  bomb: (socket) => {
    socket.write(`${HEAD}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`)
    socket.end(bomb)
  },
  garbage: (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'),
  contradiction: (socket) =>
    socket.end(`${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc`),
  upgrade: (socket) =>
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
  slam: (socket) => socket.end(),
  reset: (socket) => socket.resetAndDestroy(),
  cutShort: (socket) => socket.end(`${HEAD}Content-Length: 100\r\n\r\nhalf`),
  twoAnswers: (socket) =>
    socket.end(`${HEAD}Content-Length: 1\r\n\r\n1${HEAD}Content-Length: 1\r\n\r\n2`),
}

/** `/status/<code>?<header>=<value>`; elsewhere 200 with the request told back. */
const good: http.RequestListener = async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://receiver.example')
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  for (const [name, value] of searchParams) response.setHeader(name, value)
  const [, code] = /^\/status\/(\d+)$/.exec(pathname) ?? []
  if (code) return void response.writeHead(Number(code)).end(code === '204' ? '' : `says ${code}`)
  const { method, url, headers } = request
  response.end(JSON.stringify({ method, url, headers, body }))
}

const counts: Record<string, { connections: number; open: number }> = {}
const ports: Record<string, number> = {}
async function listen(name: string, server: net.Server) {
  counts[name] = { connections: 0, open: 0 }
  const count = counts[name]
  server.on('connection', (socket: Socket) => {
    count.connections++
    count.open++
    socket.on('close', () => count.open--)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ports[name] = (server.address() as AddressInfo).port
}
await listen('good', http.createServer(good))
for (const [name, treat] of Object.entries(HOSTILE)) {
  await listen(
    name,
    net.createServer((socket) => {
      socket.once('data', () => treat(socket))
      // What a request brings is read, so that it is the answer that matters.
      socket.resume()
    }),
  )
}
process.on('message', () => process.send?.({ counts }))
process.on('disconnect', () => process.exit())
process.send?.({ ports })
