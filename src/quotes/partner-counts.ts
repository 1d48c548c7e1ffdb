import { sql } from 'drizzle-orm'
import { numberChanges } from '../changes/queries.ts'
import type { Database, Tx } from '../db/client.ts'
import { hold, PARTNER_COUNTING, PARTNER_COUNTS, tryToHold } from '../db/locks.ts'
import { transaction } from '../db/transaction.ts'

/** How many articles are looked at in one statement: for one partner they take 0.3 s, for as many as here 3 s. */
const PORTION = 10_000
/** For how many partners at a time: so many counts of each source are held in memory. */
const TOGETHER = 20

/** Whose counts: one partner's, without early access or with it. */
type Due = { partner: string; early: boolean }

/** How long the ledger is added in one turn, in ms, before what is new is looked for. */
const TURN = 1000

/**
 * Adds what the ledger has had to how many quotes of each source a partner sees, by which `sort=-quoteCount`
 * walks; counts them from nothing for partners whose entitlement is new, and forgets those of who has none any
 * more. Answers do not wait for it: they add what the ledger has had since, and count themselves where nothing
 * is kept. Of several instances one does it at a time. Whether something was done that may not be all; given up
 * when the process ends.
 */
export async function keepPartnerCounts(db: Database, signal?: AbortSignal): Promise<boolean> {
  await forgetUnwanted(db)
  const more = await addLedger(db, signal)
  const due = await findDue(db)
  if (due.length === 0) return more
  await numberChanges(db.editor)
  const counted = await transaction(db, (tx) => countAnew(tx, due, signal))
  for (const [i, one] of due.entries()) {
    const quotes = counted?.quotes[i]
    if (quotes && !signal?.aborted)
      await transaction(db, (tx) => keep(tx, one, counted.position, quotes))
  }
  return counted !== undefined
}

async function forgetUnwanted(db: Database): Promise<void> {
  await transaction(db, async (tx) => {
    if (!(await tryToHold(tx, PARTNER_COUNTS))) return
    await tx.execute(sql`
      with gone as (
        delete from partner_counts k where not exists (select from editor.partner_counts_wanted w
          where w.partner_id = k.partner_id and w.early = k.early)
        returning k.partner_id, k.early
      )
      delete from partner_quote_counts c using gone g
      where c.partner_id = g.partner_id and c.early = g.early`)
  })
}

/** Some rows at a time, so that no statement is long; whether there may be more. */
async function addLedger(db: Database, signal?: AbortSignal): Promise<boolean> {
  const end = performance.now() + TURN
  while (!signal?.aborted) {
    const { rows } = await db.editor.execute<{ added: boolean }>(
      sql`select public.add_partner_quote_counts() as added`,
    )
    if (!rows[0]?.added) return false
    if (performance.now() > end) break
  }
  return true
}

async function findDue(db: Database): Promise<Due[]> {
  const { rows } = await db.editor.execute<Due>(sql`
    select w.partner_id as partner, w.early from editor.partner_counts_wanted w
    where not exists (select from editor.partner_counts_valid v
      where v.partner_id = w.partner_id and v.early = w.early)
    order by 1, 2 limit ${TOGETHER}`)
  return rows
}

/** Counts of sources, each for one who is due, and the position that they are as of. */
type Counted = { position: number; quotes: Map<string, number>[] }

/**
 * Counts in one snapshot, so that all of it is as the ledger was at one position. Writes nothing: whatever is
 * written since would be a conflict. Undefined when another instance counts, when the ledger is not numbered to
 * its end, and when the process ends.
 */
async function countAnew(
  tx: Tx,
  due: readonly Due[],
  signal: AbortSignal | undefined,
): Promise<Counted | undefined> {
  await tx.execute(sql`set transaction isolation level repeatable read`)
  if (!(await tryToHold(tx, PARTNER_COUNTING))) return undefined
  const position = await positionOf(tx)
  if (position === undefined) return undefined
  const quotes = due.map(() => new Map<string, number>())
  for (let after: string | null = '00000000-0000-0000-0000-000000000000'; after; ) {
    if (signal?.aborted) return undefined
    const { last, counted } = await countPortion(tx, due, after)
    for (const [i, source, more] of counted)
      quotes[i]?.set(source, (quotes[i].get(source) ?? 0) + more)
    after = last
  }
  return { position, quotes }
}

/** Where the ledger is, if all that is seen of it is numbered. */
async function positionOf(tx: Tx): Promise<number | undefined> {
  const { rows } = await tx.execute<{ position: string }>(sql`
    select coalesce(max(position), 0) as position from changes
    having not exists (select from changes where position is null)`)
  return rows[0] && Number(rows[0].position)
}

/** The last article of a portion, and how often a source is quoted there for the how-manieth who is due. */
type Portion = { last: string | null; counted: [number, string, number][] }

/** What a portion of the articles quotes, as these were last announced. */
async function countPortion(tx: Tx, due: readonly Due[], after: string): Promise<Portion> {
  const { rows } = await tx.execute<Portion>(sql`
    with portion as materialized (
      select a.id, a.language, a.announced, a.announced_early, public.categories_of(a.id) as categories
      from articles a where a.id > ${after}::uuid order by a.id limit ${PORTION}
    ), due as materialized (
      select d.n, w.early, w.languages, w.allowed, w.excluded
      from json_to_recordset(${JSON.stringify(due.map((one, n) => ({ n, ...one })))})
        as d (n int, partner uuid, early boolean)
      join editor.partner_counts_wanted w on w.partner_id = d.partner and w.early = d.early
    ), counted as (
      select d.n, q.speaker_id, count(*) as quotes
      from portion p join due d on case when d.early then p.announced_early else p.announced end
        and public.entitles(d.languages, d.allowed, d.excluded, p.language, p.categories)
      join quotes q on q.article_id = p.id
      where q.speaker_id is not null and q.state is distinct from 'suggested'
      group by d.n, q.speaker_id
    )
    select (select p.id from portion p order by p.id desc limit 1) as last, coalesce(
      (select json_agg(json_build_array(c.n, c.speaker_id, c.quotes)) from counted c), '[]') as counted`)
  return rows[0] ?? { last: null, counted: [] }
}

/** A count for every source, zeros too: a list has those who are not quoted at its end. In a transaction of its own. */
async function keep(
  tx: Tx,
  { partner, early }: Due,
  position: number,
  counts: ReadonlyMap<string, number>,
): Promise<void> {
  await hold(tx, PARTNER_COUNTS)
  const these = sql`partner_id = ${partner}::uuid and early = ${early}`
  await tx.execute(sql`delete from partner_quote_counts where ${these}`)
  await tx.execute(sql`
    insert into partner_quote_counts (partner_id, early, source_id, quotes)
    select ${partner}::uuid, ${early}, s.id, coalesce((n.counts ->> s.id::text)::integer, 0)
    from sources s, (select ${JSON.stringify(Object.fromEntries(counts))}::jsonb as counts offset 0) n`)
  await tx.execute(sql`
    insert into partner_counts (partner_id, early, position) values (${partner}::uuid, ${early}, ${position})
    on conflict (partner_id, early) do update set position = excluded.position`)
}
