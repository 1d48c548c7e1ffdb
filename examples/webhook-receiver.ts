/*
 * A receiver: keeps each story in a file of its own, and takes it away when it is told to. It believes
 * only what is signed, and asks for the story itself, so that what is kept is what stands there now.
 * Stories that a new entitlement adds are in the snapshot, which examples/mirror.ts reads.
 *
 *   SECRET=whsec_... KEY=dl_... PORT=4000 node examples/webhook-receiver.ts stories/
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'

const { SECRET = '', KEY = '', PORT = '4000' } = process.env
const folder = process.argv[2] ?? 'stories'
mkdirSync(folder, { recursive: true })
const fileOf = (id: string) => join(folder, `${id}.json`)
const headers = { authorization: `Bearer ${KEY}` }

/** What is there now: the story, or nothing where it is gone or not ours. */
async function apply(id: string, address: string): Promise<void> {
  const query = 'include=categories,sources,quotes,corrections'
  const signal = AbortSignal.timeout(10_000)
  const story = await fetch(`${address}?${query}`, { headers, signal })
  const file = fileOf(id)
  if ([404, 410, 451].includes(story.status)) return rmSync(file, { force: true })
  if (!story.ok) throw new Error(`${address} was answered ${story.status}`)
  // Whole or not at all, for whoever reads it meanwhile.
  writeFileSync(`${file}.new`, await story.text())
  renameSync(`${file}.new`, file)
}

/** The last that was asked for of each story: the next waits for it, or an older answer could win. */
const turns = new Map<string, Promise<void>>()
function inTurn(id: string, address: string): Promise<void> {
  const turn = (turns.get(id) ?? Promise.resolve()).catch(() => {}).then(() => apply(id, address))
  const done = () => turns.get(id) === turn && turns.delete(id)
  turn.then(done, done)
  turns.set(id, turn)
  return turn
}

/** The stories to ask for again: all that are kept or on their way, or those that name a source or category. */
function concerned({ op, resource, id }: { op: string; resource: string; id: string }): string[] {
  if (op !== 'reset' && resource === 'article') return [id]
  const kept = readdirSync(folder).flatMap((name) => name.match(/^(.*)\.json$/)?.[1] ?? [])
  const names = (one: string) => op === 'reset' || readFileSync(fileOf(one), 'utf8').includes(id)
  return [...new Set([...turns.keys(), ...kept.filter(names)])]
}

/**
 * The status to answer with: for any other than 2xx it comes again, later. So does what takes longer than
 * 15 s: whoever keeps thousands of stories answers first, and keeps a list of what is to be asked for.
 */
async function receive(request: IncomingMessage): Promise<number> {
  const body = Buffer.concat(await request.toArray()).toString()
  try {
    new Webhook(SECRET).verify(body, request.headers as Record<string, string>)
  } catch {
    return 401
  }
  const { type, data } = JSON.parse(body)
  if (type === 'webhook.test') return 204
  const articles = data.links.api.replace(/\/v1\/.*/, '/v1/articles/')
  const ids = concerned(data).values()
  // Eight at a time.
  const some = async () => {
    for (const id of ids) await inTurn(id, articles + id)
  }
  await Promise.all(Array.from({ length: 8 }, some))
  return 204
}

createServer((request, response) => {
  receive(request)
    .catch(() => 503)
    .then((status) => response.writeHead(status).end())
}).listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${PORT}`))
