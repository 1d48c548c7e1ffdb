/*
 * A mirror: a copy, in SQLite, of every story that a key may have, for ever right. It begins with a
 * snapshot and goes on with what happens; stopped and started again, it goes on where it was. What is gone is a row without json.
 *
 *   API=http://127.0.0.1:3000 KEY=dl_... node examples/mirror.ts mirror.db
 */
import { DatabaseSync } from 'node:sqlite'

const headers = { authorization: `Bearer ${process.env.KEY}` }
// Whoever reads the copy holds it for a moment: waited for, 30 s, where SQLite would give up at once.
const db = new DatabaseSync(process.argv[2] ?? 'mirror.db', { timeout: 30_000 })
db.exec(`create table if not exists articles (id text primary key, round int, json text);
  create table if not exists place (row int primary key, next text, round int);
  insert or ignore into place values (1, '', 0)`)
const keep = db.prepare('replace into articles values (?, ?, ?)')
const naming = db.prepare('select id, round, json from articles where instr(json, ?)')

// biome-ignore lint/suspicious/noExplicitAny: of every shape
type Json = any

/** A source or category is told of once when it changes: it is the same wherever it stands. */
const renewed = (json: string, fresh: Json) =>
  JSON.parse(json, (_, value) => {
    if (value?.id === fresh.id)
      for (const name in value) if (name in fresh) value[name] = fresh[name]
    return value
  })

// Seconds that an answer may wait for something new: none before the end of a round is known.
for (let wait = 0; ; ) {
  const { next, round } = db.prepare('select next, round from place').get() as Json
  const query = next ? `cursor=${next}&wait=${wait}` : 'snapshot=true'
  const url = `${process.env.API}/v1/changes?${query}`
  const { data, page, code }: Json = await fetch(url, { headers })
    .then((answer) => answer.json())
    .catch(({ message }) => ({ code: message }))
  if (code === 'invalid_cursor' || data?.some(({ op }: Json) => op === 'reset')) {
    // What it may have has changed, or the service was set back to an earlier day: a new round.
    wait = 0
    db.exec("update place set next = '', round = round + 1")
  } else if (data) {
    const isSnapshot = data[0]?.event === 'snapshot'
    db.exec('begin')
    for (const { id, resource, article, source, category } of data)
      if (resource === 'article') keep.run(id, round, JSON.stringify(article) ?? null)
      else if (!isSnapshot && (source ?? category))
        for (const story of naming.all(id) as Json[])
          keep.run(story.id, story.round, JSON.stringify(renewed(story.json, source ?? category)))
    // What did not come in a whole round is not to be had any more.
    if (wait === 0 && !isSnapshot)
      db.prepare('update articles set json = null where round < ?').run(round)
    wait = isSnapshot ? 0 : 30
    db.prepare('update place set next = ?').run(page.next)
    db.exec('commit')
  } else await new Promise((again) => setTimeout(again, 1000, console.error(code)))
}
