import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import { view } from '../db/slugs.ts'
import { literal } from '../db/where.ts'

/** Words looked for in articles: web-search syntax, and the languages (BCP 47) they are read in. */
export type Words = { q: string; languages: readonly string[] | undefined }

/** `en` is any English, `en-GB` that of Britain: basic filtering of RFC 4647. */
export function inRanges(language: SQL, ranges: readonly string[]): SQL {
  const parts = ranges.map((tag) => {
    const escaped = tag.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')
    return sql`lower(${language}) = ${tag.toLowerCase()} or lower(${language}) like ${`${escaped}-%`}`
  })
  return sql`(${sql.join(parts, sql` or `)})`
}

/**
 * The CTEs of a search. `asked` is what the words mean in each language in use, `wanted` all of that
 * as one tsquery: one look into the index. With several languages each goes with its mark, or
 * `-word` of one would find all texts of the others. Languages in use are found by walking from one
 * to the next (3 pages of an index each). Stop words alone mean nothing: no row, and nothing found.
 */
export function searching(reading: Pick<Reading, 'schema'>, { q, languages }: Words): SQL[] {
  const articles = view(reading.schema, 'articles')
  // Readers' index also has the newest first, editors' need not: every row is theirs to see.
  const order = reading.schema === 'reader' ? sql`, a.listed_at desc, a.id desc` : sql``
  const only = languages?.length ? inRanges(sql`t.language`, languages) : sql`true`
  return [
    sql`tags (language) as (
      (select a.language from ${articles} a order by a.language${order} limit 1)
      union all
      select (select a.language from ${articles} a where a.language > t.language
        order by a.language${order} limit 1)
      from tags t where t.language is not null)`,
    sql`asked as materialized (
      select s.subtag, websearch_to_tsquery(public.search_configuration(s.subtag),
        public.search_text(s.subtag, ${q})) as words,
        websearch_to_tsquery(public.search_configuration(s.subtag),
        public.search_text(s.subtag, ${positive(q)})) as ranked
      from (select distinct split_part(t.language, '-', 1) as subtag from tags t
        where t.language is not null and ${only}) s)`,
    sql`wanted as materialized (
      select public.any_of(case when (select count(*) from asked) = 1 then words
        else words && public.search_mark(subtag) end) as words
      from asked where numnode(words) > 0)`,
  ]
}

/** What a text means in its own language; for marking. */
const wordsOf = (language: SQL): SQL =>
  sql`(select k.words from asked k where k.subtag = split_part(${language}, '-', 1))`

/** The same without what must not stand there: ts_rank gives `a & !b` a rank of almost nothing. */
export const rankedWordsOf = (language: SQL): SQL =>
  sql`(select k.ranked from asked k where k.subtag = split_part(${language}, '-', 1))`

/** A query without its `-words`. */
function positive(q: string): string {
  return q.replaceAll(/(^|\s)-("[^"]*"?|\S+)/g, '$1')
}

/** The condition that a vector has the wanted words, answered by its index. */
export const matches = (vector: SQL): SQL => sql`${vector} @@ (select words from wanted)`

/** The same as a condition that no index answers, for rows that are walked in order anyway. */
const holds = (vector: SQL): SQL => sql`ts_match_vq(${vector}, (select words from wanted))`

/**
 * The first rows of a search in an order that is not that of likeness, as CTEs up to `named`.
 *
 * Two ways lead there, and which is better depends on how many match. Taking all of them out of the
 * index and sorting costs about 1 µs each; walking the order and asking each row costs 7 to 9 µs a row
 * in memory and more from disk (20 is reckoned with), for its vector is stored apart, and one in (all /
 * matching) rows is wanted. They cost the same
 * where matching = sqrt(20 * limit * all): so many are taken at most, and when there are more of them
 * the order is walked. (The planner cannot choose: it does not know what fetching a vector costs.)
 */
export function firstOf(
  named: string,
  options: {
    from: SQL
    /** The sort values, each with its name, and the vector, of the table `a`. */
    key: SQL
    vector: SQL
    where: SQL
    /** `ORDER BY` over the table, and over the names of `key`. */
    order: SQL
    orderByName: SQL
    limit: number
  },
): SQL[] {
  const { from, key, vector, where, order, orderByName } = options
  const limit = literal(options.limit)
  const cte = sql.raw(named)
  return [
    sql`most as materialized (
      select greatest(1000, sqrt(20.0 * ${limit} * greatest(reltuples, 0)))::int as most
      from pg_class where oid = 'public.articles'::regclass)`,
    sql`hits as materialized (
      select ${key} from ${from} where ${matches(vector)} and ${where} limit (select most from most))`,
    sql`${cte} as materialized (
      (select * from hits where (select count(*) from hits) < (select most from most)
       order by ${orderByName} limit ${limit})
      union all
      (select ${key} from ${from}
       where (select count(*) from hits) >= (select most from most) and ${holds(vector)} and ${where}
       order by ${order} limit ${limit}))`,
  ]
}

/** The words of a query that could be misspelt: of four letters or more, the first ten. */
function wordsIn(q: string): string[] {
  const words = q.toLowerCase().match(/\p{L}{4,50}/gu) ?? []
  return [...new Set(words)].slice(0, 10)
}

/**
 * The query with each word that is found nowhere replaced by the most alike of headlines and names
 * that this audience sees; undefined when there is nothing to replace. `finds` is whether `w.word` is
 * found; in articles, unless told.
 */
export async function suggest(
  reading: Reading,
  q: string,
  finds?: SQL,
): Promise<string | undefined> {
  const given = wordsIn(q)
  if (given.length === 0) return undefined
  const inArticles = sql`exists (
    select from ${view(reading.schema, 'articles')} a where a.search @@ (
      select public.any_of(websearch_to_tsquery(public.search_configuration(t.language), w.word))
      from tags t where t.language is not null))`
  const { rows } = await reading.db.execute<{ word: string; nearest: string }>(sql`
    with recursive ${searching(reading, { q, languages: undefined })[0]}
    select word, nearest from (
      select w.word, ${view(reading.schema, 'nearest_word')}(w.word) as nearest
      from unnest(${sql.param(given)}::text[]) w (word)
      where not ${finds ?? inArticles}) n
    where nearest is not null`)
  if (rows.length === 0) return undefined
  const nearest = new Map(rows.map((row) => [row.word, row.nearest]))
  return q.replaceAll(/\p{L}{4,50}/gu, (word) => nearest.get(word.toLowerCase()) ?? word)
}

/** What stands around a match, until search/marks.ts makes HTML of it; see there. */
const OPTIONS = 'StartSel="\u0001", StopSel="\u0002"'
const WHOLE = `${OPTIONS}, HighlightAll=true`
const PARTS = `${OPTIONS}, MaxFragments=3, MaxWords=30, MinWords=12, FragmentDelimiter="\u0005"`

/**
 * A text with the words that were found between \\x01 and \\x02. ts_headline leaves tags out, so < and >
 * go in as \\x03 and \\x04; what of these six (\\x06: public.search_text) stands in the
 * text is taken out first. `words` is what is marked; what the search of articles looks for, unless told.
 */
export function marked(
  text: SQL,
  language: SQL,
  how: 'whole' | 'parts',
  words: SQL = wordsOf(language),
): SQL {
  const plain = sql`translate(${text}, E'<>\\x01\\x02\\x03\\x04\\x05\\x06', E'\\x03\\x04')`
  return sql`ts_headline(public.search_configuration(${language}),
    public.search_text(${language}, ${plain}), ${words}, ${how === 'whole' ? WHOLE : PARTS})`
}
