import { type SQL, sql } from 'drizzle-orm'
import type { Reading } from '../db/client.ts'
import type { Ways } from '../db/skeleton.ts'
import { view } from '../db/slugs.ts'
import { array, plannedAnew } from '../db/where.ts'
import { nearestOf } from '../nearest.ts'
import { reworded, wordsIn } from './words.ts'

/** Words looked for in articles: web-search syntax, and the languages (BCP 47) they are read in. */
export type Words = { q: string; languages: readonly string[] | undefined }

/**
 * `en` is any English, `en-GB` that of Britain: basic filtering of RFC 4647, of canonical tags. In the
 * order of bytes all of them stand together: a dot comes next after the hyphen.
 */
function inRanges(language: SQL, ranges: readonly string[]): SQL {
  const column = sql`${language} collate "C"`
  const parts = ranges.map((tag) => sql`(${column} >= ${tag} and ${column} < ${`${tag}.`})`)
  return sql`(${sql.join(parts, sql` or `)})`
}

/** The condition that a language, which is never null, is any of these and none of those. */
export function inLanguages(
  language: SQL,
  filter: { any: readonly string[]; none: readonly string[] } | undefined,
): SQL | undefined {
  if (!filter) return undefined
  const column = sql`${language} collate "C"`
  const parts = filter.none.map((tag) => sql`(${column} < ${tag} or ${column} >= ${`${tag}.`})`)
  if (filter.any.length > 0) parts.push(inRanges(language, filter.any))
  // Of a language that is seldom all are taken from its index, of another the order is walked.
  return sql`${plannedAnew} ${sql.join(parts, sql` and `)}`
}

/** What can be searched: where it is, its language, and its date. */
const TEXTS = {
  articles: { view: 'articles', language: 'language', date: 'listed_at' },
  quotes: { view: 'searched_quotes', language: 'search_language', date: 'dated_at' },
} as const
export type Texts = keyof typeof TEXTS

/**
 * The table of the languages in use, found by walking from one to the next (3 pages of an index each);
 * the newest first, which readers most likely see.
 */
function languagesOf({ schema }: Pick<Reading, 'schema'>, texts: Texts): SQL {
  const { view: name, language, date } = TEXTS[texts]
  const column = sql.raw(`x.${language}`)
  const from = sql`select ${column} from ${view(schema, name)} x`
  const first = sql`order by ${column} collate "C", ${sql.raw(`x.${date}`)} desc, x.id desc limit 1`
  return sql`tags (language) as (
      (${from} ${first})
      union all
      select (${from} where ${column} collate "C" > t.language ${first})
      from tags t where t.language is not null)`
}

/**
 * The CTEs of a search. `asked` is what the words mean in each language in use, `wanted` all of that
 * as one tsquery: one look into the index. With several languages each goes with its mark, or
 * `-word` of one would find all texts of the others; and `-word` alone always does, for without a word
 * that must be there the whole index is read (7 s at 200,000 articles). Stop words alone mean nothing:
 * no row, and nothing found.
 */
export function searching(
  reading: Pick<Reading, 'schema'>,
  { q, languages }: Words,
  texts: Texts = 'articles',
): SQL[] {
  const only = languages?.length ? inRanges(sql`t.language`, languages) : sql`true`
  return [
    languagesOf(reading, texts),
    sql`asked as materialized (
      select s.subtag, websearch_to_tsquery(public.search_configuration(s.subtag),
        public.search_text(s.subtag, ${q})) as words,
        websearch_to_tsquery(public.search_configuration(s.subtag),
        public.search_text(s.subtag, ${positive(q)})) as ranked
      from (select distinct split_part(t.language, '-', 1) as subtag from tags t
        where t.language is not null and ${only}) s)`,
    sql`wanted as materialized (
      select public.any_of(case when (select count(*) from asked) = 1 and querytree(words) <> 'T'
        then words else words && public.search_mark(subtag) end) as words
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

/** A search: the table under its alias, and the other conditions on it. */
export type Searched = {
  texts: Texts
  alias: string
  from: SQL
  where: readonly (SQL | undefined)[]
}

/**
 * The two ways to what a search finds. An article's vector is stored apart: asking one costs 7 to 9 µs in
 * memory and more from disk, taking a match out of the index about 1 µs. A quote's is in its row.
 */
export function waysOf({ texts, alias, from, where }: Searched): Ways {
  const vector = sql.raw(`${alias}.search`)
  return {
    few: { from, where: [matches(vector), ...where] },
    walk: { from, where: [holds(vector), ...where] },
    table: texts,
    dear: texts === 'articles' ? 20 : 1,
  }
}

/**
 * Whether `w.word` is found in texts. The first match is enough, but of a materialized table the planner does
 * not know that: it would expect to meet one soon, and read all texts for a word that stands in none.
 */
function standsIn(reading: Pick<Reading, 'schema'>, texts: Texts): SQL {
  return sql`exists (
    with found as materialized (
      select from ${view(reading.schema, TEXTS[texts].view)} x where x.search @@ (
        select public.any_of(websearch_to_tsquery(public.search_configuration(t.language), w.word)
          && public.search_mark(t.language))
        from tags t where t.language is not null))
    select from found)`
}

/**
 * The query with each word that is found nowhere replaced by the nearest, at most two letters off or a
 * third of the word, that stands in a name of this kind or, of articles, in a headline or a name; only
 * those that this audience sees. Undefined when there is nothing to replace. `finds` is whether `w.word`
 * is found, `texts` whose languages are in use.
 */
export async function suggest(
  reading: Reading,
  q: string,
  {
    kind = 'article',
    texts = 'articles',
    finds = standsIn(reading, texts),
  }: { kind?: 'article' | 'source' | 'category'; texts?: Texts; finds?: SQL } = {},
): Promise<string | undefined> {
  const given = wordsIn(q)
  if (given.length === 0) return undefined
  const { rows } = await reading.db.execute<{ word: string; alike: string[] }>(sql`
    with recursive ${languagesOf(reading, texts)},
    lost as materialized (select w.word from unnest(${array(given)}) w (word) where not ${finds})
    select a.word, a.alike
    from ${view(reading.schema, 'words_alike')}(${kind}, array(select word from lost)) a`)
  const others = rows.flatMap(({ word, alike }) => {
    const nearest = nearestOf(word, alike)
    return nearest === undefined ? [] : [[word, nearest] as const]
  })
  return reworded(q, new Map(others))
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
