import { performance } from 'node:perf_hooks'
import type { Attributes, Context, Tracer } from '@opentelemetry/api'
import type { Seen } from './seeing.ts'
import { splitUrl } from './url.ts'

type Log = { warn(fields: object, text: string): void }

export type Tracing = {
  /** Tells of a request that was answered. */
  trace(seen: Seen): void
  /** Sends what is not sent yet. */
  close(): Promise<void>
}

/** Traces that are sent at the end, in ms at most: nobody waits longer for a process to end. */
const LAST = 2000

/** An instant of this process's monotonic clock as the time of day, in ms since 1970. */
const timeOf = (instant: number) => performance.timeOrigin + instant

/**
 * Tells an OpenTelemetry collector of each request, and what it spent in the database, over OTLP
 * (protobuf, to `endpoint`/v1/traces); headers and the like are set as its specification has it. A request
 * is part of the caller's trace where it names one (`traceparent`), and is left out where that is not
 * sampled. Loaded in the background: requests of the first tenth of a second go untold.
 */
export function openTracing(endpoint: string, log: Log): Tracing {
  const loading = load(endpoint, log)
  let loaded: Awaited<typeof loading> | undefined
  loading.then(
    (library) => {
      loaded = library
    },
    (error) => log.warn({ err: error }, 'traces cannot be sent'),
  )
  return {
    trace: (seen) => loaded?.tell(seen),
    async close() {
      const library = await loading.catch(() => undefined)
      const late = new Promise<void>((resolve) => {
        setTimeout(resolve, LAST).unref()
      })
      await Promise.race([library?.end(), late])
    },
  }
}

async function load(endpoint: string, log: Log) {
  const [api, core, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
  ])
  core.setGlobalErrorHandler((error) => {
    const { name, message } = error as Error
    log.warn({ err: { name, message } }, 'traces could not be sent')
  })
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'dateline' }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }),
      }),
    ],
  })
  const tracer: Tracer = provider.getTracer('dateline')
  const callers = (header: unknown): Context => {
    const named = typeof header === 'string' ? core.parseTraceParent(header) : null
    return named
      ? api.trace.setSpanContext(api.ROOT_CONTEXT, { ...named, isRemote: true })
      : api.ROOT_CONTEXT
  }
  return {
    tell(seen: Seen) {
      const ended = timeOf(performance.now())
      const around = callers(seen.headers.traceparent)
      const span = tracer.startSpan(
        `${seen.method} ${seen.route}`,
        {
          kind: api.SpanKind.SERVER,
          startTime: ended - seen.ms,
          attributes: attributesOf(seen),
        },
        around,
      )
      const within = api.trace.setSpan(around, span)
      for (const { pool, began, ended } of seen.trail) {
        const attributes = { 'db.system.name': 'postgresql', 'dateline.pool': pool }
        const options = { kind: api.SpanKind.CLIENT, startTime: timeOf(began), attributes }
        tracer.startSpan(`postgresql ${pool}`, options, within).end(timeOf(ended))
      }
      if (seen.status >= 500) span.setStatus({ code: api.SpanStatusCode.ERROR })
      span.end(ended)
    },
    end: () => provider.shutdown(),
  }
}

/** In the words of OpenTelemetry's semantic conventions. Of the URL its path: a query may hold a secret. */
function attributesOf({ id, method, url, route, status, key, cached }: Seen): Attributes {
  return {
    'http.request.method': method,
    'http.route': route,
    'url.path': splitUrl(url).path,
    'http.response.status_code': status,
    'dateline.request.id': id,
    ...(key !== undefined && { 'dateline.key': key }),
    ...(cached && { 'dateline.cache': cached.state }),
  }
}
