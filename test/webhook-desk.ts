import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Webhook } from 'standardwebhooks'
import type { Test } from 'tap'
import { deliverWebhooks } from '../src/jobs/deliver.ts'
import type { OnDelivered } from '../src/webhooks/settle.ts'
import { must } from './factories.ts'
import type { Newsroom } from './newsroom.ts'
import type { Answer, Got } from './webhook-receiver.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Made = any

/** Where webhooks may lead in tests, and how long they may take. */
export const ON_LOOPBACK = { WEBHOOK_ALLOW_CIDRS: '127.0.0.0/8', WEBHOOK_TIMEOUT: '1' }

/** A process that receives webhooks, with all that it got. */
export type Receiver = {
  url(path: string): string
  got(path: string): Got[]
  /** What comes at a path is answered by these, the last of them for ever. */
  answer(path: string, ...answers: Answer[]): Promise<void>
  /** Waits until there are so many, 20 s at most. */
  until(path: string, count: number): Promise<Got[]>
}

/** Starts a receiver; a share of what it gets fails. Ended with the test. */
export async function startReceiver(t: Test, failing = 0): Promise<Receiver> {
  const program = fileURLToPath(new URL('webhook-receiver.ts', import.meta.url))
  const child = fork(program, [String(failing)])
  t.teardown(() => child.connected && child.disconnect())
  const all: Got[] = []
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const set = new Map<string, () => void>()
  child.on('message', (message: { got?: Got; set?: string }) => {
    if (message.got) all.push(message.got)
    if (message.set) set.get(message.set)?.()
  })
  const at = (path: string) => all.filter((one) => one.path === path)
  return {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    got: at,
    answer: (path, ...answers) =>
      new Promise((resolve) => {
        set.set(path, resolve)
        child.send({ path, answers })
      }),
    async until(path, count) {
      await until(() => at(path).length >= count)
      return at(path)
    },
  }
}

/** Waits for something to be so, 20 s at most; whoever asks looks whether it is. */
export async function until(so: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000 && !(await so()); i++) await sleep(20)
}

/** Delivers in this process until the test ends, or until it is stopped; so many faults are expected. */
export async function deliver(
  t: Test,
  { config, db, app }: Newsroom,
  {
    scale = 1,
    onDelivered = async () => {},
    faults = 0,
  }: { scale?: number; onDelivered?: OnDelivered; faults?: number } = {},
) {
  app.metrics.removeSingleMetric('webhook_attempts_total')
  app.metrics.removeSingleMetric('webhook_oldest_due_seconds')
  app.metrics.removeSingleMetric('webhook_deliveries_pending')
  const errors: string[] = []
  const delivering = await deliverWebhooks({
    ...{ config: { ...config, webhookRetryScale: scale }, db, metrics: app.metrics, onDelivered },
    log: {
      error: (fields, text) => errors.push(`${text} ${JSON.stringify(fields)}`),
      warn: (text) => errors.push(text),
    },
    signal: new AbortController().signal,
  })
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= delivering.stop()
    return stopped
  }
  t.teardown(async () => {
    await stop()
    if (errors.length > faults) throw new Error(errors.join('\n'))
  })
  return { stop }
}

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

/** Registers a webhook: its answer, with its secret. */
export async function webhook(room: Newsroom, url: string, input: object = {}): Promise<Made> {
  return (await must(room.editor, 'POST', '/v1/webhooks', { url, events: ['*'], ...input })).json
}

/** What a message says, once the standard's own library has found its signature good. */
export function opened({ body, headers }: Got, secret: string): Made {
  return new Webhook(secret).verify(body, headers)
}

/** Everything a webhook was told or will be, the oldest first. */
export async function deliveriesOf(room: Newsroom, id: string, query = ''): Promise<Made[]> {
  const path = `/v1/webhooks/${id}/deliveries?limit=100${query}`
  return (await must(room.editor, 'GET', path)).json.data.reverse()
}
