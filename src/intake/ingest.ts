import { and, eq, sql } from 'drizzle-orm'
import { createArticle } from '../articles/commands.ts'
import { publishArticle } from '../articles/lifecycle.ts'
import { ArticleCreate, Publication } from '../articles/schema.ts'
import { createCategory } from '../categories/commands.ts'
import { CategoryCreate } from '../categories/schema.ts'
import type { Writing } from '../db/client.ts'
import { findAddresses } from '../db/slugs.ts'
import { articles, sources } from '../db/tables.ts'
import type { Story, StorySource } from '../importing/story.ts'
import { createSource } from '../sources/commands.ts'
import { SourceCreate } from '../sources/schema.ts'
import { valid } from './valid.ts'

export type Intake = {
  /** Used when the story does not name its own. */
  origin: { system: string; id: string; url?: string }
  /** `asked`: when the story says so; `all`: also when it does not. */
  publish: 'none' | 'asked' | 'all'
  /** Take suggested quotes as confirmed. */
  confirmQuotes: boolean
}

/** What came of a story. */
export type Taken = {
  outcome: 'created' | 'unchanged'
  slug: string
  headline: string | undefined
  status: string
  blocks: number
  quotes: { text: string; state: string | null; speaker: string | null; cue: string | null }[]
  categories: string[]
  sources: { name: string; kind: string; made: boolean }[]
}

/**
 * Takes a story into the newsroom, through the same commands as the API: its categories and sources
 * found or made, the article, its quotes, and publication. A story whose origin is known already
 * changes nothing. Throws what the commands throw; the caller's transaction makes it whole or not
 * at all.
 */
export async function ingest(ctx: Writing, story: Story, intake: Intake): Promise<Taken> {
  const origin = story.origin ?? intake.origin
  const known = await articleOf(ctx, origin)
  if (known) return report(ctx, known, 'unchanged', [])
  const made: string[] = []
  const categories = await categoryIds(ctx, story)
  const handles = await sourceIds(ctx, story, made)
  const named = story.sources.filter((source) => source.listed !== false)
  const input = valid(ArticleCreate, 'the article', {
    ...(story.slug !== undefined && { slug: story.slug }),
    ...(story.headline !== undefined && { headline: story.headline }),
    ...(story.summary !== undefined && { summary: story.summary }),
    ...(story.byline !== undefined && { byline: story.byline }),
    ...(story.language !== undefined && { language: story.language }),
    ...(story.leadImage !== undefined && { leadImage: story.leadImage }),
    ...(story.body !== undefined && { body: story.body }),
    origin,
    categories,
    sources: named.map(({ handle, role, note }) => ({
      source: idOf(handles, handle),
      role: role ?? null,
      note: note ?? null,
    })),
    quotes: story.quotes.map(({ speaker, suggested, ...quote }) => ({
      ...quote,
      ...(speaker !== undefined && { speaker: idOf(handles, speaker) }),
      ...(suggested && !intake.confirmQuotes && { suggested: true }),
    })),
  })
  const id = await createArticle(ctx, input)
  const wanted =
    intake.publish === 'all' || (intake.publish === 'asked' && story.publish !== undefined)
  if (wanted) await publishArticle(ctx, id, await publicationOf(ctx, story), undefined)
  return report(ctx, id, 'created', made)
}

function idOf(handles: ReadonlyMap<string, string>, handle: string): string {
  // An unknown handle stays as it is: the command says that there is no such source.
  return handles.get(handle) ?? handle
}

async function articleOf({ tx }: Writing, origin: Intake['origin']): Promise<string | undefined> {
  const [row] = await tx
    .select({ id: articles.id })
    .from(articles)
    .where(and(eq(articles.originSystem, origin.system), eq(articles.originId, origin.id)))
  return row?.id
}

/** A story's categories by slug, present or past; those that are not there are made. */
async function categoryIds(ctx: Writing, story: Story): Promise<string[]> {
  const slugs = story.categories.map((category) => category.slug)
  const found = await findAddresses({ db: ctx.tx, schema: 'editor' }, 'category', slugs)
  const ids: string[] = []
  for (const { slug, name } of story.categories) {
    const id = found.get(slug)?.id ?? (await makeCategory(ctx, slug, name))
    if (!ids.includes(id)) ids.push(id)
  }
  return ids
}

function makeCategory(ctx: Writing, slug: string, name: string | undefined): Promise<string> {
  const input = { slug, name: name ?? titleOf(slug) }
  return createCategory(ctx, valid(CategoryCreate, `the category ${slug}`, input))
}

/** `public-health` as a name: `Public Health`. */
function titleOf(slug: string): string {
  return slug.replaceAll(
    /(^|-)(\w)/g,
    (_, dash: string, letter: string) => `${dash && ' '}${letter.toUpperCase()}`,
  )
}

/** Ids of a story's sources by handle; organisations first, since others belong to them. */
async function sourceIds(ctx: Writing, story: Story, made: string[]): Promise<Map<string, string>> {
  const ids = new Map<string, string>()
  const organizations = new Set(story.sources.map((source) => source.organization))
  const order = story.sources.toSorted(
    (a, b) => Number(organizations.has(b.handle)) - Number(organizations.has(a.handle)),
  )
  for (const source of order) {
    const known = await knownSource(ctx, source)
    if (known) {
      ids.set(source.handle, known)
      continue
    }
    // Named only by a slug that does not exist: left for the command to refuse, by that name.
    if (source.kind === undefined || source.name === undefined) continue
    const { handle, kind, name, slug, title, url, description, organization } = source
    const input = valid(SourceCreate, `the source ${name}`, {
      kind,
      name,
      ...(slug !== undefined && { slug }),
      ...(title !== undefined && { title }),
      ...(url !== undefined && { url }),
      ...(description !== undefined && { description }),
      ...(organization !== undefined && { organization: idOf(ids, organization) }),
    })
    const id = await createSource(ctx, input)
    ids.set(handle, id)
    made.push(id)
  }
  return ids
}

/**
 * The source that is already there: by slug, or a person, organisation or publication by its name.
 * Anonymous sources and documents of another story are never taken for this one's: that two labels
 * read alike does not make them one.
 */
async function knownSource({ tx }: Writing, source: StorySource): Promise<string | undefined> {
  if (source.slug !== undefined) {
    const found = await findAddresses({ db: tx, schema: 'editor' }, 'source', [source.slug])
    return found.get(source.slug)?.id
  }
  if (source.kind === 'anonymous' || source.kind === 'document') return undefined
  if (source.kind === undefined || source.name === undefined) return undefined
  const [row] = await tx
    .select({ id: sources.id })
    .from(sources)
    .where(and(eq(sources.kind, source.kind), eq(sources.name, source.name)))
    .orderBy(sources.id)
    .limit(1)
  return row?.id
}

/** What the story asks for and the day it bears, with durations such as `P30D` counted from now by the database. */
async function publicationOf({ tx }: Writing, { publish, dated }: Story): Promise<Publication> {
  const given = Object.entries({ ...(dated !== undefined && { publishedAt: dated }), ...publish })
  const times = await Promise.all(
    given.map(async ([name, value]) => {
      if (!value.startsWith('P')) return [name, value]
      const { rows } = await tx.execute<{ at: Date }>(
        sql`select date_trunc('milliseconds', now() + ${value}::interval) as at`,
      )
      return [name, new Date(rows[0]?.at ?? Number.NaN).toISOString()]
    }),
  )
  return valid(Publication, 'its publication', Object.fromEntries(times))
}

async function report(
  { tx }: Writing,
  id: string,
  outcome: Taken['outcome'],
  made: string[],
): Promise<Taken> {
  const { rows } = await tx.execute<{
    slug: string
    headline: string | null
    status: string
    blocks: number
    quotes: Taken['quotes']
    categories: string[]
    sources: { id: string; name: string; kind: string }[]
  }>(sql`
    select a.slug, a.headline, a.status, jsonb_array_length(a.body) as blocks,
      (select coalesce(json_agg(json_build_object('text', q.text, 'state', q.state,
         'speaker', q.speaker_name, 'cue', q.cue) order by q.position), '[]')
       from editor.quotes q where q.article_id = a.id) as quotes,
      (select coalesce(json_agg(c.slug order by c.place), '[]')
       from editor.article_categories c where c.article_id = a.id) as categories,
      (select coalesce(json_agg(json_build_object('id', s.id, 'name', s.name, 'kind', s.kind)
         order by s.place), '[]')
       from editor.article_sources s where s.article_id = a.id) as sources
    from editor.articles a where a.id = ${id}`)
  const [row] = rows
  if (!row) throw new Error(`article ${id} is not there after its import`)
  return {
    outcome,
    slug: row.slug,
    headline: row.headline ?? undefined,
    status: row.status,
    blocks: row.blocks,
    quotes: row.quotes,
    categories: row.categories,
    sources: row.sources.map((s) => ({ name: s.name, kind: s.kind, made: made.includes(s.id) })),
  }
}
