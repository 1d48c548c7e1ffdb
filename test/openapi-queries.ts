import fc from 'fast-check'
import { anyJson, anyText, brokenUrlText, inUrlAtAnyCost } from './openapi-garbage.ts'
import type { Operation, Parameter } from './openapi-operations.ts'
import { exampleTexts, type Names, type Values } from './openapi-values.ts'

/** What exists in the newsroom, so that requests are near to good ones. */
export type Known = {
  names: Names
  /** Pages that have a next one, by the path of their list. */
  pages: Record<string, { query: [string, string][]; next: string }[]>
}

type Pairs = [string, string][]

const UNKNOWN = [
  'page',
  'offset',
  'api_key',
  'Limit',
  'q[]',
  'limit[0]',
  '__proto__',
  'a.b',
  '',
  ' ',
]
/** What a cursor's values are forged into: what PostgreSQL may not be able to read. */
const FORGED = [
  ...['infinity', '-infinity', '0000-01-01 00:00:00+00', '2026-02-31 10:00:00+00', 'now', '', '\0'],
  ...[
    '2026-01-01 24:00:00+00',
    '2026-01-01 10:00:00+99',
    '9999-12-31 23:59:59.999999-14',
    '\ud800',
  ],
  ...[
    '2026-01-01 10:00:00+15:59',
    '2026-01-01 23:59:60+00',
    '1',
    '999999999',
    '-1',
    'x'.repeat(2000),
  ],
]

/** Queries for an operation, encoded: good ones, unknown and repeated names, forged cursors. */
export function queries(
  { path, parameters }: Operation,
  known: Known,
  values: Values,
): fc.Arbitrary<Pairs> {
  const inQuery = parameters.filter((parameter) => parameter.in === 'query')
  const names = Object.values(known.names).flat()
  const near = inQuery.map((parameter) =>
    queryValues(parameter, names, values).map((value): [string, string] => [parameter.name, value]),
  )
  const anyName = fc.constantFrom(...UNKNOWN, ...inQuery.map(({ name }) => name))
  const far = fc.tuple(
    anyName.map(inUrlAtAnyCost),
    fc.oneof(anyText.map(inUrlAtAnyCost), brokenUrlText),
  )
  const one = fc.oneof(
    { weight: 8, arbitrary: fc.oneof(...near, far) },
    { weight: 1, arbitrary: far },
  )
  const pairs = fc.oneof(
    { weight: 6, arbitrary: fc.constant<Pairs>([]) },
    { weight: 12, arbitrary: fc.uniqueArray(one, { maxLength: 3, selector: ([name]) => name }) },
    { weight: 1, arbitrary: fc.array(one, { maxLength: 6 }) },
  )
  const pages = known.pages[path] ?? []
  if (pages.length === 0) return pairs
  return fc.oneof({ weight: 3, arbitrary: pairs }, { weight: 2, arbitrary: forgedPages(pages) })
}

/** Near-valid values of a query parameter, encoded. Its filters are lists of names and words. */
function queryValues(
  { schema, description }: Parameter,
  names: string[],
  values: Values,
): fc.Arbitrary<string> {
  const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  const usual = values(schema).map((value) =>
    inUrlAtAnyCost(Array.isArray(value) ? value.map(asText).join(',') : asText(value)),
  )
  if (schema.type !== 'string') return usual
  const words = exampleTexts({ ...schema, description })
  const item = fc
    .tuple(fc.constantFrom('', '', '', '-'), fc.constantFrom(...words, ...words, ...names))
    .map(([sign, word]) => sign + word)
  const filter = fc
    .uniqueArray(item, { minLength: 1, maxLength: 3 })
    .map((items) => inUrlAtAnyCost(items.join(',')))
  return fc.oneof({ weight: 2, arbitrary: filter }, { weight: 1, arbitrary: usual })
}

/** Real cursors, and what a forger makes of them without touching the hash of their list. */
function forgedPages(pages: { query: Pairs; next: string }[]): fc.Arbitrary<Pairs> {
  const text = fc.constantFrom(...FORGED)
  const change = fc.oneof(
    fc.constant((cursor: unknown[]) => cursor),
    fc.array(text, { minLength: 1, maxLength: 2 }).map((v) => ([, , ...rest]: unknown[]) => [
      1,
      v,
      ...rest,
    ]),
    fc.tuple(fc.nat(3), anyJson).map(
      ([i, v]) =>
        (cursor: unknown[]) =>
          cursor.with(i, v),
    ),
    fc.uuid().map((id) => (cursor: unknown[]) => cursor.with(2, id)),
    anyJson.map((v) => (cursor: unknown[]) => [...cursor, v]),
  )
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return fc
    .record({ page: fc.constantFrom(...pages), change, cut: fc.constantFrom(0, 0, 0, 0, 1, 5) })
    .map(({ page, change, cut }) => {
      const cursor = JSON.parse(Buffer.from(page.next, 'base64url').toString()) as unknown[]
      const forged = encode(change(cursor))
      return [...page.query, ['cursor', forged.slice(0, forged.length - cut)]]
    })
}
