import { z } from 'zod'
import type { Scope } from '../actor.ts'
import type { Database, Writing } from '../db/client.ts'
import type { Expected } from '../db/versions.ts'
import type { ErrorCode } from '../errors.ts'
import type { App } from './app.ts'
import { ifMatch, requireIfMatch, type Shown } from './caching.ts'
import { write } from './writing.ts'

/** What an operation says of itself. */
type Said = {
  summary: string
  description: string
  throws?: readonly ErrorCode[]
  example?: object
  /** The largest body, in bytes, where it may be larger than most. */
  bodyLimit?: number
}

/** An answer that holds a secret, this once: what it looks like, instead of the usual one. */
type Revealing<Query> = {
  shown: z.ZodType
  show(ctx: Writing, id: string, query: Query): Promise<Shown>
}

/** A kind of resource as it is written: its paths, its schemas, and the commands behind them. */
export type WrittenResource<
  Create extends z.ZodType,
  Patch extends z.ZodType,
  Query extends z.ZodType,
  Removal extends z.ZodType,
> = {
  /** `Article`; operations are named after it. */
  kind: string
  tag: string
  /** `/articles` */
  path: string
  /** What writing it needs; `content:write` unless told. */
  scope?: Scope
  /** The path parameter: `:idOrSlug` or `:id`. */
  params: z.ZodObject
  /** What is answered. */
  shown: z.ZodType
  /** How the answer can be shaped. */
  query: Query
  /** What its writer may read of it. */
  show(ctx: Writing, id: string, query: z.output<Query>): Promise<Shown>
  create: Said & {
    body: Create
    run(ctx: Writing, input: z.output<Create>): Promise<string>
    reveals?: Revealing<z.output<Query>>
  }
  update: Said & {
    body: Patch
    /** What a change can say beyond `query`. */
    query?: z.ZodType
    run(
      ctx: Writing,
      name: string,
      patch: z.output<Patch>,
      expected: Expected,
      // biome-ignore lint/suspicious/noExplicitAny: parsed by `query`, which stands beside it
      query: any,
    ): Promise<string>
  }
  remove: Said & {
    /** Where what can be deleted is another example than what can be read. */
    params?: z.ZodObject
    query: Removal
    run(ctx: Writing, name: string, expected: Expected, query: z.output<Removal>): Promise<void>
  }
}

/** POST, PATCH and DELETE of a kind, as the contract has them. */
export function resourceWrites<
  Create extends z.ZodType,
  Patch extends z.ZodType,
  Query extends z.ZodType,
  Removal extends z.ZodType,
>(app: App, db: Database, resource: WrittenResource<Create, Patch, Query, Removal>): void {
  const { kind, path, params, create, update, remove } = resource
  const [parameter = ''] = Object.keys(params.shape)
  const item = `${path}/:${parameter}`
  const tags = [resource.tag]
  const { scope = 'content:write' } = resource
  const created = create.reveals ?? resource

  app.post(
    path,
    {
      schema: {
        operationId: `create${kind}`,
        tags,
        summary: create.summary,
        description: create.description,
        querystring: resource.query,
        body: create.body,
        response: { 201: created.shown },
      },
      ...(create.bodyLimit && { bodyLimit: create.bodyLimit }),
      config: {
        scope,
        ...(create.reveals && { secret: true }),
        throws: create.throws ?? [],
        ...(create.example && { example: create.example }),
      },
    },
    (request, reply) =>
      write(db, request, reply, async (ctx) => {
        const id = await create.run(ctx, request.body as z.output<Create>)
        const shown = created.show(ctx, id, request.query as z.output<Query>)
        return { status: 201, path: `/v1${path}`, shown }
      }),
  )

  app.patch(
    item,
    {
      schema: {
        operationId: `update${kind}`,
        tags,
        summary: update.summary,
        description: update.description,
        params,
        querystring: update.query ?? resource.query,
        body: update.body,
        response: { 200: resource.shown },
      },
      ...(update.bodyLimit && { bodyLimit: update.bodyLimit }),
      config: {
        scope,
        ifMatch: true,
        throws: ['not_found', 'version_required', 'version_stale', ...(update.throws ?? [])],
        ...(update.example && { example: update.example }),
      },
    },
    (request, reply) => {
      const expected = requireIfMatch(request)
      return write(db, request, reply, async (ctx) => {
        const name = nameIn(request.params, parameter)
        const { body, query } = request
        const id = await update.run(ctx, name, body as z.output<Patch>, expected, query)
        const shown = resource.show(ctx, id, request.query as z.output<Query>)
        return { status: 200, path: `/v1${path}`, shown }
      })
    },
  )

  app.delete(
    item,
    {
      schema: {
        operationId: `delete${kind}`,
        tags,
        summary: remove.summary,
        description: remove.description,
        params: remove.params ?? params,
        querystring: remove.query,
        response: { 204: z.null() },
      },
      config: {
        scope,
        ifMatch: true,
        throws: ['not_found', 'version_required', 'version_stale', ...(remove.throws ?? [])],
      },
    },
    (request, reply) => {
      const expected = requireIfMatch(request)
      return write(db, request, reply, async (ctx) => {
        const name = nameIn(request.params, parameter)
        await remove.run(ctx, name, expected, request.query as z.output<Removal>)
        return { status: 204 }
      })
    },
  )
}

/** A verb of a kind: what it takes, and the command behind it. */
export type Verb<Body extends z.ZodType, Query = unknown> = Said & {
  /** `publish`: names the operation, and ends the path unless `suffix` does. */
  name: string
  suffix?: string
  scope: 'content:write' | 'content:publish' | 'admin'
  body: Body
  /** What it can say beyond the resource's query. */
  query?: z.ZodType
  /** Path parameters in `suffix`, beside the item's. */
  params?: z.ZodRawShape
  /** Whether it changes what the caller must have read, so that `If-Match` is required. */
  needsVersion?(input: z.output<Body>): boolean
  /** The id of what is answered, or nothing when it is no longer there (204). */
  run(
    ctx: Writing,
    name: string,
    input: z.output<Body>,
    expected: Expected | undefined,
    // biome-ignore lint/suspicious/noExplicitAny: parsed by `query` and `params` beside it
    more: { query: any; params: any },
  ): Promise<string | undefined>
  reveals?: Revealing<Query>
  /** It leaves nothing to show. */
  leavesNothing?: boolean
}

/** A verb on an item, such as `/articles/{idOrSlug}/publish`: heeds `If-Match`, answers the item. */
export function resourceVerb<Body extends z.ZodType, Query extends z.ZodType>(
  app: App,
  db: Database,
  resource: Pick<
    WrittenResource<z.ZodType, z.ZodType, Query, z.ZodType>,
    'kind' | 'tag' | 'path' | 'params' | 'shown' | 'query' | 'show'
  >,
  verb: Verb<Body, z.output<Query>>,
): void {
  const { kind, path, params } = resource
  const done = verb.reveals ?? resource
  const [parameter = ''] = Object.keys(params.shape)
  app.post(
    `${path}/:${parameter}/${verb.suffix ?? verb.name}`,
    {
      schema: {
        operationId: `${verb.name}${kind}`,
        tags: [resource.tag],
        summary: verb.summary,
        description: verb.description,
        params: verb.params ? params.extend(verb.params) : params,
        querystring: verb.leavesNothing ? z.strictObject({}) : (verb.query ?? resource.query),
        body: verb.body,
        response: verb.leavesNothing ? { 204: z.null() } : { 200: done.shown },
      },
      ...(verb.bodyLimit && { bodyLimit: verb.bodyLimit }),
      config: {
        scope: verb.scope,
        ...(verb.reveals && { secret: true }),
        ifMatch: 'optional',
        throws: ['not_found', 'version_stale', ...(verb.throws ?? [])],
        optionalBody: true,
        example: verb.example ?? {},
      },
    },
    (request, reply) => {
      const input = request.body as z.output<Body>
      const expected = verb.needsVersion?.(input) ? requireIfMatch(request) : ifMatch(request)
      return write(db, request, reply, async (ctx) => {
        const { query, params: named } = request
        const more = { query, params: named }
        const id = await verb.run(ctx, nameIn(named, parameter), input, expected, more)
        if (id === undefined) return { status: 204 }
        const shown = done.show(ctx, id, query as z.output<Query>)
        return { status: 200, path: `/v1${path}`, shown }
      })
    },
  )
}

function nameIn(params: unknown, parameter: string): string {
  return String((params as Record<string, unknown>)[parameter])
}
