import type { Tx } from './client.ts'

/*
 * Statements of one transaction that do not wait for each other: they are sent one behind the other,
 * PostgreSQL runs them in that order, and once one has failed it refuses the others, the COMMIT too.
 * A create that waited after each of its nine spent half its time on the way.
 */

const unawaited = new WeakMap<Tx, Promise<unknown>[]>()

/** Sends a statement at once; drizzle sends it when it is awaited, some steps later. */
export function sent<T>(statement: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => statement.then(resolve, reject))
}

/**
 * Sends a statement without waiting for it: what follows comes after it, the COMMIT at last. Whatever is
 * given here has sent all that it will send when it is given. If it fails, so does the transaction.
 */
export function behind(tx: Tx, statement: PromiseLike<unknown>): void {
  const promise = sent(statement)
  promise.catch(() => {})
  const others = unawaited.get(tx)
  if (others) others.push(promise)
  else unawaited.set(tx, [promise])
}

/** What was sent in this transaction and not waited for, in its order. */
export function unfinished(tx: Tx): Promise<unknown>[] {
  return unawaited.get(tx) ?? []
}

/**
 * Waits for all of these. Throws what the first that failed threw, in their order: that is the reason,
 * and what is behind it only the consequence.
 */
export async function inOrder(promises: Promise<unknown>[]): Promise<void> {
  const ended = await Promise.allSettled(promises)
  const failed = ended.find((one) => one.status === 'rejected')
  if (failed) throw failed.reason
}
