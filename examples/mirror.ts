/*
 * A mirror: a copy, in SQLite, of every story that a key may have, for ever right. It begins with a
 * snapshot and goes on with what happens; stopped and started again, it goes on where it was.
 *
 *   API=http://127.0.0.1:3000 KEY=dl_... node examples/mirror.ts mirror.db
 */
import { DatabaseSync } from 'node:sqlite'

const { API = 'http://127.0.0.1:3000', KEY = '' } = process.env
const db = new DatabaseSync(process.argv[2] ?? 'mirror.db')
db.exec(`create table if not exists articles (id text primary key, round int, json text);
  create table if not exists place (row int primary key, next text, round int);
  insert or ignore into place values (1, '', 0)`)
const keep = db.prepare('insert or replace into articles values (?, ?, ?)')
const remove = db.prepare('delete from articles where id = ?')
const naming = db.prepare('select id, round, json from articles where instr(json, ?)')

/** A source or category is told of once when it changes: it is the same wherever it stands. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of every shape
function renew(value: any, fresh: any) {
  if (value?.id === fresh.id) for (const name in value) if (name in fresh) value[name] = fresh[name]
  if (typeof value === 'object') for (const name in value) renew(value[name], fresh)
  return value
}

for (;;) {
  // biome-ignore lint/suspicious/noExplicitAny: a row of SQLite
  let { next, round } = db.prepare('select next, round from place').get() as any
  const query = next ? `cursor=${next}&wait=30` : 'snapshot=true'
  const headers = { authorization: `Bearer ${KEY}` }
  const answer = await fetch(`${API}/v1/changes?limit=100&${query}`, { headers }).catch(() => null)
  if (!answer?.ok) {
    if (answer && answer.status < 500 && answer.status !== 429) throw new Error(await answer.text())
    await new Promise((resolve) => setTimeout(resolve, 1000))
    continue
  }
  // biome-ignore lint/suspicious/noExplicitAny: a page of the feed
  const { data, page } = (await answer.json()) as any
  next = page.next
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
  if (next && data[0]?.event !== 'snapshot')
    db.prepare('delete from articles where round < ?').run(round)
  db.prepare('update place set next = ?, round = ?').run(next, round)
  db.exec('commit')
}
