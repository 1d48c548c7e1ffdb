import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { figure } from './figures.ts'
import { freePort } from './free-port.ts'
import { cloneDatabase } from './newsroom.ts'
import { adminKey, serviceProcess } from './service-process.ts'
import { isLong } from './size.ts'

/*
 * Two instances behind a load balancer that watches /readyz and tries nothing twice are restarted in turns
 * under 200 requests a second, a tenth of them writes: none fails.
 */

const ROUNDS = isLong ? 10 : 1
const RATE = isLong ? 200 : 100

t.setTimeout(600_000)

async function balancer(t: Test, upstreams: number[]): Promise<number> {
  const port = await freePort()
  const program = fileURLToPath(new URL('balancer.ts', import.meta.url))
  const child = spawn(process.execPath, [program, `${port}`, ...upstreams.map(String)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  return port
}

t.test(`two instances are restarted in turns, ${ROUNDS} times each`, async (t) => {
  const url = await cloneDatabase(t)
  const headers = await adminKey(url)
  const logs: string[][] = []
  const ports = [await freePort(), await freePort()]
  const start = async (port: number) => {
    // The delay between SIGTERM and the end of listening is the default.
    const settings = { DATABASE_URL: url, LOG_LEVEL: 'error', PORT: `${port}` }
    const service = await serviceProcess(t, { ...settings, SHUTDOWN_DELAY: '' })
    logs.push(service.log)
    await service.ready()
    return service
  }
  const instances = await Promise.all(ports.map(start))
  const front = await balancer(t, ports)
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())

  const failures: string[] = []
  const times: number[] = []
  const send = (n: number) =>
    new Promise<void>((resolve) => {
      const writes = n % 10 === 0
      const began = performance.now()
      const method = writes ? 'POST' : 'GET'
      const path = writes ? '/v1/articles' : `/v1/articles?limit=${1 + (n % 7)}`
      const sending = request(
        {
          ...{ agent, host: '127.0.0.1', port: front, method, path },
          headers: { ...(writes && { ...headers, 'content-type': 'application/json' }) },
        },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8').on('data', (chunk) => {
            text += chunk
          })
          answer.on('end', () => {
            if (answer.statusCode !== (writes ? 201 : 200)) {
              failures.push(`${method} ${answer.statusCode} ${text.slice(0, 200)}`)
            }
            times.push(performance.now() - began)
            resolve()
          })
          answer.on('error', (error) => {
            failures.push(`${method} ${error.message}`)
            resolve()
          })
        },
      )
      sending.on('error', (error) => {
        failures.push(`${method} ${error.message}`)
        resolve()
      })
      sending.end(writes ? JSON.stringify({ headline: `request ${n}` }) : undefined)
    })
  // Until the balancer knows both.
  await sleep(1000)

  let sent = 0
  let loading = true
  const underWay = new Set<Promise<void>>()
  const began = performance.now()
  const load = (async () => {
    while (loading) {
      // At the rate, whatever is under way.
      const due = Math.floor(((performance.now() - began) / 1000) * RATE)
      for (; sent < due; sent++) {
        const one = send(sent).finally(() => underWay.delete(one))
        underWay.add(one)
      }
      await sleep(5)
    }
  })()
  const exits: unknown[] = []
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, instance] of instances.entries()) {
      instance.signal('SIGTERM')
      exits.push(await instance.ended)
      instances[i] = await start(instance.port)
      // The balancer has to see it before the other one goes.
      await sleep(1000)
    }
  }
  loading = false
  await load
  await Promise.all(underWay)
  const seconds = (performance.now() - began) / 1000
  times.sort((a, b) => a - b)
  const at = (share: number) => Math.round(times[Math.floor(share * (times.length - 1))] ?? 0)
  t.comment(
    `${exits.length} restarts; ${sent} requests in ${Math.round(seconds)} s, failed ${failures.length}; p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
  )
  const told = `${sent} requests, failed ${failures.length}; p99 ${at(0.99)} ms`
  figure(t, 'rolling restart', `${exits.length} restarts: ${told}`)
  if (failures.length > 0) for (const line of logs.flat().slice(0, 20)) t.comment(line)
  t.same(failures, [], 'failed')
  t.same([...new Set(exits)], [0], 'each ended with 0')
  t.ok(sent > RATE * seconds * 0.9)
})
