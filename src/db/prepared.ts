import { LRUCache } from 'lru-cache'
import pg from 'pg'
import { ANEW } from './where.ts'

/** Texts that a connection has named at a time; of more, that which was asked for longest ago is given up. */
const MOST = 500
/** The shortest text worth a name: BEGIN, COMMIT and the like have no plan. */
const WORTH_NAMING = 60
/** Rows that are put in have another text for each number of them, and no plan worth keeping. */
const ROWS = /^insert into "\w+" \(.*\) values /s
/** "Cached plan must not change result type": a migration has changed what a statement reads. */
export const OUTDATED = '0A000'

/** Texts that came of late, on whichever connection: one that comes once takes no name from what all ask. */
const seen = new LRUCache<string, true>({ max: 2 * MOST })

/** Whether a text is worth a plan that is kept: not the first time that it comes. */
function isWorthNaming(text: string): boolean {
  // Several statements in one text cannot be prepared.
  if (text.length < WORTH_NAMING || text.includes(';') || ROWS.test(text)) return false
  if (text.includes(ANEW)) return false
  if (seen.get(text)) return true
  seen.set(text, true)
  return false
}

type Statement = {
  text?: unknown
  name?: string
  values?: unknown
  types?: unknown
  rowMode?: unknown
}
/** What pg's types do not know of its connection: the names that it will not parse again. */
type Prepares = {
  close(what: { type: 'S'; name: string }): void
  parsedStatements: Record<string, string>
}
type Callback = (error: (Error & { code?: string }) | null, result?: unknown) => void

/**
 * A connection that names its statements, so that PostgreSQL parses and plans each text once: the load
 * of one article with all it includes took 14.3 ms unnamed and 1.5 ms named, nearly all of it planning.
 * Values are parameters everywhere, so the texts that are asked for are few. After a migration under a running service
 * the connection takes new names, and the statement is sent once more; one of a transaction, which is
 * broken by then, is not: it would run behind it, as nobody. Its caller runs the transaction again.
 */
export class PreparingClient extends pg.Client {
  #named = 0
  #inTransaction = false
  /** The names of texts, each given once: what is still on its way with an old one does not meet a new text. */
  readonly #names = new LRUCache<string, string>({
    max: MOST,
    // Close (PostgreSQL, 53.2.3) has no error, in a broken transaction or for a name that never was.
    dispose: (name) => {
      const connection = this.connection as unknown as Prepares
      connection.close({ type: 'S', name })
      delete connection.parsedStatements[name]
    },
  })

  // biome-ignore lint/suspicious/noExplicitAny: the six signatures of pg's query pass through
  override query(statement: any, ...rest: any[]): any {
    this.#together()
    if (typeof statement === 'string') this.#note(statement)
    const { text, name, values, types, rowMode } = (statement ?? {}) as Statement
    if (typeof text !== 'string' || name || !isWorthNaming(text))
      return super.query.apply(this, [statement, ...rest] as never)
    const isRepeated = !this.#inTransaction
    const send = (args: unknown[]) => {
      const named = { text, values, types, rowMode, name: this.#nameOf(text) }
      return super.query.apply(this, [named, ...args] as never) as unknown
    }
    const callback = rest.at(-1)
    if (typeof callback === 'function') {
      const heeding: Callback = (error, result) => {
        if (error?.code !== OUTDATED) return callback(error, result)
        this.#names.clear()
        if (isRepeated) send(rest)
        else callback(error, result)
      }
      return send([...rest.slice(0, -1), heeding])
    }
    return (send(rest) as Promise<unknown>).catch((error: { code?: string }) => {
      if (error.code !== OUTDATED) throw error
      this.#names.clear()
      if (!isRepeated) throw error
      return (send(rest) as Promise<unknown>).catch(() => {
        throw error
      })
    })
  }

  /** Transactions begin and end by the bare words (client.ts, transaction.ts). */
  #note(statement: string): void {
    if (/^begin/i.test(statement)) this.#inTransaction = true
    else if (/^(commit|rollback)/i.test(statement)) this.#inTransaction = false
  }

  #nameOf(text: string): string {
    const known = this.#names.get(text)
    if (known !== undefined) return known
    const name = `s${this.#named++}`
    this.#names.set(text, name)
    return name
  }

  /** What is sent until the event loop goes on leaves in one packet: a write to a socket costs 0.1 ms. */
  #together(): void {
    const { stream } = this.connection
    if (stream.writableCorked > 0) return
    stream.cork()
    process.nextTick(() => stream.uncork())
  }
}
