import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { openapiDocument } from '../src/cli/openapi.ts'
import { conformance } from './openapi-conformance.ts'
import { type Document, exampleOf, operationsOf, type Schema } from './openapi-operations.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const COMMITTED = join(ROOT, 'openapi', 'openapi.json')
const REDOCLY = join(ROOT, 'node_modules', '.bin', 'redocly')

const text = await readFile(COMMITTED, 'utf8')
const document = JSON.parse(text) as Document
const operations = operationsOf(document)
const { faults } = conformance(document)

t.test('the committed document is the one the code makes', async (t) => {
  t.equal(text, await openapiDocument(), 'openapi/openapi.json is current; else `npm run openapi`')
})

t.test('every operation says what it is', async (t) => {
  t.ok(operations.length > 20, 'there are operations')
  for (const { id, raw, parameters, body } of operations) {
    const said = {
      operationId: /\w/,
      summary: /\w/,
      description: /\w/,
      tags: [/\w/],
      security: Array,
    }
    t.match(raw, said, id)
    const undescribed = parameters.filter(({ description }) => !/\w/.test(description ?? ''))
    t.same(undescribed, [], `${id} describes its parameters`)
    if (raw.requestBody) t.ok(body?.example, `${id} has an example of its body`)
  }
  const ids = operations.map(({ id }) => id)
  t.equal(new Set(ids).size, ids.length, 'operationIds are unique')
})

t.test('every tag is explained', async (t) => {
  const { tags } = document as unknown as { tags: { name: string; description: string }[] }
  const explained = tags.filter(({ description }) => description).map(({ name }) => name)
  const used = new Set(operations.flatMap(({ raw }) => raw.tags as string[]))
  t.same([...used].sort(), explained.sort())
})

t.test('every operation says how it answers', async (t) => {
  const problem = {
    'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
  }
  for (const { id, responses, raw } of operations) {
    const statuses = Object.keys(responses)
    t.ok(
      statuses.some((status) => status.startsWith('2')),
      `${id} can succeed`,
    )
    const secured = (raw.security as object[]).length > 0
    const always = ['400', '500', '503', ...(secured ? ['401', '403', '429'] : [])]
    t.same(
      always.filter((status) => !statuses.includes(status)),
      [],
      `${id} can be refused`,
    )
    const undescribed = statuses.filter((status) => !responses[status]?.description)
    t.same(undescribed, [], `${id} describes its answers`)
    for (const status of statuses.filter((status) => Number(status) >= 400)) {
      t.same(responses[status]?.content, problem, `${id} answers ${status} with a problem`)
    }
  }
})

t.test('every example conforms to its schema', async (t) => {
  for (const { id, parameters, body } of operations) {
    for (const parameter of parameters) {
      const example = exampleOf(parameter)
      if (example === undefined) continue
      t.same(faults(parameter.schema, example), [], `${id} ${parameter.name}`)
    }
    if (body) t.same(faults(body.schema, body.example), [], `${id} body`)
  }
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    for (const example of (schema.examples as unknown[] | undefined) ?? []) {
      t.same(faults(schema, example), [], `an example of ${name}`)
    }
  }
})

t.test('components have one name each, and one schema each', async (t) => {
  const names = Object.keys(document.components.schemas)
  t.ok(names.length > 20, 'there are components')
  // Generators of such documents like to emit `X` and `XInput` for one schema, which then differ in
  // words and strictness only.
  const incidental = ['description', 'examples', 'additionalProperties']
  const shape = (schema: Schema) =>
    JSON.stringify(schema, (key, value) => (incidental.includes(key) ? undefined : value))
  const seen = new Map<string, string>()
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    t.match(name, /^[A-Z][A-Za-z]*$/, `${name} is a plain name`)
    t.match(schema.description, /\w/, `${name} is described`)
    t.equal(seen.get(shape(schema)), undefined, `${name} is no other one by another name`)
    seen.set(shape(schema), name)
  }
  const unused = names.filter((name) => !text.includes(`"#/components/schemas/${name}"`))
  t.same(unused, [], 'each is used')
})

t.test('redocly lint finds nothing, with its recommended rules and no others', async (t) => {
  // In a folder of its own, where no configuration can relax a rule.
  const folder = await mkdtemp(join(tmpdir(), 'dateline-openapi-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await copyFile(COMMITTED, join(folder, 'openapi.json'))
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const args = ['lint', '--extends=recommended', '--format=json', 'openapi.json']
  const run = await promisify(execFile)(REDOCLY, args, { cwd: folder, env }).catch((e) => e)
  const report = JSON.parse(run.stdout)
  t.same(report.problems, [])
  t.same(report.totals, { errors: 0, warnings: 0, ignored: 0 })
})
