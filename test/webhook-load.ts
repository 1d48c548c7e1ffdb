import { setTimeout as sleep } from 'node:timers/promises'
import { openSender } from '../src/webhooks/sender.ts'
import { makeSecret } from '../src/webhooks/signature.ts'

/*
 * A process that sends webhooks to good and hostile receivers at once and tells its parent how much
 * its memory grew and how long the good ones took. Started with --expose-gc and, as JSON, the ports,
 * how many go to each hostile one at a time and in all, and the timeout.
 */
type Task = { ports: Record<string, number>; atOnce: number; each: number; timeout: number }
const { ports, atOnce, each, timeout } = JSON.parse(process.argv[2] ?? '') as Task
const hostile = Object.keys(ports).filter((name) => name !== 'good')
const secrets = [makeSecret()]
const body = JSON.stringify({ text: 'x'.repeat(18_000) })
const sender = openSender({
  ...{ allow: ['127.0.0.0/8'], publicUrl: 'https://api.example', timeout, perHost: 1000 },
})

function send(name: string) {
  const scheme = name === 'slowTls' ? 'https' : 'http'
  const url = `${scheme}://127.0.0.1:${ports[name]}/`
  return sender.send({ id: 'm', at: new Date(), body, secrets, url })
}

/** How long a good receiver's deliveries take, in ms, one after another until it is enough. */
async function goodOnes(enough: () => boolean) {
  const took: number[] = []
  let failures = 0
  while (!enough()) {
    const { ok, ms } = await send('good')
    if (!ok) failures++
    took.push(ms)
    await sleep(20)
  }
  took.sort((a, b) => a - b)
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))]
  return { count: took.length, failures, p50: at(0.5), p95: at(0.95), max: took.at(-1) }
}

const memory = () => {
  globalThis.gc?.()
  return process.memoryUsage.rss() / 1024 / 1024
}

// Code is loaded and compiled, and there is memory for as many good ones at once as there will be
// hostile ones: what grows after this is what hostility costs.
const many = Array(hostile.length * atOnce).fill('good')
for (let i = 0; i < 20; i++) await Promise.all(many.map(send))
for (const name of hostile.filter((one) => !/^s(low|ilent)/.test(one))) await send(name)
let rounds = 0
const before = await goodOnes(() => ++rounds > 100)
const start = memory()
let peak = start
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss() / 1024 / 1024)
}, 20)

const outcomes: Record<string, Record<string, number>> = {}
let running = true
const started = performance.now()
const cpu = process.cpuUsage()
const flood = Promise.all(
  hostile.flatMap((name) => {
    outcomes[name] = {}
    const seen = outcomes[name]
    return Array.from({ length: atOnce }, async () => {
      for (let i = 0; i < each / atOnce; i++) {
        const { error } = await send(name)
        seen[error ?? 'ok'] = (seen[error ?? 'ok'] ?? 0) + 1
      }
    })
  }),
).then(() => {
  running = false
})
const during = await goodOnes(() => !running)
await flood
const { user, system } = process.cpuUsage(cpu)
const seconds = (performance.now() - started) / 1000
clearInterval(watch)
process.send?.({
  before,
  during,
  start,
  peak,
  left: memory(),
  seconds,
  cpu: (user + system) / 1e6,
  outcomes,
})
process.disconnect()
