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
/** To the supervisor: this one takes connections, on that port; the metrics of all are wanted. */
export type ToSupervisor =
  | { dateline: 'listening'; port: number }
  | { dateline: 'metrics'; of: number }

/** This process among the workers of one start. One that is alone has all of it to do. */
export type Membership = {
  /** Whether it says what is said once. */
  announces: boolean
  /** Resolves when what runs in the background is its to run. */
  charged: Promise<void>
  /** Whether each listens for itself on the one port, and the kernel shares out what comes. */
  reusePort: boolean
  /** Says that it takes connections, on this port. */
  listens(port: number): void
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

/**
 * What Node's cluster has handed to a process that is killed before it takes it stays open in the supervisor
 * for ever, and its caller waits; what waits in a socket of the process's own is reset with it. Elsewhere the
 * kernel does not share out, and Node refuses.
 */
const OF_ITS_OWN = process.platform === 'linux'

/** Finds out what this process is. */
export function membership(): Membership {
  if (!cluster.isWorker) {
    const alone = { announces: true, charged: Promise.resolve(), reusePort: false }
    return { ...alone, listens() {}, share() {} }
  }
  const say = (said: ToSupervisor) => void process.send?.(said)
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
    reusePort: OF_ITS_OWN,
    listens: (port) => say({ dateline: 'listening', port }),
    share: (own) => AggregatorRegistry.setRegistries(own),
    async metrics(own) {
      const of = number++
      const text = await new Promise<string | undefined>((resolve) => {
        asked.set(of, resolve)
        setTimeout(resolve, PATIENCE, undefined).unref()
        say({ dateline: 'metrics', of })
      })
      asked.delete(of)
      return text ?? own.metrics()
    },
  }
}
