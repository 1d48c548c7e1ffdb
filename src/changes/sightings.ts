import { type SQL, sql } from 'drizzle-orm'
import type { Tx } from '../db/client.ts'
import { moment } from '../db/clock.ts'
import { sent } from '../db/pipeline.ts'
import { array, literal, oneOf } from '../db/where.ts'

/*
 * What readers have seen of quotes, sources and categories, and since when they no longer do: so that
 * it answers 410, and not 404, for ever. Articles carry this in columns of their own.
 */

/** What readers see of articles now, as (kind, id); a category with all those above it. */
const shown = (ids: readonly string[]) => {
  const ofThese = oneOf(sql`x.article_id`, ids, 'uuid')
  return sql`
  select 'quote' as kind, x.id from reader.quotes x where ${ofThese}
  union select 'source', x.speaker_id from reader.quotes x
    where ${ofThese} and x.speaker_id is not null
  union select 'source', x.id from reader.article_sources x where ${ofThese}
  union select 'category', up.id from reader.article_categories x, public.categories_above(x.id) up
    where ${ofThese}`
}

/** What so many of the last versions of articles that readers have seen held, as (kind, id). */
const held = (ids: readonly string[], versions: number) => sql`
  with kept as (
    select r.content from revisions r join articles a on a.id = r.article_id
    where ${oneOf(sql`a.id`, ids, 'uuid')} and r.version > a.version - ${literal(versions)}
      and (a.announced or a.first_visible_at is not null)
  ), said as (
    select q from kept, jsonb_array_elements(content -> 'quotes') q where q ->> 'state' is distinct from 'suggested'
  )
  select 'quote' as kind, (q ->> 'id')::uuid as id from said
  union select 'source', (q ->> 'speaker_id')::uuid from said where q ->> 'speaker_id' is not null
  union select 'source', (s ->> 'id')::uuid from kept, jsonb_array_elements(content -> 'sources') s
  union select 'category', up.id from kept, jsonb_array_elements(content -> 'categories') c,
    public.categories_above((c ->> 'id')::uuid) up`

/**
 * Notes what readers see. A row that is there is not locked, so that articles of one category do not
 * wait for each other; new ones come in one order, so that two writers do not deadlock.
 */
const note = (seen: SQL) => sql`
  with seen as materialized (${seen}), anew as (
    insert into sightings (kind, resource_id) select kind, id from seen order by kind, id
    on conflict do nothing
  )
  update sightings s set gone_at = null from seen
  where s.kind = seen.kind and s.resource_id = seen.id and s.gone_at is not null`

/** Notes what readers see of these articles: before what they hold is changed, and after. */
export function noteShown(tx: Tx, ids: readonly string[]): Promise<unknown> {
  return sent(tx.execute(note(shown(ids))))
}

/** Notes what readers saw of articles that came and went before anybody looked; {@link noteGone} follows. */
export function noteHeld(tx: Tx, ids: readonly string[]): Promise<unknown> {
  return sent(tx.execute(note(held(ids, 1))))
}

/** Notes since when readers no longer see what these articles held, after it was changed. */
export function noteGone(tx: Tx, ids: readonly string[]): Promise<unknown> {
  return sent(
    tx.execute(sql`
      update sightings s set gone_at = ${moment} from (${held(ids, 2)}) h
      where s.kind = h.kind and s.resource_id = h.id and s.gone_at is null and ${unseen}`),
  )
}

/** Readers do not see it, through whatever article. */
const unseen = sql`
  case s.kind
    when 'quote' then not exists (select from reader.quotes q where q.id = s.resource_id)
    when 'source' then not exists (select from reader.source_ids v where v.id = s.resource_id)
    else not exists (select from reader.category_ids v where v.id = s.resource_id) end`

/**
 * Notes which of these categories readers see, and since when they do not: before and after a change
 * of the tree, for those that it can give or take descendants.
 */
export async function noteCategories(tx: Tx, ids: readonly string[]): Promise<void> {
  const these = array(ids, 'uuid')
  await tx.execute(
    note(
      sql`select 'category' as kind, v.id from reader.category_ids v where v.id = any(${these})`,
    ),
  )
  await tx.execute(sql`
    update sightings s set gone_at = ${moment}
    where s.kind = 'category' and s.resource_id = any(${these}) and s.gone_at is null and ${unseen}`)
}
