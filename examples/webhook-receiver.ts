/*
 * A receiver: keeps each story in a file of its own, and takes it away when it is told to. It believes
 * only what is signed, and asks for the story itself, so that what is kept is what stands there now.
 *
 *   SECRET=whsec_... KEY=dl_... PORT=4000 node examples/webhook-receiver.ts stories/
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'

const { SECRET = '', KEY = '', PORT = '4000' } = process.env
const folder = process.argv[2] ?? 'stories'
mkdirSync(folder, { recursive: true })
const headers = { authorization: `Bearer ${KEY}` }

/** What is there now: the story, or nothing where it is gone or not ours. */
async function apply(id: string, address: string): Promise<void> {
  const story = await fetch(`${address}?include=categories,sources,quotes,corrections`, { headers })
  const file = join(folder, `${id}.json`)
  if ([404, 410, 451].includes(story.status)) return rmSync(file, { force: true })
  if (!story.ok) throw new Error(`${address} was answered ${story.status}`)
  // Whole or not at all, also when two messages come at once.
  const whole = `${file}.${crypto.randomUUID()}`
  writeFileSync(whole, await story.text())
  renameSync(whole, file)
}

/** The status to answer with: for any other than 2xx it comes again, later. */
async function receive(request: IncomingMessage): Promise<number> {
  const body = Buffer.concat(await request.toArray()).toString()
  try {
    new Webhook(SECRET).verify(body, request.headers as Record<string, string>)
  } catch {
    return 401
  }
  const { data } = JSON.parse(body)
  if (data.resource === 'article') await apply(data.id, data.links.api)
  return 204
}

createServer((request, response) => {
  receive(request)
    .catch(() => 503)
    .then((status) => response.writeHead(status).end())
}).listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${PORT}`))
