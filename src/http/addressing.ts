import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Reading } from '../db/client.ts'
import { absence } from '../db/gone.ts'
import { findAddress, findAddresses, LEAD, leadTable, type SlugKind } from '../db/slugs.ts'
import type { Query } from '../db/statement.ts'
import type { Resolved } from '../db/where.ts'
import { type Detail, Fault } from '../errors.ts'
import { IdOrSlug, UUID } from '../fields.ts'
import { noteRead } from './caching.ts'
import type { Filter } from './parameters.ts'
import { splitUrl } from './url.ts'

/** The path parameter of an item that has slugs. */
export const addressOf = (example: string) =>
  z.object({
    idOrSlug: IdOrSlug.meta({
      description: 'Id or slug. A slug it once had answers 301 to a GET.',
      param: { example },
    }),
  })

/**
 * The id that a path names in this audience's view, or undefined after answering 301: the name was
 * an old slug. Throws `not_found`, or `gone` for what was visible.
 */
export async function addressed(
  request: FastifyRequest,
  reply: FastifyReply,
  reading: Reading,
  kind: SlugKind,
  name: string,
): Promise<string | undefined> {
  const found = await findAddress(reading, kind, name)
  if (!found) throw await absence(reading, kind, name)
  if (UUID.test(name) || found.slug === name) return found.id
  const { path, query } = splitUrl(request.url)
  const current = path.replace(/[^/]*$/, found.slug)
  noteRead(request, { about: { kind, id: found.id } })
  reply
    .code(301)
    .header('location', query ? `${current}?${query}` : current)
    .send()
  return undefined
}

/** Filters by slug or id, by parameter, each with the kind it names. */
export type Filters<K extends string> = Record<K, readonly [SlugKind, Filter | undefined]>

/** Filters as queries take them, with the table in front of a statement that finds out a name itself. */
export type Filtered<K extends string> = {
  named: Record<K, Resolved | undefined>
  lead?: Query
}

/** A filter by ids that are known. */
export type KnownIds = { any: readonly string[]; none: readonly string[] }

/** A list that takes no question before its own: the one name it is filtered by, if there is one. */
export type Lead<K extends string> = {
  name: string
  filter(name: Query): Filtered<K>
  /** By id, once the statement has its row; undefined when the name leads nowhere. */
  resolved(row: { lead?: string | null }): Partial<Record<K, KnownIds>> | undefined
}

/**
 * Filters that take no question of their own: none, or one by one name, as most lists are asked for.
 * Undefined for all others.
 */
export function leadFilter<K extends string>(
  { schema }: Pick<Reading, 'schema'>,
  filters: Filters<K>,
): Lead<K> | undefined {
  const asked = Object.entries(filters) as [K, readonly [SlugKind, Filter | undefined]][]
  const none = Object.fromEntries(asked.map(([name]) => [name, undefined])) as Record<K, undefined>
  const [first, ...others] = asked.filter(([, [, filter]]) => filter)
  if (!first) return { name: '', filter: () => ({ named: none }), resolved: () => ({}) }
  const [parameter, [kind, filter]] = first
  const [name] = filter?.any ?? []
  if (others.length > 0 || name === undefined || filter?.any.length !== 1 || filter.none.length)
    return undefined
  const isId = UUID.test(name)
  return {
    name,
    filter: (asked) => ({
      named: { ...none, [parameter]: { any: LEAD, none: [] } },
      lead: leadTable(schema, kind, asked, isId),
    }),
    resolved: ({ lead }) =>
      lead ? ({ [parameter]: { any: [lead], none: [] } } as never) : undefined,
  }
}

/**
 * Filters by slug or id (present or past) as filters by id. A name that this audience cannot see is
 * a 400 like one that does not exist.
 */
export async function resolveFilters<K extends string>(
  reading: Reading,
  filters: Filters<K>,
): Promise<Record<K, KnownIds | undefined>> {
  const asked = Object.entries(filters) as [K, readonly [SlugKind, Filter | undefined]][]
  const answers = await Promise.all(
    asked.map(async ([parameter, [kind, filter]]) => {
      if (!filter) return { parameter, resolved: undefined, errors: [] }
      const names = [...filter.any, ...filter.none]
      const found = await findAddresses(reading, kind, names)
      const unknown = names.filter((name) => !found.has(name)).map((name) => name.slice(0, 100))
      const errors: Detail[] = unknown.map((name) => {
        return { parameter, message: `There is no ${kind} ${JSON.stringify(name)}.` }
      })
      const ids = (list: string[]) => list.flatMap((name) => found.get(name)?.id ?? [])
      return { parameter, resolved: { any: ids(filter.any), none: ids(filter.none) }, errors }
    }),
  )
  const errors = answers.flatMap((answer) => answer.errors)
  if (errors.length > 0) {
    throw new Fault('invalid_request', 'A filter names what does not exist.', { errors })
  }
  return Object.fromEntries(
    answers.map(({ parameter, resolved }) => [parameter, resolved]),
  ) as Record<K, KnownIds | undefined>
}
