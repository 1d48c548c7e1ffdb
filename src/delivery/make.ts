import { performance } from 'node:perf_hooks'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Shown, tagOfShown, typeOfShown } from '../http/caching.ts'
import type { Answer } from './answer.ts'
import { dependenciesOf } from './dependencies.ts'
import type { Delivery } from './open.ts'
import type { Depends, KnownRead } from './plans.ts'
import type { Watch } from './watch.ts'

/** What answers are chosen by: to the public by their encoding too. */
export function varies({ byOrigin }: Delivery, open = true): string {
  const always = byOrigin ? 'Authorization, Origin' : 'Authorization'
  return open ? `Accept-Encoding, ${always}` : always
}

/** Whose page may see an answer. */
export const OF_ORIGIN = /^access-control-/

/** What each answer is given anew. */
const OF_THE_MOMENT =
  /^(cache-control|etag|last-modified|x-request-id|ratelimit.*|content-type|content-length|content-encoding|date)$/

/** The answer that the framework has made, as it is kept; its ETag is taken from the reply, for each encoding has its own. */
export function answerOf(
  { byOrigin, categoryInUrl, plans, watch }: Delivery,
  request: FastifyRequest,
  reply: FastifyReply,
  body: string,
): Answer {
  const { read, plan, routeOptions } = request
  const { statusCode: status } = reply
  const route = routeOptions.url ?? 'none'
  const operation = routeOptions.schema?.operationId
  const query = read?.asked ?? (request.query as object | undefined) ?? {}
  if (plan && status === 200) plans?.add(request.raw.url ?? '', plan, { route, operation, query })
  const { groups } = dependenciesOf({ ...read, ...{ status, operation, query, categoryInUrl } })
  const type = reply.getHeader('content-type')
  const headers = [
    ...groupHeaders(groups),
    ...(type === undefined ? [] : ['content-type', String(type)]),
  ]
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (byOrigin && OF_ORIGIN.test(name)) continue
    if (!OF_THE_MOMENT.test(name)) headers.push(name, String(value))
  }
  const etag = reply.getHeader('etag')
  reply.removeHeader('etag')
  const bytes = Buffer.from(body)
  const idAt = status >= 400 ? bytes.indexOf(request.id) : -1
  return {
    ...{ route, status, bytes, headers, groups },
    idAt: idAt === -1 ? undefined : idAt,
    tag: etag === undefined ? undefined : String(etag).slice(1, -1),
    modified: isOfItself(groups) ? read?.modified : undefined,
    until: monotonic(read?.until, watch),
    encoded: {},
  }
}

/** An instant of the database's clock on this process's own; the past when that is not known. */
function monotonic(time: string | undefined, watch: Watch): number {
  if (time === undefined) return Number.POSITIVE_INFINITY
  const now = watch.clock()
  return now === undefined ? 0 : performance.now() + Date.parse(time) - now
}

/**
 * The answer of a read that was asked again, with the headers that all answers have; as text where it is
 * not kept.
 */
export function answerAgain(
  delivery: Delivery,
  known: KnownRead,
  shown: Shown,
  constant: readonly string[],
  kept: boolean,
): Answer {
  const { groups, headers } = dependsAgain(delivery, known, shown)
  return {
    ...{ route: known.route, status: 200, groups, encoded: {} },
    bytes: kept ? Buffer.from(shown.body) : shown.body,
    headers: [...constant, ...headers, ...(shown.link === undefined ? [] : ['link', shown.link])],
    idAt: undefined,
    tag: tagOfShown(shown).slice(1, -1),
    modified: isOfItself(groups) ? shown.modified : undefined,
    until: Number.POSITIVE_INFINITY,
  }
}

/** What it depends on, and its headers but those of the moment: of a list nearly always the same. */
function dependsAgain(delivery: Delivery, known: KnownRead, shown: Shown): Depends {
  const { operation, query, last } = known
  const { categoryInUrl } = delivery
  const basis = `${shown.empty} ${shown.lead}`
  if (last?.basis === basis) return last
  const made = { ...shown, ...{ status: 200, operation, query, categoryInUrl } }
  const { groups, looked } = dependenciesOf(made)
  const type = ['content-type', typeOfShown(shown), 'vary', varies(delivery)]
  const depends = { basis, groups, headers: [...groupHeaders(groups), ...type] }
  if (!looked) known.last = depends
  return depends
}

/** RFC 9875, and what Fastly and Varnish call it. */
function groupHeaders(groups: ReadonlySet<string>): string[] {
  const names = [...groups]
  return [...['cache-groups', `"${names.join('", "')}"`], ...['surrogate-key', names.join(' ')]]
}

/** Does it show nothing of others, whose changes would not move its own date? */
function isOfItself(groups: ReadonlySet<string>): boolean {
  const others = [...groups].filter((name) => !/^(all$|filed:)/.test(name))
  return others.length === 1 && /^(article|category):/.test(others[0] ?? '')
}

/**
 * Until the sweep has noted since when a quote, source or category is gone, the answer says the
 * second that it is: that is no answer to keep.
 */
export function isConstant({ status }: Answer, body: string, watch: Watch): boolean {
  if (status !== 410) return true
  const { gone } = JSON.parse(body) as { gone: { kind: string; since: string } }
  const now = watch.clock()
  return gone.kind === 'article' || (now !== undefined && now - Date.parse(gone.since) > NOTED)
}

/** Much longer than answering takes, in ms. */
const NOTED = 15_000
