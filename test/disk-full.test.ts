import { execFile, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, rmdir, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { figure } from './figures.ts'
import { primaryServer } from './postgres-server.ts'
import { adminKey, serviceProcess } from './service-process.ts'
import { isLong } from './size.ts'
import { compare, startWriters, write } from './written.ts'

/*
 * PostgreSQL's disk, a small tmpfs, runs full under writers: they are refused with 507 or 503 and nothing that
 * was acknowledged is lost; reading goes on while the server does; and within five seconds of room writes are
 * taken again. A server that has no room for its log (WAL) ends itself: it is started again, as a supervisor
 * does.
 */

const SIZE_MB = 160
/** What is left when the test begins to write. */
const ROOM = 12 * 1024 * 1024
const ROUNDS = isLong ? 3 : 1

t.setTimeout(180_000)

const run = promisify(execFile)

/** Mounts it; undefined where that is not allowed. */
async function smallDisk(t: Test): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'dateline-disk-'))
  const options = ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=0755`, 'tmpfs', folder]
  if (spawnSync('mount', options).status !== 0) return undefined
  // Lazily, for what was killed may still be ending.
  t.teardown(async () => {
    await run('umount', ['-l', folder])
    await rmdir(folder)
  })
  await mkdir(join(folder, 'data'))
  return folder
}

const skip = process.getuid?.() === 0 ? false : 'only root may mount a disk that is small enough'
t.test('the disk runs full', { skip }, async (t) => {
  const disk = await smallDisk(t)
  if (!disk) {
    t.pass('not tried: mounting is not allowed here')
    return
  }
  const flags = { max_wal_size: '48MB', min_wal_size: '32MB', wal_recycle: 'off' }
  const server = await primaryServer(t, { ...flags, wal_keep_size: '0' }, join(disk, 'data'))
  const headers = await adminKey(server.url)
  const service = await serviceProcess(t, { DATABASE_URL: server.url, LOG_LEVEL: 'fatal' })
  await service.ready()
  const before = await write(service, headers, 'before')
  t.equal(before.outcome, '201')
  // A body that is no shorter when it is compressed, so that few of them fill what is left.
  const padding = Array.from({ length: 3000 }, () => Math.random().toString(36).slice(2)).join(' ')

  for (let round = 0; round < ROUNDS; round++) {
    const filler = join(disk, 'filler')
    await server.sql('checkpoint')
    const { bavail, bsize } = await statfs(disk)
    await writeFile(filler, Buffer.alloc(Math.max(0, bavail * bsize - ROOM)))
    const ledger = startWriters(service, headers, 8, { padding })
    // Until it is full, and a while longer.
    for (let waits = 0; waits < 600; waits++) {
      if (ledger.told.some(({ outcome }) => outcome !== '201')) break
      await sleep(50)
    }
    await sleep(2000)
    const reading = await service.call('GET', '/v1/articles?limit=1')
    t.ok([200, 503].includes(reading.status), `meanwhile a read is answered ${reading.status}`)
    await rm(filler)
    const room = performance.now()
    if (server.hasEnded()) await server.start()
    const written = () => ledger.told.find(({ outcome, at }) => outcome === '201' && at > room)
    // No longer: on a fast machine they would fill it again.
    for (let waits = 0; waits < 100 && !written(); waits++) await sleep(50)
    const first = written()
    await ledger.stop()
    const recovered = first ? first.at - room : Number.POSITIVE_INFINITY
    const { counts } = compare(ledger.told, [])
    t.comment(`answers: ${JSON.stringify(counts)}; writes ${Math.round(recovered)} ms after room`)
    t.ok(recovered < 5000, 'writes within 5 s of room')
    t.ok(
      ledger.told.some(({ outcome }) => /^50[37]/.test(outcome)),
      'it was full',
    )
    const rows = await server.sql('select headline from articles')
    const { lost, applied, others } = compare(ledger.told, rows)
    const ms = Math.round(recovered)
    figure(
      t,
      'disk full',
      `lost ${lost.length}; writes ${ms} ms after room (the last of ${ROUNDS})`,
    )
    t.same(lost, [], 'acknowledged and lost')
    t.same(applied, [], 'refused and applied')
    t.same(
      others.filter(({ outcome }) => outcome !== '507 storage_full'),
      [],
      'answers other than 201, 503 and 507',
    )
    // Headlines begin anew with each round.
    await server.sql('truncate articles cascade')
  }
  t.notOk(service.hasEnded())
})
