import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Reply } from './newsroom.ts'
import type { Document, Operation, Schema } from './openapi-operations.ts'

/** RFC 3339, section 5.6. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What the document's schemas and operations demand of values and answers. */
export type Conformance = {
  /** The faults of a value by a schema of the document; none when it conforms. */
  faults(schema: Schema, value: unknown): string[]
  /** The faults of an answer by what the document says of the operation; none when it conforms. */
  answerFaults(operation: Operation, reply: Reply): string[]
}

/** Reads the document as JSON Schema 2020-12, which OpenAPI 3.1 is, formats included. */
export function conformance(document: Document): Conformance {
  const ajv = new Ajv2020({
    // OpenAPI's own words stand in its schemas.
    strict: false,
    allErrors: true,
    formats: {
      'date-time': (value: string) => DATE_TIME.test(value) && !Number.isNaN(Date.parse(value)),
      uuid: UUID,
      uri: (value: string) => URL.canParse(value),
    },
  })
  ajv.addSchema({ $id: 'https://dateline.example/openapi', components: document.components })
  const compiled = new Map<Schema, ValidateFunction>()
  const faults = (schema: Schema, value: unknown): string[] => {
    const validate = compiled.get(schema) ?? ajv.compile(absolute(schema))
    compiled.set(schema, validate)
    if (validate(value)) return []
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
    )
  }

  return {
    faults,
    answerFaults(operation, reply) {
      const answer = operation.responses[reply.status]
      if (!answer) return [`${reply.status} is not documented`]
      const [type = ''] = (reply.headers['content-type'] ?? '').split(';')
      if (!answer.content) return reply.text === '' ? [] : [`a body comes with ${reply.status}`]
      const media = answer.content[type]
      if (!media) return [`${reply.status} as ${type || 'nothing'} is not documented`]
      const missing = Object.keys(answer.headers ?? {})
        .filter((name) => reply.headers[name.toLowerCase()] === undefined && !AT_TIMES.has(name))
        .map((name) => `the header ${name} is missing`)
      return [...missing, ...(type.includes('json') ? faults(media.schema, reply.json) : [])]
    },
  }
}

/** Headers that only some answers have: to the public, of items, when they are old enough. */
const AT_TIMES = new Set(['Last-Modified', 'Cache-Groups', 'Surrogate-Key'])

/** The same schema, its references leading into the document as ajv knows it. */
function absolute(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema), (name, value) =>
    name === '$ref' && typeof value === 'string'
      ? value.replace(/^#/, 'https://dateline.example/openapi#')
      : value,
  )
}
