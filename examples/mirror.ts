/*
 * A mirror: a copy, in SQLite, of every story that a key may have, for ever right. It begins with a
 * snapshot and goes on with what happens; stopped and started again, it goes on where it was.
 *
 *   API=http://127.0.0.1:3000 KEY=dl_... node examples/mirror.ts mirror.db
 */
import { DatabaseSync } from 'node:sqlite'

const { API = 'http://127.0.0.1:3000', KEY = '' } = process.env
// Whoever reads the copy holds it for a moment: waited for, 30 s, where SQLite would give up at once.
const db = new DatabaseSync(process.argv[2] ?? 'mirror.db', { timeout: 30_000 })
db.exec(`create table if not exists articles (id text primary key, round int, json text);
  create table if not exists dropped (id text primary key);
  create table if not exists place (row int primary key, next text, round int);
  insert or ignore into place values (1, '', 0)`)
const keep = db.prepare('insert or replace into articles values (?, ?, ?)')
const remove = db.prepare('delete from articles where id = ?')
const naming = db.prepare('select id, round, json from articles where instr(json, ?)')
const unsaid = db.prepare('select id from dropped limit 1000')
const said = db.prepare('delete from dropped where id = ?')

/** The answer, all of it; asked for until there is one. */
async function ask(path: string, body?: object): Promise<{ status: number; text: string }> {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }
  const post = body && { method: 'POST', body: JSON.stringify(body) }
  for (;;) {
    const answer = await fetch(API + path, { headers, ...post })
      .then(async (response) => ({ status: response.status, text: await response.text() }))
      .catch(() => null)
    if (answer && answer.status < 500 && answer.status !== 429) return answer
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

/** A source or category is told of once when it changes: it is the same wherever it stands. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of every shape
function renew(value: any, fresh: any) {
  if (value?.id === fresh.id) for (const name in value) if (name in fresh) value[name] = fresh[name]
  if (typeof value === 'object') for (const name in value) renew(value[name], fresh)
  return value
}

/** Says what was dropped after a reset: no row tells of it, so no cursor says it. */
async function acknowledge() {
  for (;;) {
    const ids = unsaid.all().map(({ id }) => id)
    if (ids.length === 0) return
    const articles = ids.map((id) => ({ id, removed: true }))
    const { status, text } = await ask('/v1/changes/ack', { articles })
    // All of them or none: what it does not want to hear of is left out. 403: the key is no partner's.
    const { code, errors } = JSON.parse(text)
    if (code === 'never_given')
      for (const { pointer } of errors) said.run(ids[pointer.split('/')[2]] as string)
    else if (status === 200 || status === 403) for (const id of ids) said.run(id as string)
    else throw new Error(text)
  }
}

// Seconds that an answer may wait for something new: none before the end of a snapshot is known.
let wait = 0
for (;;) {
  await acknowledge()
  // biome-ignore lint/suspicious/noExplicitAny: a row of SQLite
  let { next, round } = db.prepare('select next, round from place').get() as any
  const query = next ? `cursor=${next}&wait=${wait}` : 'snapshot=true'
  const { status, text } = await ask(`/v1/changes?limit=100&${query}`)
  // The service was set back to an earlier day and knows of no such place: begin again.
  if (status === 400 && next && JSON.parse(text).code === 'invalid_cursor') {
    db.exec("update place set next = '', round = round + 1")
    continue
  }
  if (status !== 200) throw new Error(text)
  const { data, page } = JSON.parse(text)
  next = page.next
  wait = data[0]?.event === 'snapshot' ? 0 : 30
  db.exec('begin')
  for (const { op, resource, id, article, source, category } of data) {
    const fresh = source ?? category
    if (article) keep.run(id, round, JSON.stringify(article))
    else if (resource === 'article') remove.run(id)
    else if (fresh)
      for (const row of naming.all(id) as { id: string; round: number; json: string }[])
        keep.run(row.id, row.round, JSON.stringify(renew(JSON.parse(row.json), fresh)))
    // What it may have has changed: begin again, and drop in the end what did not come.
    if (op === 'reset') [next, round] = ['', round + 1]
  }
  if (next && wait > 0) {
    db.prepare('insert or ignore into dropped select id from articles where round < ?').run(round)
    db.prepare('delete from articles where round < ?').run(round)
  }
  db.prepare('update place set next = ?, round = ?').run(next, round)
  db.exec('commit')
}
