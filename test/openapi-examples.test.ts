import t from 'tap'
import { newsroom } from './newsroom.ts'
import { exampleRequest } from './openapi-examples.ts'
import { type Document, exampleOf, operationsOf } from './openapi-operations.ts'

/*
 * What the document shows as an example works when it is tried against the demo newsroom, as /docs
 * invites to do: 2xx for an administrator, and a list's example finds something.
 */

const room = await newsroom(t, { seeded: true })
const operations = operationsOf((await room.app.reference()).swagger() as unknown as Document)
t.ok(operations.length > 20, 'the document has operations')

for (const operation of operations) {
  const optional = operation.parameters.filter((p) => !p.required && exampleOf(p) !== undefined)
  // A read is tried with each example by itself, a write once with all of them.
  const tries = operation.method === 'GET' ? [[], ...optional.map((one) => [one])] : [optional]
  for (const chosen of tries) {
    const name = [operation.id, ...chosen.map((p) => p.name)].join(' ')
    t.test(name, async (t) => {
      const { method, url, headers, body } = await exampleRequest(room, operation, (p) =>
        chosen.includes(p),
      )
      const reply = await room.editor(method, url, body, headers)
      const answer = reply.status < 300 ? '' : reply.text
      t.match(reply.status, /^2/, `${method} ${url} ${answer}`)
      if (Array.isArray(reply.json?.data)) t.not(reply.json.data.length, 0, 'finds something')
    })
  }
}
