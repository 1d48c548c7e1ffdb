import fc from 'fast-check'
import { bodies } from './openapi-bodies.ts'
import { anyHeader, anyText, brokenUrlText, inUrlAtAnyCost } from './openapi-garbage.ts'
import { type Document, exampleOf, type Operation, urlOf } from './openapi-operations.ts'
import { type Known, queries } from './openapi-queries.ts'
import { valuesOf } from './openapi-values.ts'

/** Who sends a request. */
export const CALLERS = ['nobody', 'read', 'partner', 'editor', 'admin'] as const

/** A request as it goes out. */
export type FuzzRequest = {
  caller: (typeof CALLERS)[number]
  url: string
  headers: Record<string, string>
  body: string | Buffer | undefined
}

/** Values of the headers that operations heed, and of some that any service gets. */
const HEADERS: Record<string, string> = {
  'if-match': '*  "1-x"  "2-x"  W/"1-x"  "1"  "999999999-x"  "1-x", "2-y"',
  'if-none-match': '*  "1-x"  W/"1-x"  "1-x", *',
  'idempotency-key': `one  two  with space  \u00e4  ${'x'.repeat(255)}  ${'x'.repeat(256)}`,
  authorization:
    'Bearer  Bearer x  Bearer a b  Basic  Basic !  Basic Og==  Digest x  Bearer \u00ff  ' +
    'Bearer dl_0123456789_0123456789abcdefghijklmnopqrstuv012345',
  'content-type':
    'application/json  application/merge-patch+json  application/JSON; charset=utf-16  json  /  ' +
    'text/plain  multipart/form-data  application/x-www-form-urlencoded',
  accept: '*/*  text/html  application/json;q=0  application/xml  ,;q=2',
}
const usual = (name: string) => fc.constantFrom(...(HEADERS[name] ?? '').split('  '))

/** Requests for an operation: near to good ones, and far from them. */
export function requestsFor(
  document: Document,
  operation: Operation,
  known: Known,
): fc.Arbitrary<FuzzRequest> {
  const values = valuesOf(document, known.names)
  return fc
    .record({
      caller: fc.constantFrom(...CALLERS, 'editor', 'admin', 'admin'),
      params: paths(operation, known),
      query: queries(operation, known, values),
      headers: headers(operation),
      body: bodies(operation, values),
    })
    .map(({ caller, params, query, headers, body }) => ({
      caller,
      url: urlOf(operation, params, query),
      headers,
      body,
    }))
}

/** The headers it heeds, mostly good where they are needed; now and then another one. */
function headers({ parameters }: Operation): fc.Arbitrary<Record<string, string>> {
  const heeded = parameters
    .filter((parameter) => parameter.in === 'header')
    .map(({ name, required, ...rest }) => {
      const lower = name.toLowerCase()
      const example = String(exampleOf({ name, ...rest }) ?? '')
      const value = fc.oneof(
        { weight: required ? 1 : 12, arbitrary: fc.constant(undefined) },
        { weight: required ? 12 : 1, arbitrary: fc.constant(example) },
        { weight: 3, arbitrary: usual(lower) },
        { weight: 1, arbitrary: anyHeader },
      )
      return value.map((text) => (text === undefined ? {} : { [lower]: text }))
    })
  const other = fc
    .constantFrom(...Object.keys(HEADERS))
    .chain((name) => fc.oneof(usual(name), anyHeader).map((value) => ({ [name]: value })))
  return fc
    .tuple(
      ...heeded,
      fc.oneof({ weight: 8, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: other }),
    )
    .map((parts): Record<string, string> => Object.assign({}, ...parts))
}

function paths({ path, parameters }: Operation, { names }: Known) {
  const own = names[path.replace(/\/\{.*/, '')] ?? []
  const all = Object.values(names).flat()
  const one = fc.oneof(
    { weight: 16, arbitrary: fc.constantFrom(...(own.length > 0 ? own : all)) },
    { weight: 2, arbitrary: fc.constantFrom(...all) },
    { weight: 1, arbitrary: fc.uuid() },
    { weight: 1, arbitrary: anyText.map(inUrlAtAnyCost) },
    { weight: 1, arbitrary: brokenUrlText },
  )
  const inPath = parameters.filter((parameter) => parameter.in === 'path')
  const valuesOf = ({ schema }: Operation['parameters'][number]) =>
    Array.isArray(schema.enum)
      ? fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...(schema.enum as string[])) }, one)
      : one
  return fc.record(Object.fromEntries(inPath.map((one) => [one.name, valuesOf(one)])))
}
