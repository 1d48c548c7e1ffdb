import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { openResolver } from '../src/webhooks/names.ts'
import { openSender } from '../src/webhooks/sender.ts'
import { makeSecret } from '../src/webhooks/signature.ts'
import { startNameServer } from './name-server.ts'
import { INSIDE } from './webhook-spellings.ts'

/*
 * A process for a network of its own (`unshare --net`), where nothing leads out: inside and public
 * addresses alike are put on its loopback, with servers on the ports that matter, and webhooks are
 * sent as they are in earnest. Prints what was reached as JSON. Takes the files of a certificate.
 */
const PUBLIC = ['93.184.216.34', '2606:2800:220:1::1']
const INWARD = [
  ...['10.0.0.1', '172.16.0.1', '192.168.0.1', '169.254.169.254', '100.64.0.1', '192.0.2.1'],
  ...[
    '168.63.129.16',
    '198.18.0.1',
    'fd00:ec2::254',
    '2001:db8::1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
  ],
]
const [, , keyFile = '', certFile = ''] = process.argv

const ip = (...args: string[]) => execFileSync('ip', args)
ip('link', 'set', 'lo', 'up')
for (const address of [...PUBLIC, ...INWARD]) ip('address', 'add', address, 'dev', 'lo')

/** Local address and port of every connection that a server was reached by. */
const reached: string[] = []
const note = (socket: Socket) => {
  reached.push(`${socket.localAddress?.replace(/^::ffff:/, '')} ${socket.localPort}`)
}
const answer: http.RequestListener = (request, response) => {
  request.resume()
  response.writeHead(200).end(request.headers.host)
}
const secure = { key: readFileSync(keyFile), cert: readFileSync(certFile) }
for (const [server, port] of [
  [https.createServer(secure, answer), 443],
  [http.createServer(answer), 80],
  [http.createServer(answer), 8080],
] as const) {
  server.on('connection', note).listen(port, '::')
  await once(server, 'listening')
}
const names = await startNameServer({
  'public.example': () => PUBLIC,
  'mixed.example': () => ['10.0.0.1', '127.0.0.1', '93.184.216.34', '::1'],
  'inside.example': () => ['127.0.0.1', ...INWARD, '::1'],
  'rebinding.example': (n) => (n === 1 ? ['93.184.216.34'] : ['169.254.169.254']),
  'other.example': () => ['93.184.216.34'],
})
const sender = openSender({
  ...{ allow: [], publicUrl: 'https://api.example', timeout: 3000 },
  resolve: openResolver([names.address]),
})
const outcomes: Record<string, unknown> = {}
const secrets = [makeSecret()]
async function send(url: string) {
  const from = reached.length
  const outcome = await sender.send({ id: 'm', at: new Date(), body: '{}', secrets, url })
  const { error, status, detail, excerpt } = outcome
  return { error, status, detail, excerpt, reached: reached.slice(from) }
}
for (const url of [
  ...['https://public.example/', 'https://mixed.example/', 'https://rebinding.example/'],
  ...['https://rebinding.example/?again', 'https://inside.example/', 'https://other.example/'],
  ...['https://93.184.216.34/', 'https://[2606:2800:220:1::1]/', 'http://public.example/'],
  ...['http://public.example:8080/', 'http://93.184.216.34/', 'https://public.example:8080/'],
]) {
  outcomes[url] = await send(url)
}
const inside: unknown[] = []
for (const spelled of Object.values(INSIDE).flat()) {
  for (const url of [spelled, spelled.replace(/^https/i, 'http')]) {
    const { error, reached } = await send(url)
    if (error !== 'refused_address' || reached.length > 0) inside.push({ url, error, reached })
  }
}
process.stdout.write(JSON.stringify({ outcomes, inside }))
process.exit()
