import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyTypeProvider,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { Registry } from 'prom-client'
import type { z } from 'zod'
import type { Config } from '../config.ts'
import type { Database } from '../db/client.ts'

/** Handlers get what the zod schemas parse; what they send is bytes, so it has no type here. */
interface ZodTypes extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown
  serializer: unknown
}

/** The Fastify instance of the routes: its handlers' types come from the zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypes
>

/** What routes are built from. */
export type Services = {
  config: Config
  db: Database
  /** The metrics of all workers, where this process is one of several; its own are in the registry. */
  allMetrics?: ((own: Registry) => Promise<string>) | undefined
}
