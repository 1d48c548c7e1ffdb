import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Reading } from '../db/client.ts'
import { absence } from '../db/gone.ts'
import {
  findAddress,
  findAddresses,
  findAlike,
  LEAD,
  leadTable,
  type SlugKind,
} from '../db/slugs.ts'
import type { Query } from '../db/statement.ts'
import type { Resolved } from '../db/where.ts'
import { type Detail, Fault } from '../errors.ts'
import { IdOrSlug, UUID } from '../fields.ts'
import { didYouMean } from '../nearest.ts'
import { LONGEST_SLUG } from '../slug.ts'
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
  // What follows a point is the format, which stays.
  const at = path.lastIndexOf('/') + 1
  const point = path.indexOf('.', at)
  const current = path.slice(0, at) + found.slug + (point === -1 ? '' : path.slice(point))
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

/** Of how many unknown names in a filter the nearest is looked for: each costs a look of its own. */
const LOOKED_FOR = 5

/** Why the names of a filter are refused that nothing has; with the nearest that this audience sees. */
async function unknown(
  reading: Reading,
  parameter: string,
  kind: SlugKind,
  names: readonly string[],
): Promise<Detail[]> {
  const misspelt = names.filter((name) => !UUID.test(name) && name.length <= LONGEST_SLUG)
  const alike = await findAlike(reading, kind, misspelt.slice(0, LOOKED_FOR))
  return names.map((name) => {
    const meant = didYouMean(name, alike.get(name) ?? [])
    const told = JSON.stringify(name.slice(0, LONGEST_SLUG))
    return { parameter, message: `There is no ${kind} ${told}${meant || '.'}` }
  })
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
      const ids = (list: string[]) => list.flatMap((name) => found.get(name)?.id ?? [])
      const resolved = { any: ids(filter.any), none: ids(filter.none) }
      const missing = names.filter((name) => !found.has(name))
      // By id, by slug, by an old slug: the same one may have several names.
      const both = filter.none.filter((name) => resolved.any.includes(found.get(name)?.id ?? ''))
      const errors: Detail[] = [
        ...(await unknown(reading, parameter, kind, missing)),
        ...both.map((name) => ({ parameter, message: `asks for ${name} and for none of it` })),
      ]
      return { parameter, resolved, errors }
    }),
  )
  const errors = answers.flatMap((answer) => answer.errors)
  if (errors.length > 0) {
    throw new Fault('invalid_request', 'A filter cannot be answered; see errors.', { errors })
  }
  return Object.fromEntries(
    answers.map(({ parameter, resolved }) => [parameter, resolved]),
  ) as Record<K, KnownIds | undefined>
}
