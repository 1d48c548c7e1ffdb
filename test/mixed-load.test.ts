import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { story } from './factories.ts'
import { figure } from './figures.ts'
import { newsroom } from './newsroom.ts'
import type { Kind, Load, Outcome } from './open-load.ts'
import { descriptorsOf, memoryOf } from './process-usage.ts'
import { adminKey, serviceProcess } from './service-process.ts'
import { isLong } from './size.ts'

/*
 * Under a mixed load the process's memory and descriptors do not grow. How that is judged: both are looked at
 * each second; the first third is the warm-up, in which caches fill; of the rest each sixth is reduced to its
 * lowest value, which is what remains after a collection of garbage. A leak lifts the lowest values; so the
 * line through them (least squares) must rise by less than a twentieth of the first over the whole time, and
 * by less than 16 MB.
 * MINUTES sets how long it takes; 30 in `npm run test:long`. In `npm test` it is skipped.
 */

const MINUTES = Number(process.env.MINUTES ?? (isLong ? 30 : 0))
t.setTimeout((MINUTES + 5) * 60_000)

/** What a line through the lowest values of six parts rises by from the first to the last. */
function rise(values: readonly number[]): { first: number; by: number } {
  const size = Math.floor(values.length / 6)
  const lows = Array.from({ length: 6 }, (_, i) =>
    Math.min(...values.slice(i * size, (i + 1) * size)),
  )
  const mean = lows.reduce((sum, low) => sum + low, 0) / 6
  // The places 0 to 5, less their mean: their squares sum up to 17.5.
  const slope = lows.reduce((sum, low, i) => sum + (i - 2.5) * (low - mean), 0) / 17.5
  return { first: lows[0] ?? 0, by: slope * 5 }
}

t.test('a slope is found, and noise is none', async (t) => {
  const noise = (i: number) => ((i * 7919) % 101) / 2
  const many = Array.from({ length: 1200 }, (_, i) => i)
  t.ok(Math.abs(rise(many.map((i) => 200 + noise(i))).by) < 2)
  t.ok(rise(many.map((i) => 200 + noise(i) + i / 30)).by > 25)
})

t.test(
  'memory and descriptors have no slope',
  { skip: MINUTES === 0 && 'only at full size' },
  async (t) => {
    const room = await newsroom(t)
    const slugs: string[] = []
    for (let i = 0; i < 100; i++)
      slugs.push((await story(room.editor, { headline: `Story ${i}` })).slug)
    const { authorization } = await adminKey(room.url)
    const service = await serviceProcess(t, { DATABASE_URL: room.url, CACHE_MB: '16' })
    await service.ready()

    const read = (path: string, perSecond: number, headers = {}): Kind => ({
      ...{ name: path, method: 'GET', path, perSecond, headers },
    })
    const write = (method: string, path: string, body: object, perSecond: number): Kind => ({
      ...{ name: `${method} ${path}`, method, path, perSecond, body: JSON.stringify(body) },
      headers: { authorization, 'if-match': '*' },
    })
    const kinds: Kind[] = [
      ...slugs.map((slug) => read(`/v1/articles/${slug}`, 1)),
      ...[
        '?limit=20',
        '?limit=50&include=quotes,sources',
        '?q=story',
        '?sort=headline&count=exact',
      ].map((query) => read(`/v1/articles${query}`, 5)),
      ...['/feeds/latest.rss', '/v1/categories', '/livez', '/metrics'].map((path) => read(path, 2)),
      ...[
        '/v1/articles?status=draft',
        '/v1/audit',
        '/v1/changes?limit=20',
        '/v1/changes?wait=1',
      ].map((path) => read(path, 2, { authorization })),
      read('/v1/articles/nowhere', 2),
      read('/v1/articles?wrong=1', 2),
      write(
        'POST',
        '/v1/articles',
        { headline: 'Written {n}', body: { markdown: 'Text {n}.' } },
        2,
      ),
      ...slugs
        .slice(0, 5)
        .map((slug) => write('PATCH', `/v1/articles/${slug}`, { summary: 'Changed {n}' }, 1)),
      write('POST', '/v1/articles', { headline: '', wrong: '{n}' }, 1),
    ]
    const load: Load = {
      port: service.port,
      kinds,
      seconds: MINUTES * 60,
      connections: 100,
      number: 1,
    }
    const child = fork(fileURLToPath(new URL('open-load.ts', import.meta.url)))
    t.teardown(() => child.kill())
    const memory: number[] = []
    const descriptors: number[] = []
    const timer = setInterval(async () => {
      memory.push(await memoryOf(service.pid))
      descriptors.push(await descriptorsOf(service.pid))
    }, 1000)
    child.send(load)
    const [outcomes] = (await once(child, 'message')) as [Outcome[]]
    clearInterval(timer)
    const statuses: Record<string, number> = {}
    let asked = 0
    for (const outcome of outcomes) {
      asked += outcome.asked
      for (const [status, n] of Object.entries(outcome.statuses)) {
        statuses[status] = (statuses[status] ?? 0) + n
      }
    }
    t.comment(JSON.stringify(statuses))
    const settled = <T>(values: T[]) => values.slice(Math.floor(values.length / 3))
    const grown = rise(settled(memory))
    const opened = rise(settled(descriptors))
    t.ok(grown.by < 16 && grown.by < grown.first / 20, `memory rises by ${grown.by.toFixed(1)} MB`)
    t.ok(opened.by < Math.max(3, opened.first / 20), `descriptors rise by ${opened.by.toFixed(1)}`)
    t.same(
      Object.keys(statuses).filter((status) => Number(status) >= 500 && status !== '503'),
      [],
      'no 5xx but 503',
    )
    figure(
      t,
      'mixed load',
      `${MINUTES} minutes, ${asked} requests: memory from ${Math.round(grown.first)} MB by ${grown.by.toFixed(1)} MB, ` +
        `descriptors from ${opened.first} by ${opened.by.toFixed(1)} (line through the lowest of six parts, after a third)`,
    )
  },
)
