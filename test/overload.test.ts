import { fork } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { story } from './factories.ts'
import { figure } from './figures.ts'
import { newsroom } from './newsroom.ts'
import type { Kind, Load, Outcome } from './open-load.ts'
import { adminKey, serviceProcess } from './service-process.ts'
import { isLong } from './size.ts'

/*
 * Asked five times as much as it can do, the service goes on doing at least seven tenths of what it can, says
 * 503 with `Retry-After` to the rest and nothing else of the kind, and its `/livez` answers at once. A figure of
 * the machine, so only at full size, and on an idle one; refused.test.ts has what can be told apart in seconds.
 * The generator opens 500 connections at most, as a proxy does; what comes when all are busy is never sent, and
 * not good. Peak is the most that is answered within a second, of rates that rise by half.
 */

t.setTimeout(900_000)

/** Of each rate, and of five times the peak. */
const SECONDS = 5
const OVER = 30
/** As many as a proxy before it may open. */
const CONNECTIONS = 500
const SHARE = 0.7

const room = await newsroom(t)
const slugs: string[] = []
for (let i = 0; i < 40; i++) slugs.push((await story(room.editor, { headline: `Story ${i}` })).slug)
const { authorization } = await adminKey(room.url)
let number = 0

/** What is asked of a service; `perSecond` of all together is 1. */
type Asked = { name: string; settings: Record<string, string>; kinds: Kind[]; from: number }

const read = (path: string, perSecond: number): Kind => ({
  ...{ name: 'read', method: 'GET', path, perSecond },
})
const warm = (share: number) =>
  slugs.map((slug) => read(`/v1/articles/${slug}`, share / slugs.length))
const write = (perSecond: number): Kind => ({
  ...{ name: 'write', method: 'POST', path: '/v1/articles', perSecond },
  headers: { authorization },
  body: JSON.stringify({
    headline: 'Written {n}',
    body: { markdown: 'It was said, and {n} times.' },
  }),
})

const LOADS: Asked[] = [
  { name: 'kept reads', settings: {}, kinds: warm(1), from: 4000 },
  { name: 'reads of the database', settings: { CACHE_MB: '0' }, kinds: warm(1), from: 900 },
  { name: 'writes', settings: {}, kinds: [write(1)], from: 90 },
]

async function fire(t: Test, load: Load): Promise<Outcome> {
  const child = fork(fileURLToPath(new URL('open-load.ts', import.meta.url)))
  child.send(load)
  const [outcomes] = (await once(child, 'message')) as [Outcome[]]
  child.disconnect()
  await once(child, 'exit')
  number += 100_000
  const sum = outcomes.reduce((all, one) => {
    for (const [status, n] of Object.entries(one.statuses)) {
      all.statuses[status] = (all.statuses[status] ?? 0) + n
    }
    for (const name of ['asked', 'good', 'late', 'bare', 'lost', 'cut'] as const)
      all[name] += one[name]
    all.p99 = Math.max(all.p99, one.p99)
    return all
  })
  t.comment(JSON.stringify(sum))
  return sum
}

/** How long `/livez` takes meanwhile, each in ms. */
async function watchLife(port: number, until: { over: boolean }): Promise<number[]> {
  const waits: number[] = []
  while (!until.over) {
    const began = performance.now()
    const reply = await fetch(`http://127.0.0.1:${port}/livez`)
    await reply.text()
    waits.push(performance.now() - began)
    await sleep(20)
  }
  return waits.sort((a, b) => a - b)
}

const skip = isLong ? false : 'only at full size'
const ninetyNinth = (waits: number[]) => waits[Math.floor(waits.length * 0.99)] ?? Number.NaN

const told: string[] = []
for (const { name, settings, kinds, from } of LOADS) {
  t.test(name, { skip }, async (t) => {
    const service = await serviceProcess(t, { DATABASE_URL: room.url, ...settings })
    await service.ready()
    const { port } = service
    const at = (perSecond: number, seconds: number): Load => ({
      kinds: kinds.map((kind) => ({ ...kind, perSecond: kind.perSecond * perSecond })),
      ...{ port, seconds, connections: CONNECTIONS, number },
    })
    // Warm it, then ask more and more as long as more is answered in time.
    await fire(t, at(from, 1.5))
    let peak = 0
    for (let rate = from; ; rate *= 1.5) {
      const { good } = await fire(t, at(rate, SECONDS))
      const perSecond = good / SECONDS
      t.comment(`${Math.round(rate)} asked, ${Math.round(perSecond)} good a second`)
      if (perSecond < peak * 1.05) break
      peak = Math.max(peak, perSecond)
    }
    // How long it takes while nothing is asked is the machine's.
    const idle = { over: false }
    setTimeout(() => {
      idle.over = true
    }, 3000)
    const quiet = ninetyNinth(await watchLife(port, idle))
    const until = { over: false }
    const watching = watchLife(port, until)
    const over = await fire(t, at(peak * 5, OVER))
    until.over = true
    const lives = await watching
    const p99 = ninetyNinth(lives)
    const goodput = over.good / OVER
    const share = goodput / peak
    t.comment(
      `peak ${Math.round(peak)}, at five times ${Math.round(goodput)} a second: ${share.toFixed(2)}; livez p99 ${p99.toFixed(1)} ms of ${lives.length}; ${JSON.stringify(over)}`,
    )
    t.ok(share >= SHARE, `${share.toFixed(2)} of the peak`)
    t.ok(p99 <= 50 + quiet, `/livez within ${p99.toFixed(1)} ms`)
    const others = Object.keys(over.statuses).filter(
      (status) => Number(status) >= 500 && status !== '503',
    )
    t.same(others, [], 'no other 5xx')
    t.equal(over.bare, 0, 'each 503 says when to come again')
    t.equal(over.cut, 0, 'no connection was cut')
    const kept = `goodput at five times ${Math.round(goodput)}/s (${Math.round(share * 100)} %)`
    const life = `/livez p99 ${p99.toFixed(1)} ms (${quiet.toFixed(1)} ms idle)`
    told.push(`${name}: peak ${Math.round(peak)}/s, ${kept}, ${life}`)
    figure(t, 'overload', told.join('; '))
  })
}
