/**
 * The one table of what can go wrong. `kind` says what sort of fault it is; only http/problem.ts
 * knows which status answers which kind. Codes are stable: clients switch on them.
 */
export const ERRORS = {
  // the request itself
  invalid_request: { kind: 'malformed', title: 'The request is not valid' },
  malformed_json: { kind: 'malformed', title: 'The body is not JSON' },
  invalid_cursor: { kind: 'malformed', title: 'The cursor does not fit this request' },
  payload_too_large: { kind: 'tooLarge', title: 'The body is too large' },
  headers_too_large: { kind: 'longHeaders', title: 'The headers are too large' },
  request_timeout: { kind: 'slow', title: 'The request did not come in time' },
  unsupported_media_type: { kind: 'mediaType', title: 'The body must be JSON' },
  // who asks
  unauthenticated: { kind: 'unauthenticated', title: 'A valid key is needed' },
  forbidden: { kind: 'forbidden', title: 'The key may not do this' },
  rate_limited: { kind: 'rateLimited', title: 'Too many requests' },
  too_many_open: { kind: 'rateLimited', title: 'Too many requests of the key are waiting' },
  // what is there
  not_found: { kind: 'missing', title: 'Not found' },
  gone: { kind: 'gone', title: 'It was here and is gone' },
  legally_removed: { kind: 'legal', title: 'It was removed for legal reasons' },
  method_not_allowed: { kind: 'method', title: 'The method is not allowed here' },
  // rules
  rule_broken: { kind: 'rule', title: 'The content breaks a rule' },
  unknown_reference: { kind: 'rule', title: 'Something named does not exist' },
  never_given: { kind: 'rule', title: 'It was never sent to this partner' },
  idempotency_mismatch: {
    kind: 'rule',
    title: 'The idempotency key was used for another request',
  },
  // the present state
  slug_taken: { kind: 'conflict', title: 'The slug is taken' },
  origin_taken: { kind: 'conflict', title: 'An article of this origin exists' },
  in_use: { kind: 'conflict', title: 'Others refer to it' },
  wrong_state: { kind: 'conflict', title: 'It is not in a state for this' },
  quote_altered: { kind: 'conflict', title: 'The change would break verified quotes' },
  revision_purged: { kind: 'conflict', title: 'Text was purged from the revision' },
  was_visible: { kind: 'conflict', title: 'It was visible and cannot be deleted' },
  conflict: { kind: 'conflict', title: 'It conflicts with the present state' },
  version_required: { kind: 'preconditionRequired', title: 'If-Match is required' },
  version_stale: { kind: 'preconditionFailed', title: 'The version is not current' },
  // ours
  internal: { kind: 'internal', title: 'Something went wrong here' },
  overloaded: { kind: 'unavailable', title: 'Too much is asked at the moment' },
  unavailable: { kind: 'unavailable', title: 'Not available for the moment' },
  outcome_unknown: { kind: 'unavailable', title: 'It is not known whether it was written' },
  storage_full: { kind: 'storageFull', title: 'There is no room left' },
} as const satisfies Record<string, { kind: string; title: string }>

export type ErrorCode = keyof typeof ERRORS
export type FaultKind = (typeof ERRORS)[ErrorCode]['kind']

/** One thing that is wrong: a JSON pointer into the body, or a parameter or header by name. */
export type Detail = ({ pointer: string } | { parameter: string } | { header: string }) & {
  message: string
}

/**
 * So many faults of one request are told: two megabytes can have 300,000, and the answer that names each was
 * eight times as large.
 */
export const MOST_FAULTS = 1000

/**
 * What commands and queries throw when a request cannot be done. `detail` is for the caller's eyes,
 * so it never holds anything the caller could not read anyway.
 */
export class Fault extends Error {
  readonly code: ErrorCode
  readonly errors: Detail[]
  /** Further members of the answer, such as `references` of `in_use`. */
  readonly members: Record<string, unknown>

  constructor(
    code: ErrorCode,
    detail: string,
    { errors = [], members = {} }: { errors?: Detail[]; members?: Record<string, unknown> } = {},
  ) {
    super(detail)
    this.name = 'Fault'
    this.code = code
    this.errors = errors
    this.members = members
  }
}

/** `not_found` for a resource addressed by id or slug; says the kind and never why. */
export function missing(kind: string): Fault {
  return new Fault('not_found', `There is no such ${kind}.`)
}

/** What was visible, and since when it is gone; `notice` is what the public is told. */
export type Gone = { kind: string; notice: string | null; since: string }

/** `gone`, or `legally_removed` for a legal kill. */
export function gone(gone: Gone, legal: boolean): Fault {
  const code = legal ? 'legally_removed' : 'gone'
  return new Fault(code, gone.notice ?? `This ${gone.kind} is no longer available.`, {
    members: { gone },
  })
}

/** `unknown_reference`: the body names things that do not exist, at these pointers. */
export function unknownReferences(errors: Detail[]): Fault {
  return new Fault('unknown_reference', errors.map((e) => e.message).join(' '), { errors })
}

/** `invalid_cursor`, of the parameter or, where a body holds the cursor, at its pointer. */
export function wrongCursor(message: string, at?: string): Fault {
  return new Fault('invalid_cursor', `The cursor ${message}.`, {
    errors: [at === undefined ? { parameter: 'cursor', message } : { pointer: at, message }],
  })
}

/** `rule_broken` with every rule the content breaks. */
export function ruleBroken(errors: Detail[]): Fault {
  return new Fault('rule_broken', errors.map((e) => e.message).join(' '), { errors })
}
