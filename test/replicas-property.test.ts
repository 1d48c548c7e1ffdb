import { setTimeout as pass } from 'node:timers/promises'
import t from 'tap'
import { play, type Trio } from './delivery-program.ts'
import type { Newsroom } from './newsroom.ts'
import { primaryServer, standbyServer } from './postgres-server.ts'
import { newKey, replicaRoom } from './replica-room.ts'
import { runs } from './size.ts'

t.setTimeout(900_000)

t.test('a cache is never refilled with what a replica has not replayed', async (t) => {
  const primary = await primaryServer(t)
  const standby = await standbyServer(t, primary)
  const settings = { ARTICLE_URL: 'https://paper.example/{category}/{slug}', CACHE_MB: '16' }
  const rooms = [
    await replicaRoom(t, primary, [standby], settings),
    await replicaRoom(t, primary, [standby], settings),
  ] as const
  const plain = await replicaRoom(t, primary, [], { ...settings, CACHE_MB: '0' })
  const key = await newKey(plain, 'admin')
  const three = {
    rooms: rooms as unknown as [Newsroom, Newsroom],
    plain: plain.reader,
    editors: rooms.map((room) => room.with(key)) as Trio['editors'],
  }
  // It stands still and goes on, by turns, so that it is behind at any moment of a program.
  let over = false
  const halting = (async () => {
    for (let i = 0; !over; i++) {
      await standby.sql('select pg_wal_replay_pause()')
      await pass(10 + ((i * 37) % 60))
      await standby.sql('select pg_wal_replay_resume()')
      await pass(10 + ((i * 53) % 60))
    }
  })()
  const seed = process.env.TEST_SIZE === 'long' ? Date.now() % 1_000_000 : 20_261_127
  const { fault, steps, writes } = await play(three, { steps: runs(900), seed })
  over = true
  await halting
  const answers = rooms.map((room) => room.answers())
  t.comment(`seed ${seed}: ${steps} steps, ${writes} writes; ${JSON.stringify(answers)}`)
  t.equal(fault, undefined)
  for (const { replica, primary } of answers) {
    t.ok(replica > steps / 50, `${replica} reads at the replica`)
    t.ok(primary > 0, `${primary} at the primary`)
  }
})
