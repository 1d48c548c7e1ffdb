import { type SQL, sql } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'
import { instant, type Members, selected } from '../db/json.ts'
import { damaged, type Order } from '../db/keyset.ts'
import { type Listing, listObjects } from '../db/listing.ts'
import { all, array, literal } from '../db/where.ts'
import { type Access, availableTo, availableToEach } from './access.ts'
import type { HoldingQuery, RecipientQuery, ReportRow, State } from './schema.ts'

/** The last that was told in one degree, out of a row `h`. */
const told = (degree: string) => {
  const column = (name: string) => sql.raw(`h.${degree}_${name}`)
  return sql`case when ${column('step')} is not null then json_build_object(
    'version', ${column('version')}, 'removed', ${column('step')} % 2 = 0,
    'position', ${column('step')} / 2, 'at', ${instant(column('at'))}, 'how', ${column('how')}) end`
}

/** Of what a partner has, a column of the degree in which that is known. */
const known = (name: string) => sql`case h.degree
  when 'acknowledged' then ${sql.raw(`h.acknowledged_${name}`)}
  when 'given' then ${sql.raw(`h.given_${name}`)} else ${sql.raw(`h.notified_${name}`)} end`

const HAS: Members = {
  version: sql`h.version`,
  currentVersion: sql`h.current_version`,
  state: sql`h.state`,
  degree: sql`h.degree`,
  at: instant(known('at')),
  how: known('how'),
  notified: told('notified'),
  given: told('given'),
  acknowledged: told('acknowledged'),
}

/** The state of a holding: its step and version against the article `a`, which is there for the partner or not. */
const stateOf = (available: SQL, holding: string) => {
  const [step, version] = [sql.raw(`${holding}.step`), sql.raw(`${holding}.version`)]
  return sql`case
    when ${available} then case when ${step} % 2 = 0 then 'missing'
      when ${version} < a.version then 'stale' else 'current' end
    when ${step} % 2 = 0 then 'removed' else 'must-remove' end`
}

/** Every partner that has, had or should have an article, and what it has of it: `h`. */
export function findRecipients(articleId: string, { state, degree }: Partial<RecipientQuery>) {
  const from = sql`(
    select p.id, p.name, p.ended_at, k.*, a.version as current_version,
      case when k.step is not null then ${stateOf(availableToEach, 'k')}
        when ${availableToEach} then 'missing' end as state
    from articles a cross join partners p
    cross join lateral (
      select * from entitlements e where e.partner_id = p.id order by e.id desc limit 1) e
    left join holdings k on k.partner_id = p.id and k.article_id = a.id
    where a.id = ${articleId}::uuid) h`
  return {
    from,
    where: [
      sql`h.state is not null`,
      state && sql`h.state = any(${array(state)})`,
      degree && sql`h.degree = any(${array(degree)})`,
    ],
  }
}

/** A page of them by name, as one row of objects. */
export function listRecipients(articleId: string, query: RecipientQuery, page: Listing): SQL {
  const order: Order = {
    columns: [{ column: sql`h.name`, type: 'text' }],
    id: sql`h.id`,
    descending: false,
  }
  const members: Members = {
    ...{ id: sql`h.id`, name: sql`h.name`, endedAt: instant(sql`h.ended_at`) },
    ...HAS,
  }
  return listObjects({ alias: 'h', ...findRecipients(articleId, query), order, page, members })
}

/**
 * Holdings that one statement looks at: a state follows from the article as it is at this moment, so
 * it is found by looking. 20,000 take 40 ms, and 220 ms for a partner whose entitlement is limited.
 */
const WINDOW = 20_000
/** That one page looks at: where few are in the state, it ends there, with fewer rows than were asked for. */
const LOOKED_AT = 100_000

const KEPT: readonly State[] = ['current', 'stale', 'must-remove']

/** The holdings after an article, newest article first, as far as one statement looks: `w`. */
function window(partnerId: string, { state, degree, ids }: Partial<HoldingQuery>, after?: string) {
  const kept = state?.filter((one) => KEPT.includes(one)).length
  const half =
    kept === state?.length ? sql`h.step % 2 = 1` : kept === 0 ? sql`h.step % 2 = 0` : undefined
  return sql`select h.article_id, h.step, h.version from holdings h where ${all([
    sql`h.partner_id = ${partnerId}`,
    // In the words of the partial indexes.
    state && half,
    after !== undefined && sql`h.article_id < ${after}::uuid`,
    ids && sql`h.article_id = any(${array(ids, 'uuid')})`,
    degree && sql`h.degree = any(${array(degree)})`,
  ])} order by h.article_id desc limit ${literal(WINDOW)}`
}

/** Those of the window that are in one of these states. */
function inState(access: Access, state: HoldingQuery['state']) {
  const available = sql`coalesce(${availableTo(access)}, false)`
  const found = stateOf(available, 'w')
  // What is cheap to see, first.
  const stale = state?.every((one) => one === 'stale') && sql`w.version < a.version`
  const where = all([stale, state && sql`(${found}) = any(${array(state)})`])
  return { found, where }
}

type Found = { looked: string; last: string | null; id: string | null; data: string | null }

/**
 * A page of what a partner has, newest article first: objects as JSON, and after which article the next
 * page begins. Throws `invalid_cursor`.
 */
export async function listHoldings(
  db: Pick<Executor, 'execute'>,
  partnerId: string,
  access: Access,
  query: HoldingQuery,
  page: Listing,
): Promise<{ data: string[]; next: string | undefined }> {
  const { found, where } = inState(access, query.state)
  const members: Members = {
    ...{ id: sql`h.article_id`, slug: sql`h.slug`, headline: sql`h.headline` },
    ...HAS,
  }
  if (page.from && page.from.values.join() !== page.from.id) throw damaged()
  const data: string[] = []
  let after = page.from?.id
  for (let looked = 0; looked < LOOKED_AT; looked += WINDOW) {
    const wanted = page.limit - data.length
    const { rows } = await db.execute<Found>(sql`
      with w as materialized (${window(partnerId, query, after)}), found as (
        select w.article_id, a.slug, a.headline, a.version as current_version, ${found} as state
        from w left join articles a on a.id = w.article_id
        where ${where} order by w.article_id desc limit ${literal(wanted + 1)}
      )
      select e.*, o.id, o.data
      from (select (select count(*) from w) as looked,
        (select w.article_id from w order by w.article_id limit 1) as last) e
      left join (
        select h.article_id as id, row_to_json(m)::text as data
        from (select k.*, f.slug, f.headline, f.current_version, f.state
          from found f join holdings k on k.partner_id = ${partnerId} and k.article_id = f.article_id) h
        cross join lateral (select ${selected(members)}) m) o on true
      order by o.id desc`)
    const [first] = rows
    const objects = rows.filter(({ id }) => id !== null)
    data.push(...objects.slice(0, wanted).map((row) => row.data as string))
    if (objects.length > wanted) return { data, next: objects[wanted - 1]?.id ?? after }
    if (!first?.last || Number(first.looked) < WINDOW) return { data, next: undefined }
    after = first.last
    if (data.length === page.limit) break
  }
  return { data, next: after }
}

/** How many there are on all pages: window after window, so that no statement takes long. */
export async function countHoldings(
  db: Pick<Executor, 'execute'>,
  partnerId: string,
  access: Access,
  query: HoldingQuery,
): Promise<number> {
  const { where } = inState(access, query.state)
  let count = 0
  for (let after: string | undefined; ; ) {
    const { rows } = await db.execute<{ count: string; looked: string; last: string | null }>(sql`
      with w as materialized (${window(partnerId, query, after)})
      select (select count(*) from w) as looked,
        (select w.article_id from w order by w.article_id limit 1) as last,
        (select count(*) from w left join articles a on a.id = w.article_id where ${where}) as count`)
    const [row] = rows
    count += Number(row?.count)
    if (!row?.last || Number(row.looked) < WINDOW) return count
    after = row.last
  }
}

/** Whether there is, or was, such a partner. */
export async function isPartner(db: Pick<Executor, 'execute'>, id: string): Promise<boolean> {
  const { rows } = await db.execute(sql`select from partners where id = ${id}`)
  return rows.length > 0
}

/** What a report is about: the article, and the last that the ledger says of a version of it. */
export type Reported = {
  id: string
  slug: string
  headline: string | null
  version: number
  position: string
  told_version: number
  event: string
  op: 'upsert' | 'remove'
  at: string
  made_at: string
}

/**
 * The last that those outside were told of an article up to a version; undefined when there was no such
 * version, or nothing was told.
 */
export async function findReported(
  db: Pick<Executor, 'execute'>,
  articleId: string,
  version: number,
): Promise<Reported | undefined> {
  const { rows } = await db.execute<Reported>(sql`
    select a.id, a.slug, a.headline, a.version, c.position, c.to_version as told_version, c.event,
      case when c.is_visible then 'upsert' else 'remove' end as op,
      ${instant(sql`c.at`)} as at, ${instant(sql`now()`)} as made_at
    from articles a join changes c on c.kind = 'article' and c.resource_id = a.id
    where a.id = ${articleId} and c.position is not null
      and c.id <= (select max(v.id) from changes v
        where v.kind = 'article' and v.resource_id = a.id and v.to_version = ${version})
      and (c.was_visible or c.is_visible or c.was_early or c.is_early)
    order by c.id desc limit 1`)
  return rows[0]
}

/**
 * What became of a change at every partner, by name. Whoever was told of a later one was told of this; an
 * older article of which nothing was told since is waited for.
 */
export async function listOutcomes(
  db: Pick<Executor, 'execute'>,
  { id, position }: Pick<Reported, 'id' | 'position'>,
  { overdueAfter, expect }: { overdueAfter: number; expect: 'delivered' | 'acknowledged' },
): Promise<ReportRow[]> {
  const since = (degree: string) => sql`${sql.raw(`k.${degree}_step`)} / 2 >= c.position`
  const when = (degree: string) =>
    sql`case when ${since(degree)} then ${sql.raw(`k.${degree}_at`)} end`
  const late = sql`case when c.at + ${overdueAfter} * interval '1 second' <= now()
    then 'overdue' else 'pending' end`
  const members: Members = {
    id: sql`h.id`,
    name: sql`h.name`,
    endedAt: instant(sql`h.ended_at`),
    outcome: sql`h.outcome`,
    deliveredAt: instant(sql`h.delivered_at`),
    deliveredHow: sql`case h.delivered_at when h.notified_at then h.notified_how when h.given_at then h.given_how end`,
    acknowledgedAt: instant(sql`h.confirmed_at`),
    acknowledgedHow: sql`case when h.confirmed_at is not null then h.acknowledged_how end`,
    version: sql`h.version`,
    removed: sql`h.step % 2 = 0`,
    degree: sql`h.degree`,
    at: instant(known('at')),
    how: known('how'),
  }
  const { rows } = await db.execute<ReportRow>(sql`
    select m.* from (
      select p.id, p.name, p.ended_at, k.*, ${when('acknowledged')} as confirmed_at,
        least(${when('notified')}, ${when('given')}) as delivered_at,
        case
          when ${since('acknowledged')} then 'acknowledged'
          when ${since('notified')} or ${since('given')} then
            ${expect === 'acknowledged' ? late : sql`'delivered'`}
          when k.step is null then 'never-had'
          -- It has none, and is to have none.
          when k.step % 2 = 0 and coalesce(${availableToEach}, false) is false then 'removed'
          else ${late} end as outcome
      from articles a
      join changes c on c.position = ${position}
      cross join partners p
      cross join lateral (
        select * from entitlements e where e.partner_id = p.id order by e.id desc limit 1) e
      left join holdings k on k.partner_id = p.id and k.article_id = a.id
      where a.id = ${id} and (p.ended_at is null or k.step is not null)
    ) h cross join lateral (select ${selected(members)}) m
    order by h.name, h.id`)
  return rows
}
