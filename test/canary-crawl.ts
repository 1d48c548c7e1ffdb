import type { LightMyRequestResponse } from 'fastify'
import type { Hidden, Plant } from './canary-bed.ts'
import { withoutRemovals } from './canary-removals.ts'
import { type Ask, CHANGES, collectionOf } from './canary-requests.ts'
import type { CanaryRoom } from './canary-room.ts'
import { canariesIn } from './canary-words.ts'

/** Who asks: a name, and the key, or nobody. */
export type Actor = { name: string; key: string | undefined }

/** What an answer told that it must not. */
export type Finding = { actor: string; request: string; fault: string }

/** The service with the canaries in it, and its twin, in which what is hidden does not exist. */
export type Pair = { full: CanaryRoom; twin: CanaryRoom; plant: Plant }

/** Headers that differ from answer to answer, whatever is asked. */
const PASSING = ['date', 'x-request-id', 'ratelimit', 'ratelimit-policy']
/** Numbers and times of the process: their values differ, all else in them is looked through. */
const UNEQUAL = ['metrics', 'acknowledgeChanges']
/** Where an answer may repeat what the caller itself said. */
const ECHO_HEADERS = ['location', 'link']
/** How many requests are under way at once: the database works while this process does. */
const AT_ONCE = 4
/** More pages than any list here has, also of one row each where a view is weakened. */
const PAGES = 1000

export type Answer = { status: number; headers: Record<string, string>; body: string }

async function send({ app }: CanaryRoom, actor: Actor, ask: Ask): Promise<Answer> {
  const { method, url, headers, body } = ask
  const reply: LightMyRequestResponse = await app.inject({
    method: method as 'GET',
    url,
    headers: { ...(actor.key && { authorization: `Bearer ${actor.key}` }), ...headers },
    ...(body !== undefined && { payload: body }),
  })
  const lasting = Object.entries(reply.headers)
    .filter(([name]) => !PASSING.includes(name))
    // How long it may be kept is the one thing that hidden times may show, and on a busy machine 0.
    .map(([name, value]): [string, string] => [name, String(value).replace(/s-maxage=\d+/, '')])
  return {
    status: reply.statusCode,
    headers: Object.fromEntries(lasting.sort()),
    body: reply.body.replace(/"requestId":"[^"]*"/, '"requestId":""'),
  }
}

/**
 * The change feed to its end, as one page: rows of what is gone fill pages of the one newsroom and not of
 * the other, so that only all of them together can be compared.
 */
async function sendWhole(room: CanaryRoom, actor: Actor, ask: Ask): Promise<Answer> {
  const first = await send(room, actor, ask)
  if (ask.operation !== CHANGES || first.status !== 200 || first.body === '') return first
  const { data, page } = JSON.parse(first.body)
  for (let [rows, pages] = [data, 1]; rows.length > 0; pages++) {
    if (pages > PAGES) throw new Error(`${ask.url} has no end`)
    const { url, params } = askedAt(ask.url)
    params.set('cursor', page.next)
    for (const name of ['snapshot', 'wait']) params.delete(name)
    const next = await send(room, actor, { ...ask, url: `${url}?${params}` })
    const read = JSON.parse(next.body)
    rows = read.data
    data.push(...rows)
    page.next = read.page.next
  }
  return { ...first, body: JSON.stringify({ data, page }) }
}

function askedAt(url: string) {
  const [path = '', query = ''] = url.split('?')
  return { url: path, params: new URLSearchParams(query) }
}

/** Sends every request to both as this actor; the findings as they come, and how many were sent. */
export async function* crawl(
  pair: Pair,
  asks: readonly Ask[],
  actor: Actor,
  sent: (status: number) => void = () => {},
): AsyncGenerator<Finding> {
  const hiddenIds = new Set(pair.plant.hidden.map(({ id }) => id))
  const queue = [...asks]
  const one = async (ask: Ask, pages = 1): Promise<Finding[]> => {
    const [full, twin] = (
      await Promise.all([sendWhole(pair.full, actor, ask), sendWhole(pair.twin, actor, ask)])
    ).map((answer) => withoutRemovals(ask, answer, pair.plant)) as [Answer, Answer]
    sent(full.status)
    const request = `${ask.method} ${ask.url} ${JSON.stringify(ask.headers)}`
    const findings = [
      ...leaks(ask, full, hiddenIds).map((word) => `told ${word}`),
      ...differences(ask, full, twin, pair.plant),
    ].map((fault) => ({ actor: actor.name, request, fault }))
    const next = ask.walk ? /<([^>]*)>; rel="next"/.exec(full.headers.link ?? '')?.[1] : undefined
    if (!next || pages === PAGES) return findings
    const { pathname, search } = new URL(next)
    return [...findings, ...(await one({ ...ask, url: pathname + search }, pages + 1))]
  }
  while (queue.length > 0) {
    const batch = await Promise.all(queue.splice(0, AT_ONCE).map((ask) => one(ask)))
    yield* batch.flat()
  }
}

/** The first finding, after which the crawl ends. */
export async function firstOf(findings: AsyncGenerator<Finding>): Promise<Finding | undefined> {
  for await (const finding of findings) return finding
  return undefined
}

/** The canaries in an answer, less those that the caller itself sent and that it only repeats. */
function leaks(ask: Ask, answer: Answer, hiddenIds: ReadonlySet<string>): string[] {
  const found = canariesIn(JSON.stringify(answer.headers) + answer.body, hiddenIds)
  if (found.size === 0) return []
  const said = canariesIn(ask.url + JSON.stringify(ask.headers) + (ask.body ?? ''), hiddenIds)
  const told = canariesIn(withoutEchoes(answer), hiddenIds)
  return [...found].filter((word) => !said.has(word) || told.has(word))
}

/** An answer without the places where the caller may read its own words. */
function withoutEchoes(answer: Answer): string {
  const { headers, body } = answer
  const silent = Object.entries(headers).filter(([name]) => !ECHO_HEADERS.includes(name))
  const problem = headers['content-type']?.startsWith('application/problem+json')
  const rest = problem ? problemWithoutEchoes(body) : isFeed(answer) ? withoutAddress(body) : body
  return JSON.stringify(silent) + rest
}

function isFeed({ headers }: Answer): boolean {
  return /^application\/(rss\+xml|atom\+xml|feed\+json|xml)/.test(headers['content-type'] ?? '')
}

/** A feed without its own address and those of its pages, which hold what it was asked with. */
function withoutAddress(body: string): string {
  return body
    .replace(/<(?:atom:)?link rel="(?:self|first|next)"[^>]*>/g, '')
    .replace(/"(?:feed_url|next_url)":"[^"]*"/g, '')
    .replace(/^ <id>.*<\/id>$/m, '')
    .replace(/<loc>[^<]*\/sitemaps\/[^<]*<\/loc>/g, '')
}

function problemWithoutEchoes(body: string): string {
  if (body === '') return ''
  const { instance: _, errors = [], ...problem } = JSON.parse(body)
  const silent = errors.map(({ message: _, ...error }: { message: string }) => error)
  return JSON.stringify({ ...problem, errors: silent })
}

/** What of an answer is not as if the hidden things did not exist. */
function differences(ask: Ask, full: Answer, twin: Answer, plant: Plant): string[] {
  if (full.status >= 500) return [`answered ${full.status}`]
  if (UNEQUAL.includes(ask.operation)) return []
  if (full.status === 410 || full.status === 451) {
    return twin.status === 404 && hiddenAt(ask, plant)?.own === full.status
      ? []
      : [`answered ${full.status}, in the twin ${twin.status}`]
  }
  const said = (answer: Answer) => JSON.stringify(answer)
  return said(full) === said(twin) ? [] : [`was ${said(full)}, in the twin ${said(twin)}`]
}

/** What is hidden at the address that a read asks for, or above it. */
export function hiddenAt({ method, url }: Ask, { hidden }: Plant): Hidden | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined
  const collection = collectionOf(url)
  const name = url.split(/[/?.]/)[3]?.toLowerCase() ?? ''
  return hidden.find(
    (thing) => thing.collection === collection && (thing.id === name || thing.slugs.includes(name)),
  )
}
