import { sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { type Members, selected } from '../db/json.ts'
import { view } from '../db/slugs.ts'
import { literal } from '../db/where.ts'

/** By how many of its words others are looked for: the longest, which tend to be the rarest. */
const WORDS = 8
/** How many others with such words are compared at most: each costs 20 to 50 µs. */
const COMPARED = 2000
/** The least similarity (trigrams) of what is told: pg_trgm's own. */
const ALIKE = sql.raw('0.3')

/**
 * Other quotes whose words are like a quote's, most alike first, as objects: of those that share two of
 * its longest words, or have its one. Undefined when there is no such quote.
 */
export async function listSimilar(
  { db, schema }: Reading,
  id: string,
  limit: number,
  members: Members,
): Promise<string | undefined> {
  const quotes = view(schema, 'searched_quotes')
  const { rows } = await db.execute<{ there: boolean; data: string | null }>(sql`
    with this as materialized (select q.id, q.text, q.search from ${quotes} q where q.id = ${id}),
    own as materialized (
      select public.lexeme_query(l.lexeme) as word,
        row_number() over (order by length(l.lexeme) desc, l.lexeme) as n
      from this, unnest(this.search) l where l.lexeme not like '=%'
      order by n limit ${literal(WORDS)}),
    wanted as materialized (
      select coalesce(public.any_of(a.word && b.word), (select word from own limit 1)) as words
      from own a join own b on a.n < b.n),
    alike as materialized (
      select q.id from ${quotes} q
      where q.search @@ (select words from wanted) and q.id <> ${id} limit ${literal(COMPARED)})
    select exists (select from this) as there, (
      select string_agg(row_to_json(o)::text, ',')
      from (
        select q.* from alike
        join ${quotes} q on q.id = alike.id, this
        where public.similarity(q.text, this.text) >= ${ALIKE}
        order by public.similarity(q.text, this.text) desc, q.dated_at desc, q.id
        limit ${literal(limit)}
      ) q cross join lateral (select ${selected(members)}) o) as data`)
  return rows[0]?.there ? (rows[0].data ?? '') : undefined
}
