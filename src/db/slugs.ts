import { and, eq, type SQL, sql } from 'drizzle-orm'
import { Fault } from '../errors.ts'
import { UUID } from '../fields.ts'
import { LONGEST_SLUG, slugOf } from '../slug.ts'
import type { Reading, Tx } from './client.ts'
import type { Value } from './statement.ts'
import { slugs } from './tables.ts'
import { array, oneOf } from './where.ts'

/** The kinds that have slugs; each has a slug space of its own. */
export type SlugKind = 'article' | 'source' | 'category'

const TABLE = { article: 'articles', source: 'sources', category: 'categories' } as const

/** Room for a suffix such as `-1234` where a slug is taken. */
const ROOM = 5

/** A slug for a resource out of its headline or name; from the id where nothing is left of it. */
export function slugFrom(words: string | null | undefined, kind: SlugKind, id: string): string {
  const slug = slugOf(words ?? '', LONGEST_SLUG - ROOM)
  return slug === '' || UUID.test(slug) ? `${kind}-${id.slice(-12)}` : slug
}

/** An expression that takes the first free one of `base`, `base-2`, ... for a resource. */
export function freeSlug(kind: SlugKind, base: Value | string, id: Value | string): SQL {
  return sql`public.claim_slug(${sql.raw(`'${kind}'`)}, ${base}, ${id})`
}

/** Takes the first free one of `base`, `base-2`, ... for a resource. */
export async function claimSlug(tx: Tx, kind: SlugKind, base: string, id: string): Promise<string> {
  const { rows } = await tx.execute<{ slug: string }>(
    sql`select ${freeSlug(kind, base, id)} as slug`,
  )
  return rows[0]?.slug ?? base
}

/**
 * Takes exactly this slug for a resource, which may have had it before. Throws `slug_taken` (409)
 * when another has it or once had it: a used slug is never given out again.
 */
export async function takeSlug(tx: Tx, kind: SlugKind, slug: string, id: string): Promise<void> {
  const taken = await tx
    .insert(slugs)
    .values({ kind, slug, resourceId: id })
    .onConflictDoNothing()
    .returning({ id: slugs.resourceId })
  if (taken.length > 0) return
  const own = await tx
    .select({ id: slugs.resourceId })
    .from(slugs)
    .where(and(eq(slugs.kind, kind), eq(slugs.slug, slug), eq(slugs.resourceId, id)))
  if (own.length > 0) return
  throw new Fault('slug_taken', `The slug ${slug} is taken, or was once used.`, {
    errors: [{ pointer: '/slug', message: 'is taken, or was once used' }],
  })
}

/** Lets the slugs of a resource that was never seen go; only then may they be given out again. */
export async function releaseSlugs(tx: Tx, kind: SlugKind, id: string): Promise<void> {
  await tx.delete(slugs).where(and(eq(slugs.kind, kind), eq(slugs.resourceId, id)))
}

/** Hands the slugs of a merged resource to the one it was merged into, where they redirect. */
export async function bequeathSlugs(
  tx: Tx,
  kind: SlugKind,
  from: string,
  to: string,
): Promise<void> {
  await tx
    .update(slugs)
    .set({
      resourceId: to,
      seen: sql`${slugs.seen} or exists (
        select from sightings s where s.kind = ${kind} and s.resource_id = ${from})`,
    })
    .where(and(eq(slugs.kind, kind), eq(slugs.resourceId, from)))
}

export type Address = { id: string; slug: string }

/**
 * What ids and slugs, present or past, name in this audience's view. Names that are unknown there
 * are absent from the map, whatever the reason.
 */
export async function findAddresses(
  { db, schema }: Reading,
  kind: SlugKind,
  names: readonly string[],
): Promise<Map<string, Address>> {
  if (names.length === 0) return new Map()
  const ids = names.filter((name) => UUID.test(name))
  const others = names.filter((name) => !UUID.test(name))
  const parts = []
  if (ids.length > 0) {
    parts.push(
      sql`select id::text as name, id, slug from ${view(schema, TABLE[kind])} where ${oneOf(sql`id`, ids, 'uuid')}`,
    )
  }
  if (others.length > 0) {
    // The kind stands in the text, so that only its branch of the view is planned.
    parts.push(
      sql`select slug as name, resource_id as id, current_slug as slug from ${view(schema, 'slugs')}
          where kind = ${sql.raw(`'${kind}'`)} and ${oneOf(sql`slug`, others, 'text')}`,
    )
  }
  const { rows } = await db.execute<{ name: string } & Address>(sql.join(parts, sql` union all `))
  return new Map(
    names.flatMap((name) => {
      const row = rows.find((r) => r.name === (UUID.test(name) ? name.toLowerCase() : name))
      return row ? [[name, { id: row.id, slug: row.slug }] as const] : []
    }),
  )
}

/** {@link findAddresses} for one name; undefined when nothing has it. */
export async function findAddress(
  reading: Reading,
  kind: SlugKind,
  name: string,
): Promise<Address | undefined> {
  return (await findAddresses(reading, kind, [name])).get(name)
}

/**
 * Present slugs that are like each of these names, in this audience's view: what it cannot see is not
 * named. Which of them was meant is for the caller to say.
 */
export async function findAlike(
  { db, schema }: Reading,
  kind: SlugKind,
  names: readonly string[],
): Promise<Map<string, string[]>> {
  if (names.length === 0) return new Map()
  const { rows } = await db.execute<{ name: string; slugs: string[] }>(sql`
    select n.name, ${view(schema, 'slugs_alike')}(${kind}, n.name) as slugs
    from unnest(${array(names)}) n (name)`)
  return new Map(rows.map(({ name, slugs }) => [name, slugs]))
}

/** The one id that a statement finds out itself, by the table that `leadTable` puts in front of it. */
export const LEAD: SQL = sql`(select lead.id from lead)`

/**
 * The table of what a name, present or past, leads to in this audience's view; its id is null where it
 * leads nowhere. With it a list by one slug takes no question before its own.
 */
export function leadTable(
  schema: Reading['schema'],
  kind: SlugKind,
  name: SQL,
  isId: boolean,
): SQL {
  const id = isId
    ? sql`select id from ${view(schema, TABLE[kind])} where id = ${name}::uuid`
    : sql`select resource_id from ${view(schema, 'slugs')}
        where kind = ${sql.raw(`'${kind}'`)} and slug = ${name}`
  return sql`lead as materialized (select (${id}) as id)`
}

/** A view of this audience, as an SQL name. */
export function view(schema: Reading['schema'], name: string) {
  return sql.raw(`${schema}.${name}`)
}
