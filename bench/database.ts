import { hash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { joinEmbedded } from '../src/db/embedded.ts'

/** Where clusters and raw figures are kept; git does not look at it. */
export const BENCH_DIR = '.bench'

/**
 * PostgreSQL's settings for the embedded cluster, over the service's own: memory of a small database
 * server, and an SSD. Nothing that makes a commit less durable.
 */
const SETTINGS = {
  shared_buffers: '1GB',
  effective_cache_size: '4GB',
  work_mem: '16MB',
  maintenance_work_mem: '1GB',
  max_wal_size: '8GB',
  random_page_cost: '1.1',
  effective_io_concurrency: '200',
  max_parallel_maintenance_workers: String(availableParallelism()),
}

export type Server = {
  /** Of the owner, who is a superuser where the cluster is our own. */
  url: string
  /** Where it runs and how it is set, for the reader of the results. */
  said: string
  leave(): Promise<void>
}

/**
 * The server to measure on: `databaseUrl`, or an embedded cluster of its own for this number of
 * articles, started if need be.
 */
export async function openServer(
  databaseUrl: string | undefined,
  articles: number,
  log: (text: string) => void,
): Promise<Server> {
  if (databaseUrl) return { url: databaseUrl, said: 'DATABASE_URL', leave: async () => {} }
  const dataDir = join(BENCH_DIR, String(articles))
  const server = await joinEmbedded({ dataDir, flags: SETTINGS, log })
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}`)
  return {
    url: server.url,
    said: `embedded, on this machine, not pinned; ${settings.join(', ')}`,
    leave: () => server.leave(),
  }
}

/** One connection as the owner, for as long as the work takes. */
export async function withClient<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'dateline bench' })
  await client.connect()
  try {
    await client.query('SET timezone = UTC')
    await client.query('SET search_path = public')
    return await work(client)
  } finally {
    await client.end()
  }
}

/** A short name of a text, to see whether it has changed. */
export function fingerprint(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 12)
}
