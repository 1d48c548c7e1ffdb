import { type SQL, sql } from 'drizzle-orm'
import { listedUnder, type Named, printedUnder } from '../articles/skeleton.ts'
import type { Reading } from '../db/client.ts'
import { type Members, selected } from '../db/json.ts'
import type { Order } from '../db/keyset.ts'
import { countRows, FIRST, type Listed, type Listing, listObjects } from '../db/listing.ts'
import { inOrder, listSkeleton, type Ways } from '../db/skeleton.ts'
import { view } from '../db/slugs.ts'
import {
  anyOrNone,
  array,
  type Ids,
  isOne,
  plannedAnew,
  type Resolved,
  wordsOrNone,
} from '../db/where.ts'
import {
  inLanguages,
  marked,
  matches,
  rankedWordsOf,
  searching,
  suggest,
  type Words,
  waysOf,
} from '../search/queries.ts'
import { byRank } from '../search/ranked.ts'
import type { QuoteListQuery } from './schema.ts'

const ORDERS = {
  saidAt: { column: sql`q.dated_at`, descending: false },
  '-saidAt': { column: sql`q.dated_at`, descending: true },
  createdAt: { column: sql`q.created_at`, descending: false },
  '-createdAt': { column: sql`q.created_at`, descending: true },
} as const

/** One quote by id, as an object with what is told of it. */
export function findQuote({ schema }: Pick<Reading, 'schema'>, id: SQL, members: Members): SQL {
  return sql`
    select row_to_json(o)::text as data, q.id, q.version, q.article_id
    from ${view(schema, 'quotes')} q cross join lateral (select ${selected(members)}) o
    where q.id = ${id}::uuid`
}

/** Resolved filters of the list. */
type NamedInQuotes = Named & { article: Resolved | undefined }

/** The rows of a list: the tables of its search in front, where `q` is from, the conditions on it. */
export type Found = {
  lead?: SQL | undefined
  tables: SQL[]
  from: SQL
  where: SQL[]
  /** The two ways to what is printed under one category or source, if that is asked for. */
  ways: Ways | undefined
  words: Words | undefined
}

const LANGUAGE = sql`q.search_language`

/** Which quotes a list is about. */
export function findQuotes(
  reading: Pick<Reading, 'schema'>,
  query: QuoteListQuery,
  named: NamedInQuotes,
  lead?: SQL,
): Found {
  const { sort, saidAfter, saidBefore } = query
  const languages = query.language?.any.length ? query.language.any : undefined
  const words = query.q === undefined ? undefined : { q: query.q, languages }
  // By its own order a window is a walk from its end, whatever its instants.
  const anew = /^-?saidAt$/.test(sort) ? sql`` : plannedAnew
  const own = [
    query.ids && sql`q.id = any(${array(query.ids, 'uuid')})`,
    anyOrNone(sql`q.article_id`, named.article, 'uuid'),
    anyOrNone(sql`q.speaker_id`, named.speaker, 'uuid'),
    inLanguages(LANGUAGE, query.language),
    // Of a draft without a date: it lies in no window.
    saidAfter && sql`${anew} q.dated_at >= ${saidAfter}::timestamptz and isfinite(q.dated_at)`,
    saidBefore && sql`${anew} q.dated_at < ${saidBefore}::timestamptz`,
    wordsOrNone(sql`q.kind`, query.kind),
    inStates(query.state),
  ].filter((condition) => condition !== undefined && condition !== '')
  const printed = (except?: 'source' | 'category') =>
    (['source', 'category'] as const).flatMap((kind) => {
      const filter = named[kind]
      const rest = filter && kind === except ? { any: [], none: filter.none } : filter
      return listedUnder(reading, kind, sql`q.article_id`, rest) ?? []
    })
  const from = searched(reading)
  // A speaker, an article or ids lead to few.
  const open = !query.ids && !named.article && !named.speaker
  const leading = (['source', 'category'] as const).find((k) => named[k] && isOne(named[k].any))
  const ids = leading && open ? named[leading]?.any : undefined
  return {
    ...{ lead, tables: words ? searching(reading, words, 'quotes') : [], words },
    ...{ from, where: [...own, ...printed()] },
    ways:
      leading && ids
        ? waysUnder(reading, leading, ids, from, [...own, ...printed(leading)])
        : undefined,
  }
}

/** The two ways to what the articles of one category or source print. */
function waysUnder(
  reading: Pick<Reading, 'schema'>,
  kind: 'source' | 'category',
  ids: Ids,
  from: SQL,
  where: SQL[],
): Ways {
  const { few, walk } = printedUnder(reading, kind, ids, { from, article: sql`q.article_id` })
  return {
    few: { from: few.from, where: [...few.where, ...where] },
    walk: { from: walk.from, where: [...walk.where, ...where] },
    table: 'quotes',
    dear: 3,
  }
}

/** A paraphrase has no state. */
function inStates(filter: QuoteListQuery['state']): SQL | undefined {
  const condition = wordsOrNone(sql`q.state`, filter)
  return filter?.any.length === 0 ? sql`(q.state is null or ${condition})` : condition
}

/** The quotes of a list for whoever counts them: its words are a condition like any other. */
export function quoteSet({ tables, from, where, words }: Found) {
  return { tables, from, where: words ? [matches(sql`q.search`), ...where] : where }
}

/** How many quotes there are on all pages of a list. */
export function countQuotes(reading: Reading, found: Found): Promise<number> {
  const { tables, from, where } = quoteSet(found)
  return countRows(reading, { from, where }, tables)
}

/** A page of quotes, as one row of objects. */
export function listQuotes(
  { lead, tables, from, where, words, ways }: Found,
  sort: QuoteListQuery['sort'],
  page: Listing,
  members: Members,
  /** How many matches are ranked at most, the newest. */
  most: number,
): SQL {
  const searched = { texts: 'quotes', alias: 'q', from, where } as const
  const shown = { alias: 'q', lead, tables, from, page, members }
  if (sort === 'relevance') {
    // Cover density: how near to each other the words stand.
    const rank = sql`(select ts_rank_cd(q.search, ${rankedWordsOf(LANGUAGE)}, 32)
      from ${from} where q.id = n.id)`
    return listSkeleton(byRank(searched, { date: 'dated_at', rank, most }, page), shown)
  }
  const { column, descending } = ORDERS[sort]
  const order: Order = { columns: [{ column, type: 'timestamptz' }], id: sql`q.id`, descending }
  const either = words ? waysOf(searched) : ways
  return either
    ? listSkeleton(inOrder(either, order, page), shown)
    : listObjects({ ...shown, where, order })
}

/** The text of the quote `q` with the words of a search marked. */
export function markedText(): SQL {
  return marked(sql`q.text`, LANGUAGE, 'whole')
}

/** Words that were probably meant, when they find quotes where those of `query` find none. */
export async function betterWords(reading: Reading, query: QuoteListQuery, named: NamedInQuotes) {
  if (query.q === undefined) return undefined
  const q = await suggest(reading, query.q, { texts: 'quotes' })
  if (q === undefined) return undefined
  const found = findQuotes(reading, { ...query, q }, named)
  const first = listQuotes(found, '-saidAt', FIRST, { id: sql`q.id` }, 0)
  const { rows } = await reading.db.execute<Listed>(first)
  return rows[0]?.data ? q : undefined
}

const searched = ({ schema }: Pick<Reading, 'schema'>) => sql`${view(schema, 'searched_quotes')} q`
