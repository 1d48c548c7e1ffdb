import { setTimeout as sleep } from 'node:timers/promises'

/** Waits between looks at something, which do not keep the process alive and can be cut short. */
export function openPause() {
  let cut = new AbortController()
  return {
    /** Settles after so many ms, or when somebody wakes it. */
    async pause(ms: number): Promise<void> {
      cut = new AbortController()
      await sleep(ms, undefined, { ref: false, signal: cut.signal }).catch(() => {})
    },
    wake: () => cut.abort(),
  }
}
