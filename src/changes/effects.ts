import { type SQL, sql } from 'drizzle-orm'
import { findAncestors } from '../categories/queries.ts'
import type { Tx } from '../db/client.ts'
import { MEMBERS, TREE, tryToShare } from '../db/locks.ts'
import { note } from '../db/notice.ts'
import { array, oneOf } from '../db/where.ts'
import { ALL, absence, dropped, group } from '../delivery/groups.ts'

/*
 * What a change drops (src/delivery/groups.ts has the words), worked out in its transaction from what
 * was before and what is now. Where it cannot be told exactly without making writers wait for each
 * other, it is more, never less: an article that begins to name a source drops what depends on whether
 * readers see that source, although another article may name it already, because that other one may
 * be withdrawn at this very moment.
 */

/** What one version of an article was to readers. */
type Facts = {
  slug: string
  /** Visible, or within a minute: a transaction that began before a boundary can commit after it. */
  near: boolean
  visible: boolean
  published: boolean
  categories: string[]
  sources: string[]
  speakers: string[]
  quotes: string[]
}

type Pair = { id: string; seen: boolean; now: Facts; before: Facts | null; boundary: string | null }

/** The facts of a revision's content. */
function facts(content: SQL): SQL {
  const time = (name: string) => sql`(${content} ->> ${sql.raw(`'${name}'`)})::timestamptz`
  const visible = (margin: SQL) => sql`(${content} ->> 'status' = 'published'
    and greatest(${time('publish_at')}, ${time('embargo_until')}) <= now() + ${margin}
    and coalesce(${time('expires_at')} > now(), true))`
  const ids = (path: string) => sql`jsonb_path_query_array(${content}, ${sql.raw(`'$.${path}'`)})`
  const said = 'quotes[*] ? (@.state == null || @.state != "suggested")'
  return sql`jsonb_build_object('slug', ${content} -> 'slug',
    'published', ${content} ->> 'status' = 'published',
    'near', ${visible(sql`interval '1 minute'`)}, 'visible', ${visible(sql`interval '0'`)},
    'categories', ${ids('categories[*].id')}, 'sources', ${ids('sources[*].id')},
    'speakers', ${ids(`${said}.speaker_id ? (@ != null)`)}, 'quotes', ${ids(`${said}.id`)})`
}

/**
 * Notes what changed for readers with these articles, whose new versions have been kept as revisions:
 * the last two tell what it was and is. `byTime`: no version is new, but one was made visible or
 * hidden by its times. Whether readers can notice anything of it.
 */
export async function noteArticles(
  tx: Tx,
  ids: readonly string[],
  { byTime = false }: { byTime?: boolean } = {},
): Promise<boolean> {
  const { rows } = await tx.execute<Pair>(sql`
    select a.id, a.first_visible_at is not null as seen, ${facts(sql`r.content`)} as now,
      case when p.content is not null then ${facts(sql`p.content`)} end as before,
      case when a.status = 'published' then extract(epoch from least(
        case when a.publish_at > now() then a.publish_at end,
        case when a.embargo_until > now() then a.embargo_until end,
        case when a.expires_at > now() then a.expires_at end)) * 1000 end as boundary
    from articles a
    join revisions r on r.article_id = a.id and r.version = a.version
    left join lateral (select p.content from revisions p
      where p.article_id = a.id and p.version < a.version order by p.version desc limit 1) p on true
    where ${oneOf(sql`a.id`, ids, 'uuid')}`)
  const groups = new Set<string>()
  const begun = { categories: new Set<string>(), sources: new Set<string>() }
  const filed = new Set<string>()
  for (const pair of rows) {
    note(tx, [], pair.boundary === null ? null : Number(pair.boundary))
    for (const name of effectsOf(pair, byTime, begun, filed)) groups.add(name)
  }
  if (filed.size > 0 || begun.sources.size > 0) {
    for (const name of await around(tx, filed, begun)) groups.add(name)
  }
  note(tx, dropped(groups))
  return groups.size > 0
}

type Begun = { categories: Set<string>; sources: Set<string> }

/** What one article's change drops by itself; what it begins or ceases to name goes into `begun`. */
function effectsOf(pair: Pair, byTime: boolean, begun: Begun, filed: Set<string>): string[] {
  const { id, now, seen } = pair
  const before = byTime ? now : pair.before
  // Not there for readers; what is told of it where it was may change, such as a notice.
  const wasThere = before?.near || (seen && before?.published)
  if (!byTime && !now.near && !wasThere) return seen ? [absence('article')] : []
  const both = (name: 'categories' | 'sources' | 'speakers' | 'quotes') => {
    return new Set([...now[name], ...(before?.[name] ?? [])])
  }
  const appears = byTime || !now.visible || !before?.visible
  const groups = [group('article', id), 'articles']
  for (const source of both('sources')) groups.push(group('from', source))
  for (const speaker of both('speakers')) groups.push(group('said', speaker))
  for (const category of both('categories')) filed.add(category)
  if (both('quotes').size > 0) groups.push('quotes')
  if (appears || now.slug !== before?.slug) groups.push(absence('article'))
  const quoted = appears && both('quotes').size > 0
  if (quoted || differ(now.quotes, before?.quotes)) groups.push(absence('quote'))
  const named = (facts: Facts | null | undefined) => [
    ...(facts?.sources ?? []),
    ...(facts?.speakers ?? []),
  ]
  for (const source of changed(named(now), named(before), appears)) begun.sources.add(source)
  for (const category of changed(now.categories, before?.categories ?? [], appears)) {
    begun.categories.add(category)
  }
  return groups
}

function differ(a: string[], b: string[] = []): boolean {
  return new Set(a).symmetricDifference(new Set(b)).size > 0
}

function changed(now: string[], before: string[], appears: boolean): Set<string> {
  const [a, b] = [new Set(now), new Set(before)]
  return appears ? a.union(b) : a.symmetricDifference(b)
}

/**
 * What follows from the tree of categories and from who belongs to whom. Whoever changes either holds
 * a lock until it has committed. An article's writer does not wait for it, having locked its article
 * (the other may want that one): it says that everything goes.
 */
async function around(tx: Tx, filed: Set<string>, begun: Begun): Promise<string[]> {
  if (!(await tryToShare(tx, [TREE, MEMBERS]))) return [ALL]
  const groups: string[] = []
  const above = await findAncestors(tx, [...filed])
  for (const { of, id } of above) {
    groups.push(group('in', id))
    if (begun.categories.has(of)) groups.push(group('filed', id))
  }
  if (begun.categories.size > 0) groups.push('categories', absence('category'))
  if (begun.sources.size > 0) groups.push('sources', absence('source'))
  for (const source of begun.sources) groups.push(group('named', source))
  for (const member of await membersOf(tx, begun.sources)) groups.push(group('org', member))
  return groups
}

async function membersOf(tx: Tx, organizations: ReadonlySet<string>): Promise<string[]> {
  if (organizations.size === 0) return []
  const { rows } = await tx.execute<{ id: string }>(sql`
    select id from sources where organization_id = any(${array([...organizations], 'uuid')})`)
  return rows.map(({ id }) => id)
}

/** Notes that what a category's row says has changed; `slug` when its address has. */
export function noteCategory(tx: Tx, id: string, { slug = false } = {}): void {
  const groups = [group('category', id), 'categories']
  note(tx, dropped(slug ? [...groups, 'paths', absence('category')] : groups))
}

/** Notes that a category moves: what stands in those it is in, now and, called again, then. */
export async function noteMove(tx: Tx, id: string): Promise<void> {
  const above = await findAncestors(tx, [id])
  const groups = above.flatMap((one) => [group('in', one.id), group('filed', one.id)])
  note(tx, dropped([...groups, 'categories', absence('category')]))
}

/** Notes that what a source's row says has changed; `slug` when its address has. */
export function noteSource(tx: Tx, id: string, { slug = false } = {}): void {
  const groups = [group('source', id), 'sources']
  note(tx, dropped(slug ? [...groups, absence('source')] : groups))
}

/** Notes that one took the place of another everywhere, which has effects without number. */
export function noteMerge(tx: Tx): void {
  note(tx, [ALL])
}
