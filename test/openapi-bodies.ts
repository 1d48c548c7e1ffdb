import fc from 'fast-check'
import { anyJson } from './openapi-garbage.ts'
import type { Operation } from './openapi-operations.ts'
import type { Values } from './openapi-values.ts'

/** Bodies: after the schema; the example with a fault in its text; no JSON; none. */
export function bodies(
  { body, method }: Operation,
  values: Values,
): fc.Arbitrary<string | Buffer | undefined> {
  if (!body) {
    const seldom = method === 'DELETE' ? 1 : 0
    return fc.oneof(
      { weight: 12, arbitrary: fc.constant(undefined) },
      { weight: seldom, arbitrary: fc.constantFrom('{}', '', '{"a":1}', 'x', 'null', '[]') },
    )
  }
  const example = JSON.stringify(body.example)
  const near = values(body.schema).map((value) => JSON.stringify(value))
  return fc.oneof(
    { weight: 10, arbitrary: near },
    { weight: 3, arbitrary: fc.oneof(near, fc.constant(example)).chain(faulty) },
    { weight: 2, arbitrary: anyJson.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(undefined, '', ' ', 'NaN', "{'a':1}", '{"a":1}{"a":1}'),
    },
  )
}

/** A JSON text with something wrong in it. */
function faulty(text: string): fc.Arbitrary<string | Buffer> {
  const [name = '"a"'] = /"(?:[^"\\]|\\.)*"(?=:)/.exec(text) ?? []
  const within = (member: string) =>
    text.replace(/^\{(?=(.?))/, (_, n) => `{${member}${n === '}' ? '' : ','}`)
  return fc.oneof(
    fc.nat(text.length).map((end) => text.slice(0, end)),
    fc.constantFrom(
      within(`${name}:null`),
      within('"__proto__":{"admin":true}'),
      within('"constructor":{}'),
      within('"id":"00000000-0000-0000-0000-000000000000"'),
      within(`"a":${'['.repeat(500)}${']'.repeat(500)}`),
      within(`"a":${'{"a":'.repeat(40)}1${'}'.repeat(40)}`),
      `\ufeff${text}`,
      `[${text}]`,
      `${text}\0`,
      text.replace(/[a-z]"/, '\\ud800"'),
      text.replace(/[a-z]"/, '\\u0000"'),
    ),
    fc.constant(
      Buffer.concat([
        Buffer.from(text.slice(0, -1)),
        Buffer.from([0xc3, 0x28]),
        Buffer.from(text.slice(-1)),
      ]),
    ),
    fc.constant(Buffer.from(text, 'utf16le')),
  )
}
