import { Gauge, type Registry } from 'prom-client'
import { countersIn } from '../counter.ts'
import type { Holdings } from './buffer.ts'

/** What waits to be written of the holdings, and what went wrong, for Prometheus. */
export function countHoldings(registry: Registry, { size, counts }: Holdings): void {
  const registers = [registry]
  new Gauge({
    name: 'holdings_buffered',
    help: 'What was given to partners and is not written yet.',
    registers,
    collect() {
      this.set(size())
    },
  })
  const counter = countersIn(registry)
  counter(
    'holdings_flush_failures_total',
    'Times that this could not be written; it is kept.',
    () => counts.failures,
  )
  counter('holdings_lost_total', 'What was given while too much was waiting.', () => counts.lost)
}
