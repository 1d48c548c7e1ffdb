import { sql } from 'drizzle-orm'

/** The database's clock, at the precision that times are kept with. */
export const now = sql<Date>`date_trunc('milliseconds', now())`
