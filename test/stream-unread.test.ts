import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { get, partner, story } from './factories.ts'
import { newsroom } from './newsroom.ts'

/*
 * A reader of the stream who takes nothing more is dropped, and what lay unsent is not written down as given:
 * an editor would believe that it has been told of a kill.
 */

/** More than the buffers of a connection on loopback hold. */
const STORIES = 200
const PARAGRAPHS = 12

t.setTimeout(90_000)

t.test('what a reader of the stream did not take was given to nobody', async (t) => {
  const room = await newsroom(t)
  const p = await partner(room)
  const markdown = Array.from({ length: PARAGRAPHS }, () => 'word '.repeat(1500)).join('\n\n')
  for (let i = 0; i < STORIES; i++) await story(room.editor, { body: { markdown } })
  const address = new URL(await room.app.listen({ host: '127.0.0.1', port: 0 }))
  const socket = connect(Number(address.port), address.hostname)
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(
    `GET /v1/changes/stream?snapshot=true HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${p.key}\r\n\r\n`,
  )
  socket.pause()
  const holdings = async () =>
    (await get(room.editor, `/v1/partners/${p.id}/holdings?degree=given&count=exact`)).meta.count
  // It is dropped after 10 s, and what it was given is written a second later.
  let given = 0
  for (let waits = 0; waits < 200 && given === 0; waits++) {
    await sleep(100)
    given = await holdings()
  }
  let got = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    got += chunk
  })
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'close')
  const whole = got.match(/^event: snapshot\r?\ndata: \{.*\}$/gm)?.length ?? 0
  t.comment(`${given} given, ${whole} came whole, of ${STORIES}`)
  t.ok(given > 0 && given < STORIES)
  t.ok(given <= whole)
})
