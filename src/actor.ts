import { Fault } from './errors.ts'

/** What a key may do; `admin` implies all. */
export const SCOPES = [
  'read',
  'drafts:read',
  'content:write',
  'content:publish',
  'syndication',
  'embargo:read',
  'admin',
] as const
export type Scope = (typeof SCOPES)[number]

/** Who acts: a key that was found good, or the operator at the command line. */
export type Actor = {
  /** Undefined at the command line. */
  keyId: string | undefined
  name: string
  scopes: ReadonlySet<Scope>
  /** The partner whose key it is: it reads what that partner is entitled to. */
  partnerId?: string | undefined
  /** Requests a minute, where the partner has its own number. */
  rateLimit?: number | undefined
  /**
   * Of a key that may write: how far the primary was when it was looked up, in bytes of WAL and in ms of
   * its clock. What it wrote before, through whatever instance, is within.
   */
  since?: { lsn: number; clock: number } | undefined
}

/** The operator: whoever can run the command line holds the database anyway. */
export const OPERATOR: Actor = {
  keyId: undefined,
  name: 'command line',
  scopes: new Set(['admin']),
}

/** Does this actor have the scope? */
export function may(actor: Actor | undefined, scope: Scope): boolean {
  return actor !== undefined && (actor.scopes.has(scope) || actor.scopes.has('admin'))
}

/**
 * For what only some readers may ask: nobody is a reader too, so without a key it is `forbidden`
 * as well: `status` from others is 403.
 */
export function demandOfReader(actor: Actor | undefined, scope: Scope, what: string): void {
  if (!may(actor, scope)) {
    throw new Fault('forbidden', `${what} needs a key with the scope ${scope}.`)
  }
}

/** Throws Fault `unauthenticated` or `forbidden`, naming the scope that is missing. */
export function demand(actor: Actor | undefined, scope: Scope, what = 'This'): void {
  if (may(actor, scope)) return
  throw new Fault(
    actor ? 'forbidden' : 'unauthenticated',
    `${what} needs a key with the scope ${scope}.`,
  )
}
