/* The OpenAPI document as the tests walk it: what it promises, operation by operation. */

export type Schema = Record<string, unknown>
type Media = { schema: Schema; example?: unknown }
export type Answer = { description?: string; content?: Record<string, Media>; headers?: object }

export type Parameter = {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  description?: string
  schema: Schema
  example?: unknown
}

export type Operation = {
  /** `listArticles` */
  id: string
  /** In capitals. */
  method: string
  /** `/v1/articles/{idOrSlug}` */
  path: string
  parameters: Parameter[]
  /** JSON; undefined where the operation takes none. */
  body: Media | undefined
  responses: Record<string, Answer>
  /** As it stands in the document. */
  raw: Record<string, unknown>
}

export type Document = {
  paths: Record<string, Record<string, Record<string, unknown>>>
  components: { schemas: Record<string, Schema> }
}

/**
 * Every operation of a document, in its order, but the streams: their answers never end, so they have
 * tests of their own (feed.test.ts).
 */
export function operationsOf(document: Document): Operation[] {
  const all = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, raw]) => {
      const content = (raw.requestBody as { content: Record<string, Media> } | undefined)?.content
      return {
        id: String(raw.operationId),
        method: method.toUpperCase(),
        path,
        parameters: (raw.parameters ?? []) as Parameter[],
        body: content?.['application/json'],
        responses: raw.responses as Record<string, Answer>,
        raw,
      }
    }),
  )
  return all.filter(({ responses }) => !responses[200]?.content?.['text/event-stream'])
}

/** The example of a parameter, wherever it stands; undefined without one. */
export function exampleOf({ example, schema }: Parameter): unknown {
  return example ?? (schema.examples as unknown[] | undefined)?.[0]
}

/** A path and a query out of texts that are encoded already. */
export function urlOf(
  { path }: Operation,
  params: Record<string, string>,
  query: readonly (readonly [string, string])[] = [],
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '')
  const pairs = query.map(([name, value]) => `${name}=${value}`)
  return pairs.length > 0 ? `${filled}?${pairs.join('&')}` : filled
}

/** A value as it stands in a URL; a list is joined by commas (style form, explode false). */
export function inUrl(value: unknown): string {
  return encodeURIComponent(Array.isArray(value) ? value.join(',') : String(value))
}
