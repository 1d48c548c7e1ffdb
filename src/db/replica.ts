import { drizzle } from 'drizzle-orm/node-postgres'
import type pg from 'pg'
import type { Executor, Pool } from './client.ts'
import { loggable } from './failure.ts'
import { hangUp } from './hang-up.ts'
import { NoneFree } from './measure.ts'
import { openPause } from './pause.ts'
import { inOrder } from './pipeline.ts'
import type { Horizon } from './point.ts'
import { readerFaults } from './roles.ts'
import { driverError } from './sqlstate.ts'
import { within } from './within.ts'

/*
 * A streaming replica: may it answer, and what does it answer. It may be behind in what it has replayed, and its
 * clock may be wrong, which decides what is visible. So each read goes out in one packet with the question how
 * far the replica is, in one transaction, and its answer counts only if that is far enough. What a second
 * connection sees of it meanwhile only spares trips that would be in vain.
 */

/** How often a replica is looked at, in ms; and one that is behind, which soon may be no more. */
const LOOK_EVERY = 100
const LOOK_AGAIN = 10
/** A replica that leaves a question open so long is taken for dead, in ms. */
const DEAD_AFTER = 1000
/** Waits between attempts to connect, in ms. */
const BACKOFF = [100, 200, 500, 1000, 2000]

/** A statement that took too long would take as long at the primary. */
const CANCELLED = '57014'

const SEEN = `
  (pg_last_wal_replay_lsn() - '0/0')::float8 as lsn, extract(epoch from now())::float8 * 1000 as clock`

/** Goes with each read. */
const LOOK = { text: `select ${SEEN}` }

/**
 * The timeline is that of the last restartpoint or flush: after a failover a replica is used again minutes
 * later, but one that has stayed with the old primary never.
 */
const LOOK_CLOSELY = `
  select ${SEEN},
    greatest((select timeline_id from pg_control_checkpoint()),
      (select min_recovery_end_timeline from pg_control_recovery())) as timeline,
    case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
      else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 end as seconds`

type Seen = { lsn: number | null; clock: number }
type SeenClosely = Seen & { timeline: number; seconds: number | null }

/** A replica, as metrics tell it. */
export type ReplicaState = {
  /** Host and port. */
  name: string
  up: boolean
  /** WAL that is written and not replayed, in bytes; undefined when that is not known. */
  behind: number | undefined
  /** Since when what it replays was written, in seconds; 0 when it has replayed all it has. */
  seconds: number | undefined
}

/** What runs a request's statements, by whomever. */
export type ReadingExecutor = Pick<Executor, 'execute' | '$client'>

export type ReplicaLog = { error(fields: object, text: string): void; info(text: string): void }

/** How a replica is connected to: for each read from a pool, and once to be looked at. */
export type Connecting = {
  url: string
  pool: Pool
  /** A connection of the pool for as long as the work takes. */
  lend<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>
  connect(): pg.Client
}

/** One replica, looked at until `close`. */
export type Replica = {
  name: string
  pool: Pool
  isUp(): boolean
  reaches(need: Horizon): boolean
  /** Its answer, or why it has none that counts. */
  ask<T>(
    need: Horizon,
    send: (to: ReadingExecutor) => Promise<T>,
  ): Promise<{ result: T } | 'behind' | 'failed'>
  state(written: number | undefined): ReplicaState
  close(): Promise<void>
}

/** Looks at a replica again and again, on a connection of its own. */
export function watchReplica(
  { url, pool, lend, connect }: Connecting,
  horizon: () => Horizon | undefined,
  log: ReplicaLog,
): Replica {
  const { host: name } = new URL(url)
  /** Undefined while it is away. */
  let seen: SeenClosely | undefined
  let closed = false
  let said = ''
  const { pause, wake } = openPause()
  /** Those who wait for its answers are told when it is away. */
  const waiting = new Set<(error: Error) => void>()
  const open = new Set<pg.PoolClient>()
  pool.on('connect', (client) => open.add(client))
  pool.on('remove', (client) => open.delete(client))

  const reaches = ({ lsn, clock }: Seen, need: Horizon) =>
    lsn !== null && lsn >= need.lsn && clock >= need.clock && clock < need.until

  const look = async (on: pg.Client) => {
    const { rows } = await within(on.query<SeenClosely>(LOOK_CLOSELY), DEAD_AFTER)
    seen = rows[0]
  }

  const follow = async (attempt: { number: number }) => {
    const on = connect()
    const broken = new Promise<never>((_, reject) => {
      on.on('error', reject)
      on.on('end', () => reject(new Error('The connection has ended.')))
    })
    broken.catch(() => {})
    try {
      await Promise.race([on.connect(), broken])
      const faults = await Promise.race([within(readerFaults(drizzle(on)), DEAD_AFTER), broken])
      if (faults.length > 0) throw new Error(`the database roles are wrong: ${faults.join('; ')}`)
      while (!closed) {
        await Promise.race([look(on), broken])
        if (attempt.number > 0 || said !== '') log.info(`the replica ${name} is there`)
        said = ''
        attempt.number = 0
        const need = horizon()
        const behind = need && seen && !reaches(seen, need)
        await pause(behind ? LOOK_AGAIN : LOOK_EVERY)
      }
    } finally {
      seen = undefined
      // Who waits for an answer of a server that hangs, or to be connected to it, is to ask the primary.
      for (const giveUp of waiting) giveUp(new Error('The replica is away.'))
      for (const client of open) hangUp(client)
      hangUp(on)
    }
  }

  const run = async () => {
    const attempt = { number: 0 }
    while (!closed) {
      await follow(attempt).catch((error: Error) => {
        if (closed || said === error.message) return
        said = error.message
        log.error(
          { err: loggable(error) },
          `the replica ${name} is away: the primary answers for it`,
        )
      })
      if (!closed) await pause(BACKOFF[Math.min(attempt.number++, BACKOFF.length - 1)] ?? 2000)
    }
  }
  const running = run()

  return {
    name,
    pool,
    isUp: () => seen !== undefined,
    reaches: (need) => seen !== undefined && seen.timeline === need.timeline && reaches(seen, need),
    async ask(need, send) {
      let giveUp: (error: Error) => void = () => {}
      const away = new Promise<never>((_, reject) => {
        giveUp = reject
      })
      waiting.add(giveUp)
      try {
        const came = lend(async (client) => {
          const begun = client.query('begin read only')
          const looked = client.query<Seen>(LOOK)
          const asked = send(drizzle(client) as unknown as ReadingExecutor)
          const committed = client.query('commit')
          await inOrder([begun, looked, asked, committed])
          const [at] = (await looked).rows
          // What was sent again outside of it, as after a migration, was seen at another moment.
          if ((await committed).command !== 'COMMIT') return 'failed'
          return at && reaches(at, need) ? { result: await asked } : 'behind'
        })
        return await Promise.race([came, away])
      } catch (error) {
        // Whoever has waited for a connection has no time left for another server.
        if (error instanceof NoneFree || driverError(error)?.code === CANCELLED) throw error
        // Whatever it was: if it is the statement's own fault, the primary says so too.
        seen = undefined
        wake()
        return 'failed'
      } finally {
        waiting.delete(giveUp)
      }
    },
    state(written) {
      const behind =
        seen && seen.lsn !== null && written !== undefined
          ? Math.max(0, written - seen.lsn)
          : undefined
      return { name, up: seen !== undefined, behind, seconds: seen?.seconds ?? undefined }
    },
    async close() {
      closed = true
      wake()
      await running
      await pool.end()
    },
  }
}
