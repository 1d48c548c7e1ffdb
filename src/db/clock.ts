import { sql } from 'drizzle-orm'

/** The database's clock, at the precision that times are kept with. */
export const now = sql<Date>`date_trunc('milliseconds', now())`

/**
 * The same clock at this very moment of the transaction. What is written under a lock takes it, so that
 * who waited for the lock comes later in time as well as in version.
 */
export const moment = sql<Date>`date_trunc('milliseconds', clock_timestamp())`
