import fc from 'fast-check'
import { bodies } from './openapi-bodies.ts'
import { anyHeader, anyText, brokenUrlText, inUrlAtAnyCost } from './openapi-garbage.ts'
import { type Document, exampleOf, type Operation, urlOf } from './openapi-operations.ts'
import { type Known, queries } from './openapi-queries.ts'
import { valuesOf } from './openapi-values.ts'

/** Who sends a request. */
export const CALLERS = ['nobody', 'read', 'editor', 'admin'] as const

/** A request as it goes out. */
export type FuzzRequest = {
  caller: (typeof CALLERS)[number]
  url: string
  headers: Record<string, string>
  body: string | Buffer | undefined
}

const HEADERS: Record<string, fc.Arbitrary<string>> = {
  'if-match': fc.constantFrom(
    '*',
    '"1-x"',
    '"2-x"',
    'W/"1-x"',
    '"1"',
    '"999999999-x"',
    '"1-x", "2-y"',
  ),
  'if-none-match': fc.constantFrom('*', '"1-x"', 'W/"1-x"', '"1-x", *'),
  'idempotency-key': fc.constantFrom(
    'one',
    'two',
    'with space',
    'ä',
    'x'.repeat(255),
    'x'.repeat(256),
  ),
  authorization: fc.constantFrom(
    ...[
      'Bearer',
      'Bearer x',
      'Bearer a b',
      'Basic',
      'Basic !',
      'Basic Og==',
      'Digest x',
      'Basic 4pi6',
    ],
    ...[
      'Bearer dl_0123456789_0123456789abcdefghijklmnopqrstuv012345',
      'Negotiate',
      'Bearer \u00ff',
    ],
  ),
  'content-type': fc.constantFrom(
    ...['application/json', 'application/merge-patch+json', 'application/JSON; charset=utf-16'],
    ...['text/plain', 'multipart/form-data', 'application/x-www-form-urlencoded', 'json', '/', ';'],
  ),
  accept: fc.constantFrom('*/*', 'text/html', 'application/json;q=0', 'application/xml', ',;q=2'),
}

/** Requests for an operation: near to good ones, and far from them. */
export function requestsFor(
  document: Document,
  operation: Operation,
  known: Known,
): fc.Arbitrary<FuzzRequest> {
  const all = Object.values(known.names).flat()
  const values = valuesOf(document, all)
  return fc
    .record({
      caller: fc.constantFrom(...CALLERS),
      params: paths(operation, known),
      query: queries(operation, known, values),
      headers: fc.record(
        Object.fromEntries(
          Object.entries(HEADERS).map(([name, usual]) => [name, header(name, usual, operation)]),
        ),
      ),
      body: bodies(operation, values),
    })
    .map(({ caller, params, query, headers, body }) => ({
      caller,
      url: urlOf(operation, params, query),
      headers: Object.fromEntries(
        Object.entries(headers).filter(
          (entry): entry is [string, string] => entry[1] !== undefined,
        ),
      ),
      body,
    }))
}

/** A header, present seldom, but mostly where the operation needs it. */
function header(name: string, usual: fc.Arbitrary<string>, { parameters }: Operation) {
  const asked = parameters.find((p) => p.in === 'header' && p.name.toLowerCase() === name)
  const example = asked?.required ? [String(exampleOf(asked))] : []
  return fc.oneof(
    { weight: asked?.required ? 1 : 12, arbitrary: fc.constant(undefined) },
    { weight: asked ? 4 : 1, arbitrary: usual },
    { weight: 6 * example.length, arbitrary: fc.constantFrom(...example, '*') },
    { weight: 1, arbitrary: anyHeader },
  )
}

function paths({ path, parameters }: Operation, { names }: Known) {
  const own = names[path.replace(/\/\{.*/, '')] ?? []
  const all = Object.values(names).flat()
  const one = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...own, ...(own.length === 0 ? all : [])) },
    { weight: 2, arbitrary: fc.constantFrom(...all) },
    { weight: 1, arbitrary: fc.uuid() },
    { weight: 1, arbitrary: anyText.map(inUrlAtAnyCost) },
    { weight: 1, arbitrary: brokenUrlText },
  )
  const inPath = parameters.filter((parameter) => parameter.in === 'path')
  return fc.record(Object.fromEntries(inPath.map(({ name }) => [name, one])))
}
