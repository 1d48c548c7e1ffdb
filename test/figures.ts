/*
 * What the service promises when something goes wrong, and what a test measured of it. A test says its
 * figure in one line, `figure(t, 'disk full', '...')`, which any run prints as a comment;
 * `npm run reliability` (test/reliability.ts) runs every test file that imports this one, at full size,
 * and writes docs/reliability.md out of these lines.
 */

/** Each promise by its short name, in the order of the table: what happens, and what then holds. */
export const PROMISES = {
  'database killed': {
    what: 'PostgreSQL is killed with SIGKILL under 16 writers, 5 times',
    holds:
      'no acknowledged write is lost; every answer is 2xx or 503; a 2xx within 2 s of its return; the same process',
  },
  failover: {
    what: 'Failover to a synchronous standby under writers, 3 rounds',
    holds: 'no acknowledged write is lost; writes again within 5 s',
  },
  'backends terminated': {
    what: 'Every backend is terminated each half second for 30 s',
    holds: 'the process never exits',
  },
  'service killed': {
    what: 'The service is killed with SIGKILL 20 times under 2,000 writes that are tried again with the same `Idempotency-Key`',
    holds: 'exactly 2,000 rows',
  },
  'table locked': {
    what: 'A table is locked for 10 s under 200 writers',
    holds: 'all are answered within 2 s; no row from a refused request',
  },
  'disk full': {
    what: 'The disk of PostgreSQL is full',
    holds: 'nothing lost; no 500; writes again within 5 s of space',
  },
  'slow sockets': {
    what: '300 sockets send or read slowly (header, body, answer)',
    holds: 'closed within 15 s; p99 of the others at most twice',
  },
  overload: {
    what: 'Five times as many requests as can be served',
    holds: 'goodput at least 70 % of the peak; `/livez` within 50 ms',
  },
  'rolling restart': {
    what: 'Rolling restart of two instances, 10 rounds at 200 requests a second',
    holds: 'no request fails',
  },
  'replica behind': {
    what: 'A replica 2 s behind, then stopped; 1,000 reads of what the same key just wrote',
    holds: 'none of them stale; no 5xx',
  },
  'same slug': {
    what: 'The same slug from 200 writers at once, 20 rounds',
    holds: 'one 201 each, 409 for the rest',
  },
  'shared limit': {
    what: '1,000 requests at once on two instances, with a limit of 100',
    holds: 'exactly 100 pass',
  },
  'large bodies': {
    what: '10 MB of JSON, JSON 100,000 levels deep, an import of 50 MB',
    holds: '4xx; memory grows by less than 64 MB',
  },
  'generated requests': {
    what: 'Generated requests, right and wrong, every operation and role, at least 1,000 for each operation',
    holds: 'no 5xx; no answer that the OpenAPI document does not have',
  },
  'mixed load': {
    what: '30 minutes of mixed load',
    holds: 'memory and descriptors do not grow',
  },
  'migration under writers': {
    what: 'Migrations on a filled database under writers and readers',
    holds: 'no request fails; none waits for a lock longer than 0.5 s',
  },
  'version before': {
    what: 'The service of before on the schema of now, and back',
    holds: 'no request fails',
  },
  'dump restored': {
    what: 'A dump of 100,000 articles restored into an empty server (PostgreSQL 15)',
    holds: 'checksums of all tables equal; the service runs on it; cursors from before go on',
  },
} as const satisfies Record<string, { what: string; holds: string }>

/** The short name of a promise. */
export type Promised = keyof typeof PROMISES

const LINE = /^\s*# figure: (.+?) \| (.+?)\s*$/gm

/** Prints what a test measured of a promise, in words with numbers and units. The last one counts. */
export function figure(t: { comment(text: string): void }, promise: Promised, measured: string) {
  t.comment(`figure: ${promise} | ${measured.replace(/\s+/g, ' ').replaceAll('|', '/')}`)
}

/** The figures in what a test run printed (TAP): of each promise the last. */
export function figuresIn(tap: string): Map<Promised, string> {
  const found = new Map<Promised, string>()
  for (const [, promise = '', measured = ''] of tap.matchAll(LINE)) {
    if (Object.hasOwn(PROMISES, promise)) found.set(promise as Promised, measured)
  }
  return found
}
