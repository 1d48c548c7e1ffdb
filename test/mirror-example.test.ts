import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { category, get, must, patch, story } from './factories.ts'
import { newsroom } from './newsroom.ts'
import { until } from './webhook-desk.ts'

const example = (name: string) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url))
const KEPT = `select id from articles where json is not null order by id`

t.test('a mirror outlives answers that break off, and says what it dropped', async (t) => {
  const room = await newsroom(t)
  const { editor } = room
  const address = await room.app.listen({ host: '127.0.0.1', port: 0 })
  // A network that breaks every second answer off in the middle.
  let [answers, broken] = [0, 0]
  const network = createServer(async (request, response) => {
    const { url, method = 'GET', headers } = request
    const { authorization = '', 'content-type': type = '' } = headers
    const body = Buffer.concat(await request.toArray())
    // Nobody waits any more for what the mirror has hung up on: not the end of the test either.
    const away = new AbortController()
    response.on('close', () => away.abort())
    const answer = await fetch(address + url, {
      ...{ method, headers: { authorization, 'content-type': type }, signal: away.signal },
      ...(method === 'POST' && { body }),
    }).catch(() => undefined)
    const bytes = Buffer.from((await answer?.text()) ?? '')
    if (answer && answers++ % 2 === 1) {
      response.writeHead(answer.status).end(bytes)
      return
    }
    broken++
    response.writeHead(200, { 'content-length': bytes.length + 1 }).write(bytes)
    setTimeout(() => response.destroy(), 20)
  }).listen(0, '127.0.0.1')
  t.teardown(() => network.close().closeAllConnections())
  await once(network, 'listening')
  const { port } = network.address() as { port: number }

  const [north, south] = [await category(editor), await category(editor)]
  const { id: partner } = (await must(editor, 'POST', '/v1/partners', { name: 'P' })).json
  const scopes = ['read', 'syndication']
  const { key } = (await must(editor, 'POST', '/v1/keys', { name: 'k', scopes, partner })).json
  const stays = await story(editor, { categories: [north.id] })
  const goes = await story(editor, { categories: [south.id] })
  const file = `${t.testdir({})}/mirror.db`
  // Somebody has the copy open when the mirror begins to write: it waits its turn.
  const other = new DatabaseSync(file)
  other.exec('begin exclusive')
  const env = { PATH: process.env.PATH, API: `http://127.0.0.1:${port}`, KEY: key }
  const child = spawn(process.execPath, ['--no-warnings', example('mirror.ts'), file], {
    env,
    stdio: ['ignore', 'inherit', 'ignore'],
  })
  t.teardown(() => child.kill())
  setTimeout(() => other.close(), 2000)
  const kept = () => {
    try {
      const copy = new DatabaseSync(file, { readOnly: true })
      const rows = copy.prepare(KEPT).all()
      copy.close()
      return rows.map(({ id }) => id)
    } catch {
      return []
    }
  }
  await until(() => kept().length === 2)
  t.same(kept(), [stays.id, goes.id].sort())
  await patch(editor, `/v1/partners/${partner}`, { categories: { allowed: [north.id] } })
  await until(() => kept().length === 1)
  t.same(kept(), [stays.id])
  const held = async () => (await get(editor, `/v1/articles/${goes.id}/recipients`)).data[0]
  // No row told of it, so no cursor says so; another program does, as often as the network breaks it off.
  t.match(await held(), { id: partner, state: 'must-remove' })
  const say = () => spawn(process.execPath, ['--no-warnings', example('dropped.ts'), file], { env })
  await until(async () => (await once(say(), 'exit'))[0] === 0)
  t.match(await held(), { id: partner, acknowledged: { removed: true, how: 'ack' } })
  t.ok(broken > 2, `${broken} answers broke off`)
  t.equal(child.exitCode, null, 'it still runs')
})
