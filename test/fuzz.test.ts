import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { inOrder } from './canary-requests.ts'
import { figure } from './figures.ts'
import { newsroom, type Reply } from './newsroom.ts'
import { conformance } from './openapi-conformance.ts'
import { exampleRequest } from './openapi-examples.ts'
import { type Document, type Operation, operationsOf, type Schema } from './openapi-operations.ts'
import type { Known } from './openapi-queries.ts'
import { CALLERS, type FuzzRequest, requestsFor } from './openapi-requests.ts'
import { isLong, runs } from './size.ts'
import { tracesOf } from './traces.ts'

// It takes a minute or two on idle cores, and several on busy ones; at full size the better part of an hour.
t.setTimeout(isLong ? 5_400_000 : 900_000)

/*
 * Every operation of the document, with generated requests from near to good ones to garbage: no
 * answer is 5xx, none breaks what the document says of it, HEAD answers as GET, and a write that was
 * refused leaves no trace in the database. An operation added tomorrow is covered tomorrow.
 */

const room = await newsroom(t, { seeded: true })
const document = (await room.app.reference()).swagger() as unknown as Document
const operations = operationsOf(document)
const { faults, answerFaults } = conformance(document)
const traces = await tracesOf(room)
const PROBLEM: Schema = { $ref: '#/components/schemas/Problem' }

const SCOPES = {
  read: ['read'],
  editor: ['drafts:read', 'content:write', 'content:publish'],
  admin: ['admin'],
}
const keys = new Map<string, string>()
for (const [name, scopes] of Object.entries(SCOPES)) {
  keys.set(name, (await room.editor('POST', '/v1/keys', { name, scopes })).json.key)
}
const partner: string = (await room.editor('POST', '/v1/partners', { name: 'Fuzz' })).json.id
const ofPartner = { name: 'partner', scopes: ['read', 'syndication', 'embargo:read'], partner }
keys.set('partner', (await room.editor('POST', '/v1/keys', ofPartner)).json.key)

/** All requests by caller: how many were answered 2xx or 3xx, and how many 4xx. */
const totals = new Map(CALLERS.map((caller) => [caller, { taken: 0, refused: 0 }]))
/** Ids and slugs of every collection, and a cursor for every sort of every list. */
async function whatExists(): Promise<Known> {
  const found: Known = { names: {}, pages: {} }
  for (const operation of operations) {
    const { path, parameters } = operation
    if (!parameters.some(({ name }) => name === 'cursor')) continue
    if (path === '/v1/keys') continue
    const { url: list } = await exampleRequest(room, operation, () => false)
    const data = (await room.editor('GET', `${list}?limit=5`)).json?.data
    // What is below an item, the ledger or a feed has no address of its own.
    if (data?.[0]?.id !== undefined && list === path) {
      // Not the partner that makes requests: its end would be theirs.
      const others = data.filter((row: { id: string }) => row.id !== partner)
      found.names[path] = others.flatMap((row: { id: string; slug?: string }) =>
        row.slug === undefined ? row.id : [row.id, row.slug],
      )
    }
    const sorts = (parameters.find(({ name }) => name === 'sort')?.schema.enum ?? []) as string[]
    for (const query of [[], ...sorts.map(inOrder)]) {
      const url = `${list}?limit=1${query.map(([name, value]) => `&${name}=${value}`).join('')}`
      // A feed says it in the header only.
      const { link = '' } = (await room.editor('GET', url)).headers
      const next = /[?&]cursor=([^&>]*)[^>]*>; rel="next"/.exec(link)?.[1]
      if (next !== undefined) found.pages[path] = [...(found.pages[path] ?? []), { query, next }]
    }
  }
  // None of the keys that make the requests: a key that revokes itself ends the test.
  const spare = await room.editor('POST', '/v1/keys', { name: 'spare', scopes: ['read'] })
  found.names['/v1/keys'] = [spare.json.id]
  return found
}

async function send(method: string, { caller, url, headers, body }: FuzzRequest): Promise<Reply> {
  const key = keys.get(caller)
  const answer = await room.app.inject({
    method: method as 'GET',
    url,
    headers: {
      ...(key && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { payload: body }),
  })
  const type = String(answer.headers['content-type'] ?? '')
  return {
    status: answer.statusCode,
    headers: answer.headers as Reply['headers'],
    text: answer.body,
    json: type.includes('json') && answer.body !== '' ? answer.json() : undefined,
  }
}

/** A path that garbage has led elsewhere may be unknown there, or known under other methods. */
function ledElsewhere({ path }: Operation, { url }: FuzzRequest, { status }: Reply): boolean {
  return path.includes('{') && (status === 404 || status === 405) && !knownPath(url)
}

function knownPath(url: string): boolean {
  const segments = url.split('?')[0]?.split('/') ?? []
  return segments.slice(3).every((segment) => /^[\w-]+$/.test(segment))
}

function check(operation: Operation, request: FuzzRequest, reply: Reply): void {
  const said = () => `${operation.method} ${request.url} as ${request.caller}: ${reply.text}`
  assert.ok(reply.status < 500, `${reply.status} to ${said()}`)
  const found = ledElsewhere(operation, request, reply)
    ? faults(PROBLEM, reply.json)
    : answerFaults(operation, reply)
  assert.deepEqual(found, [], said())
}

/**
 * What of an answer is the same each time. On a busy machine the database's heartbeat comes late now and
 * then: then there is no time left to keep the answer, and its age is not known.
 */
function lasting({ status, headers }: Reply) {
  const { date: _, 'x-request-id': _id, 'last-modified': _at, ...others } = headers
  const { 'content-length': length, 'cache-control': policy, ...rest } = others
  // Metrics count the requests, so their length changes.
  const sized = headers['content-type']?.includes('json') && length
  return { status, headers: rest, policy: policy?.replace(/\d+/g, 'n'), length: sized }
}

for (const operation of operations) {
  t.test(operation.id, async (t) => {
    const known = await whatExists()
    const seen = new Map<number, number>()
    const example = await exampleRequest(room, operation)
    const good: FuzzRequest = {
      caller: 'admin',
      url: example.url,
      headers: example.headers,
      body: example.body === undefined ? undefined : JSON.stringify(example.body),
    }
    const examples: [FuzzRequest][] = CALLERS.map((caller) => [{ ...good, caller }])
    await fc.assert(
      fc.asyncProperty(requestsFor(document, operation, known), async (request) => {
        const isRead = operation.method === 'GET'
        const before = isRead ? [] : await traces()
        const reply = await send(operation.method, request)
        seen.set(reply.status, (seen.get(reply.status) ?? 0) + 1)
        const total = totals.get(request.caller)
        if (total) total[reply.status < 400 ? 'taken' : 'refused']++
        check(operation, request, reply)
        if (isRead) {
          const head = await send('HEAD', request)
          assert.equal(head.text, '', 'HEAD has no body')
          assert.deepEqual(lasting(head), lasting(reply), 'HEAD answers as GET')
        } else if (reply.status >= 400) {
          assert.deepEqual(await traces(), before, `${reply.status} leaves no trace`)
        }
      }),
      { numRuns: runs(120), examples, includeErrorInReport: true },
    )
    const statuses = [...seen.keys()].sort()
    t.comment(statuses.map((status) => `${status}: ${seen.get(status)}`).join(', '))
    t.ok(
      statuses.some((status) => status < 300),
      'it succeeded with its example',
    )
    t.ok(statuses.includes(400), 'it was sent what it refuses')
  })
}

t.test('every caller was answered and refused', async (t) => {
  const sent = [...totals.values()].reduce((sum, { taken, refused }) => sum + taken + refused, 0)
  const each = `${runs(120)} for each of ${operations.length} operations`
  figure(t, 'generated requests', `${sent}, ${each}; 5xx and answers of other forms: 0`)
  for (const [caller, { taken, refused }] of totals) {
    t.comment(`${caller}: ${taken} taken, ${refused} refused`)
    t.ok(taken > 20 && refused > 100, caller)
  }
})
