import { type SQL, sql } from 'drizzle-orm'

/**
 * The languages (primary subtags of BCP 47) that PostgreSQL has a text search configuration for.
 * migrations/0000_functions.sql indexes by the same table; a test compares the two.
 */
export const CONFIGURATIONS: Readonly<Record<string, readonly string[]>> = {
  arabic: ['ar'],
  armenian: ['hy'],
  basque: ['eu'],
  catalan: ['ca'],
  danish: ['da'],
  dutch: ['nl'],
  english: ['en'],
  finnish: ['fi'],
  french: ['fr'],
  german: ['de'],
  greek: ['el'],
  hindi: ['hi'],
  hungarian: ['hu'],
  indonesian: ['id'],
  irish: ['ga'],
  italian: ['it'],
  lithuanian: ['lt'],
  nepali: ['ne'],
  norwegian: ['no', 'nb', 'nn'],
  portuguese: ['pt'],
  romanian: ['ro'],
  russian: ['ru'],
  serbian: ['sr'],
  spanish: ['es'],
  swedish: ['sv'],
  tamil: ['ta'],
  turkish: ['tr'],
  yiddish: ['yi'],
}

/**
 * The condition that a text matches a query in web-search syntax, read in the text's own language.
 * One branch for each configuration, each with its languages, so that the index on `vector` serves
 * all of them; a branch without its languages would let `-word` of one language find all others.
 */
export function matchesWords(vector: SQL, language: SQL, q: string | SQL): SQL {
  const primary = sql`split_part(${language}, '-', 1)`
  const known = Object.entries(CONFIGURATIONS)
  const branches = known.map(([configuration, languages]) => {
    const list = sql.raw(languages.map((l) => `'${l}'`).join(', '))
    const query = sql`websearch_to_tsquery(${sql.raw(`'pg_catalog.${configuration}'`)}, ${q})`
    // The language first: a vector that is computed is computed for one branch, not for all.
    return sql`(${primary} in (${list}) and ${vector} @@ ${query})`
  })
  const all = sql.raw(known.flatMap(([, languages]) => languages.map((l) => `'${l}'`)).join(', '))
  const simple = sql`(${primary} not in (${all}) and ${vector} @@ websearch_to_tsquery('pg_catalog.simple', public.search_text('und', ${q})))`
  return sql`(${sql.join([...branches, simple], sql` or `)})`
}

/** What `q` means in a language, as a tsquery. */
export function meantIn(language: SQL, q: string): SQL {
  return sql`websearch_to_tsquery(public.search_configuration(${language}), public.search_text(${language}, ${q}))`
}
