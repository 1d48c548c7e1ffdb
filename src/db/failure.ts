import { DrizzleQueryError } from 'drizzle-orm'
import { driverError } from './sqlstate.ts'

/**
 * An error as it may be logged. Of a failed statement its text, where it was run and PostgreSQL's
 * reason; neither its parameters nor what PostgreSQL quotes of them, for they may be a draft's words.
 */
export function loggable(error: unknown): unknown {
  const reason = driverError(error)
  if (!(error instanceof DrizzleQueryError) && !reason) return error
  const { query, cause, stack } = error as DrizzleQueryError
  return {
    type: 'DatabaseError',
    query,
    reason: reason ? toldBy(reason) : cause?.message,
    // Its first lines are the message, with the parameters in it.
    stack: stack?.split('\n').filter((line) => /^ {4}at /.test(line)),
  }
}

/** Class 22, data exceptions, quotes the value in the message; all others only in the detail. */
function toldBy({ code, message, table, column, constraint, routine }: Reason): object {
  return {
    code,
    message: code?.startsWith('22') ? undefined : message,
    ...{ table, column, constraint, routine },
  }
}
type Reason = NonNullable<ReturnType<typeof driverError>>

/** An error in words for whoever runs the process: PostgreSQL's own, not the statement that failed. */
export function explain(error: unknown): string {
  const reason = driverError(error)
  if (reason) return reason.message
  const cause = (error instanceof DrizzleQueryError && error.cause) || (error as Error)
  // Where a name has several addresses, what each of them said has no message in common.
  return cause.message || String((cause as NodeJS.ErrnoException).code ?? cause.name)
}
