import type { Executor, Pool } from './client.ts'
import { sent } from './pipeline.ts'
import { type Horizon, later, type Point } from './point.ts'
import {
  type Connecting,
  type ReadingExecutor,
  type Replica,
  type ReplicaLog,
  type ReplicaState,
  watchReplica,
} from './replica.ts'

/*
 * Readers' reads on streaming replicas: each goes to the least busy of those that seem to be far enough, and to
 * the primary when its answer does not count.
 */

/** Who answered a read of readers; why, where it was the primary. */
export type Answered = {
  server: string
  because: 'current' | 'behind' | 'away' | 'failed' | 'unsure'
}

/** What knows how far the primary is. */
export type Primary = {
  /** What a replica must have come to; undefined when that is not known. */
  horizon(): Horizon | undefined
  /** The end of the primary's WAL when it was asked last. */
  written(): number | undefined
}

export type Replicas = {
  /** Without any, {@link Replicas.reading} is the primary, always. */
  some: boolean
  /**
   * Where one request of readers reads. `after`: what its caller must find there, beyond what everybody
   * must. Once the primary has answered it answers the rest.
   */
  reading(after?: Point): ReadingExecutor
  /** Takes it from now on from this one how far the primary is; from nobody without it. */
  follow(primary?: Primary): void
  states(): ReplicaState[]
  /** Called with each read of readers, when there are replicas. */
  answered: ((by: Answered) => void)[]
  pools: Pool[]
  close(): Promise<void>
}

/** The replicas, each looked at until `close`. `primary` runs what none of them can. */
export function openReplicas(
  primary: ReadingExecutor,
  all: Connecting[],
  log: ReplicaLog,
): Replicas {
  let followed: Primary | undefined
  const answered: Replicas['answered'] = []
  const tell = (server: string, because: Answered['because']) => {
    for (const hear of answered) hear({ server, because })
  }
  const horizon = () => followed?.horizon()
  const replicas = all.map((one) => watchReplica(one, horizon, log))
  let turn = 0

  /** The least busy of those that seem to have come so far, or why there is none. */
  const choose = (need: Horizon | undefined): Replica | Answered['because'] => {
    if (!need) return 'unsure'
    const up = replicas.filter((one) => one.isUp())
    if (up.length === 0) return 'away'
    const current = up.filter((one) => one.reaches(need))
    if (current.length === 0) return 'behind'
    turn++
    const busy = ({ pool }: Replica) => pool.totalCount - pool.idleCount + pool.waitingCount
    return current
      .map((_, i) => current[(i + turn) % current.length] as Replica)
      .reduce((best, one) => (busy(one) < busy(best) ? one : best))
  }

  const reading = (after?: Point): ReadingExecutor => {
    let leave = false
    const ask = async <T>(send: (to: ReadingExecutor) => Promise<T>): Promise<T> => {
      const known = leave ? undefined : horizon()
      const need = known && later(known, after)
      const chosen = leave ? undefined : choose(need)
      if (need && typeof chosen === 'object') {
        const came = await chosen.ask(need, send)
        if (typeof came === 'object') {
          tell(chosen.name, 'current')
          return came.result
        }
        tell('primary', came)
      } else if (chosen) tell('primary', chosen as Answered['because'])
      leave = true
      return send(primary)
    }
    return {
      execute: ((query: never) => ask((to) => sent(to.execute(query)))) as Executor['execute'],
      $client: { query: (statement) => ask((to) => to.$client.query(statement)) },
    }
  }

  return {
    some: replicas.length > 0,
    reading: replicas.length > 0 ? reading : () => primary,
    follow(primary) {
      followed = primary
    },
    states: () => replicas.map((one) => one.state(followed?.written())),
    answered,
    pools: replicas.map(({ pool }) => pool),
    async close() {
      await Promise.all(replicas.map((one) => one.close()))
    },
  }
}
