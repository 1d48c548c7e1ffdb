import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { commandOf, type Programs, run } from '../src/db/keeper-programs.ts'
import { freePort } from './free-port.ts'

/*
 * PostgreSQL as it comes from Debian's packages (`apt-get install postgresql`), server and client: what
 * dumps are made and restored with. The embedded binaries have no client.
 */

const BIN = ['15', '16', '17', '18']
  .map((major) => `/usr/lib/postgresql/${major}/bin`)
  .find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'pg_restore')))

/** Why a test that needs it is skipped; false where it is there. */
export const WITHOUT_DEBIAN = BIN ? false : 'PostgreSQL is not installed under /usr/lib/postgresql'

/** Where its programs are. */
export const DEBIAN_BIN = BIN ?? ''

/** What it calls itself, such as `PostgreSQL 15.18`. */
export function debianVersion(): string {
  const said = execFileSync(join(DEBIAN_BIN, 'postgres'), ['--version'], { encoding: 'utf8' })
  return `PostgreSQL ${/[\d.]+/.exec(said)?.[0]}`
}

/** As root PostgreSQL refuses to run; its package brings a user for it. */
function owner(): Programs['owner'] {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string) => Number(spawnSync('id', [flag, 'postgres']).stdout)
  return { uid: id('-u'), gid: id('-g') }
}

/** Starts a new server without any database of ours; its superuser's URL. It ends with the test. */
export async function debianServer(t: Test): Promise<{ superuser: string; at: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'dateline-debian-'))
  // Whoever PostgreSQL runs as makes its own folder in it.
  chmodSync(folder, 0o777)
  const programs = {
    ...{ postgres: join(DEBIAN_BIN, 'postgres'), initdb: join(DEBIAN_BIN, 'initdb') },
    ...{ owner: owner(), passes: false },
  }
  const dir = join(folder, 'pg')
  await run(programs, 'initdb', [
    ...['-D', dir, '-U', 'postgres', '--auth=trust', '--no-sync'],
    ...['--encoding=UTF8', '--locale=C.UTF-8'],
  ])
  const port = await freePort()
  const settings = {
    ...{ port: `${port}`, listen_addresses: '127.0.0.1', unix_socket_directories: '' },
    ...{ fsync: 'off', log_min_messages: 'fatal', max_wal_size: '4GB', autovacuum: 'off' },
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const { file, args, options } = commandOf(programs, 'postgres', ['-D', dir, ...flags])
  const child = spawn(file, args, { ...options, stdio: 'ignore' })
  t.teardown(async () => {
    child.kill('SIGQUIT')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  })
  const at = `127.0.0.1:${port}`
  const superuser = `postgres://postgres@${at}/postgres`
  for (const end = Date.now() + 30_000; ; await sleep(50)) {
    if (child.exitCode !== null || Date.now() > end) throw new Error('PostgreSQL did not start')
    const client = new pg.Client({ connectionString: superuser })
    const up = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => {})
    if (up) return { superuser, at }
  }
}
