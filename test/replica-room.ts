import { setTimeout as pass } from 'node:timers/promises'
import type { Test } from 'tap'
import { OPERATOR, type Scope } from '../src/actor.ts'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { openDatabase } from '../src/db/client.ts'
import { transaction } from '../src/db/transaction.ts'
import { createKey } from '../src/keys/commands.ts'
import { type Call, callerOf, type Newsroom } from './newsroom.ts'
import type { Server } from './postgres-server.ts'

/** An instance on servers of the test's own. */
export type ReplicaRoom = Pick<Newsroom, 'db' | 'app' | 'config' | 'reader'> & {
  /** How many reads of readers each has answered since this was asked last. */
  answers(): { replica: number; primary: number }
  /** Calls with this key. */
  with(key: string): Call
}

/** One more instance on a primary, whose readers read on these replicas; closed with the test. */
export async function replicaRoom(
  t: Test,
  primary: { url: string },
  replicas: Server[],
  settings: Record<string, string> = {},
): Promise<ReplicaRoom> {
  const config = readConfig({
    ...{ DATABASE_URL: primary.url, RATE_LIMIT: '0', LOG_LEVEL: 'silent' },
    ...{ DATABASE_REPLICA_URL: replicas.map(({ url }) => url).join(','), ...settings },
  })
  const { replicaUrls } = config
  const db = openDatabase({ url: primary.url, replicaUrls, size: 4 }, () => {})
  const app = await buildApp({ config, db })
  t.teardown(async () => {
    await app.close()
    await db.close()
  })
  let counts = { replica: 0, primary: 0 }
  db.replicas.answered.push(({ server }) => {
    counts[server === 'primary' ? 'primary' : 'replica']++
  })
  return {
    ...{ db, app, config, reader: callerOf(app, undefined) },
    answers() {
      const since = counts
      counts = { replica: 0, primary: 0 }
      return since
    },
    with: (key) => callerOf(app, `Bearer ${key}`),
  }
}

/** A new key with these scopes. */
export async function newKey({ db }: Pick<ReplicaRoom, 'db'>, ...scopes: Scope[]): Promise<string> {
  const made = await transaction(db, (tx) =>
    createKey({ tx, actor: OPERATOR }, { name: scopes.join(' '), scopes }),
  )
  return made.key
}

/** Waits until something holds; throws after so many ms. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms = 5000,
): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; await pass(5)) if (await holds()) return
  throw new Error(`${what} did not come true within ${ms} ms`)
}

/** Asks until a replica has answered. */
export function byReplica(room: ReplicaRoom, path: string, ms?: number): Promise<void> {
  const answered = async () => {
    room.answers()
    room.app.delivery.store.drop(new Set(['all']))
    await room.reader('GET', path)
    return room.answers().replica > 0
  }
  return until('a replica answers', answered, ms)
}
