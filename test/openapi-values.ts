import fc from 'fast-check'
import { anyJson, anyText } from './openapi-garbage.ts'
import type { Document, Schema } from './openapi-operations.ts'

/*
 * Values after a JSON Schema of the document: mostly what it asks for, at its limits and a little
 * past them, and here and there something else altogether.
 */

const TIMES = [
  ...['2026-05-04T08:30:00+02:00', '2030-01-01T00:00:00Z', '1999-12-31T23:59:59.999999999Z'],
  ...['9999-12-31T23:59:59-14:00', '0001-01-01T00:00:00+14:00', '2026-02-29T00:00:00Z'],
]
const LINKS = [
  ...['https://a.example/x?y=1#z', 'http://ü.example/é', 'https://[::1]/', 'HTTP://A.EXAMPLE'],
  ...['https://', 'ftp://a.example/', '//a.example/', 'https://a b.example/', 'mailto:a@b.example'],
]
const MARKUP = [
  ...['# One\n\nTwo *three* “four”', '<p>One<script>two</script></p>', '| a |\n|---|\n| b |'],
  ...['![a](b.jpg "c")', '```js\n1\n```', '<table><tr><td>', '[x](javascript:1)', '> > > a', '“a”'],
]

/** One arbitrary, and one time in eight another. */
function seldom<T>(arbitrary: fc.Arbitrary<T>, other: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 7, arbitrary }, { weight: 1, arbitrary: other })
}

/** An arbitrary with now and then something else. */
function mostly<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 40, arbitrary }, { weight: 1, arbitrary: anyJson })
}

/** Makes values for a schema; the name of the member it stands in says what it may refer to. */
export type Values = (schema: Schema, member?: string) => fc.Arbitrary<unknown>

/** Ids and slugs that exist, by the path of their collection: `/v1/articles`. */
export type Names = Record<string, string[]>

/** How to make values for a document's schemas, out of the ids and slugs that exist. */
export function valuesOf(document: Document, names: Names): Values {
  const resolve = (schema: Schema): Schema => {
    const name = /^#\/components\/schemas\/(\w+)$/.exec(String(schema.$ref))?.[1]
    return (name && document.components.schemas[name]) || schema
  }

  function values(reference: Schema, member = ''): fc.Arbitrary<unknown> {
    const schema = resolve(reference)
    if ('const' in schema) return mostly(fc.constant(schema.const))
    if (Array.isArray(schema.enum)) return mostly(fc.constantFrom(...schema.enum))
    const branches = (schema.anyOf ?? schema.oneOf) as Schema[] | undefined
    if (branches) return fc.oneof(...branches.map((branch) => values(branch, member)))
    const types = [schema.type].flat()
    return fc.oneof(...types.map((type) => mostly(ofType(String(type), schema, member))))
  }

  function ofType(type: string, schema: Schema, member: string): fc.Arbitrary<unknown> {
    if (type === 'object') return objects(schema)
    if (type === 'array') return arrays(schema, member)
    if (type === 'string') return strings(schema, member)
    if (type === 'integer' || type === 'number') return integers(schema)
    if (type === 'boolean') return fc.boolean()
    if (type === 'null') return fc.constant(null)
    throw new Error(`openapi-values.ts cannot make a ${type}: ${JSON.stringify(schema)}`)
  }

  function objects(schema: Schema): fc.Arbitrary<unknown> {
    const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>)
    const required = (schema.required ?? []) as string[]
    const optional = properties.map(([name]) => name).filter((name) => !required.includes(name))
    const most = Math.min((schema.maxProperties as number) ?? 5, optional.length)
    const least = Math.min((schema.minProperties as number) ?? 0, most)
    return fc.subarray(optional, { minLength: least, maxLength: most }).chain((chosen) => {
      const names = new Set([...required, ...chosen])
      const members = properties.filter(([name]) => names.has(name))
      return fc.record(Object.fromEntries(members.map(([name, s]) => [name, values(s, name)])))
    })
  }

  function arrays(schema: Schema, member: string): fc.Arbitrary<unknown> {
    const least = (schema.minItems as number) ?? 0
    const most = Math.min((schema.maxItems as number) ?? 3, 3)
    const items = values((schema.items ?? {}) as Schema, member)
    return fc.array(items, { minLength: least, maxLength: Math.max(least, most) })
  }

  function integers(schema: Schema): fc.Arbitrary<unknown> {
    const min = Math.max((schema.minimum as number) ?? 0, -(2 ** 31))
    const max = Math.min((schema.maximum as number) ?? 100, 2 ** 31)
    return fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min, max: Math.min(max, min + 9) }) },
      { weight: 1, arbitrary: fc.constantFrom(min, max, min - 1, max + 1, min + 0.5) },
    )
  }

  function strings(schema: Schema, member: string): fc.Arbitrary<unknown> {
    const max = (schema.maxLength as number) ?? 100
    if (schema.format === 'date-time') {
      const date = fc.date({ min: new Date(0), max: new Date('2040-01-01'), noInvalidDate: true })
      return seldom(
        date.map((d) => d.toISOString()),
        fc.constantFrom(...TIMES),
      )
    }
    if (schema.format === 'uri') return seldom(fc.webUrl(), fc.constantFrom(...LINKS))
    if (schema.pattern !== undefined) {
      const pattern = new RegExp(schema.pattern as string, 'u')
      const fitting = referable(member).filter((name) => pattern.test(name))
      const other = fc.stringMatching(pattern, { size: 'small' })
      return fitting.length === 0 ? other : seldom(fc.constantFrom(...fitting), other)
    }
    // At the limit, and one character past it; in the widest characters, two UTF-16 units each.
    const limits = max > 5000 ? [max] : [max, max + 1]
    const long = fc.constantFrom(...limits).map((n) => '😀'.repeat(Math.min(n, 20_000)))
    const usual = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
      fc.constantFrom(...MARKUP, ...exampleTexts(schema)),
    )
    return seldom(usual, fc.oneof(anyText, long))
  }

  /** What a member may name: what is listed under its name, or else anything. */
  function referable(member: string): string[] {
    const own = Object.keys(names).filter((path) => member !== '' && path.includes(`/${member}`))
    return (own.length > 0 ? own : Object.keys(names)).flatMap((path) => names[path] ?? [])
  }

  return values
}

/** The values a description names in backquotes, and the examples, that are texts. */
export function exampleTexts(schema: Schema): string[] {
  const named = [...String(schema.description ?? '').matchAll(/`([^`]+)`/g)].map(([, word]) => word)
  return [...named, ...((schema.examples as unknown[] | undefined) ?? [])].filter(
    (value) => typeof value === 'string',
  )
}
