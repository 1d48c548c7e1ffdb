import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { newsroom } from './newsroom.ts'

/* Streams and long polls of one key are capped in each process, and each that ends makes room. */

const MOST = 20
const room = await newsroom(t)
const base = await room.app.listen({ host: '127.0.0.1', port: 0 })

async function keyOf(name: string): Promise<{ authorization: string }> {
  const { json } = await room.editor('POST', '/v1/keys', { name, scopes: ['syndication'] })
  return { authorization: `Bearer ${json.key}` }
}

/** Opens a stream or a poll; its status when it has one, and the way to hang up. */
function open(path: string, headers: Record<string, string>) {
  const made = request(base + path, { headers, agent: false })
  made.on('error', () => {})
  const status = new Promise<number>((resolve) => {
    made.once('response', (response) => {
      response.resume()
      response.on('error', () => {})
      resolve(response.statusCode ?? 0)
    })
  })
  made.end()
  return { status, hangUp: () => made.destroy() }
}

async function ask(path: string, headers: Record<string, string>) {
  const reply = await fetch(base + path, { headers })
  return { status: reply.status, headers: reply.headers, json: JSON.parse(await reply.text()) }
}

t.test('twenty of a key, and no more', async (t) => {
  const key = await keyOf('many')
  const streams = Array.from({ length: MOST - 5 }, () => open('/v1/changes/stream', key))
  for (const { status } of streams) t.equal(await status, 200)
  const { json } = await ask('/v1/changes?limit=100', key).then(async (first) => ({
    json: (await ask(`/v1/changes?limit=100&cursor=${first.json.page.next}`, key)).json,
  }))
  const poll = `/v1/changes?wait=20&cursor=${json.page.next}`
  const polls = Array.from({ length: 5 }, () => open(poll, key))
  await sleep(300)

  for (const path of ['/v1/changes/stream', poll]) {
    const refused = await ask(path, key)
    t.equal(refused.status, 429, path)
    t.match(refused.headers.get('retry-after'), /^\d+$/)
    t.match(refused.json, { code: 'too_many_open', detail: /At most 20 / })
  }
  t.equal((await ask('/v1/changes?wait=0', key)).status, 200, 'who does not wait is not counted')
  const other = open('/v1/changes/stream', await keyOf('another'))
  t.equal(await other.status, 200, 'another key has its own')

  streams[0]?.hangUp()
  polls[0]?.hangUp()
  await sleep(300)
  const again = [open('/v1/changes/stream', key), open('/v1/changes/stream', key)]
  for (const { status } of again) t.equal(await status, 200, 'who has gone has made room')
  t.equal((await ask(poll, key)).status, 429)
  await room.editor('POST', '/v1/sources', { kind: 'person', name: 'Somebody' })
  await room.editor('POST', '/v1/articles', { headline: 'New', body: { markdown: 'Text.' } })
  await room.editor('POST', '/v1/articles/new/publish', {})
  for (const { status } of polls.slice(1)) t.equal(await status, 200, 'polls are answered')
  await sleep(200)
  const later = open(`/v1/changes?wait=1&cursor=${json.page.next}`, key)
  t.equal(await later.status, 200, 'and make room too')
  for (const one of [...streams, ...polls, ...again, other]) one.hangUp()
})
