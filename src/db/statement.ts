import { fillPlaceholders, type Param, type Placeholder, type SQL, sql } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import type { Executor } from './client.ts'

/** A query, or a part of one, that is not sent yet: for whoever passes it on and knows no SQL. */
export type Query = SQL

/**
 * A read in one statement: what is asked, and what its row becomes. It depends on nothing but what was
 * asked for, so that it can be asked again, for another name too: the item that a path names, or the one
 * that a list is filtered by.
 */
export type Plan<Shown> = {
  statement(name: SQL): SQL
  /**
   * `url` is what was asked this time. Undefined when it takes a closer look: there is no row, or the
   * name leads nowhere.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the row of the statement beside it
  shown(row: any, url: string): Shown | undefined
}

/** Asks a read once; undefined as {@link Plan.shown} has it. */
export async function carryOut<Shown>(
  db: Pick<Executor, 'execute'>,
  plan: Plan<Shown>,
  name: string,
  url: string,
): Promise<Shown | undefined> {
  const { rows } = await db.execute(plan.statement(sql`${name}`))
  return rows[0] && plan.shown(rows[0], url)
}

/** A read that was asked before: the statement is written down, and is only sent. */
export type Prepared<Shown> = (
  client: Executor['$client'],
  name: string,
  url: string,
) => Promise<Shown | undefined>

const dialect = new PgDialect()

/** A value that is given when a statement is sent, or now. */
export type Value = Placeholder | Param

/** The place of a value that is given when a statement is sent. */
export const given = (name: string) => sql.placeholder(name)

/** Sends a statement at once, with its values by name; its rows. */
export type Fixed<Row> = (db: Executor, values: Record<string, unknown>) => Promise<Row[]>

/**
 * Writes down a statement that is always the same, but for what is `given`: making the text of one
 * anew takes 40 to 120 µs, as long as all that is checked of an article.
 */
export function fixed<Row>(statement: SQL): Fixed<Row> {
  const { sql: text, params } = dialect.sqlToQuery(statement)
  return async (db, values) => {
    const { rows } = await db.$client.query({ text, values: fillPlaceholders(params, values) })
    return rows as Row[]
  }
}

/** So many texts are kept once, however many reads have them. */
const MOST = 500
const texts = new Map<string, string>()

/** Writes the statement of a read down: making it anew takes as long as all the rest of a list. */
export function prepare<Shown>(plan: Plan<Shown>): Prepared<Shown> {
  const written = dialect.sqlToQuery(plan.statement(sql`${sql.placeholder('name')}`))
  const known = texts.get(written.sql)
  if (known === undefined && texts.size < MOST) texts.set(written.sql, written.sql)
  const text = known ?? written.sql
  return async (client, name, url) => {
    const values = fillPlaceholders(written.params, { name })
    const { rows } = await client.query({ text, values })
    return rows[0] && plan.shown(rows[0], url)
  }
}
