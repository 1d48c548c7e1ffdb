/** Rings when something may have happened; whoever waits looks for itself. */
export type Bell = {
  ring(): void
  /** Waits for the next ring, at most so many ms, or until the signal is given. */
  wait(ms: number, signal?: AbortSignal): Promise<void>
}

/** A bell that nobody waits for yet. */
export function openBell(): Bell {
  let waiting = new Set<() => void>()
  return {
    ring() {
      const woken = waiting
      waiting = new Set()
      for (const wake of woken) wake()
    },
    wait(ms, signal) {
      return new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const wake = () => {
          clearTimeout(timer)
          waiting.delete(wake)
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        const timer = setTimeout(wake, ms)
        waiting.add(wake)
        signal?.addEventListener('abort', wake)
      })
    },
  }
}
