import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { Tx } from './client.ts'
import { sent } from './pipeline.ts'
import type { Point } from './point.ts'

/** What a transaction changed for readers: the groups to drop, and when time changes something next. */
export type Notice = {
  groups: ReadonlySet<string>
  /** The earliest of the times it set that is still ahead, in ms since 1970 by the database's clock. */
  boundary: number | undefined
  /** By which the process that sent it knows it again. */
  id: string | undefined
  /** How far the primary was after its commit; told within its own process only. */
  point?: Point | undefined
}

/** The channel on which instances tell each other. */
export const CHANNEL = 'dateline'
/** The one on which the ledger says that it has something to tell (the trigger on `changes`). */
export const LEDGER = 'dateline_ledger'

/** PostgreSQL takes payloads of less than 8,000 bytes. */
const LONGEST = 7900

/** Says that everything must go. */
const EVERYTHING = 'all'

type Pending = { groups: Set<string>; boundary: number }

const pending = new WeakMap<Tx, Pending>()

/** Notes what this transaction changes; it is told to all instances when it commits, in one piece. */
export function note(tx: Tx, groups: Iterable<string>, boundary?: number | null): void {
  const known = pending.get(tx) ?? { groups: new Set(), boundary: Number.POSITIVE_INFINITY }
  for (const group of groups) known.groups.add(group)
  known.boundary = Math.min(known.boundary, boundary ?? Number.POSITIVE_INFINITY)
  pending.set(tx, known)
}

/**
 * Sends what was noted, in the transaction itself: whoever can see the change is told. No notice when
 * readers notice nothing. `told`: when the database has it.
 */
export function send(tx: Tx): { notice?: Notice; told?: Promise<unknown> } {
  const known = pending.get(tx)
  if (!known) return {}
  pending.delete(tx)
  const boundary = Number.isFinite(known.boundary) ? known.boundary : undefined
  if (known.groups.size === 0 && boundary === undefined) return {}
  const id = randomUUID()
  const written = (groups: Iterable<string>) =>
    JSON.stringify({ groups: [...groups], boundary, id })
  const whole = written(known.groups)
  const fits = Buffer.byteLength(whole) <= LONGEST && !known.groups.has(EVERYTHING)
  const groups = fits ? known.groups : new Set([EVERYTHING])
  const payload = fits ? whole : written(groups)
  const told = sent(tx.execute(sql`select pg_notify(${CHANNEL}, ${payload})`))
  return { notice: { groups, boundary, id }, told }
}

/** Wakes whoever waits for the ledger, in all instances: something is not as it was when they began. */
export function wake(tx: Tx): Promise<unknown> {
  return sent(tx.execute(sql`select pg_notify(${LEDGER}, '')`))
}

/** A notice as it was sent; one that cannot be read drops everything. */
export function readNotice(payload: string): Notice {
  try {
    const { groups, boundary, id } = JSON.parse(payload)
    return { groups: new Set(groups as string[]), boundary, id }
  } catch {
    return { groups: new Set([EVERYTHING]), boundary: undefined, id: undefined }
  }
}
