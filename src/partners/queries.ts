import { type SQL, sql } from 'drizzle-orm'
import { instant, type Members, pickMembers, selected } from '../db/json.ts'
import type { Order } from '../db/keyset.ts'
import { type Listing, listObjects } from '../db/listing.ts'
import { array } from '../db/where.ts'
import type { PartnerListQuery } from './schema.ts'

const ORDERS = {
  name: { column: sql`p.name`, type: 'text', descending: false },
  '-name': { column: sql`p.name`, type: 'text', descending: true },
  createdAt: { column: sql`p.created_at`, type: 'timestamptz', descending: false },
  '-createdAt': { column: sql`p.created_at`, type: 'timestamptz', descending: true },
} as const

/** Partners with what each may have today: `p`. */
const PARTNERS = sql`(
  select p.*, e.languages, e.allowed, e.excluded, e.formats, e.early
  from partners p left join lateral (
    select * from entitlements e where e.partner_id = p.id order by e.id desc limit 1) e on true) p`

/** Categories by id, in the order in which they are named. */
const references = (ids: SQL) => sql`(
  select coalesce(json_agg(json_build_object('id', c.id, 'slug', c.slug, 'name', c.name) order by n.place), '[]')
  from unnest(${ids}) with ordinality n (id, place) join categories c on c.id = n.id)`

const PARTNER: Members = {
  id: sql`p.id`,
  version: sql`p.version`,
  name: sql`p.name`,
  contact: sql`p.contact`,
  languages: sql`p.languages`,
  formats: sql`p.formats`,
  earlyAccess: sql`p.early`,
  rateLimit: sql`p.rate_limit`,
  categories: sql`json_build_object(
    'allowed', case when p.allowed is not null then ${references(sql`p.allowed`)} end,
    'excluded', ${references(sql`p.excluded`)})`,
  endedAt: instant(sql`p.ended_at`),
  createdAt: instant(sql`p.created_at`),
  updatedAt: instant(sql`p.updated_at`),
}

/** The members of a partner that were asked for. */
export function partnerMembers(fields: readonly string[] | undefined): Members {
  return pickMembers(PARTNER, fields)
}

/** A partner by id, as an object with what is told of it. */
export function findPartner(id: SQL, members: Members): SQL {
  return sql`
    select row_to_json(o)::text as data, p.id, p.version
    from ${PARTNERS} cross join lateral (select ${selected(members)}) o where p.id = ${id}::uuid`
}

/** Where partners come from, and the conditions of a list. */
export function findPartners({ ids }: Pick<PartnerListQuery, 'ids'>) {
  return { from: PARTNERS, where: [ids && sql`p.id = any(${array(ids, 'uuid')})`] }
}

/** A page of partners, as one row of objects. */
export function listPartners(query: PartnerListQuery, page: Listing, members: Members): SQL {
  const { column, type, descending } = ORDERS[query.sort]
  const order: Order = { columns: [{ column, type }], id: sql`p.id`, descending }
  return listObjects({ alias: 'p', ...findPartners(query), order, page, members })
}
