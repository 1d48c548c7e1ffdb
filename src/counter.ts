import { Counter, type Registry } from 'prom-client'

/** Makes counters of what is counted elsewhere: a name, a help, and how much it is by now. */
export function countersIn(
  registry: Registry,
): (name: string, help: string, value: () => number) => void {
  return (name, help, value) => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(value())
      },
    })
  }
}
