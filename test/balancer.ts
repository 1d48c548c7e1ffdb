import { Agent, request as ask, createServer, get } from 'node:http'

/*
 * A load balancer as a process of its own: `node balancer.ts PORT UPSTREAM...`, all ports of loopback. It asks
 * each upstream's /readyz five times a second, sends requests in turns to those that said 200 last, keeps its
 * connections, and tries nothing twice: what an upstream loses is a 502.
 */

const [port, ...upstreams] = process.argv.slice(2).map(Number)
const EVERY = 200
const agent = new Agent({ keepAlive: true })
const ready = new Set<number>()

const check = (upstream: number) => {
  const asked = get({ port: upstream, host: '127.0.0.1', path: '/readyz' }, (answer) => {
    answer.resume()
    if (answer.statusCode === 200) ready.add(upstream)
    else ready.delete(upstream)
    setTimeout(check, EVERY, upstream)
  })
  asked.on('error', () => {
    ready.delete(upstream)
    setTimeout(check, EVERY, upstream)
  })
}
for (const upstream of upstreams) check(upstream)

let turn = 0
// Its callers' connections are kept longer than any test takes: one that it closed while a request was on its way
// would be its own fault.
createServer({ keepAliveTimeout: 600_000 }, (incoming, outgoing) => {
  const fail = (why: string) => {
    if (outgoing.headersSent) return void outgoing.destroy()
    outgoing.writeHead(502).end(why)
  }
  const choices = [...ready]
  const upstream = choices[turn++ % choices.length]
  if (upstream === undefined) return fail('no upstream is ready')
  const { method, url: path, headers } = incoming
  const options = { agent, host: '127.0.0.1', port: upstream, method, path }
  const { connection: _, ...passed } = headers
  const passing = ask({ ...options, headers: passed }, (answer) => {
    const { connection: _, 'keep-alive': __, ...told } = answer.headers
    outgoing.writeHead(answer.statusCode ?? 502, told)
    answer.on('error', () => outgoing.destroy())
    answer.pipe(outgoing)
  })
  passing.on('error', (error) => fail(`${upstream}: ${error.message}`))
  incoming.pipe(passing)
}).listen(port, '127.0.0.1')
