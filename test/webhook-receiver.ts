import http from 'node:http'
import type { AddressInfo } from 'node:net'

/*
 * A process that receives webhooks. It tells its parent `{port}` at the start, and `{got}` of each request
 * as it comes. Answers 204, unless its parent has sent `{path, answers}`: what comes at that path is
 * answered by these, one after another, the last of them for ever. With an argument, a share from 0 to 1,
 * it fails that part of all requests in one of five ways instead, but no message more than six times.
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
/** Failures of one message at most: by chance, one in thousands would use up its ten attempts. */
const MOST_FAILURES = 6
const failures = (): Answer[] => [
  { status: 500 },
  'reset',
  'hang',
  { status: 429, headers: { 'retry-after': '0' } },
  // Not followed, though it might be called.
  { status: 302, headers: { location: `http://127.0.0.1:${port()}/inside` } },
]
const OK: Answer = { status: 204 }

const scripts = new Map<string, Answer[]>()
process.on('message', ({ path, answers }: { path: string; answers: Answer[] }) => {
  scripts.set(path, answers)
  process.send?.({ set: path })
})

const failed = new Map<string, number>()
function answerTo(path: string, id: string): Answer {
  const before = failed.get(id) ?? 0
  if (before < MOST_FAILURES && Math.random() < failing) {
    failed.set(id, before + 1)
    const ways = failures()
    return ways[Math.floor(Math.random() * ways.length)] ?? OK
  }
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
    const answer = answerTo(path, String(headers['webhook-id']))
    process.send?.({ got: { path, headers, body, at: Date.now(), answer } })
    if (answer === 'reset') socket.destroy()
    else if (answer !== 'hang') response.writeHead(answer.status, answer.headers).end('seen')
  })
})
const port = () => (server.address() as AddressInfo).port
server.listen(0, '127.0.0.1', () => process.send?.({ port: port() }))
process.on('disconnect', () => process.exit())
