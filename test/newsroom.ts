import { randomBytes } from 'node:crypto'
import type { InjectOptions } from 'fastify'
import pg from 'pg'
import type { Test } from 'tap'
import { OPERATOR, type Scope } from '../src/actor.ts'
import { buildApp } from '../src/app.ts'
import { type Config, readConfig } from '../src/config.ts'
import { type Database, openDatabase } from '../src/db/client.ts'
import { transaction } from '../src/db/transaction.ts'
import { loadSeeds } from '../src/intake/seeds.ts'
import { createKey } from '../src/keys/commands.ts'

/** The answer of a call. `json` is the parsed body. */
export type Reply = {
  status: number
  headers: Record<string, string | undefined>
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any
}

export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Reply>

/** A newsroom of a test's own: a clone of the migrated template, and the service on it. */
export type Newsroom = {
  db: Database
  url: string
  config: Config
  app: Awaited<ReturnType<typeof buildApp>>
  /** Calls as the holder of a key with these scopes; without any, as nobody. */
  as(...scopes: Scope[]): Promise<Call>
  /** As nobody. */
  reader: Call
  /** As an administrator. */
  editor: Call
  /** A statement as the owner, past all rules. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
}

function serverUrl(): string {
  const url = process.env.TEST_SERVER_URL
  if (!url) throw new Error('Run tests with `npm test [-- FILE...]`: it brings the database.')
  return url
}

async function onServer(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl() })
  await client.connect()
  await client.query(text)
  await client.end()
}

/** A database without anything in it, on the server of the run; dropped at the end of the test. */
export async function emptyDatabase(t: Test): Promise<string> {
  const name = `dateline_empty_${randomBytes(6).toString('hex')}`
  await onServer(`CREATE DATABASE ${name} TEMPLATE template0`)
  t.teardown(() => onServer(`DROP DATABASE ${name} WITH (FORCE)`))
  const url = new URL(serverUrl())
  url.pathname = `/${name}`
  return url.href
}

/** Clones the template, or another database nobody is connected to; dropped at the end of the test. */
export async function cloneDatabase(t: Test, template?: string): Promise<string> {
  const name = `dateline_test_${randomBytes(6).toString('hex')}`
  // Cloning waits for other clones of the same template; a busy template is tried again.
  for (let attempt = 1; ; attempt++) {
    try {
      await onServer(`CREATE DATABASE ${name} TEMPLATE ${template ?? process.env.TEST_TEMPLATE}`)
      break
    } catch (error) {
      if (attempt === 20) throw error
      await new Promise((resolve) => setTimeout(resolve, 50 * attempt))
    }
  }
  t.teardown(() => onServer(`DROP DATABASE ${name} WITH (FORCE)`))
  const url = new URL(serverUrl())
  url.pathname = `/${name}`
  return url.href
}

/** Calls into a service, with this `Authorization` or none. */
export function callerOf(app: Newsroom['app'], authorization: string | undefined): Call {
  return async (method, path, body, headers = {}) => {
    const raw = typeof body === 'string' || Buffer.isBuffer(body)
    const answer = await app.inject({
      method: method as NonNullable<InjectOptions['method']>,
      url: path,
      headers: {
        ...(authorization && { authorization }),
        ...(raw && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { payload: body as object }),
    })
    const type = String(answer.headers['content-type'] ?? '')
    return {
      status: answer.statusCode,
      headers: answer.headers as Reply['headers'],
      text: answer.body,
      json: type.includes('json') && answer.body !== '' ? answer.json() : undefined,
    }
  }
}

/** A newsroom, empty or with the demo in it; closed at the end of the test. */
export async function newsroom(
  t: Test,
  { seeded = false, settings = {} }: { seeded?: boolean; settings?: Record<string, string> } = {},
): Promise<Newsroom> {
  const url = await cloneDatabase(t)
  const config = readConfig({
    DATABASE_URL: url,
    RATE_LIMIT: '0',
    LOG_LEVEL: 'silent',
    ...settings,
  })
  // Hundreds at once on four connections, on a machine that others use too: they wait.
  const db = openDatabase({ url, size: 4, patience: 10_000 }, () => {})
  if (seeded) await transaction(db, (tx) => loadSeeds({ tx, actor: OPERATOR }))
  const app = await buildApp({ config, db })
  const owner = new pg.Client({ connectionString: url })
  await owner.connect()
  t.teardown(async () => {
    await app.close()
    await db.close()
    await owner.end()
  })

  const caller = (authorization: string | undefined) => callerOf(app, authorization)
  const as = async (...scopes: Scope[]): Promise<Call> => {
    const made = await transaction(db, (tx) =>
      createKey({ tx, actor: OPERATOR }, { name: scopes.join(' '), scopes }),
    )
    return caller(`Bearer ${made.key}`)
  }
  return {
    db,
    url,
    config,
    app,
    as,
    reader: caller(undefined),
    editor: await as('admin'),
    sql: async (text, values) => {
      const { rows } = await owner.query(text, values)
      // Past all rules, so past what tells the cache too.
      app.delivery.store.drop(new Set(['all']))
      return rows
    },
  }
}
