import cluster from 'node:cluster'
import { AggregatorRegistry, type Registry } from 'prom-client'

/*
 * What workers of one start and their supervisor say to each other, over the channel between them.
 */

/** From the supervisor: run what runs in the background; end as after this signal; what was asked for. */
export type ToWorker =
  | { dateline: 'charge' }
  | { dateline: 'stop'; signal: NodeJS.Signals }
  | { dateline: 'metrics'; of: number; text: string | undefined }
/** To the supervisor: the metrics of all are wanted. */
export type ToSupervisor = { dateline: 'metrics'; of: number }

/** This process among the workers of one start. One that is alone has all of it to do. */
export type Membership = {
  /** Whether it says what is said once. */
  announces: boolean
  /** Resolves when what runs in the background is its to run. */
  charged: Promise<void>
  /** The metrics of all, in the Prometheus text format; those of this one when the others do not answer. */
  metrics?: (own: Registry) => Promise<string>
  /** Gives its metrics to the others from now on. */
  share(own: Registry): void
}

/**
 * A signal to a whole group (a terminal's, systemd's) comes to each worker by itself as well, and a second
 * one means that it is to end at once: the supervisor's word waits for it, in ms.
 */
const OWN_SIGNAL = 200

/** How long the others may take to say their metrics, in ms. */
const PATIENCE = 3000

/** Finds out what this process is. */
export function membership(): Membership {
  if (!cluster.isWorker) return { announces: true, charged: Promise.resolve(), share() {} }
  let charge = () => {}
  const charged = new Promise<void>((resolve) => {
    charge = resolve
  })
  let signalled = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      signalled = true
    })
  }
  const asked = new Map<number, (text: string | undefined) => void>()
  process.on('message', (told: ToWorker) => {
    if (told.dateline === 'charge') charge()
    if (told.dateline === 'metrics') asked.get(told.of)?.(told.text)
    if (told.dateline === 'stop') {
      const { signal } = told
      setTimeout(() => signalled || process.emit(signal, signal), OWN_SIGNAL)
    }
  })
  // Answers the supervisor when it collects.
  new AggregatorRegistry()
  let number = 0
  return {
    announces: cluster.worker?.id === 1,
    charged,
    share: (own) => AggregatorRegistry.setRegistries(own),
    async metrics(own) {
      const of = number++
      const text = await new Promise<string | undefined>((resolve) => {
        asked.set(of, resolve)
        setTimeout(resolve, PATIENCE, undefined).unref()
        process.send?.({ dateline: 'metrics', of } satisfies ToSupervisor)
      })
      asked.delete(of)
      return text ?? own.metrics()
    },
  }
}
