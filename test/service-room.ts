import pg from 'pg'
import type { Test } from 'tap'
import { cloneDatabase } from './newsroom.ts'
import { adminKey, serviceProcess } from './service-process.ts'

/**
 * The service as a process, on an empty newsroom of the test's own: with an administrator's key in `headers`,
 * and a connection of the database's owner. It logs what is fatal, unless told otherwise.
 */
export async function serviceRoom(t: Test, settings: Record<string, string> = {}) {
  const url = await cloneDatabase(t)
  const headers = await adminKey(url)
  const service = await serviceProcess(t, {
    ...{ DATABASE_URL: url, LOG_LEVEL: 'fatal' },
    ...settings,
  })
  await service.ready()
  const owner = new pg.Client({ connectionString: url })
  await owner.connect()
  t.teardown(() => owner.end())
  return { headers, service, owner }
}
