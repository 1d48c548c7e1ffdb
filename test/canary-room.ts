import { Writable } from 'node:stream'
import pg from 'pg'
import { pino } from 'pino'
import { OPERATOR, type Scope } from '../src/actor.ts'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { type Database, openDatabase } from '../src/db/client.ts'
import { transaction } from '../src/db/transaction.ts'
import { createKey } from '../src/keys/commands.ts'
import { type Call, callerOf, type Newsroom } from './newsroom.ts'

/** The service on a database, with its log at level info; closed by hand, so that it can be cloned. */
export type CanaryRoom = {
  app: Newsroom['app']
  db: Database
  /** What it has logged, a line each. */
  log: string[]
  as(key: string): Call
  /** A new key. */
  key(name: string, ...scopes: Scope[]): Promise<{ id: string; key: string }>
  /** A statement as the owner, past all rules. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

/** Opens the service on a database. */
export async function openRoom(url: string): Promise<CanaryRoom> {
  const config = readConfig({
    DATABASE_URL: url,
    RATE_LIMIT: '0',
    ARTICLE_URL: 'https://paper.example/{category}/{slug}',
  })
  const log: string[] = []
  const stream = new Writable({
    write(line, _encoding, done) {
      log.push(String(line))
      done()
    },
  })
  const db = openDatabase({ url, size: 4 }, () => {})
  const app = await buildApp({ config, db }, pino({ level: 'info' }, stream))
  // `Last-Modified` is told, and `If-Modified-Since` heeded, while the database's clock is known and two
  // seconds past the change; and who has an answer is told so, 304, while there is time left to keep it. On
  // a busy machine the heartbeat that tells both comes late now and then; here they are known at every
  // moment, so that the answers of two newsrooms can be compared.
  const inTime = { clock: () => Date.UTC(2100), seconds: () => 10 }
  Object.assign(app.delivery.watch, inTime)
  const owner = new pg.Client({ connectionString: url })
  await owner.connect()
  return {
    app,
    db,
    log,
    as: (key) => callerOf(app, `Bearer ${key}`),
    key: (name, ...scopes) =>
      transaction(db, (tx) => createKey({ tx, actor: OPERATOR }, { name, scopes })),
    sql: async (text, values) => (await owner.query(text, values)).rows,
    async close() {
      await app.close()
      await db.close()
      await owner.end()
    },
  }
}

/** The name of the database in a URL. */
export function nameIn(url: string): string {
  return new URL(url).pathname.slice(1)
}
