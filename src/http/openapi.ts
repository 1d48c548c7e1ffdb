import swagger from '@fastify/swagger'
import swaggerUi, { type FastifySwaggerUiOptions } from '@fastify/swagger-ui'
import Fastify, { type FastifyInstance, type RouteOptions } from 'fastify'
import { fastifyZodOpenApiPlugin, fastifyZodOpenApiTransformers } from 'fastify-zod-openapi'
import type { Config } from '../config.ts'
import { ERRORS, type ErrorCode } from '../errors.ts'
import { Problem, statusOf } from './problem.ts'
import { COMPILERS } from './validation.ts'

const DESCRIPTION = `A headless news content API: articles, quotes, sources and categories.

Reads need no key unless the operator says so; a key with \`drafts:read\` sees what is not published.
Writes need a key. Nothing is ignored: an unknown parameter or member is a 400 that names it.`

/** Whether `Idempotency-Key` is honoured. */
function isRepeatable(method: RouteOptions['method'], config: RouteOptions['config']): boolean {
  return [method].flat().includes('POST') && config?.scope !== undefined && !config.secret
}

/** Which codes an operation can answer with, from what its route says of itself. */
function codesOf({ method, schema, config }: RouteOptions): ErrorCode[] {
  const write = [method].flat().some((m) => m !== 'GET' && m !== 'HEAD')
  return [
    'invalid_request',
    ...(config?.open ? [] : (['unauthenticated', 'forbidden', 'rate_limited'] as const)),
    'headers_too_large',
    'request_timeout',
    'internal',
    ...(config?.open ? [] : (['overloaded'] as const)),
    'unavailable',
    ...(schema?.body ? (['rule_broken'] as const) : []),
    // DELETE too: a body is read there as well, though none is wanted.
    ...(write
      ? ([
          ...([
            'malformed_json',
            'payload_too_large',
            'unsupported_media_type',
            'conflict',
          ] as const),
          ...(['outcome_unknown', 'storage_full'] as const),
        ] as const)
      : []),
    ...(isRepeatable(method, config) ? (['idempotency_mismatch'] as const) : []),
    ...(config?.throws ?? []),
  ]
}

type Json = Record<string, unknown>

/** The headers an operation heeds, as parameters. */
function headerParameters({ method, config }: RouteOptions): Json[] {
  const header = (name: string, required: boolean, description: string, example: string) => ({
    name,
    in: 'header',
    required,
    description,
    ...asExample(required, { type: 'string' }, example),
  })
  const parameters: Json[] = []
  if ([method].flat().includes('GET') && !config?.open) {
    parameters.push(
      header(
        'If-None-Match',
        false,
        'ETags you have: 304 when one is current.',
        '"1-Zm9vYmFyYmF6cXV4"',
      ),
    )
  }
  if (config?.ifMatch) {
    parameters.push(
      header(
        'If-Match',
        config.ifMatch === true,
        'The ETag of what you read; `*` for any version.',
        '*',
      ),
    )
  }
  if (isRepeatable(method, config)) {
    parameters.push(
      header(
        'Idempotency-Key',
        false,
        'Of your making: the same request with it is done once, for 24 hours.',
        '8e03978e-40d5-43dd-bc93-6894a57f9324',
      ),
    )
  }
  return parameters
}

/** The problem answers of an operation, one for each status, with the codes it may carry. */
function problemResponses(route: RouteOptions): Json {
  const byStatus = Map.groupBy(new Set(codesOf(route)), (code) => statusOf(code))
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
        content: { 'application/problem+json': { schema: Problem } },
      },
    ]),
  )
}

/** What tells caches about a read. */
const CACHING = {
  'Cache-Control': {
    type: 'string',
    description:
      'Without a key `public, max-age=0, s-maxage=10, must-revalidate`, less where time will change it sooner; to a key `private, no-cache`; to an editor `no-store`.',
  },
  Vary: { type: 'string', description: '`Authorization`, and without a key `Accept-Encoding`.' },
  'Last-Modified': {
    type: 'string',
    description: 'Of an item that shows nothing of others, once two seconds old.',
  },
  'Cache-Groups': {
    type: 'string',
    description: 'What a public answer depends on (RFC 9875): a list of at most 32 strings.',
  },
  'Surrogate-Key': { type: 'string', description: 'The same, separated by spaces.' },
} as const

const etag = { ETag: { description: 'A strong entity tag.', type: 'string' } }

/** The same answer in several media types. */
function contentOf(media: Readonly<Record<string, unknown>>): Json {
  return Object.fromEntries(Object.entries(media).map(([type, schema]) => [type, { schema }]))
}

/** The answers that are not problems, with the headers that come with them. */
function successResponses(route: RouteOptions): Json {
  const given = (route.schema?.response ?? {}) as Record<
    string,
    { meta(): { description?: string } | undefined }
  >
  const read = [route.method].flat().includes('GET')
  const answers: Json = {}
  for (const [status, schema] of Object.entries(given)) {
    if (status === '204') {
      answers[status] = { description: 'Done; there is nothing to show.' }
      continue
    }
    const type = route.schema?.produces?.[0] ?? 'application/json'
    answers[status] = {
      description: schema.meta()?.description ?? 'The answer.',
      content: route.config?.media ? contentOf(route.config.media) : { [type]: { schema } },
      headers: {
        ...(route.config?.open || route.config?.untagged ? {} : etag),
        ...(read && !route.config?.open && !route.config?.scope && CACHING),
        ...(status === '201' && {
          Location: { type: 'string', description: 'Its path.' },
        }),
      },
    }
  }
  if (read && !route.config?.open) {
    const headers = route.config?.scope ? etag : { ...etag, ...CACHING }
    answers[304] = { description: 'You have the current one.', headers }
  }
  if (route.config?.redirects) {
    answers[301] = {
      description: 'The slug is an old one; Location has the current.',
      headers: { Location: { type: 'string', description: 'The current path.' } },
    }
  }
  return answers
}

/** The security of an operation: none, a key that helps, or a key with a scope. */
function securityOf({ config }: RouteOptions): Record<string, string[]>[] {
  if (config?.open) return []
  const keys = [{ bearer: [] }, { basic: [] }]
  return config?.scope ? keys : [{}, ...keys]
}

/**
 * A second application, which only describes the first: its OpenAPI document, out of the schemas that
 * validate, and the page under `/docs`. A route says `throws`, `ifMatch`, `redirects`, `scope` and
 * `example` in its config; what follows from them is written here. To be imported when it is asked for:
 * all that this takes is 200 modules.
 */
export async function referenceOf(
  routes: readonly RouteOptions[],
  { publicUrl, publicationName }: Config,
): Promise<FastifyInstance> {
  const app = Fastify({ schemaController: COMPILERS })
  await app.register(fastifyZodOpenApiPlugin)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: publicationName,
        version: '1',
        description: DESCRIPTION,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: publicUrl }],
      tags: TAGS.map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An API key.' },
          basic: {
            type: 'http',
            scheme: 'basic',
            description: 'Any user name, and an API key as password.',
          },
        },
      },
    },
    transform: (options) => {
      const { route, schema } = options
      if (!schema || schema.hide) return { schema, url: options.url }
      const described = {
        ...schema,
        response: { ...successResponses(route), ...problemResponses(route) },
      }
      const security = securityOf(route)
      const transformed = fastifyZodOpenApiTransformers.transform({ ...options, schema: described })
      return {
        ...transformed,
        schema: { ...transformed.schema, security, 'x-route': extras(route) },
      }
    },
    transformObject: (options) =>
      finish(fastifyZodOpenApiTransformers.transformObject(options) as Json),
  })
  await app.register(swaggerUi, page(publicUrl))
  for (const route of routes) app.route(route)
  await app.ready()
  return app
}

/**
 * Swagger UI's own default lets styles and fonts come from any https origin, and asks browsers to
 * load everything by https, which a service on a plain http port cannot answer.
 */
const POLICY = [
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;",
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
].join(' ')

function page(publicUrl: string): FastifySwaggerUiOptions {
  return {
    routePrefix: '/docs',
    staticCSP: POLICY,
    // The page sends requests to where it came from: under another name of this host, its own
    // policy would forbid it to reach PUBLIC_URL.
    transformSpecification: (document) => ({
      ...document,
      servers: [{ url: new URL(publicUrl).pathname }],
    }),
    uiConfig: {
      // Without the bar at the top, whose logo has a style of its own in it, which POLICY forbids.
      layout: 'BaseLayout',
      // Otherwise the page asks validator.swagger.io for a badge, and tells it our address.
      validatorUrl: null,
      deepLinking: true,
      tryItOutEnabled: true,
      displayRequestDuration: true,
    },
  }
}

const TAGS = [
  ['Articles', 'Stories: written as drafts, published with a verb.'],
  ['Quotes', 'What was said, tied to the characters of the article that prints it.'],
  ['Sources', 'Who or what stories rely on.'],
  ['Categories', 'The tree that articles are filed in.'],
  ['Formats', 'Articles as others read them: feeds, sitemaps, and one article in many formats.'],
  ['Revisions', 'What an article was at each version, for editors.'],
  ['Syndication', 'What happened, for whoever keeps a copy.'],
  ['Partners', 'Who syndicates, and what each may have.'],
  ['Holdings', 'Which partner has which version of what, and how sure that is.'],
  ['Webhooks', 'Who is called when something happens, and what each was told.'],
  ['Keys', 'API keys, for administrators.'],
  ['Audit', 'Who did what, for administrators.'],
  ['Service', 'Health and metrics.'],
] as const

type Extras = {
  parameters: Json[]
  optionalBody: boolean
  mergePatch: boolean
  example: object | undefined
  scope: string | undefined
}

/** What a route adds to its operation, carried through the transform and unpacked by `finish`. */
function extras(route: RouteOptions): Extras {
  const parameters = headerParameters(route)
  const { example, scope, optionalBody = false } = route.config ?? {}
  // A merge patch may be sent under its own name (RFC 7396 section 4).
  const mergePatch = [route.method].flat().includes('PATCH')
  return { parameters, optionalBody, mergePatch, example, scope }
}

/** Unpacks the extras, and leaves out what says nothing. */
function finish(document: Json): Json {
  for (const item of Object.values(document.paths as Record<string, Record<string, Json>>)) {
    for (const operation of Object.values(item)) {
      const { parameters, example, scope, optionalBody, mergePatch } = operation[
        'x-route'
      ] as Extras
      delete operation['x-route']
      const own = ((operation.parameters as Json[] | undefined) ?? []).map(tidyParameter)
      const all = [...own, ...parameters]
      if (all.length > 0) operation.parameters = all
      if (scope) operation.description = `${operation.description} Needs the scope \`${scope}\`.`
      const body = operation.requestBody as { content: Record<string, Json> } | undefined
      const json = body?.content['application/json']
      if (!body || !json) continue
      if (example) json.example = example
      if (mergePatch) body.content['application/merge-patch+json'] = json
      if (optionalBody) operation.requestBody = { ...body, required: false }
    }
  }
  return document
}

/**
 * A parameter's schema and example. A page like /docs fills `example` in and sends it, which is
 * right only for what has to be there; what may be absent shows its example in the schema.
 */
function asExample(required: boolean, schema: Json, example: unknown): Json {
  if (example === undefined) return { schema }
  return required ? { schema, example } : { schema: { ...schema, examples: [example] } }
}

/** @fastify/swagger files what belongs to a parameter under its schema; here it moves up. */
function tidyParameter({ schema, ...parameter }: Json): Json {
  const { style, explode, example, description: _, ...rest } = schema as Json
  // How long the string may be is not how long the array may be.
  const { minLength: _min, maxLength: _max, ...array } = rest
  // The pattern of its digits is not the number's.
  const { pattern: _digits, ...integer } = rest
  const described = rest.type === 'array' ? array : rest.type === 'integer' ? integer : rest
  return {
    ...parameter,
    ...(style !== undefined && { style, explode }),
    ...asExample(parameter.required === true, described, example),
  }
}
