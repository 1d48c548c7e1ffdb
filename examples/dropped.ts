/*
 * Says to the service what a mirror has dropped, so that its editors know: a cursor says so of what the feed
 * told to remove, but no row tells of what an entitlement took away. Run it again when it fails, or by cron.
 *
 *   API=http://127.0.0.1:3000 KEY=dl_... node examples/dropped.ts mirror.db
 */
import { DatabaseSync } from 'node:sqlite'

const headers = {
  authorization: `Bearer ${process.env.KEY}`,
  'content-type': 'application/json',
}
const db = new DatabaseSync(process.argv[2] ?? 'mirror.db', { timeout: 30_000 })
const gone = db.prepare('select id from articles where json is null limit 1000')
const said = db.prepare('delete from articles where id = ? and json is null')

for (;;) {
  const ids = gone.all().map(({ id }) => String(id))
  if (ids.length === 0) break
  const body = JSON.stringify({ articles: ids.map((id) => ({ id, removed: true })) })
  const answer = await fetch(`${process.env.API}/v1/changes/ack`, { method: 'POST', headers, body })
  const problem = (await answer.json()) as { code?: string; errors?: { pointer: string }[] }
  // All of them or none: what the service never gave is left out.
  const unknown = problem.errors?.map(({ pointer }) => ids[Number(pointer.split('/')[2])] ?? '')
  if (!answer.ok && problem.code !== 'never_given') throw new Error(problem.code)
  for (const id of unknown ?? ids) said.run(id)
}
