import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { sweep } from '../src/changes/sweep.ts'
import { another } from './delivery-program.ts'
import { draft, inSeconds, patch, publish, story } from './factories.ts'
import { callerOf, newsroom } from './newsroom.ts'

/* PURGE_URL, with a receiver that is a process of its own: what it is told, and how long it may take. */

// Nearly all of it is waiting.
t.jobs = 8
const room = await newsroom(t)
const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

type Told = { answer: string; groups: string[]; keys: string; at: number }

/** A receiver, and what it was told. */
async function receiver(t: Test) {
  const path = fileURLToPath(new URL('purge-receiver.ts', import.meta.url))
  const child = spawn(process.execPath, [path], { stdio: ['pipe', 'pipe', 'inherit'] })
  const stop = () =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve()
      child.on('close', () => resolve())
      child.kill('SIGKILL')
    })
  t.teardown(stop)
  const calls: Told[] = []
  const port = await new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (/^\d+$/.test(line)) resolve(line)
      else calls.push({ ...JSON.parse(line), at: performance.now() })
    })
  })
  return {
    url: `http://127.0.0.1:${port}/purge`,
    calls,
    plan: (...answers: string[]) => child.stdin.write(answers.map((one) => `${one}\n`).join('')),
    stop,
  }
}

/** A service that purges there, and its editor. */
async function purging(t: Test, purgeUrl: string) {
  const { app, db } = await another(t, room, { purgeUrl })
  const { key } = (await room.editor('POST', '/v1/keys', { name: 'x', scopes: ['admin'] })).json
  return { app, db, write: callerOf(app, `Bearer ${key}`), ...app.delivery }
}

async function until(what: string, holds: () => boolean, ms = 5000): Promise<number> {
  const started = performance.now()
  while (performance.now() - started < ms) {
    if (holds()) return performance.now() - started
    await pass(10)
  }
  throw new Error(`${what} did not come true within ${ms} ms`)
}

t.test('it is called once for each change, though several instances run', async (t) => {
  const { url, calls } = await receiver(t)
  const { write, db } = await purging(t, url)
  await another(t, room, { purgeUrl: url })
  const made = await draft(write)
  await pass(100)
  t.same(calls, [], 'a draft is nobody’s business')
  await publish(write, made.id)
  await until('it is called', () => calls.length > 0)
  const [first] = calls
  t.ok(first?.groups.includes('articles') && first.groups.some((g) => g.startsWith('article:')))
  t.equal(first?.keys, first?.groups.join(' '))
  await pass(150)
  t.equal(calls.length, 1)
  await publish(write, made.id, { expiresAt: inSeconds(0.3) })
  await until('it is told of the time', () => calls.length === 2)
  await pass(400)
  await Promise.all([sweep(db), sweep(db)])
  const ours = (told: Told) =>
    told.groups.some((g) => g.startsWith('article:') && first?.groups.includes(g))
  await until('it is told of the expiry', () => calls.filter(ours).length === 3)
})

t.test('500 three times, and then 200: told, with waits between', async (t) => {
  const { url, calls, plan } = await receiver(t)
  const { write, purgeFailures } = await purging(t, url)
  const { id } = await draft(write)
  plan('500', '503', '500', '200')
  const started = performance.now()
  await publish(write, id)
  t.ok(performance.now() - started < 2000, 'no write waits for it')
  await until('it is told', () => calls.length === 4, 9000)
  const [a = 0, b = 0, c = 0, d = 0] = calls.map(({ at }) => at)
  for (const [ms, least] of [
    [b - a, 200],
    [c - b, 1000],
    [d - c, 4000],
  ] as const) {
    t.ok(ms >= least - 20 && ms < least + 1500, `${Math.round(ms)} ms, not ${least}`)
  }
  t.equal(new Set(calls.map(({ keys }) => keys)).size, 1, 'the same each time')
  await pass(300)
  t.equal(calls.length, 4)
  t.equal(purgeFailures(), 0)
})

t.test('one that hangs has three seconds, four times', async (t) => {
  const { url, calls, plan } = await receiver(t)
  const { write, purgeFailures, app } = await purging(t, url)
  const { id } = await draft(write)
  plan('hang', 'hang', 'hang', 'hang')
  await publish(write, id)
  const ms = await until('it is given up', () => purgeFailures() === 1, 25_000)
  t.equal(calls.length, 4)
  // Four times three, and the waits of 5.2 s.
  t.ok(ms > 16_500 && ms < 21_000, `${Math.round(ms)} ms`)
  const { body } = await app.inject('/metrics')
  t.match(body, /^purge_failures_total 1$/m)
  await patch(write, `/v1/articles/${id}`, { summary: 'x' })
  await until('the next is told', () => calls.length === 5)
  t.equal(purgeFailures(), 1)
})

t.test('one that breaks off, or that nobody is, is tried again and given up', async (t) => {
  const { url, calls, plan, stop } = await receiver(t)
  const { write, purgeFailures } = await purging(t, url)
  const { id } = await draft(write)
  plan('drop')
  await publish(write, id)
  await until('it is told the second time', () => calls.length === 2)
  t.equal(purgeFailures(), 0)
  await stop()
  await patch(write, `/v1/articles/${id}`, { summary: 'x' })
  const ms = await until('it is given up', () => purgeFailures() === 1, 10_000)
  t.ok(ms > 5000 && ms < 8000, `${Math.round(ms)} ms`)
})

t.test('while it hangs, what changes is told together', async (t) => {
  const { url, calls, plan } = await receiver(t)
  const { write, purgeFailures } = await purging(t, url)
  plan(...Array.from({ length: 8 }, () => 'hang'))
  const stories = []
  for (let i = 0; i < 30; i++) stories.push(await story(write))
  t.ok(calls.length <= 8, `${calls.length} at once`)
  const told = () =>
    new Set(calls.filter(({ answer }) => answer === '204').flatMap((c) => c.groups))
  await until(
    'all is told',
    () => [...told()].filter((g) => g.startsWith('article:')).length >= 30,
    9000,
  )
  t.ok(calls.length < 30, `${calls.length} calls for ${stories.length} changes`)
  t.equal(purgeFailures(), 0)
})

t.test('a service that ends does not wait for it long', async (t) => {
  const { url, calls, plan } = await receiver(t)
  const { write, app, purgeFailures } = await purging(t, url)
  const { id } = await draft(write)
  plan('hang', 'hang')
  await publish(write, id)
  await until('it is called', () => calls.length === 1)
  const started = performance.now()
  await app.close()
  t.ok(performance.now() - started < 4000, 'one attempt, at most')
  t.equal(purgeFailures(), 1)
  t.equal(calls.length, 1)
})
