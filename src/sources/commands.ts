import { and, eq, inArray, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { demandMayChangeShown, lockArticlesWhere, nextVersions } from '../articles/lock.ts'
import { noteMerge, noteSource } from '../changes/effects.ts'
import { record, recordArticles, recordDeletion, recordUpdates } from '../changes/record.ts'
import type { Writing } from '../db/client.ts'
import { moment, now } from '../db/clock.ts'
import { hold, MEMBERS } from '../db/locks.ts'
import { bequeathSlugs, claimSlug, findAddress, slugFrom, takeSlug } from '../db/slugs.ts'
import { articleSources, quotes, sources } from '../db/tables.ts'
import { demandVersion, type Expected } from '../db/versions.ts'
import { type Detail, Fault, missing, ruleBroken, unknownReferences } from '../errors.ts'
import { type Beside, contactIn, contactsIn } from './anonymity.ts'
import type { SourceCreate, SourcePatch } from './schema.ts'

/** What an anonymous source must not have: anything beyond the label could hold an identity. */
const IDENTIFYING = ['title', 'organization', 'url', 'sameAs'] as const

/** The slugs of one that had a name go on leading to it. */
const STAYS_NAMED =
  'Its slugs would go on naming it: create an anonymous source and merge this one into it.'

type Columns = { [K in keyof SourcePatch]?: SourcePatch[K] | undefined }

function demandNoIdentity(input: Columns): void {
  const errors: Detail[] = IDENTIFYING.filter((name) => {
    const value = input[name]
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null
  }).map((name) => ({
    pointer: `/${name}`,
    message: `An anonymous source has no ${name}: it could identify them.`,
  }))
  for (const name of ['name', 'description'] as const) {
    const contact = contactIn(input[name])
    if (!contact) continue
    const message = `The ${name} of an anonymous source holds ${contact}: it could identify them.`
    errors.push({ pointer: `/${name}`, message })
  }
  if (errors.length > 0) throw ruleBroken(errors)
}

/**
 * Refuses contact details beside an anonymous source, in an article's note on it or in its quotes:
 * `source` is its id. Throws `rule_broken`.
 */
export async function demandNoContact({ tx }: Pick<Writing, 'tx'>, texts: Beside[]): Promise<void> {
  const suspect = contactsIn(texts)
  if (suspect.length === 0) return
  const rows = await tx
    .select({ id: sources.id })
    .from(sources)
    .where(
      and(
        eq(sources.kind, 'anonymous'),
        inArray(
          sources.id,
          suspect.map(({ source }) => source),
        ),
      ),
    )
  const anonymous = new Set(rows.map(({ id }) => id))
  const faults = suspect.filter(({ source }) => anonymous.has(source))
  if (faults.length === 0) return
  throw ruleBroken(
    faults.map(({ pointer, contact }) => ({
      pointer,
      message: `Beside an anonymous source stands ${contact}: it could identify them.`,
    })),
  )
}

/** The id of the organisation named, which must be one. */
async function organizationId({ tx }: Writing, name: string | null | undefined) {
  if (name === undefined || name === null) return name
  const id = (await findAddress({ db: tx, schema: 'editor' }, 'source', name))?.id
  if (!id) {
    throw unknownReferences([{ pointer: '/organization', message: `There is no source ${name}.` }])
  }
  const [row] = await tx.select({ kind: sources.kind }).from(sources).where(eq(sources.id, id))
  if (row?.kind !== 'organization' && row?.kind !== 'publication') {
    const message = `${name} is a ${row?.kind}; it must be an organization or a publication.`
    throw ruleBroken([{ pointer: '/organization', message }])
  }
  return id
}

/**
 * Whoever changes who belongs to whom waits here first: meanwhile no article's writer can say what
 * shows an organisation that it makes visible.
 */
async function lockMembers({ tx }: Writing): Promise<void> {
  await hold(tx, MEMBERS)
}

/** The row of a source, locked until the transaction ends. Throws `not_found`. */
async function lockSource({ tx }: Writing, name: string) {
  const id = (await findAddress({ db: tx, schema: 'editor' }, 'source', name))?.id
  const [row] = id ? await tx.select().from(sources).where(eq(sources.id, id)).for('update') : []
  if (!row) throw missing('source')
  return row
}

/** Articles that name a source, quote it, or quote a member of it. */
const showing = (id: string) => sql`id in (
  select article_id from article_sources where source_id = ${id}
  union select article_id from quotes where speaker_id = ${id}
  union select x.article_id from article_sources x join sources s on s.id = x.source_id
    where s.organization_id = ${id})`

/** Makes a source; its id. Throws `slug_taken`, `unknown_reference`, `rule_broken`. */
export async function createSource(ctx: Writing, input: SourceCreate): Promise<string> {
  if (input.kind === 'anonymous') demandNoIdentity(input)
  const id = uuidv7()
  if (input.organization) await lockMembers(ctx)
  const organization = await organizationId(ctx, input.organization)
  const slug =
    input.slug ?? (await claimSlug(ctx.tx, 'source', slugFrom(input.name, 'source', id), id))
  if (input.slug) await takeSlug(ctx.tx, 'source', input.slug, id)
  await ctx.tx.insert(sources).values({
    id,
    slug,
    kind: input.kind,
    name: input.name,
    title: input.title ?? null,
    organizationId: organization ?? null,
    url: input.url ?? null,
    description: input.description ?? null,
    sameAs: input.sameAs ?? [],
    createdAt: now,
    updatedAt: now,
  })
  await record(ctx, {
    kind: 'source',
    id,
    operation: 'create',
    event: 'source.created',
    fromVersion: null,
    toVersion: 1,
  })
  return id
}

/** Changes a source; its id. Throws `not_found`, `version_stale`, and what creating throws. */
export async function updateSource(
  ctx: Writing,
  name: string,
  patch: SourcePatch,
  expected: Expected | undefined,
): Promise<string> {
  if (patch.organization !== undefined) await lockMembers(ctx)
  const row = await lockSource(ctx, name)
  demandVersion(row.version, expected)
  await demandMayChangeShown(ctx, showing(row.id))
  const kind = patch.kind ?? row.kind
  if (kind === 'anonymous') {
    demandNoIdentity({ ...patch, ...kept(row, patch) })
    if (row.kind !== 'anonymous') throw ruleBroken([{ pointer: '/kind', message: STAYS_NAMED }])
  }
  const organization = await organizationId(ctx, patch.organization)
  if (organization === row.id) {
    throw ruleBroken([{ pointer: '/organization', message: 'A source cannot belong to itself.' }])
  }
  if (kind === 'document' && row.kind !== 'document') await demandNoQuotes(ctx, row.id)
  if (kind !== 'organization' && kind !== 'publication') await demandNoMembers(ctx, row.id)
  if (patch.slug) await takeSlug(ctx.tx, 'source', patch.slug, row.id)
  const { organization: _, sameAs, ...columns } = patch
  await ctx.tx
    .update(sources)
    .set({
      ...columns,
      ...(sameAs !== undefined && { sameAs: sameAs ?? [] }),
      ...(organization !== undefined && { organizationId: organization }),
      version: row.version + 1,
      updatedAt: moment,
    })
    .where(eq(sources.id, row.id))
  noteSource(ctx.tx, row.id, { slug: patch.slug !== undefined && patch.slug !== row.slug })
  await record(ctx, {
    kind: 'source',
    id: row.id,
    operation: 'update',
    event: 'source.updated',
    fromVersion: row.version,
    toVersion: row.version + 1,
  })
  return row.id
}

/** Identifying members that the row has and the patch leaves: they would stay on an anonymous one. */
function kept(row: typeof sources.$inferSelect, patch: SourcePatch): Columns {
  return {
    ...(patch.name === undefined && { name: row.name }),
    ...(patch.description === undefined && { description: row.description }),
    ...(patch.title === undefined && { title: row.title }),
    ...(patch.organization === undefined && { organization: row.organizationId }),
    ...(patch.url === undefined && { url: row.url }),
    ...(patch.sameAs === undefined && { sameAs: row.sameAs }),
  }
}

async function speaks({ tx }: Writing, id: string): Promise<boolean> {
  const [quote] = await tx
    .select({ id: quotes.id })
    .from(quotes)
    .where(eq(quotes.speakerId, id))
    .limit(1)
  return quote !== undefined
}

async function demandNoQuotes(ctx: Writing, id: string): Promise<void> {
  if (await speaks(ctx, id)) {
    const message = 'It speaks in quotes, and a document cannot speak.'
    throw ruleBroken([{ pointer: '/kind', message }])
  }
}

async function demandNoMembers({ tx }: Writing, id: string): Promise<void> {
  const members = await tx
    .select({ id: sources.id })
    .from(sources)
    .where(eq(sources.organizationId, id))
    .limit(1)
  if (members.length > 0) {
    const message =
      'Other sources belong to it; only an organization or publication can have members.'
    throw ruleBroken([{ pointer: '/kind', message }])
  }
}

/** Who refers to a source, the first hundred. */
async function referrers({ tx }: Writing, id: string) {
  const { rows } = await tx.execute<{ kind: string; id: string; slug: string | null }>(sql`
    select 'article' as kind, a.id, a.slug from articles a
      join article_sources x on x.article_id = a.id where x.source_id = ${id}
    union all select 'quote', q.id, null from quotes q where q.speaker_id = ${id}
    union all select 'source', s.id, s.slug from sources s where s.organization_id = ${id}
    limit 100`)
  return rows.map(({ kind, id, slug }) => ({ kind, id, ...(slug !== null && { slug }) }))
}

/**
 * Deletes a source that nobody refers to, or, with `reassignTo`, merges it into another: articles,
 * quotes and members go over, each article in a new version, and its slugs redirect there.
 * Throws `not_found`, `version_stale`, `in_use` with the references, `unknown_reference`.
 */
export async function deleteSource(
  ctx: Writing,
  name: string,
  expected: Expected | undefined,
  reassignTo: string | undefined,
): Promise<void> {
  const { tx } = ctx
  if (reassignTo !== undefined) await lockMembers(ctx)
  const row = await lockSource(ctx, name)
  demandVersion(row.version, expected)
  await demandMayChangeShown(ctx, showing(row.id))
  if (reassignTo === undefined) {
    const references = await referrers(ctx, row.id)
    if (references.length > 0) {
      throw new Fault('in_use', 'Others refer to this source; name another in reassignTo.', {
        members: { references },
      })
    }
    await recordDeletion(ctx, 'source', row, 'deleted')
  } else {
    await mergeInto(ctx, row, reassignTo)
    noteMerge(tx)
  }
  noteSource(tx, row.id, { slug: true })
  await tx.delete(sources).where(eq(sources.id, row.id))
}

async function mergeInto(ctx: Writing, row: typeof sources.$inferSelect, name: string) {
  const { tx } = ctx
  const id = (await findAddress({ db: tx, schema: 'editor' }, 'source', name))?.id
  const [heir] = id ? await tx.select().from(sources).where(eq(sources.id, id)).for('share') : []
  const fault = (message: string) =>
    new Fault('rule_broken', message, { errors: [{ parameter: 'reassignTo', message }] })
  if (!heir) throw fault(`There is no source ${name}.`)
  if (heir.id === row.id) throw fault('A source cannot be merged into itself.')
  const touched = await lockArticlesWhere(
    ctx,
    sql`id in (select article_id from article_sources where source_id = ${row.id}
      union select article_id from quotes where speaker_id = ${row.id})`,
  )
  await recordDeletion(ctx, 'source', row, 'merged')
  if (heir.kind === 'document' && (await speaks(ctx, row.id)))
    throw fault('A document cannot speak.')
  const members = await tx
    .select({ id: sources.id })
    .from(sources)
    .where(eq(sources.organizationId, row.id))
    .for('update')
  if (members.length > 0 && heir.kind !== 'organization' && heir.kind !== 'publication') {
    throw fault('Sources belong to it; the other must be an organization or publication too.')
  }
  // Where an article has both, the earlier place stays, with its role and note.
  await tx.execute(sql`
    delete from article_sources x using article_sources y
    where x.article_id = y.article_id and x.position > y.position
      and array[x.source_id, y.source_id] <@ array[${row.id}, ${heir.id}]::uuid[]`)
  await tx
    .update(articleSources)
    .set({ sourceId: heir.id })
    .where(eq(articleSources.sourceId, row.id))
  await tx
    .update(quotes)
    .set({ speakerId: heir.id, version: sql`${quotes.version} + 1`, updatedAt: moment })
    .where(eq(quotes.speakerId, row.id))
  // The heir may itself have belonged to what is merged into it.
  const moved = await tx
    .update(sources)
    .set({
      organizationId: sql`case when ${sources.id} = ${heir.id} then null else ${heir.id}::uuid end`,
      version: sql`${sources.version} + 1`,
      updatedAt: moment,
    })
    .where(eq(sources.organizationId, row.id))
    .returning({ id: sources.id, version: sources.version })
  // The name of one who is anonymous from now on must not lead to the label, nor stand beside it.
  const toAnonymous = heir.kind === 'anonymous' && row.kind !== 'anonymous'
  nextVersions(ctx, touched)
  const reason = toAnonymous ? 'a source was merged' : `the source ${row.slug} was merged`
  await recordUpdates(ctx, 'source', moved, reason)
  await recordArticles(ctx, touched, 'article.updated', { reason })
  if (!toAnonymous) await bequeathSlugs(tx, 'source', row.id, heir.id)
}
