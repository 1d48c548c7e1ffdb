import type pg from 'pg'

/** Ends a connection at once. Not `end`, which would wait for a farewell that a hanging server never says. */
export function hangUp(client: pg.ClientBase | undefined): void {
  const { connection } = (client ?? {}) as { connection?: { stream: { destroy(): void } } }
  connection?.stream.destroy()
}
