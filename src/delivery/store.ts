import { performance } from 'node:perf_hooks'
import { LRUCache } from 'lru-cache'
import { type Answer, sizeOf } from './answer.ts'
import { ALL } from './groups.ts'

/** An answer that is being made, and what was dropped meanwhile. */
export type Making = {
  key: string
  dropped: Set<string>
  /** The answer, for all who asked before anything was dropped; undefined when there is none to share. */
  answer: Promise<Answer | undefined>
  settle(answer: Answer | undefined): void
  /** It failed, and would again: all who wait for it are told so. */
  reject(error: Error): void
}

export type Counts = { hits: number; misses: number; drops: number; refusals: number }

export type Store = ReturnType<typeof openStore>

/**
 * Answers by URL, at most so many bytes of them, least recently used out first, and dropped by group.
 * It trusts no order of things: whatever was dropped while an answer was made is held against it.
 */
export function openStore(bytes: number) {
  // Wrapped, so that putting an answer back with its encodings counts it anew.
  const kept = new LRUCache<string, { answer: Answer }>({
    maxSize: Math.max(1, bytes),
    sizeCalculation: ({ answer }, key) => sizeOf(answer, key),
    dispose: ({ answer }, key, reason) => {
      if (reason !== 'set') forget(answer, key)
    },
  })
  const byGroup = new Map<string, Set<string>>()
  const makings = new Set<Making>()
  const shared = new Map<string, Making>()
  const counts: Counts = { hits: 0, misses: 0, drops: 0, refusals: 0 }

  function forget(answer: Answer, key: string): void {
    for (const name of answer.groups) {
      const keys = byGroup.get(name)
      keys?.delete(key)
      if (keys?.size === 0) byGroup.delete(name)
    }
  }

  return {
    counts,
    bytes: () => kept.calculatedSize,
    size: () => kept.size,

    find(key: string): Answer | undefined {
      const answer = kept.get(key)?.answer
      return answer && performance.now() < answer.until ? answer : undefined
    },

    /** The making of the same answer that began after everything that was dropped so far. */
    underWay(key: string): Making | undefined {
      return shared.get(key)
    },

    begin(key: string): Making {
      const {
        promise: answer,
        resolve: settle,
        reject,
      } = Promise.withResolvers<Answer | undefined>()
      // Of a failure that nobody waits for, its maker is told anyway.
      answer.catch(() => {})
      const making = { key, dropped: new Set<string>(), answer, settle, reject }
      makings.add(making)
      shared.set(key, making)
      return making
    },

    /** Ends a making that has failed. */
    fail(making: Making, error: Error): void {
      if (!makings.delete(making)) return
      if (shared.get(making.key) === making) shared.delete(making.key)
      making.reject(error)
    },

    /** Ends a making. What it made is kept unless something it depends on was dropped meanwhile. */
    end(making: Making, answer: Answer | undefined, sure: boolean): void {
      if (!makings.delete(making)) return
      if (shared.get(making.key) === making) shared.delete(making.key)
      making.settle(answer)
      if (!answer) return
      if (!sure || making.dropped.has(ALL) || !making.dropped.isDisjointFrom(answer.groups)) {
        counts.refusals++
        return
      }
      kept.delete(making.key)
      kept.set(making.key, { answer })
      // Larger than everything together: not kept.
      if (!kept.has(making.key)) return
      for (const name of answer.groups) {
        const keys = byGroup.get(name)
        if (keys) keys.add(making.key)
        else byGroup.set(name, new Set([making.key]))
      }
    },

    /** An answer has grown by an encoding. */
    grown(key: string, answer: Answer): void {
      if (kept.peek(key)?.answer !== answer) return
      kept.set(key, { answer })
      if (!kept.has(key)) forget(answer, key)
    },

    /** Drops what depends on any of these, kept or in the making. */
    drop(groups: ReadonlySet<string>): void {
      for (const making of makings) for (const name of groups) making.dropped.add(name)
      // Whoever asks from now on must not be given what was begun before.
      shared.clear()
      const before = kept.size
      if (groups.has(ALL)) kept.clear()
      else
        for (const name of groups)
          for (const key of [...(byGroup.get(name) ?? [])]) kept.delete(key)
      counts.drops += before - kept.size
    },
  }
}
