import { performance } from 'node:perf_hooks'
import type { Database } from '../db/client.ts'
import { hangUp } from '../db/hang-up.ts'
import { CHANNEL, LEDGER, type Notice, readNotice } from '../db/notice.ts'
import { openPause } from '../db/pause.ts'
import { type Horizon, later, type Point } from '../db/point.ts'
import { within } from '../db/within.ts'
import { BEAT, type Beat } from './queries.ts'

type Listener = ReturnType<Database['direct']>

/** How often the listening connection is asked, in ms. */
const BEAT_EVERY = 100
/** How long an answer vouches for the connection, counted from before it was asked, in ms. */
const VOUCHES = 500
/** A question that somebody waits for comes no sooner after the last, in ms. */
const BEAT_AGAIN = 5
/** A connection that leaves a question open so long is taken for dead, in ms. */
const DEAD_AFTER = 1500
/** Waits between attempts to connect, in ms. */
const BACKOFF = [100, 200, 500, 1000, 2000, 5000]

/** What happens to whoever keeps answers. */
export type Watcher = {
  /** A change was committed somewhere. */
  heard(groups: ReadonlySet<string>): void
  /** The ledger has something to tell. */
  told(): void
  /** A boundary has come, or changes may have gone unheard: nothing that is kept can be trusted. */
  lost(): void
  failed(error: unknown): void
}

export type Watch = {
  /** Is every change up to this moment heard of, and no boundary passed? */
  sure(): boolean
  /** Whole seconds until time changes what readers see, at least; 0 when that is not known. */
  seconds(): number
  /** The database's clock in ms since 1970, never ahead of it; undefined when it is not known. */
  clock(): number | undefined
  /**
   * What a replica must have come to, so that it has every change that was heard of and no boundary is
   * passed for it that is not for the primary; undefined when that is not known.
   */
  horizon(): Horizon | undefined
  /** The end of the primary's WAL when it was asked last. */
  written(): number | undefined
  /** A change of this process, which need not come back through the database. */
  tell(notice: Notice): void
  /** Settles when the first attempt to connect has come to something, or after so many ms. */
  ready(ms: number): Promise<void>
  close(): Promise<void>
}

/**
 * Listens for changes on a connection of its own, keeps asking whether it is alive, and knows the
 * next boundary. All waiting is counted on this process's monotonic clock, from before the question
 * was sent, so that neither its own clock nor a slow answer can make it late.
 */
export function watch(connect: Database['direct'], watcher: Watcher): Watch {
  /** Until when the last answer vouches. */
  let vouched = Number.NEGATIVE_INFINITY
  /** The next boundary by the database's clock, and when it comes on ours at the earliest. */
  let boundary = Number.POSITIVE_INFINITY
  let comes = Number.NEGATIVE_INFINITY
  /** The database's clock: read after ours was `asked` and before it was `got`. */
  let reading = { asked: 0, got: 0, clock: 0 }
  /** What a replica must have come to; undefined since something happened of which that is not known. */
  let reached: (Point & { timeline: number }) | undefined
  /** What was committed here, as far as that is known, since the question was sent whose answer is awaited. */
  let since: Point | undefined
  /** Something happened after that question of which the point is not known. */
  let again = false
  let written: number | undefined
  const unknown = () => {
    reached = undefined
    again = true
  }
  /** Boundaries told of since the question was sent whose answer is awaited. */
  let told: number[] = []
  /** Changes of this process, and when they were told: what comes back is not dropped again. */
  const own = new Map<string, number>()
  let closed = false
  let client: Listener | undefined
  const { pause, wake } = openPause()
  let alarm: NodeJS.Timeout | undefined
  let becomeReady: () => void = () => {}
  const firstTime = new Promise<void>((resolve) => {
    becomeReady = resolve
  })

  const sure = () => {
    const now = performance.now()
    return now < vouched && now < comes
  }

  const expect = (instant: number) => {
    boundary = instant
    comes =
      instant === Number.POSITIVE_INFINITY ? instant : reading.asked + (instant - reading.clock)
    clearTimeout(alarm)
    const wait = comes - performance.now()
    // Later ones are told again by each answer; a timer takes at most 2^31 ms.
    if (wait > 60_000) return
    alarm = setTimeout(
      () => {
        lost()
        wake()
      },
      Math.max(0, wait),
    ).unref()
  }

  const lost = () => {
    unknown()
    watcher.lost()
  }

  const tell = ({ groups, boundary: at, point }: Notice) => {
    if (point) {
      since = since ? later(since, point) : point
      if (reached) reached = later(reached, point)
    } else unknown()
    if (groups.size > 0) watcher.heard(groups)
    if (at === undefined) return
    told.push(at)
    if (at < boundary) expect(at)
  }

  const hear = (notice: Notice) => {
    if (notice.id === undefined || !own.delete(notice.id)) tell(notice)
  }

  const beat = async (on: Listener) => {
    const sent = performance.now()
    told = []
    since = undefined
    again = false
    const { rows } = await within(on.query(BEAT), DEAD_AFTER)
    const { now: clock, next: following, timeline, ...point } = rows[0] as Beat
    // Before what is to be forgotten: it is forgotten for what this very answer knows.
    const settles = !again
    if (performance.now() >= vouched || clock >= boundary || performance.now() >= comes) lost()
    if (settles && !reached) reached = later({ ...point, timeline }, since)
    written = point.lsn
    reading = { asked: sent, got: performance.now(), clock }
    const next = following ?? Number.POSITIVE_INFINITY
    // One that was told while the answer was on its way is not in it; one that has passed is.
    expect(Math.min(next, ...told.filter((at) => at > clock)))
    vouched = sent + VOUCHES
    // What was told before the question has come back before its answer.
    for (const [id, at] of own) if (at < sent) own.delete(id)
    becomeReady()
  }

  /** Says something to itself and hears it: a pooler between would not pass it on. */
  const hearsItself = async (on: Listener) => {
    const word = `{"groups":[],"hello":"${Math.random()}"}`
    const heard = new Promise<void>((resolve) => {
      on.on('notification', ({ payload }) => payload === word && resolve())
    })
    await within(on.query('select pg_notify($1, $2)', [CHANNEL, word]), DEAD_AFTER)
    await within(heard, DEAD_AFTER)
  }

  const listen = async (attempt: { number: number }) => {
    const on = connect()
    client = on
    const broken = new Promise<never>((_, reject) => {
      on.on('error', reject)
      on.on('end', () => reject(new Error('The listening connection has ended.')))
    })
    broken.catch(() => {})
    try {
      await Promise.race([on.connect(), broken])
      on.on('notification', ({ channel, payload }) =>
        channel === LEDGER ? watcher.told() : hear(readNotice(payload ?? '')),
      )
      await Promise.race([
        within(on.query(`LISTEN ${CHANNEL}; LISTEN ${LEDGER}`), DEAD_AFTER),
        broken,
      ])
      await Promise.race([hearsItself(on), broken])
      // What was said before is unheard.
      vouched = Number.NEGATIVE_INFINITY
      unknown()
      while (!closed) {
        await Promise.race([beat(on), broken])
        attempt.number = 0
        await pause(comes <= performance.now() ? 1 : BEAT_EVERY)
      }
    } finally {
      vouched = Number.NEGATIVE_INFINITY
      own.clear()
      hangUp(on)
    }
  }

  const run = async () => {
    const attempt = { number: 0 }
    while (!closed) {
      await listen(attempt).catch((error) => {
        if (!closed) watcher.failed(error)
        becomeReady()
      })
      lost()
      if (!closed) await pause(BACKOFF[Math.min(attempt.number++, BACKOFF.length - 1)] ?? 5000)
    }
  }
  const running = run()

  return {
    sure,
    tell(notice) {
      if (notice.id !== undefined && sure()) own.set(notice.id, performance.now())
      tell(notice)
    },
    horizon() {
      if (!sure()) return undefined
      if (reached) return { ...reached, until: boundary }
      if (performance.now() - reading.asked > BEAT_AGAIN) wake()
      return undefined
    },
    written: () => written,
    // One less than there are: nginx goes on to the end of the second in which an answer runs out.
    seconds: () => (sure() ? Math.max(0, Math.floor((comes - performance.now()) / 1000) - 1) : 0),
    clock: () => (sure() ? reading.clock + (performance.now() - reading.got) : undefined),
    async ready(ms) {
      await within(firstTime, ms).catch(() => {})
    },
    async close() {
      closed = true
      clearTimeout(alarm)
      wake()
      hangUp(client)
      await running
    },
  }
}
