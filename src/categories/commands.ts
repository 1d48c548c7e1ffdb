import { and, eq, isNull, ne, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { demandMayChangeShown, lockArticlesWhere, nextVersions } from '../articles/lock.ts'
import { noteCategory, noteMerge, noteMove } from '../changes/effects.ts'
import { record, recordArticles, recordDeletion, recordUpdates } from '../changes/record.ts'
import { noteCategories } from '../changes/sightings.ts'
import type { Writing } from '../db/client.ts'
import { moment, now } from '../db/clock.ts'
import { hold, TREE } from '../db/locks.ts'
import { bequeathSlugs, claimSlug, findAddress, slugFrom, takeSlug } from '../db/slugs.ts'
import { articleCategories, categories } from '../db/tables.ts'
import { demandVersion, type Expected } from '../db/versions.ts'
import { Fault, missing, ruleBroken, unknownReferences } from '../errors.ts'
import { reassignInEntitlements } from '../partners/entitlements.ts'
import { findAncestors, withDescendants } from './queries.ts'
import type { CategoryCreate, CategoryPatch } from './schema.ts'

/**
 * Whoever changes the tree's shape waits here first, before any row is locked: two moves at once
 * could close a ring or give one position twice. The trigger categories_refuse_ring takes the same
 * lock, for whoever forgets.
 */
async function lockTree({ tx }: Writing): Promise<void> {
  await hold(tx, TREE)
}

async function parentId({ tx }: Writing, name: string | null | undefined) {
  if (name === undefined || name === null) return name
  const id = (await findAddress({ db: tx, schema: 'editor' }, 'category', name))?.id
  if (!id) {
    throw unknownReferences([{ pointer: '/parent', message: `There is no category ${name}.` }])
  }
  return id
}

async function lockCategory({ tx }: Writing, name: string) {
  const id = (await findAddress({ db: tx, schema: 'editor' }, 'category', name))?.id
  const [row] = id
    ? await tx.select().from(categories).where(eq(categories.id, id)).for('update')
    : []
  if (!row) throw missing('category')
  return row
}

const below = (parent: string | null) =>
  parent === null ? isNull(categories.parentId) : eq(categories.parentId, parent)

/** Puts a category at a place among its siblings, who make room and close up. */
async function place(ctx: Writing, id: string, parent: string | null, position: number) {
  const { tx } = ctx
  const siblings = await tx
    .select({ id: categories.id, position: categories.position })
    .from(categories)
    .where(and(below(parent), ne(categories.id, id)))
    .orderBy(categories.position, categories.id)
  const order = siblings.map((sibling) => sibling.id)
  order.splice(Math.min(position, order.length), 0, id)
  for (const [index, sibling] of order.entries()) {
    if (siblings.some((s) => s.id === sibling && s.position === index)) continue
    const rows = await tx
      .update(categories)
      .set({ position: index, updatedAt: now })
      .where(eq(categories.id, sibling))
      .returning({ id: categories.id, version: categories.version })
    if (sibling === id) noteCategory(tx, id)
    else await recordShifted(ctx, rows)
  }
}

/** Siblings that made room: their place is another, which is told, in a version that is not. */
async function recordShifted(ctx: Writing, rows: { id: string; version: number }[]): Promise<void> {
  for (const { id, version } of rows) {
    noteCategory(ctx.tx, id)
    await record(ctx, {
      ...{ kind: 'category', id, operation: 'update', event: 'category.updated' },
      ...{ fromVersion: version, toVersion: version, reason: 'a sibling took or left its place' },
    })
  }
}

/** Articles in a category or below it: they show its name, or list under it. */
const showing = (id: string) => sql`id in (
  select x.article_id from article_categories x
  where x.category_id in ${withDescendants({ schema: 'editor' }, [id])})`

/** Makes a category; its id. Throws `slug_taken`, `unknown_reference`. */
export async function createCategory(ctx: Writing, input: CategoryCreate): Promise<string> {
  const { tx } = ctx
  const id = uuidv7()
  await lockTree(ctx)
  const parent = (await parentId(ctx, input.parent)) ?? null
  const slug =
    input.slug ?? (await claimSlug(tx, 'category', slugFrom(input.name, 'category', id), id))
  if (input.slug) await takeSlug(tx, 'category', input.slug, id)
  await tx.insert(categories).values({
    id,
    slug,
    name: input.name,
    description: input.description ?? null,
    parentId: parent,
    position: 0,
    createdAt: now,
    updatedAt: now,
  })
  await place(ctx, id, parent, input.position ?? Number.MAX_SAFE_INTEGER)
  await record(ctx, {
    kind: 'category',
    id,
    operation: 'create',
    event: 'category.created',
    fromVersion: null,
    toVersion: 1,
  })
  return id
}

/**
 * Changes a category; its id. `parent` moves it with all below it, `position` re-orders it.
 * Throws `not_found`, `version_stale`, `slug_taken`, `unknown_reference`, and `rule_broken` for a
 * category that would be its own ancestor.
 */
export async function updateCategory(
  ctx: Writing,
  name: string,
  patch: CategoryPatch,
  expected: Expected | undefined,
): Promise<string> {
  const { tx } = ctx
  const moves = patch.parent !== undefined || patch.position !== undefined
  if (moves) await lockTree(ctx)
  const row = await lockCategory(ctx, name)
  demandVersion(row.version, expected)
  await demandMayChangeShown(ctx, showing(row.id))
  const given = await parentId(ctx, patch.parent)
  const parent = given === undefined ? row.parentId : given
  if (parent && parent !== row.parentId) await demandNoRing(ctx, row.id, parent)
  if (patch.slug) await takeSlug(tx, 'category', patch.slug, row.id)
  if (parent !== row.parentId) await noteMove(tx, row.id)
  const { parent: _parent, position: _position, ...columns } = patch
  const turns = parent === row.parentId ? [] : await lineages(ctx, [row.id, row.parentId, parent])
  await noteCategories(tx, turns)
  await tx
    .update(categories)
    .set({
      ...columns,
      // Set only when it moves: the trigger takes the lock of the tree, which comes before row locks.
      ...(parent !== row.parentId && { parentId: parent }),
      version: row.version + 1,
      updatedAt: moment,
    })
    .where(eq(categories.id, row.id))
  if (moves) {
    const last = Number.MAX_SAFE_INTEGER
    const stays = parent === row.parentId ? row.position : last
    await place(ctx, row.id, parent, patch.position ?? stays)
    if (parent !== row.parentId) {
      await closeUp(ctx, row.parentId)
      await noteMove(tx, row.id)
    }
  }
  await noteCategories(tx, turns)
  noteCategory(tx, row.id, { slug: patch.slug !== undefined && patch.slug !== row.slug })
  await record(ctx, {
    kind: 'category',
    id: row.id,
    operation: 'update',
    event: 'category.updated',
    fromVersion: row.version,
    toVersion: row.version + 1,
  })
  if (parent !== row.parentId) {
    await recordTaking(ctx, { id: row.id, version: row.version + 1 }, [row.parentId, parent])
  }
  return row.id
}

/**
 * What stands in one category, or below it, has left those above the first of these places and come to
 * those above the second: partners entitled by one of them may have gained or lost it.
 */
async function recordTaking(
  ctx: Writing,
  { id, version }: { id: string; version: number },
  [before, after]: [string | null, string | null],
): Promise<void> {
  const [left, come] = [
    new Set(await lineages(ctx, [before])),
    new Set(await lineages(ctx, [after])),
  ]
  const categories = [...left.symmetricDifference(come)]
  if (categories.length === 0) return
  await record(ctx, {
    ...{ kind: 'category', id, operation: 'update', event: 'entitlement.changed' },
    ...{ fromVersion: version, toVersion: version, categories },
  })
}

/** Numbers the children of a parent from 0 again after one has left. */
async function closeUp(ctx: Writing, parent: string | null): Promise<void> {
  const { rows } = await ctx.tx.execute<{ id: string; version: number }>(sql`
    update categories c set position = n.position, updated_at = ${now}
    from (select id, row_number() over (order by position, id) - 1 as position
          from categories where parent_id is not distinct from ${parent}::uuid) n
    where n.id = c.id and n.position <> c.position
    returning c.id, c.version`)
  await recordShifted(ctx, rows)
}

/** These categories and all those above them: whom a move gives or takes what is below. */
async function lineages({ tx }: Writing, ids: (string | null)[]): Promise<string[]> {
  const found = await findAncestors(
    tx,
    ids.filter((id) => id !== null),
  )
  return [...new Set(found.map(({ id }) => id))]
}

async function demandNoRing({ tx }: Writing, id: string, parent: string): Promise<void> {
  if ((await findAncestors(tx, [parent])).some((one) => one.id === id)) {
    throw ruleBroken([{ pointer: '/parent', message: 'A category cannot be below itself.' }])
  }
}

/** Who refers to a category, the first hundred. */
async function referrers({ tx }: Writing, id: string) {
  const { rows } = await tx.execute<{ kind: string; id: string; slug: string | null }>(sql`
    select 'article' as kind, a.id, a.slug from articles a
      join article_categories x on x.article_id = a.id where x.category_id = ${id}
    union all select 'category', c.id, c.slug from categories c where c.parent_id = ${id}
    union all select 'partner', p.partner_id, null from partner_categories p where p.category_id = ${id}
    limit 100`)
  return rows.map(({ slug, ...one }) => ({ ...one, ...(slug !== null && { slug }) }))
}

/**
 * Deletes a category that nobody refers to, or, with `reassignTo`, merges it into another: its
 * articles (each in a new version) and children go over, and its slugs redirect there.
 * Throws `not_found`, `version_stale`, `in_use` with the references, `rule_broken`.
 */
export async function deleteCategory(
  ctx: Writing,
  name: string,
  expected: Expected | undefined,
  reassignTo: string | undefined,
): Promise<void> {
  const { tx } = ctx
  await lockTree(ctx)
  const row = await lockCategory(ctx, name)
  demandVersion(row.version, expected)
  await demandMayChangeShown(ctx, showing(row.id))
  if (reassignTo === undefined) {
    const references = await referrers(ctx, row.id)
    if (references.length > 0) {
      throw new Fault('in_use', 'Others refer to this category; name another in reassignTo.', {
        members: { references },
      })
    }
    await recordDeletion(ctx, 'category', row, 'deleted')
  } else {
    await mergeInto(ctx, row, reassignTo)
    noteMerge(tx)
  }
  noteCategory(tx, row.id, { slug: true })
  await tx.delete(categories).where(eq(categories.id, row.id))
  await closeUp(ctx, row.parentId)
}

async function mergeInto(ctx: Writing, row: typeof categories.$inferSelect, name: string) {
  const { tx } = ctx
  const fault = (message: string) =>
    new Fault('rule_broken', message, { errors: [{ parameter: 'reassignTo', message }] })
  const heir = await findAddress({ db: tx, schema: 'editor' }, 'category', name)
  if (!heir) throw fault(`There is no category ${name}.`)
  if (heir.id === row.id) throw fault('A category cannot be merged into itself.')
  const children = await tx
    .select({ id: categories.id })
    .from(categories)
    .where(eq(categories.parentId, row.id))
    .orderBy(categories.position)
    .for('update')
  const touched = await lockArticlesWhere(
    ctx,
    sql`id in (select article_id from article_categories where category_id = ${row.id})`,
  )
  await recordDeletion(ctx, 'category', row, 'merged')
  const turns = await lineages(ctx, [row.id, heir.id])
  await noteCategories(tx, turns)
  // A child that takes its parent's place moves up to where the parent was.
  const moved = await liftAbove(ctx, heir.id, row)
  for (const child of children) {
    if (child.id === heir.id) continue
    moved.push(...(await moveBelow(ctx, child.id, heir.id)))
    await place(ctx, child.id, heir.id, Number.MAX_SAFE_INTEGER)
  }
  // Where an article has both, the earlier place stays: the first category is the primary one.
  await tx.execute(sql`
    delete from article_categories x using article_categories y
    where x.article_id = y.article_id and x.position > y.position
      and array[x.category_id, y.category_id] <@ array[${row.id}, ${heir.id}]::uuid[]`)
  await tx
    .update(articleCategories)
    .set({ categoryId: heir.id })
    .where(eq(articleCategories.categoryId, row.id))
  const reason = `the category ${row.slug} was merged`
  await recordUpdates(ctx, 'category', moved, reason)
  nextVersions(ctx, touched)
  await recordArticles(ctx, touched, 'article.updated', { reason })
  await noteCategories(tx, turns)
  await bequeathSlugs(tx, 'category', row.id, heir.id)
  await reassignInEntitlements(ctx, row.id, heir.id, reason)
  // The articles filed in it have rows of their own; those below it are where it was, and where its heir is.
  await recordTaking(ctx, row, [row.id, heir.id])
}

/** Moves the heir out from below the category that it replaces, if it is there. */
async function liftAbove(ctx: Writing, heirId: string, row: typeof categories.$inferSelect) {
  const { rows } = await ctx.tx.execute<{ parent_id: string }>(sql`
    with recursive below (id, parent_id) as (
      select id, parent_id from categories where parent_id = ${row.id}
      union select c.id, c.parent_id from categories c join below b on c.parent_id = b.id
    ) select parent_id from below where id = ${heirId}`)
  const [left] = rows
  if (!left) return []
  const moved = await moveBelow(ctx, heirId, row.parentId)
  await place(ctx, heirId, row.parentId, row.position)
  await closeUp(ctx, left.parent_id)
  for (const heir of moved) await recordTaking(ctx, heir, [left.parent_id, row.parentId])
  return moved
}

/** Gives a category another parent, in its next version. */
function moveBelow({ tx }: Writing, id: string, parent: string | null) {
  return tx
    .update(categories)
    .set({ parentId: parent, version: sql`${categories.version} + 1`, updatedAt: moment })
    .where(eq(categories.id, id))
    .returning({ id: categories.id, version: categories.version })
}
