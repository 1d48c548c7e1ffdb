import { COLLECTIONS, type Collection, type Plant } from './canary-bed.ts'
import { must } from './factories.ts'
import type { Call } from './newsroom.ts'
import { inUrl, type Operation, type Parameter, urlOf } from './openapi-operations.ts'
import { exampleTexts } from './openapi-values.ts'
import { runs } from './size.ts'

/** A request of the crawl. */
export type Ask = {
  operation: string
  method: string
  url: string
  headers: Record<string, string>
  body: string | undefined
  /** Follow the pages of a list to its end. */
  walk?: boolean
}

/** What the crawl knows to ask with. */
export type Known = {
  plant: Plant
  /** ETags that an editor got, by path. */
  tags: Map<string, string>
  /** Cursors that an editor got, by path of the list; each with the query it belongs to. */
  cursors: Map<string, { query: [string, string][]; next: string }[]>
}

/** Which collection a filter names; one that is not here is asked with everything. */
const NAMED: Record<string, Collection> = {
  category: 'categories',
  parent: 'categories',
  source: 'sources',
  speaker: 'sources',
  organization: 'sources',
  article: 'articles',
}
/** Filters of which the values are words, not names: asked with these, and what they document. */
const WORDS: Record<string, string[]> = {
  language: ['cy', 'en', '-en', 'cy,de', 'en,-cy'],
  kind: [],
  state: [],
  status: ['-draft'],
}
/** Values that only editors may ask for, or that exclude all others: alone, never with others. */
const ALONE = ['none', 'status', 'publishAt', 'embargoUntil', 'expiresAt', 'createdAt']
/** The change feed: keys may read it, and see of it what readers or their partner see. */
export const CHANGES = 'readChanges'
const NOBODY = '0198c0de-0000-7000-8000-000000000000'

type Pairs = [string, string][]

/** The names of a collection, or of all, hidden ones and visible. */
function namesOf({ plant }: Known, collection: Collection | undefined, withVisible = true) {
  const of = collection ? [collection] : COLLECTIONS
  const hidden = plant.hidden
    .filter((thing) => of.includes(thing.collection))
    .flatMap(({ id, slugs }) => [id, ...slugs])
  return withVisible ? [...hidden, ...of.flatMap((c) => plant.visible[c])] : hidden
}

/** The collection that a path begins with; of any other path, undefined. */
export function collectionOf(path: string): Collection | undefined {
  const [, root, segment] = path.split('/')
  // What a speaker said is asked for by the speaker.
  if (root === 'feeds' && segment === 'quotes') return 'sources'
  return COLLECTIONS.find((collection) => collection === segment)
}

/** All paths of an operation: every name it can be asked with, every number of a revision. */
function pathsOf(operation: Operation, known: Known): string[] {
  const parameters = operation.parameters.filter((p) => p.in === 'path')
  const valuesFor = ({ name, schema }: Parameter) => {
    if (schema.type === 'integer') return ['1', '2', '99']
    if (schema.enum) return schema.enum as string[]
    return [...namesOf(known, NAMED[name] ?? collectionOf(operation.path)), NOBODY]
  }
  let filled: Record<string, string>[] = [{}]
  for (const parameter of parameters) {
    const { name } = parameter
    const values = valuesFor(parameter)
    // Of the formats of one thing, in the small run each takes its turn; and of two names every one in
    // either place: all pairs were 120,000 requests to a single operation.
    const isName = !parameter.schema.enum && parameter.schema.type !== 'integer'
    const inTurn = isName ? filled.length > 1 : parameter.schema.enum && runs(1) === 1
    if (inTurn && filled.length >= values.length) {
      filled = filled.map((params, i) => ({ ...params, [name]: values[i % values.length] ?? '' }))
      continue
    }
    filled = filled.flatMap((params) => values.map((value) => ({ ...params, [name]: value })))
  }
  return filled.map((params) => urlOf(operation, params))
}

/** Everything a query parameter can be asked with. */
function valuesOf(parameter: Parameter, known: Known): string[] {
  const { name, schema } = parameter
  const items = (schema.items as { enum?: string[] } | undefined)?.enum
  if (items) return [...items, wholeOf(items)]
  if (schema.enum) return (schema.enum as unknown[]).map(String)
  if (schema.type === 'boolean') return ['true', 'false']
  if (schema.type === 'integer') return ['1', '2', '100']
  if (schema.format === 'date-time') {
    return ['2020-01-01T00:00:00Z', new Date(Date.now() + 60_000).toISOString()]
  }
  if (name === 'cursor') return []
  if (name === 'q') {
    const hidden = [...known.plant.words, ...namesOf(known, undefined, false)]
    // Every third or so is of every hidden thing some.
    return ['tide', 'ferry', ...spread(hidden, runs(200))]
  }
  const documented = exampleTexts({ ...schema, description: parameter.description })
  const words = WORDS[name]
  if (words) return [...words, ...documented.filter((word) => /^\w+$/.test(word))]
  const names = namesOf(known, NAMED[name])
  const filters = [...names, ...names.map((one) => `-${one}`)]
  return NAMED[name] ? filters : [...filters, ...known.plant.words, ...documented]
}

function wholeOf(items: string[]): string {
  return items.filter((item) => !ALONE.includes(item)).join(',')
}

/** Whether the document says that it answers without a key. */
function isOpen({ raw }: Operation): boolean {
  const security = (raw.security ?? []) as object[]
  return security.length === 0 || security.some((one) => Object.keys(one).length === 0)
}

/** A sort, with words to look for where it needs some. */
export function inOrder(sort: string): [string, string][] {
  return sort === 'relevance'
    ? [
        ['q', 'tide or ferry'],
        ['sort', sort],
      ]
    : [['sort', sort]]
}

/** At most so many of the values, from all over the list. */
function spread<T>(values: T[], most: number): T[] {
  const step = Math.max(1, values.length / most)
  return values.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step))
}

/**
 * Every request of an operation. Those that are closed to all who ask here refuse before they look,
 * so they are asked with every name but only with some values of each parameter.
 */
export function asksOf(operation: Operation, known: Known): Ask[] {
  const ask = (method: string, path: string, query: Pairs = [], more: Partial<Ask> = {}): Ask => {
    const pairs = query.map(([name, value]) => `${name}=${inUrl(value)}`)
    const url = pairs.length > 0 ? `${path}?${pairs.join('&')}` : path
    return { operation: operation.id, method, url, headers: {}, body: undefined, ...more }
  }
  const paths = pathsOf(operation, known)
  // Few enough for every parameter: a visible one, and of the hidden the first and the last.
  const shown = collectionOf(operation.path)
  const visible = shown ? known.plant.visible[shown][0] : undefined
  const few = [paths.find((path) => visible && path.includes(visible)), paths[0], paths.at(-2)]
  const focus = [...new Set(few.filter((path) => path !== undefined))]
  const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query')
  const whole = inQuery.flatMap(({ name, schema }): Pairs => {
    const items = (schema.items as { enum?: string[] } | undefined)?.enum
    return items ? [[name, wholeOf(items)]] : []
  })
  const open = isOpen(operation) || operation.id === CHANGES
  const isFeed = operation.path.startsWith('/feeds/')
  const each = (open ? focus : focus.slice(0, 1)).flatMap((path) =>
    inQuery.flatMap((parameter) => {
      const values = valuesOf(parameter, known)
      // A feed takes the parameters of a list, which is asked with all of them.
      const some = isFeed ? spread(values, runs(20)) : open ? values : spread(values, runs(8))
      return some.map((value): [string, Pairs] => [path, [[parameter.name, value]]])
    }),
  )
  if (operation.method !== 'GET') {
    const body = operation.body && JSON.stringify(operation.body.example ?? {})
    const headers = {
      'if-match': '*',
      ...(body && { 'content-type': 'application/json' }),
      ...(operation.method === 'POST' && { 'idempotency-key': 'once' }),
    }
    return [...paths.map((path): [string, Pairs] => [path, []]), ...each].map(([path, query]) =>
      ask(operation.method, path, query, { headers, body }),
    )
  }
  const conditional = (path: string) => {
    const tags = ['*', known.tags.get(path)].filter((tag) => tag !== undefined)
    return tags.map((tag) => ask('GET', path, [], { headers: { 'if-none-match': tag } }))
  }
  const sorts = inQuery.find(({ name }) => name === 'sort')?.schema.enum as string[] | undefined
  const isList = inQuery.some(({ name }) => name === 'cursor')
  const lists = operation.path.includes('{') ? focus : [operation.path]
  const walks = (sorts ?? []).flatMap((sort) =>
    lists.map((path) =>
      ask('GET', path, [...whole, ...inOrder(sort), ['limit', '2']], { walk: true }),
    ),
  )
  // With words: what is found, marked, ranked, counted or suggested.
  const words = inQuery.find(({ name }) => name === 'q')
  const beside = inQuery.flatMap(
    ({ name, schema }): Pairs =>
      schema.type === 'boolean' ? [[name, 'true']] : name === 'count' ? [[name, 'exact']] : [],
  )
  const looks = spread(words ? valuesOf(words, known) : [], runs(30)).flatMap((q) => {
    const all: Pairs = [['q', q], ...whole, ...beside]
    const ranked: Pairs[] = sorts?.includes('relevance') ? [[...all, ['sort', 'relevance']]] : []
    return [all, ...ranked].flatMap((query) => lists.map((path) => ask('GET', path, query)))
  })
  const cursors = known.cursors.get(operation.path) ?? []
  return [
    ...paths.map((path) => ask('GET', path)),
    ...(isList || whole.length === 0 ? [] : paths.map((path) => ask('GET', path, whole))),
    ...paths.flatMap(conditional),
    ...focus.map((path) => ask('GET', path, whole)),
    ...focus.map((path) => ask('HEAD', path)),
    ...paths.map((path) => ask('HEAD', path)),
    ...each.map(([path, query]) => ask('GET', path, query)),
    ...walks,
    ...looks,
    ...cursors.map(({ query, next }) => ask('GET', operation.path, [...query, ['cursor', next]])),
  ]
}

/** Requests to what the document does not describe: pages, unknown paths, methods, broken URLs. */
export function asksBeside(known: Known): Ask[] {
  const ask = (method: string, url: string): Ask => ({
    operation: 'beside',
    method,
    url,
    headers: {},
    body: undefined,
  })
  const items = COLLECTIONS.flatMap((collection) =>
    namesOf(known, collection, false).map((name) => `/v1/${collection}/${name}`),
  )
  return [
    ...['/openapi.json', '/docs', '/docs/json', '/docs/yaml', '/problems/gone', '/problems/x'],
    ...['/', '/v1', '/v1/', '/v1/nothing', '/v1/articles/', '/v1/articles/%ZZ', '/v1//articles'],
    ...items.flatMap((path) => [`${path}/nothing`, `${path.replace('/v1', '')}`, `${path}?x=1`]),
    ...items.map((path) => path.toUpperCase().replace(/^\/V1\/\w+/, (head) => head.toLowerCase())),
  ]
    .map((url) => ask('GET', url))
    .concat(items.flatMap((path) => [ask('OPTIONS', path), ask('PUT', path)]))
}

/** What an editor sees: ETags of every item and list, cursors of every list in every order. */
export async function whatEditorsSee(
  editor: Call,
  operations: Operation[],
  plant: Plant,
): Promise<Known> {
  const known: Known = { plant, tags: new Map(), cursors: new Map() }
  const note = async (path: string) => {
    const { headers } = await editor('GET', path)
    if (headers.etag) known.tags.set(path, headers.etag)
  }
  for (const { collection, id, slugs } of plant.hidden) {
    for (const name of [id, ...slugs]) await note(`/v1/${collection}/${name}`)
  }
  for (const { id, method, path, parameters } of operations) {
    if (method !== 'GET' || !parameters.some(({ name }) => name === 'cursor')) continue
    if (path.includes('{')) continue
    // There editors see what readers do.
    if (id !== CHANGES) await note(path)
    // A sitemap is cut by itself.
    if (!parameters.some(({ name }) => name === 'limit')) continue
    const sorts = (parameters.find(({ name }) => name === 'sort')?.schema.enum ?? []) as string[]
    const queries = [[], ...sorts.map(inOrder)]
    for (const query of queries) {
      for (const limit of ['1', '5', '12']) {
        const search = new URLSearchParams([...query, ['limit', limit]])
        const { next } = (await must(editor, 'GET', `${path}?${search}`)).json.page
        if (next) known.cursors.set(path, [...(known.cursors.get(path) ?? []), { query, next }])
      }
    }
  }
  return known
}
