import { setTimeout as pass } from 'node:timers/promises'
import t from 'tap'
import { must, story } from './factories.ts'
import { cloneDatabase, type Newsroom } from './newsroom.ts'
import { until } from './replica-room.ts'
import { adminKey, serviceProcess } from './service-process.ts'
import { ON_LOOPBACK, startReceiver } from './webhook-desk.ts'

t.setTimeout(90_000)

t.test('WORKERS serve together, one of them runs the jobs, and who dies is replaced', async (t) => {
  const url = await cloneDatabase(t)
  const settings = { DATABASE_URL: url, WORKERS: '3', DATABASE_POOL: '3', LOG_LEVEL: 'info' }
  const service = await serviceProcess(t, { ...settings, ...ON_LOOPBACK })
  await service.ready()
  const { authorization } = await adminKey(url)
  const editor: Newsroom['editor'] = (method, path, body, headers) =>
    service.call(method, path, body, { authorization, ...headers })
  // The log names the process of each line.
  const logged = (pattern: RegExp) =>
    service.log.filter((line) => pattern.test(line)).map((line) => JSON.parse(line) as Line)
  await until('all are ready', () => logged(/Ready in/).length === 3, 30_000)
  t.equal(logged(/Try: /).length, 1, 'once')
  const pids = logged(/Ready in/).map(({ pid }) => pid)
  t.equal(new Set(pids).size, 3)
  t.notOk(pids.includes(service.pid))

  const receiver = await startReceiver(t)
  await must(editor, 'POST', '/v1/webhooks', { url: receiver.url('/hook'), events: ['*'] })
  const { slug } = await story(editor)
  await receiver.until('/hook', 1)
  // A connection each, so that they come by turns.
  const ask = () =>
    Promise.all(
      Array.from({ length: 30 }, () =>
        service.call('GET', `/v1/articles/${slug}`, undefined, { connection: 'close' }),
      ),
    )
  const statuses = (await ask()).map(({ status }) => status)
  t.same(new Set(statuses), new Set([200]))
  const answered = () => new Set(logged(/GET \/v1\/articles\/\S+ 200/).map(({ pid }) => pid)).size
  await until('each has answered', () => answered() === 3)

  const counted = async () => {
    const { text } = await editor('GET', '/metrics')
    const line =
      /^http_request_duration_seconds_count\{.*route="\/v1\/articles\/:idOrSlug",?.*\} (\d+)$/m
    return { text, count: Number(line.exec(text)?.[1]) }
  }
  const { text, count } = await counted()
  t.equal(count, 30, 'of all of them, whoever is asked')
  t.equal(text.match(/^webhook_deliveries_pending /gm)?.length, 1)

  // Whichever of them runs the jobs, another does when it is killed.
  for (const pid of pids.slice(0, 2)) {
    // What a killed one had taken would come again after half a minute.
    await until('all is told', async () =>
      /^webhook_deliveries_pending 0$/m.test((await counted()).text),
    )
    const before = receiver.got('/hook').length
    process.kill(pid, 'SIGKILL')
    const made = await story(editor).catch(() => pass(100).then(() => story(editor)))
    t.ok(made.id)
    await until('it is told', () => receiver.got('/hook').length > before, 60_000)
  }
  await until('they are replaced', () => logged(/Ready in/).length === 5, 30_000)
  t.equal(logged(/a worker has ended/).length, 2)

  // What is under way ends as it should, and all of them end.
  const answers = Promise.all(
    Array.from({ length: 20 }, () => service.call('GET', '/v1/articles?count=exact')),
  )
  await pass(20)
  service.signal('SIGTERM')
  t.same(new Set((await answers).map(({ status }) => status)), new Set([200]))
  t.equal(await service.ended, 0)
  await until('nobody is left', () => pids.every((pid) => !isThere(pid)))
})

t.test('a port that is taken stays with who has it, whose sockets would share it', async (t) => {
  const url = await cloneDatabase(t)
  const one = await serviceProcess(t, { DATABASE_URL: url, WORKERS: '2' })
  await one.ready()
  const other = await serviceProcess(t, { DATABASE_URL: url, WORKERS: '2', PORT: `${one.port}` })
  t.equal(await other.ended, 1)
})

type Line = { pid: number; msg: string }

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
