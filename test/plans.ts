import type pg from 'pg'
import { get } from './factories.ts'
import type { Newsroom } from './newsroom.ts'

/** A node of a plan that was run: what EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) tells of it. */
export type PlanNode = { [property: string]: unknown; Plans?: PlanNode[] }

/** A node and all below it. */
export function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)]
}

/**
 * The plan that a reader's request is answered with, as run: all nodes of all its statements, those
 * below other nodes after them.
 */
export async function plansOf({
  db,
  reader,
}: Newsroom): Promise<(path: string) => Promise<PlanNode[]>> {
  const pool = (db.reader as unknown as { $client: pg.Pool }).$client
  const asked: { text: string; values: unknown[] }[] = []
  const query = pool.query.bind(pool) as (...given: unknown[]) => unknown
  // drizzle hands over an object with the text, and the values.
  const spy = (config: { text: string }, values: unknown[]) => {
    asked.push({ text: config.text, values })
    return query(config, values)
  }
  return async (path) => {
    asked.length = 0
    Object.assign(pool, { query: spy })
    await get(reader, path).finally(() => Object.assign(pool, { query }))
    const nodes: PlanNode[] = []
    for (const { text, values } of asked.splice(0)) {
      const { rows } = (await query(
        `explain (analyze, buffers, format json) ${text}`,
        values,
      )) as pg.QueryResult
      for (const { Plan } of rows[0]['QUERY PLAN']) nodes.push(...nodesOf(Plan))
    }
    if (nodes.length === 0) throw new Error(`${path} was answered without a statement`)
    return nodes
  }
}
