import type { FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { Reading, Writing } from '../db/client.ts'
import { absence } from '../db/gone.ts'
import { type Listed, pageOfObjects } from '../db/listing.ts'
import type { SlugKind } from '../db/slugs.ts'
import { carryOut, type Plan, type Prepared, prepare, type Query } from '../db/statement.ts'
import { missing } from '../errors.ts'
import { UUID } from '../fields.ts'
import {
  addressed,
  type Filtered,
  type Filters,
  type KnownIds,
  leadFilter,
  resolveFilters,
} from './addressing.ts'
import { type Shown, sendShown } from './caching.ts'
import type { Meta, Pages } from './paging.ts'

/** The ids that filters come to, by parameter. */
export type Resolved<K extends string> = Record<K, KnownIds | undefined>

/** A list of a kind: which filters name others, what is asked, and what its objects show. */
export type ListRead<K extends string> = {
  filters: Filters<K>
  /** Its pages, as they are asked for at this URL. */
  pagesAt(url: string): Pages
  statement(filtered: Filtered<K>, page: Pages): Query
  /** The names of the members of its objects. */
  members: readonly string[]
  /** Finishes the text of its objects, where PostgreSQL cannot make all of it. */
  finish?(objects: string): string
  /** `Link` to the same, as it is asked for at this URL, in other formats. */
  alternates?: ((url: string) => string) | undefined
  /** What is counted beside it; absent where nothing is. */
  counted?: ((named: Resolved<K>) => Promise<Meta>) | undefined
  /** What was probably meant where its words find nothing; absent where there are none. */
  meant?: ((named: Resolved<K>) => Promise<string | undefined>) | undefined
}

/** Is anything counted beside the list? */
export function isCounted(query: { count?: unknown; facets?: unknown }): boolean {
  return query.count !== undefined || query.facets !== undefined
}

/** Is it the first page of a search, for which other words may be told when nothing is found? */
export function isFirst(query: { q?: string | undefined; cursor?: string | undefined }): boolean {
  return query.q !== undefined && query.cursor === undefined
}

/**
 * Sends a list. Most are one statement, which is noted so that it can be asked again; what is counted,
 * names several others, or finds nothing where words were looked for, takes more.
 */
export async function sendList<K extends string>(
  request: FastifyRequest,
  reply: FastifyReply,
  reading: Reading,
  list: ListRead<K>,
): Promise<FastifyReply> {
  const { url } = request
  const pages = list.pagesAt(url)
  const lead = list.counted ? undefined : leadFilter(reading, list.filters)
  if (lead) {
    const plan: Plan<Shown> = {
      statement: (name) => list.statement(lead.filter(name), pages),
      shown: (row: Listed, at) => {
        if (row.data === null && list.meant) return undefined
        const there = at === url ? pages : list.pagesAt(at)
        return shownList(list, there, at, lead.resolved(row), row)
      },
    }
    const shown = await carryOut(reading.db, plan, lead.name, url)
    if (shown) {
      request.plan = plan
      return sendShown(request, reply, shown)
    }
  }
  const named = await resolveFilters(reading, list.filters)
  const [{ rows }, counted] = await Promise.all([
    reading.db.execute<Listed>(list.statement({ named }, pages)),
    list.counted?.(named),
  ])
  const row = rows[0] as Listed
  const didYouMean = row.data === null ? await list.meant?.(named) : undefined
  const shown = shownList(list, pages, url, named, row, { ...counted, didYouMean })
  return sendShown(request, reply, shown as Shown)
}

/** A list as it is sent; undefined where a filter leads nowhere. */
function shownList<K extends string>(
  { members, finish, alternates }: ListRead<K>,
  pages: Pages,
  url: string,
  resolved: Partial<Record<K, KnownIds>> | undefined,
  row: Listed,
  meta?: Meta,
): Shown | undefined {
  if (!resolved) return undefined
  const { data, next } = pageOfObjects(row, pages)
  const objects = finish ? finish(data) : data
  const { body, link } = pages.body(objects, next, meta)
  return {
    ...{ body, ...linked(link, alternates?.(url)) },
    ...{ members, resolved, lead: row.lead ?? undefined, empty: data === '' },
    objects: () => JSON.parse(`[${objects}]`),
  }
}

/** `Link` with all there are. */
function linked(...links: (string | undefined)[]): { link?: string } {
  const given = links.filter((link) => link !== undefined)
  return given.length > 0 ? { link: given.join(', ') } : {}
}

/** What the statement of one item brings: the object as text, and what is told of it. */
export type FoundItem = {
  data: string
  id: string
  /** Absent of what nobody changes. */
  version?: number
  slug?: string
  /** Absent where its own date does not tell when it was changed last. */
  modified?: number
  /** The article it goes with. */
  article_id?: string
}

/** Kinds that no reader sees: they leave nothing when they go, and no cache depends on them. */
const UNLISTED = ['partner', 'webhook', 'delivery'] as const
type Unlisted = (typeof UNLISTED)[number]
const isUnlisted = (kind: string): kind is Unlisted =>
  (UNLISTED as readonly string[]).includes(kind)

/** One item of a kind: what is asked, under its id or its slug of today, and what it shows. */
export type ItemRead = {
  kind: SlugKind | 'quote' | Unlisted
  name: string
  statement(name: Query, isId: boolean): Query
  members: readonly string[]
  finish?(object: string): string
  /** The format that the object is put into; absent: it is sent as it is. */
  format?: { type: string; write(object: string): string }
  /** `Link` to the item of this slug in other formats. */
  alternates?: ((slug: string) => string) | undefined
}

/**
 * Sends one item: in one statement, which is noted so that it can be asked again for another name. An
 * old slug is answered 301. Throws `not_found`, `gone`, `legally_removed`.
 */
export async function sendItem(
  request: FastifyRequest,
  reply: FastifyReply,
  reading: Reading,
  item: ItemRead,
): Promise<FastifyReply> {
  const { kind, name } = item
  const plan = planOf(item, UUID.test(name))
  const shown = await carryOut(reading.db, plan, name, request.url)
  if (shown) {
    request.plan = plan
    return sendShown(request, reply, shown)
  }
  if (isUnlisted(kind)) throw missing(kind)
  if (kind === 'quote') throw await absence(reading, kind, name)
  const id = await addressed(request, reply, reading, kind, name)
  if (id === undefined) return reply
  // It came, or got this slug, between the two questions.
  const after = await carryOut(reading.db, planOf(item, true), id, request.url)
  if (!after) throw await absence(reading, kind, id)
  return sendShown(request, reply, after)
}

function planOf(item: ItemRead, isId: boolean): Plan<Shown> {
  return {
    statement: (name) => item.statement(name, isId),
    shown: (row: FoundItem) => shownItem(item, row),
  }
}

/** Ways of asking for what was written that are kept, for each kind. */
const MOST = 100

/**
 * Items as their writers are shown them, in the transaction of the write: what is asked for, and how it
 * is asked, is written down the first time. Throws `not_found`.
 */
export function shownToWriter<Query extends object>(
  itemOf: (id: string, query: Query) => ItemRead,
): (ctx: Writing, id: string, query: Query) => Promise<Shown> {
  const known = new LRUCache<string, Prepared<Shown>>({ max: MOST })
  return async ({ tx }, id, query) => {
    const key = JSON.stringify(query)
    const ask = known.get(key) ?? prepare(planOf(itemOf(id, query), true))
    known.set(key, ask)
    const shown = await ask(tx.$client, id, '')
    if (!shown) throw missing(itemOf(id, query).kind)
    return shown
  }
}

/** An item as it is sent. */
function shownItem({ kind, members, finish, format, alternates }: ItemRead, row: FoundItem): Shown {
  const object = finish ? finish(row.data) : row.data
  const body = format ? format.write(object) : object
  const about = row.article_id
    ? { kind: 'article' as const, id: row.article_id }
    : !isUnlisted(kind) && { kind, id: row.id }
  return {
    ...{ body, members, objects: () => JSON.parse(object) },
    ...(row.version !== undefined && { version: row.version }),
    ...(format && { type: format.type }),
    ...linked(alternates?.(row.slug ?? row.id)),
    ...(about && { about }),
    address: row.slug ?? row.id,
    ...(row.modified !== undefined && { modified: row.modified }),
  }
}
