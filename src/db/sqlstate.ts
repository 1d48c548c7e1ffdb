import pg from 'pg'
import { type Detail, Fault } from '../errors.ts'
import { NoneFree } from './measure.ts'

/*
 * What went wrong in the database, and what its caller is told: one map, by SQLSTATE
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html), or by what the socket said.
 */

/** An error and what it was caused by: drizzle wraps what a statement of its own rejects with. */
function causesOf(error: unknown): Error[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : []
}

/** The error PostgreSQL reported; undefined when it is something else. */
export function driverError(error: unknown): pg.DatabaseError | undefined {
  return causesOf(error).find((e) => e instanceof pg.DatabaseError)
}

/**
 * Thrown when a connection was lost while its COMMIT was on the way: whether the transaction holds, only the
 * database knows. Any other error of a transaction means that nothing of it holds, then or later.
 */
export class OutcomeUnknown extends Error {}

/** What pg says of a connection that is lost, was never made, or does not answer any more. */
const LOST =
  /^(Connection terminated|Client (has|was) .* not queryable|Query read timeout|timeout (expired|exceeded)|Cannot use a pool after|This server is a standby)/

/** What sockets say of it. */
const SOCKETS =
  /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ENOENT|EHOSTUNREACH|ENETUNREACH|EMFILE)$/

/**
 * Is the connection gone, or was there none? Besides what sockets say: connection exceptions (08), a server
 * that shuts down, crashed or starts (57P), a session that sat in its transaction for too long (25P03).
 */
export function isLost(error: unknown): boolean {
  const code = driverError(error)?.code
  if (code !== undefined) return /^(08|57P|25P0[34])/.test(code)
  return causesOf(error).some(
    (e) => SOCKETS.test((e as NodeJS.ErrnoException).code ?? '') || LOST.test(e.message),
  )
}

/** Will it pass by itself: is the database away, full of others, on its way to another server? */
export function isUnavailable(error: unknown): boolean {
  if (causesOf(error).some((e) => e instanceof OutcomeUnknown || e instanceof NoneFree)) return true
  const told = TOLD[driverError(error)?.code ?? ''] ?? TOLD[classOf(error)]
  return told === away || told === busy || told === readOnly || isLost(error)
}

/** The first two characters of a SQLSTATE; empty for what has none. */
function classOf(error: unknown): string {
  return driverError(error)?.code?.slice(0, 2) ?? ''
}

/** What the caller is told of an error; undefined for a fault of ours, which is explained to nobody. */
export function faultOfDatabase(error: unknown): Fault | undefined {
  if (error instanceof OutcomeUnknown) {
    return new Fault(
      'outcome_unknown',
      'The database was lost while it was being written: it holds, or it does not. Read before you send it again, or send it with the same Idempotency-Key.',
    )
  }
  const e = driverError(error)
  if (!e) return isUnavailable(error) ? away() : undefined
  const told = TOLD[e.code ?? ''] ?? TOLD[classOf(error)]
  return told?.(e)
}

type Told = (error: pg.DatabaseError) => Fault

const away = () => new Fault('unavailable', 'The database did not answer in time.')
const busy = () =>
  new Fault('unavailable', 'Others are at work on the same for too long. Nothing was written.')
const readOnly = () =>
  new Fault('unavailable', 'The database takes no changes for the moment. Nothing was written.')
const full = () => new Fault('storage_full', 'The database has no room left. Nothing was written.')
const unfit = () => new Fault('invalid_request', 'A value is none that the database can hold.')

function taken(e: pg.DatabaseError): Fault {
  if (e.constraint?.endsWith('_slug_key')) {
    const errors = at(e, 'is taken, or was once used')
    return new Fault('slug_taken', 'This slug is taken, or was once used.', { errors })
  }
  const errors = at(e, 'is taken')
  return new Fault('conflict', `Another one has the same ${memberOf(e)}.`, { errors })
}

function unknown(e: pg.DatabaseError): Fault {
  // "Key (id)=(...) is still referenced": others have come to refer to what was to be deleted.
  if (e.code === '23001' || /\(id\)=/.test(e.detail ?? '')) {
    return new Fault('conflict', 'Others have just come to refer to it.')
  }
  const errors = at(e, 'no longer exists')
  return new Fault('unknown_reference', 'Something it refers to has just been deleted.', { errors })
}

function broken(e: pg.DatabaseError): Fault {
  const rule = e.constraint ?? e.column
  const errors = at(e, `breaks the rule ${rule}`)
  return new Fault('rule_broken', `The rule ${rule} is broken.`, { errors })
}

function tooLarge(): Fault {
  const errors = [{ pointer: '/body', message: 'is too large to be indexed' }]
  return new Fault('rule_broken', 'The text is too large to be indexed.', { errors })
}

/** By SQLSTATE, else by its class. What is in neither is a fault of ours. */
const TOLD: Record<string, Told> = {
  // the caller's doing, which no check of ours caught first
  '22': unfit, // data exceptions
  '23': broken, // not null, check, exclusion
  '23001': unknown, // restrict
  '23503': unknown, // foreign key
  '23505': taken, // unique
  '54': tooLarge, // program limits: of an index row
  // what passes
  '08': away, // connection exceptions
  '25006': readOnly, // a standby, or a server that is about to be one
  '25P03': away, // a transaction that its process left alone
  '25P04': away, // one that took too long
  '40': busy, // serialisation, deadlock: after all attempts
  '53': away, // no memory, too many connections
  '53100': full, // disk
  '55006': busy, // object in use
  '55P03': busy, // lock not to be had
  '57': away, // cancelled, shutting down, starting
}

/** The member of the body that a constraint is about, as its pointer, and what is wrong with it. */
function at(e: pg.DatabaseError, message: string): Detail[] {
  const member = memberOf(e)
  return [{ pointer: member ? `/${member}` : '', message }]
}

/** Constraints are named <table>_<column>_<kind> (tables.ts), so the name gives the member. */
function memberOf({ constraint, table, column }: pg.DatabaseError): string | undefined {
  const named =
    constraint?.slice((table?.length ?? 0) + 1).replace(/_(key|fkey|check)$/, '') ?? column
  return named?.replace(/_id$/, '').replace(/_(\w)/g, (_, c: string) => c.toUpperCase())
}
