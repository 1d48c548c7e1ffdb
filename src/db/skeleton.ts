import { type SQL, sql } from 'drizzle-orm'
import { after, type Order, orderBy, type SortColumn } from './keyset.ts'
import { type Listing, listObjects, type ObjectList } from './listing.ts'
import { all, literal } from './where.ts'

/*
 * Which rows stand on a page, where the planner cannot know the best way to them: tables up to
 * `first f`, of which the ids lead to the rows, and the order in which those come.
 */

/** The rows of a page, and the further values of the place where it ends. */
export type Skeleton = { tables: SQL[]; order: Order; ends: readonly SQL[] }

/** Rows: where they are from, and the conditions on them. */
type Rows = { from: SQL; where: readonly (SQL | undefined)[] }

/**
 * The same rows in two ways: as few, all of which an index gives, to be sorted; and as a walk in order, in
 * which each row is asked.
 */
export type Ways = {
  few: Rows
  walk: Rows
  /** What all of them are, for how many that is. */
  table: 'articles' | 'quotes'
  /** What asking a row of the walk costs, taking one of the few being 1. */
  dear: number
}

/**
 * The first rows in an order, as tables up to one of this name.
 *
 * Which way is better depends on how many there are: sorting them takes as many steps, and walking until
 * `limit` of them were met (all / matching) times `limit`, each `dear`. These are equal at
 * sqrt(dear * limit * all): so many are taken at most, and when there are more of them the order is
 * walked. The planner cannot choose: a statement that is prepared, or finds out an id itself, is planned
 * for whatever is asked, and it does not know what asking a row costs. For the largest category its
 * choice took 3.9 s where the walk takes 4 ms, at 200,000 articles.
 */
export function firstOf(
  named: string,
  { few, walk, table, dear }: Ways,
  options: {
    /** The sort values, each with its name. */
    key: SQL
    /** `ORDER BY` over the rows, and over the names of `key`. */
    order: SQL
    orderByName: SQL
    limit: number
  },
): SQL[] {
  const { key, order, orderByName } = options
  const limit = literal(options.limit)
  return [
    sql`most as materialized (
      select greatest(1000, sqrt(${literal(dear)}.0 * ${limit} * greatest(reltuples, 0)))::int as most
      from pg_class where oid = ${sql.raw(`'public.${table}'`)}::regclass)`,
    sql`hits as materialized (
      select ${key} from ${few.from} where ${all([...few.where])} limit (select most from most))`,
    sql`${sql.raw(named)} as materialized (
      (select * from hits where (select count(*) from hits) < (select most from most)
       order by ${orderByName} limit ${limit})
      union all
      (select ${key} from ${walk.from}
       where (select count(*) from hits) >= (select most from most) and ${all([...walk.where])}
       order by ${order} limit ${limit}))`,
  ]
}

/** The page of rows in the order of one of their columns. */
export function inOrder(ways: Ways, order: Order, page: Listing): Skeleton {
  const [{ column, type }] = order.columns as [SortColumn]
  const by = (column: SQL, id: SQL): Order => ({
    columns: [{ column, type }],
    id,
    descending: order.descending,
  })
  const beyond = page.from && after(order, page.from)
  const { few, walk } = ways
  const tables = firstOf(
    'first',
    {
      ...ways,
      few: { ...few, where: [...few.where, beyond] },
      walk: { ...walk, where: [...walk.where, beyond] },
    },
    {
      key: sql`${order.id}, ${column} as place`,
      order: orderBy(order),
      orderByName: orderBy(by(sql`place`, sql`id`)),
      limit: page.limit + 1,
    },
  )
  return { tables, order: by(sql`f.place`, sql`f.id`), ends: [] }
}

/** The page of a skeleton: the rows of `from`, under their alias, that it names, as objects. */
export function listSkeleton(
  { tables, order, ends: more }: Skeleton,
  list: Omit<ObjectList, 'where' | 'order' | 'more'>,
): SQL {
  return listObjects({
    ...{ ...list, order, more, where: [], tables: [...(list.tables ?? []), ...tables] },
    from: sql`first f join ${list.from} on ${sql.raw(list.alias)}.id = f.id`,
    // The skeleton begins where the page does.
    page: { limit: list.page.limit, from: undefined },
  })
}
