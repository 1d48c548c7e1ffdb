import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { noteNotified } from '../src/holdings/commands.ts'
import { category, get, must, patch, source, story } from './factories.ts'
import { newsroom } from './newsroom.ts'
import { deliver, freePort, ON_LOOPBACK, until, webhook } from './webhook-desk.ts'

const EXAMPLE = fileURLToPath(new URL('../examples/webhook-receiver.ts', import.meta.url))

/**
 * A partner of a newsroom of its own, which is told by webhook and runs the example. It asks through a
 * network that hands over each answer only when `hold` is done.
 */
async function partnerOf(t: Test, input: object, hold = async () => {}) {
  const port = await freePort()
  const PUBLIC_URL = `http://127.0.0.1:${port}`
  const room = await newsroom(t, { settings: { ...ON_LOOPBACK, PUBLIC_URL } })
  const { editor } = room
  const api = await room.app.listen({ host: '127.0.0.1', port: 0 })
  const network = createServer(async ({ url, headers }, response) => {
    const { authorization = '' } = headers
    const answer = await fetch(api + url, { headers: { authorization } })
    const text = await answer.text()
    await hold()
    response.writeHead(answer.status).end(text)
  }).listen(port, '127.0.0.1')
  t.teardown(() => network.close())
  const { id: partner } = (await must(editor, 'POST', '/v1/partners', { name: 'P', ...input })).json
  const { key } = (
    await must(editor, 'POST', '/v1/keys', { name: 'k', scopes: ['read', 'syndication'], partner })
  ).json
  const PORT = await freePort()
  const hook = await webhook(room, `http://127.0.0.1:${PORT}/hook`, { partner })
  const folder = t.testdir({})
  const env = { PATH: process.env.PATH, SECRET: hook.secret, KEY: key, PORT: `${PORT}` }
  const child = spawn(process.execPath, ['--no-warnings', EXAMPLE, folder], {
    ...{ env, stdio: ['ignore', 'pipe', 'inherit'] },
  })
  t.teardown(() => child.kill())
  for await (const line of createInterface({ input: child.stdout })) {
    t.equal(line, `listening on ${PORT}`)
    break
  }
  await deliver(t, room, { onDelivered: noteNotified })
  const file = (id: string) => `${folder}/${id}.json`
  const kept = (id: string) => existsSync(file(id)) && JSON.parse(readFileSync(file(id), 'utf8'))
  return { editor, partner, hook, file, kept }
}

t.test('the example keeps what is told to a partner, and takes away what is gone', async (t) => {
  const { editor, partner, hook, file, kept } = await partnerOf(t, { languages: ['en'] })
  const { id } = await story(editor, { headline: 'Ferry late' })
  await until(() => kept(id))
  t.match(kept(id), { id, headline: 'Ferry late', version: 2 })
  await must(
    editor,
    'POST',
    `/v1/articles/${id}/corrections`,
    {
      ...{ kind: 'correction', text: 'It was on time.', changes: { headline: 'Ferry on time' } },
    },
    { 'if-match': '*' },
  )
  await until(() => kept(id).version === 3)
  t.match(kept(id), { headline: 'Ferry on time', corrections: [{ text: 'It was on time.' }] })
  const other = await story(editor, { headline: 'Stays' })
  const elsewhere = await story(editor, { headline: 'Noutro lado', language: 'pt' })
  await until(() => kept(other.id))
  await patch(editor, `/v1/articles/${other.id}`, { language: 'pt' })
  await until(() => !existsSync(file(other.id)))
  t.notOk(existsSync(file(other.id)), 'it is not the partner’s any more')
  await must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'r', notice: 'n' })
  await until(() => !existsSync(file(id)))
  t.notOk(existsSync(file(id)), 'killed')
  t.notOk(existsSync(file(elsewhere.id)), 'never had')
  // The proof: it was told by the webhook, asked for the story, and was told that it is gone.
  const recipient = async () => (await get(editor, `/v1/articles/${id}/recipients`)).data[0]
  await until(async () => (await recipient()).notified?.removed)
  const told = await recipient()
  t.match(told, { id: partner, state: 'removed', notified: { how: 'webhook', removed: true } })
  t.match(told.given, { how: 'item' })
  const report = await get(editor, `/v1/articles/${id}/reports/4`)
  t.match(report, { counts: { delivered: 1, overdue: 0 }, partners: [{ id: partner }] })
  const all = (await get(editor, `/v1/webhooks/${hook.id}/deliveries`)).data
  t.ok(all.every(({ attempts }: { attempts: object[] }) => attempts.length <= 1))
})

t.test('a killed story is not put back by an answer from before', async (t) => {
  let waits = 0
  const { editor, hook, file, kept } = await partnerOf(t, {}, async () => {
    // Only the first one is slow, and it is not done when the kill has been told.
    if (waits++ === 0) await sleep(700)
  })
  const { id } = await story(editor, { headline: 'Wrong' })
  await until(() => waits === 1)
  await must(editor, 'POST', `/v1/articles/${id}/kill`, { reason: 'r', notice: 'n' })
  const removal = async () =>
    (await get(editor, `/v1/webhooks/${hook.id}/deliveries?event=article.killed`)).data[0]
  await until(async () => (await removal())?.state === 'delivered')
  await sleep(1000)
  t.equal(kept(id), false)
  t.notOk(existsSync(file(id)))
})

t.test('a reset, and a source that changes, have it ask again for what they concern', async (t) => {
  const { editor, partner, kept } = await partnerOf(t, {})
  const quill = await source(editor, { name: 'Quill' })
  const [harbour, town] = [await category(editor), await category(editor)]
  const stays = await story(editor, { sources: [quill.id], categories: [harbour.id] })
  const goes = await story(editor, { categories: [town.id] })
  await until(() => kept(stays.id) && kept(goes.id))
  await patch(editor, `/v1/sources/${quill.id}`, { name: 'P. Quill' })
  await until(() => kept(stays.id).sources[0].name === 'P. Quill')
  t.match(kept(stays.id), { sources: [{ name: 'P. Quill' }] })
  await patch(editor, `/v1/categories/${harbour.id}`, { name: 'The harbour' })
  await until(() => kept(stays.id).categories[0].name === 'The harbour')
  t.match(kept(stays.id), { categories: [{ name: 'The harbour' }] })
  await patch(editor, `/v1/partners/${partner}`, { categories: { allowed: [harbour.id] } })
  await until(() => !kept(goes.id))
  t.notOk(kept(goes.id), 'it may not have that any more')
  t.match(kept(stays.id), { id: stays.id })
})
