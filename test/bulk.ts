import type { Newsroom } from './newsroom.ts'

/** How many of each; every article has two categories, one source and so many quotes (three unless told). */
export type Size = { articles: number; categories: number; sources: number; quotes?: number }

/** The id of the nth of a kind, shaped like a UUIDv7 so that routes take it. */
export const bulkId = (kind: 'a' | 'c' | 'd' | 'e', n: number) =>
  `${n.toString(16).padStart(8, '0')}-0000-7000-8000-00000000000${kind}`

const id = (kind: string, n: string) =>
  `(lpad(to_hex((${n})::bigint), 8, '0') || '-0000-7000-8000-00000000000${kind}')::uuid`

/**
 * Many articles (ids `a`), every tenth a draft, in a tree of categories (`c`, each below the one of a tenth of
 * its number), with sources (`d`) that speak in quotes (`e`): 20,000 articles take some ten seconds.
 * Written by the owner's SQL, past the commands; what triggers keep is kept.
 */
export async function loadBulk(
  { sql }: Pick<Newsroom, 'sql'>,
  { articles, categories, sources, quotes = 3 }: Size,
): Promise<void> {
  const time = `timestamptz '2020-01-01 00:00:00Z'`
  await sql(`insert into categories (id, slug, name, parent_id, position, created_at, updated_at)
    select ${id('c', 'n')}, 'bulk-desk-' || n, 'Bulk desk ' || n,
      case when n >= 10 then ${id('c', 'n / 10')} end, n, ${time}, ${time}
    from generate_series(1, ${categories}) n`)
  await sql(
    `insert into slugs select 'category', slug, id from categories where slug like 'bulk-%'`,
  )
  await sql(`insert into sources (id, slug, kind, name, created_at, updated_at)
    select ${id('d', 'n')}, 'bulk-source-' || n, 'person', 'Bulk source ' || n, ${time}, ${time}
    from generate_series(1, ${sources}) n`)
  await sql(`insert into slugs select 'source', slug, id from sources where slug like 'bulk-%'`)
  await sql(`insert into articles (id, slug, status, headline, language, body, plain_text, publish_at,
      published_at, announced, created_at, updated_at)
    select ${id('a', 'n')}, 'bulk-' || n, case when n % 10 = 0 then 'draft' else 'published' end, 'Bulk story ' || n % 1000, 'en', '[{}]',
      'The quick boat left at eight, said ' || md5(n::text) || '.', ${time},
      case when n % 10 > 0 then ${time} + n * interval '1 minute' end, n % 10 > 0, ${time}, ${time} + (n * 7919::bigint % 100000) * interval '1 s'
    from generate_series(1, ${articles}) n`)
  // Multiplied by a prime, so that who has what looks like chance.
  await sql(`insert into article_categories (article_id, category_id, position)
    select distinct on (n, c) ${id('a', 'n')}, ${id('c', 'c')}, p
    from generate_series(1, ${articles}) n,
      lateral (values (0, n * 7919::bigint % ${categories} + 1), (1, n * 104729::bigint % ${categories} + 1)) v (p, c)`)
  await sql(`insert into article_sources (article_id, source_id, position)
    select ${id('a', 'n')}, ${id('d', `n * 7919::bigint % ${sources} + 1`)}, 0
    from generate_series(1, ${articles}) n`)
  await sql(`insert into quotes (id, article_id, position, kind, text, speaker_id, state, dated_at,
      created_at, updated_at)
    select ${id('e', 'n * 3 + p')}, ${id('a', 'n')}, p, 'direct', 'We will sail at ' || n || ', come what may',
      ${id('d', `(n * 3 + p) * 104729::bigint % ${sources} + 1`)}, 'verified', ${time} + n * interval '1 minute',
      ${time}, ${time}
    from generate_series(1, ${articles}) n, generate_series(0, ${quotes - 1}) p`)
  await sql('analyze')
}
