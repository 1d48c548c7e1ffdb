import { v7 as uuidv7 } from 'uuid'
import { get, keyOf, patch } from './factories.ts'
import { callerOf, type Newsroom, type Reply } from './newsroom.ts'
import { exampleOf, inUrl, type Operation, type Parameter, urlOf } from './openapi-operations.ts'

/** A request as the examples of an operation make it. */
export type ExampleRequest = {
  method: string
  url: string
  headers: Record<string, string>
  body: unknown
}

/** What the demo newsroom does not hold, or what should not be lost, is made first; its id. */
const MADE_FIRST: Record<string, (room: Newsroom) => Promise<Reply>> = {
  confirmQuote: suggest,
  dismissQuote: suggest,
  async listSimilarQuotes(room) {
    await paraphrase(room, 'The clerk held the stairwell doors open for the crowd.')
    return paraphrase(room, 'The clerk held the doors of the stairwell open for the crowd.')
  },
  listPartners: partner,
  getPartner: partner,
  updatePartner: partner,
  deletePartner: partner,
  explainAccess: partner,
  listHoldings: partnerWithStale,
  listWebhooks: webhook,
  getWebhook: webhook,
  updateWebhook: webhook,
  deleteWebhook: webhook,
  enableWebhook: webhook,
  rotateSecretOfWebhook: webhook,
  redeliverSince: webhook,
  listDeliveries: delivery,
  getDelivery: delivery,
  redeliver: delivery,
  async testWebhook(room) {
    const made = await webhook(room)
    // Refused before anything leaves the machine.
    await room.sql(`update webhooks set url = 'https://127.0.0.1/'`)
    return made
  },
  revokeKey: (room) => room.editor('POST', '/v1/keys', { name: 'To be revoked', scopes: ['read'] }),
}

/** Parameters whose examples are ids. */
const NAMED_BY_ID = ['id', 'ids', 'partner']

/** The article of the examples. */
const ARTICLE = '/v1/articles/council-adopts-sea-wall-levy'

/** What must be so before an operation on the article of the examples can be done. */
const DONE_FIRST: Record<string, (room: Newsroom) => Promise<unknown>> = {
  // The demo newsroom was loaded just now; the example asks for a time in its stories' spring.
  getArticle: (room) =>
    room.sql("update revisions set at = '2026-05-01T00:00:00Z' where version = 1"),
  async purgeArticle(room) {
    for (const summary of ['Here is a name that must not be kept.', null]) {
      await patch(room.editor, ARTICLE, { summary })
    }
  },
  correctArticle: (room) => room.editor('POST', `${ARTICLE}/publish`, {}),
  listRecipients: partnerWithStale,
}

function paraphrase(room: Newsroom, text: string, more: object = {}): Promise<Reply> {
  const article = 'council-adopts-sea-wall-levy'
  return room.editor('POST', '/v1/quotes', { article, kind: 'paraphrase', text, ...more })
}

function partner(room: Newsroom): Promise<Reply> {
  return room.editor('POST', '/v1/partners', { name: 'The Isle Record' })
}

/** A partner with a key of its own. */
async function reading(room: Newsroom, scopes: string[]) {
  const made = await partner(room)
  const authorization = `Bearer ${await keyOf(room.editor, made.json.id, scopes)}`
  return { made, authorization, call: callerOf(room.app, authorization) }
}

/** A partner that was given the article of the examples, which was changed since; one for each newsroom. */
function partnerWithStale(room: Newsroom): Promise<Reply> {
  const made = stale.get(room) ?? makeStale(room)
  stale.set(room, made)
  return made
}
const stale = new WeakMap<Newsroom, Promise<Reply>>()

async function makeStale(room: Newsroom): Promise<Reply> {
  const { made, call } = await reading(room, ['read'])
  await get(call, ARTICLE)
  await patch(room.editor, ARTICLE, { summary: 'Not yet with the partner.' })
  return made
}

/** Operations that not even an administrator can do, with the headers of somebody who can. */
const DONE_AS: Record<string, (room: Newsroom) => Promise<Record<string, string>>> = {
  async acknowledgeChanges(room) {
    const { authorization, call } = await reading(room, ['read', 'syndication'])
    await get(call, '/v1/changes')
    return { authorization }
  },
}

function webhook(room: Newsroom): Promise<Reply> {
  const url = 'https://hooks.example.org/dateline'
  return room.editor('POST', '/v1/webhooks', { url, events: ['*'] })
}

/** A webhook that was to be told something, as if a process had tried. */
async function delivery(room: Newsroom): Promise<Reply> {
  const made = await webhook(room)
  await room.sql(
    `insert into deliveries (id, webhook_id, position, op, resource, event, resource_id, state,
       created_at, finished_at)
     select $2, $1, position, 'remove', 'article', 'article.killed', resource_id, 'failed',
       now(), now() from changes where kind = 'article' limit 1`,
    [made.json.id, uuidv7()],
  )
  return made
}

function suggest(room: Newsroom): Promise<Reply> {
  return paraphrase(room, 'The clerk propped the doors to the stairwell open.', { suggested: true })
}

/** The id for what names a resource by nothing else: one that was made, or that is listed. */
async function idFor(room: Newsroom, { id, path }: Operation, name: string): Promise<string> {
  if (id === 'listHoldings' && name === 'ids') return (await get(room.editor, ARTICLE)).id
  const make = MADE_FIRST[id]
  if (make) return (await make(room)).json.id
  // A feed lists what a list does.
  const list = path.startsWith('/feeds/quotes') ? '/v1/quotes' : '/v1/articles'
  const from = path.startsWith('/feeds/') ? list : path.replace(/\/\{id\}.*/, '')
  const listed = await room.editor('GET', from)
  return listed.json.data[0].id
}

/**
 * The request of an operation's examples in the demo newsroom: what is required, the body's example,
 * and of the optional parameters those that `chosen` chooses (unless told, a write's queries: some
 * can be done only with them).
 */
export async function exampleRequest(
  room: Newsroom,
  operation: Operation,
  chosen: (parameter: Parameter) => boolean = (p) =>
    operation.method !== 'GET' && p.in === 'query' && exampleOf(p) !== undefined,
): Promise<ExampleRequest> {
  await DONE_FIRST[operation.id]?.(room)
  // A list without a row has no example that finds something.
  if (operation.id === 'listPartners') await partner(room)
  if (operation.id === 'listWebhooks') await webhook(room)
  const params: Record<string, string> = {}
  const query: [string, string][] = []
  const headers = (await DONE_AS[operation.id]?.(room)) ?? {}
  for (const parameter of operation.parameters) {
    const { name } = parameter
    if (!parameter.required && !chosen(parameter)) continue
    const example =
      name === 'delivery'
        ? (await room.sql('select max(id::text) as id from deliveries'))[0]?.id
        : NAMED_BY_ID.includes(name)
          ? await idFor(room, operation, name)
          : exampleOf(parameter)
    if (example === undefined) throw new Error(`${operation.id} has no example for ${name}`)
    if (parameter.in === 'path') params[name] = inUrl(example)
    else if (parameter.in === 'query') query.push([name, inUrl(example)])
    else headers[name.toLowerCase()] = String(example)
  }
  return {
    method: operation.method,
    url: urlOf(operation, params, withCompanions(operation, query)),
    headers,
    body: operation.body?.example,
  }
}

/** What some parameters need beside them: `fields[quotes]` that quotes are included, `highlight` a `q`. */
function withCompanions({ parameters }: Operation, query: [string, string][]): [string, string][] {
  const given = new Map(query)
  const shaped = query.flatMap(([name]) => /^fields\[(\w+)\]$/.exec(name)?.[1] ?? [])
  if (shaped.length > 0) {
    const included = given.get('include')?.split('%2C') ?? []
    given.set('include', [...new Set([...included, ...shaped])].join('%2C'))
  }
  const q = parameters.find(({ name }) => name === 'q')
  if (given.has('highlight') && q) given.set('q', inUrl(exampleOf(q)))
  return [...given]
}
