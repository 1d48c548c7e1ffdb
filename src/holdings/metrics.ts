import { Counter, Gauge, type Registry } from 'prom-client'
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
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(value())
      },
    })
  counter(
    'holdings_flush_failures_total',
    'Times that this could not be written; it is kept.',
    () => counts.failures,
  )
  counter('holdings_lost_total', 'What was given while too much was waiting.', () => counts.lost)
}
