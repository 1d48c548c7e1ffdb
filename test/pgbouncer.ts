import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'

/*
 * PgBouncer as it comes from the system's packages (`apt-get install pgbouncer`), in transaction mode.
 */

const PROGRAM = ['pgbouncer', '/usr/sbin/pgbouncer'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
)

/** Why a test that needs it is skipped; false where it is there. */
export const WITHOUT_PGBOUNCER = PROGRAM ? false : 'pgbouncer is not installed'

/**
 * Starts one in front of a server, for these logins with their passwords; ended with the test. Two
 * connections for each login, so that transactions of several clients share them.
 */
export async function pgbouncer(
  t: Test,
  server: { port: number },
  logins: Record<string, string>,
): Promise<{ port: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'dateline-pgbouncer-'))
  await chmod(folder, 0o755)
  const port = await freePort()
  const file = (name: string) => join(folder, name)
  const users = Object.entries(logins).map(([name, password]) => `"${name}" "${password}"\n`)
  await writeFile(file('userlist.txt'), users.join(''))
  await writeFile(
    file('pgbouncer.ini'),
    `[databases]
dateline = host=127.0.0.1 port=${server.port} dbname=dateline
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${file('userlist.txt')}
pool_mode = transaction
default_pool_size = 2
max_client_conn = 200
log_connections = 0
log_disconnections = 0
`,
  )
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = spawn(PROGRAM ?? '', [...user, file('pgbouncer.ini')], { stdio: 'pipe' })
  t.teardown(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  })
  let said = ''
  for await (const data of child.stderr) {
    said += data
    if (/process up/.test(said)) break
    if (child.exitCode !== null) throw new Error(said)
  }
  if (!/process up/.test(said)) throw new Error(said)
  child.stderr.resume()
  return { port }
}
