import { type SQL, sql } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'

/**
 * Sets the alarm, in the transaction that makes something due: now, or at an instant of the database's
 * clock. Whoever gets it looks for what webhooks are to be told.
 */
export async function wake(tx: Pick<Executor, 'execute'>, at: SQL = sql`now()`): Promise<void> {
  await tx.execute(sql`select public.wake_webhooks(${at})`)
}
