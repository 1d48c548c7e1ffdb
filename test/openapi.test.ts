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
    for (const member of ['operationId', 'summary', 'description'] as const) {
      t.match(raw[member], /\w/, `${id} has ${member}`)
    }
    t.match(raw.tags, [/\w/], `${id} has a tag`)
    t.ok(Array.isArray(raw.security), `${id} says whether it needs a key`)
    for (const parameter of parameters) {
      t.match(parameter.description, /\w/, `${id} describes ${parameter.name}`)
    }
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
    t.match(Object.keys(responses).join(), /\b2\d\d\b/, `${id} can succeed`)
    const secured = (raw.security as object[]).length > 0
    const always = ['400', '500', '503', ...(secured ? ['401', '403', '429'] : [])]
    for (const status of always) t.ok(responses[status], `${id} can answer ${status}`)
    for (const [status, { description, content }] of Object.entries(responses)) {
      t.match(description, /\w/, `${id} describes ${status}`)
      if (Number(status) >= 400) t.same(content, problem, `${id} answers ${status} as a problem`)
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
  const shape = ({ description: _, examples: _examples, ...schema }: Schema) =>
    JSON.stringify(schema)
  const seen = new Map<string, string>()
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    t.match(name, /^[A-Z][A-Za-z]*$/, `${name} is a plain name`)
    t.match(schema.description, /\w/, `${name} is described`)
    const twin = name.replace(/(Input|Output)$/, '')
    if (twin !== name && document.components.schemas[twin]) {
      t.not(shape(schema), shape(document.components.schemas[twin]), `${name} is not ${twin} again`)
    }
    t.equal(seen.get(shape(schema)), undefined, `${name} is no other by another name`)
    seen.set(shape(schema), name)
  }
  for (const name of names) {
    t.ok(text.includes(`"#/components/schemas/${name}"`), `${name} is used`)
  }
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
  t.same(report.totals, { errors: 0, warnings: 0, ignored: 0 }, 'no error, no warning, no ignore', {
    diagnostic: report.problems,
  })
})
