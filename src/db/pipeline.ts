import type { Tx } from './client.ts'

/*
 * Statements of one transaction that do not wait for each other: they are sent one behind the other,
 * PostgreSQL runs them in that order, and once one has failed it refuses the others. A create that
 * waited after each of its nine spent half its time on the way (bench/NOTES.md).
 */

const unawaited = new WeakMap<Tx, Promise<unknown>[]>()

/** Sends a statement at once; drizzle sends it when it is awaited, some steps later. */
export function sent<T>(statement: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => statement.then(resolve, reject))
}

/**
 * Sends a statement whose result nobody needs, and goes on: what follows comes after it. `finished`
 * waits for it; if it fails, so does the transaction.
 */
export function behind(tx: Tx, statement: PromiseLike<unknown>): void {
  const promise = sent(statement)
  promise.catch(() => {})
  const others = unawaited.get(tx)
  if (others) others.push(promise)
  else unawaited.set(tx, [promise])
}

/**
 * What the work of a transaction leads to, once all that it did not wait for has ended too. Throws what
 * failed first: that is the reason, and what was behind it only the consequence.
 */
export async function finished<T>(tx: Tx, work: Promise<T>): Promise<T> {
  const [end] = await Promise.allSettled([work])
  const others = await Promise.allSettled(unawaited.get(tx) ?? [])
  const failed = [...others, end].find((one) => one.status === 'rejected')
  if (failed) throw failed.reason
  return (end as PromiseFulfilledResult<T>).value
}
