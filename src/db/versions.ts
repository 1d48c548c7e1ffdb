import { Fault } from '../errors.ts'

/** The versions a caller will accept; see `ifMatch` of http/caching.ts. */
export type Expected = 'any' | ReadonlySet<number>

/**
 * Compares a locked row's version with what the caller expects; nothing expected is no condition.
 * Throws `version_stale` (412).
 */
export function demandVersion(version: number, expected: Expected | undefined): void {
  if (expected === undefined || expected === 'any' || expected.has(version)) return
  throw new Fault('version_stale', `The current version is ${version}; read it again.`, {
    errors: [{ header: 'If-Match', message: `does not name the current version ${version}` }],
  })
}
