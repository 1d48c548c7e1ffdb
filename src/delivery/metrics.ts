import { Gauge, type Registry } from 'prom-client'
import { countersIn } from '../counter.ts'
import type { openDelivery } from './open.ts'

/** What the cache does, for Prometheus. */
export function countDelivery(
  registry: Registry,
  { store, purgeFailures }: ReturnType<typeof openDelivery>,
): void {
  const registers = [registry]
  const counter = countersIn(registry)
  counter('cache_hits_total', 'Answers given from the delivery cache.', () => store.counts.hits)
  counter('cache_misses_total', 'Answers that had to be made.', () => store.counts.misses)
  counter(
    'cache_drops_total',
    'Answers dropped because something changed.',
    () => store.counts.drops,
  )
  counter(
    'cache_refusals_total',
    'Answers not kept because something changed while they were made.',
    () => store.counts.refusals,
  )
  counter('purge_failures_total', 'Changes of which PURGE_URL could not be told.', purgeFailures)
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  gauge('cache_bytes', 'Size of the delivery cache.', store.bytes)
  gauge('cache_answers', 'Answers in the delivery cache.', store.size)
}
