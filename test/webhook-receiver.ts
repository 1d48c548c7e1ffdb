import http from 'node:http'
import type { AddressInfo } from 'node:net'

/*
 * A process that receives webhooks. It tells its parent `{port}` at the start, and `{got}` of each request
 * as it comes. Answers 204, unless its parent has sent `{path, answers}`: what comes at that path is
 * answered by these, one after another, the last of them for ever. With an argument, a share from 0 to 1,
 * it fails that part of all requests in one of five ways instead.
 */
export type Got = {
  path: string
  headers: Record<string, string>
  body: string
  /** In ms since 1970, by the receiver's clock. */
  at: number
  /** How it was answered. */
  answer: Answer
}
/** A status with its headers, no answer at all, or a connection that is cut. */
export type Answer = { status: number; headers?: Record<string, string> } | 'hang' | 'reset'

const failing = Number(process.argv[2] ?? 0)
const FAILURES: Answer[] = [
  { status: 500 },
  'reset',
  'hang',
  { status: 429, headers: { 'retry-after': '0' } },
  { status: 302, headers: { location: 'http://169.254.169.254/latest/meta-data/' } },
]
const OK: Answer = { status: 204 }

const scripts = new Map<string, Answer[]>()
process.on('message', ({ path, answers }: { path: string; answers: Answer[] }) => {
  scripts.set(path, answers)
  process.send?.({ set: path })
})

function answerTo(path: string): Answer {
  if (Math.random() < failing) return FAILURES[Math.floor(Math.random() * FAILURES.length)] ?? OK
  const script = scripts.get(path) ?? [OK]
  return (script.length > 1 ? script.shift() : script[0]) ?? OK
}

const server = http.createServer((request, response) => {
  const { url: path = '', headers, socket } = request
  let body = ''
  request.setEncoding('utf8').on('data', (chunk) => {
    body += chunk
  })
  request.on('end', () => {
    const answer = answerTo(path)
    process.send?.({ got: { path, headers, body, at: Date.now(), answer } })
    if (answer === 'reset') socket.destroy()
    else if (answer !== 'hang') response.writeHead(answer.status, answer.headers).end('seen')
  })
})
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('disconnect', () => process.exit())
