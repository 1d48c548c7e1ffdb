import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'

/*
 * A Valkey or Redis of a test's own, as it comes from the system's packages (`apt-get install
 * redis-server`): in memory, on a port that was free.
 */

const PROGRAM = ['valkey-server', 'redis-server'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
)

/** Why a test that needs it is skipped; false where it is there. */
export const WITHOUT_REDIS = PROGRAM ? false : 'neither valkey-server nor redis-server is installed'

/** Starts one; it is ended with the test. `end` kills it, `start` brings it back, empty, to the same port. */
export async function redisServer(t: Test) {
  const port = await freePort()
  let child: ChildProcess | undefined
  const start = async () => {
    const made = spawn(PROGRAM ?? '', [
      ...['--port', String(port), '--bind', '127.0.0.1'],
      ...['--save', '', '--appendonly', 'no', '--dir', '/tmp'],
    ])
    child = made
    for await (const line of made.stdout ?? []) {
      if (/ready to accept connections/i.test(String(line))) break
    }
  }
  const end = async () => {
    const running = child
    child = undefined
    if (!running) return
    running.kill('SIGCONT')
    running.kill('SIGKILL')
    await once(running, 'exit')
  }
  t.teardown(end)
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    end,
    /** It answers nobody, and closes no connection. */
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
  }
}
