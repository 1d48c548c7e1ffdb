import t from 'tap'
import { newsroom } from './newsroom.ts'
import { exampleRequest } from './openapi-examples.ts'
import { type Document, operationsOf, type Schema } from './openapi-operations.ts'
import { tracesOf } from './traces.ts'

/*
 * Every member that any answer has, written into every object of every body that does not take it: each
 * is refused by its place, and nothing is written.
 */

const room = await newsroom(t, { seeded: true })
const document = (await room.app.reference()).swagger() as unknown as Document
const { schemas } = document.components
const traces = await tracesOf(room)

/** A schema's parts: what it refers to, and each of its alternatives. */
function partsOf(schema: Schema): Schema[] {
  const { $ref: ref } = schema as { $ref?: string }
  if (ref) return partsOf(schemas[ref.split('/').at(-1) ?? ''] ?? {})
  const among = ['anyOf', 'oneOf', 'allOf'].flatMap((name) => (schema[name] ?? []) as Schema[])
  return [schema, ...among.flatMap(partsOf)]
}

function membersOf(schema: Schema): Record<string, Schema> {
  const all = partsOf(schema).map(({ properties }) => (properties ?? {}) as Record<string, Schema>)
  return Object.assign({}, ...all)
}

const EVERY = [...new Set(Object.values(schemas).flatMap((one) => Object.keys(membersOf(one))))]

/** The objects of an example that are written by a schema, and their places. */
function objectsIn(schema: Schema, value: unknown, place = ''): [place: string, names: string[]][] {
  if (Array.isArray(value)) {
    const items = partsOf(schema).flatMap(({ items }) => (items ? [items as Schema] : []))
    return value.flatMap((one, i) => objectsIn({ anyOf: items }, one, `${place}/${i}`))
  }
  if (typeof value !== 'object' || value === null) return []
  const members = membersOf(schema)
  const within = Object.entries(value).flatMap(([name, one]) =>
    members[name] ? objectsIn(members[name], one, `${place}/${name}`) : [],
  )
  return [[place, Object.keys(members)], ...within]
}

function withMembers(body: unknown, place: string, names: string[]): unknown {
  const copy = structuredClone(body)
  const steps = place.split('/').slice(1)
  const at = steps.reduce((value, step) => (value as Record<string, unknown>)[step], copy)
  Object.assign(at as object, Object.fromEntries(names.map((name) => [name, 'x'])))
  return copy
}

t.test('what is only read cannot be written', async (t) => {
  t.ok(EVERY.length > 80, `${EVERY.length} members`)
  let tried = 0
  const writes = operationsOf(document).filter(({ body }) => body)
  t.ok(writes.length > 10, `${writes.length} operations take a body`)
  for (const operation of writes) {
    const { method, url, headers, body } = await exampleRequest(room, operation)
    const before = await traces()
    for (const [place, known] of objectsIn(operation.body?.schema ?? {}, body)) {
      const others = EVERY.filter((name) => !known.includes(name))
      tried += others.length
      const reply = await room.editor(method, url, withMembers(body, place, others), headers)
      const errors = (reply.json?.errors ?? []) as { pointer?: string }[]
      const named = new Set(errors.map(({ pointer }) => pointer))
      const missed = others.filter((name) => !named.has(`${place}/${name}`))
      t.same([reply.status, missed], [400, []], `${operation.id} ${place}`)
    }
    t.same(await traces(), before, `${operation.id} leaves no trace`)
  }
  t.comment(`${tried} members in ${writes.length} operations`)
})
