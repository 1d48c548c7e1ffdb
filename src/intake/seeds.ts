import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { parse } from 'yaml'
import { z } from 'zod'
import { createCategory } from '../categories/commands.ts'
import { CategoryCreate } from '../categories/schema.ts'
import type { Writing } from '../db/client.ts'
import { storyFromMarkdown } from '../importing/markdown.ts'
import { createSource } from '../sources/commands.ts'
import { SourceCreate } from '../sources/schema.ts'
import { ingest } from './ingest.ts'
import { valid } from './valid.ts'

const SEEDS = new URL('../../seeds/', import.meta.url)

type SeedCategory = CategoryCreate & { children?: SeedCategory[] | undefined }
const SeedCategory: z.ZodType<SeedCategory> = z.lazy(() =>
  CategoryCreate.extend({ children: z.array(SeedCategory).optional() }),
)

/** Is there nothing in the newsroom yet? */
export async function isEmpty({ tx }: Writing): Promise<boolean> {
  const { rows } = await tx.execute<{ empty: boolean }>(
    sql`select not exists (select from articles) and not exists (select from sources)
        and not exists (select from categories) as empty`,
  )
  return rows[0]?.empty ?? false
}

/**
 * Loads the demo newsroom of `seeds/` through the commands, whole or not at all; how many articles
 * it has. Loading it again changes nothing, since each story names its file as its origin.
 * Throws what the commands throw, with the file's name.
 */
export async function loadSeeds(ctx: Writing): Promise<number> {
  const yaml = async (name: string) => parse(await readFile(new URL(name, SEEDS), 'utf8'))
  const categories = valid(z.array(SeedCategory), 'categories.yaml', await yaml('categories.yaml'))
  const sources = valid(z.array(SourceCreate), 'sources.yaml', await yaml('sources.yaml'))
  const fresh = await isEmpty(ctx)
  if (fresh) {
    await plant(ctx, categories, null)
    // Organisations stand before their people in the file.
    for (const source of sources) await createSource(ctx, source)
  }
  const folder = new URL('stories/', SEEDS)
  const files = (await readdir(folder)).filter((name) => name.endsWith('.md')).sort()
  for (const name of files) {
    const story = storyFromMarkdown(await readFile(new URL(name, folder), 'utf8'))
    const origin = { system: 'seeds', id: name }
    await ingest(ctx, story, { origin, publish: 'asked', confirmQuotes: true }).catch((error) => {
      throw new Error(`${fileURLToPath(new URL(name, folder))}: ${(error as Error).message}`, {
        cause: error,
      })
    })
  }
  return files.length
}

async function plant(
  ctx: Writing,
  categories: SeedCategory[],
  parent: string | null,
): Promise<void> {
  for (const { children, ...category } of categories) {
    const id = await createCategory(ctx, { ...category, parent })
    if (children) await plant(ctx, children, id)
  }
}
