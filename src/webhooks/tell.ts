import { sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import type { Tx } from '../db/client.ts'
import { moment } from '../db/clock.ts'
import { array } from '../db/where.ts'
import { lineUp } from './lanes.ts'
import type { Told } from './told.ts'

/**
 * Has webhooks deliver these rows of the feed, which are all that concern them up to a position; what was
 * made by another process meanwhile is not made again. A removal withdraws what is pending of the same
 * resource, also where nobody asked to be told of removals; anything new brings an attempt forward that waits.
 * A reset is told to everybody: what it takes away is never told of again, its kill neither.
 */
export async function tell(
  tx: Tx,
  ids: readonly string[],
  rows: readonly Told[],
  until: number,
): Promise<void> {
  const these = array(ids, 'uuid')
  const { rows: hooks } = await tx.execute<{
    id: string
    events: string[] | null
    position: string
  }>(sql`
    select w.id, w.events, w.position from webhooks w
    where w.id = any(${these}) and w.disabled_at is null order by w.id for update`)
  const fresh = hooks.flatMap(({ id, events, position }) =>
    rows
      .filter((row) => row.position > Number(position))
      .map(({ id: resourceId, ...row }) => ({
        ...{ delivery: uuidv7(), webhook: id, resourceId, ...row },
        wanted: !events || events.includes(row.event) || row.op === 'reset',
      }))
      .filter(({ op, wanted }) => wanted || op === 'remove'),
  )
  if (fresh.length > 0) await queue(tx, fresh)
  await tx.execute(sql`
    update webhooks w set position = greatest(w.position, ${until}::bigint)
    where w.id = any(${array(
      hooks.map(({ id }) => id),
      'uuid',
    )})`)
}

type Fresh = Omit<Told, 'id'> & {
  delivery: string
  webhook: string
  resourceId: string
  wanted: boolean
}

async function queue(tx: Tx, fresh: readonly Fresh[]): Promise<void> {
  const rows = sql`json_to_recordset(${JSON.stringify(fresh)}) as n (delivery uuid, webhook uuid,
    position bigint, op text, resource text, event text, "resourceId" uuid, version int, reason text,
    wanted boolean)`
  await tx.execute(sql`
    insert into deliveries (id, webhook_id, position, op, resource, event, resource_id,
      resource_version, reason, created_at)
    select n.delivery, n.webhook, n.position, n.op, n.resource, n.event, n."resourceId", n.version,
      n.reason, date_trunc('milliseconds', now())
    from ${rows} where n.wanted`)
  const sameLane = sql`d.webhook_id = n.webhook and d.resource_id = n."resourceId" and d.state = 'pending'`
  await tx.execute(sql`
    update deliveries d set state = 'superseded', finished_at = ${moment}, due_at = null,
      planned_at = null, leased_until = null
    from ${rows} where n.op = 'remove' and ${sameLane} and d.position < n.position`)
  await tx.execute(sql`
    update deliveries d set due_at = now()
    from ${rows} where n.wanted and ${sameLane} and d.due_at > now() and d.leased_until is null`)
  const of = (name: 'webhook' | 'resourceId') => [...new Set(fresh.map((one) => one[name]))]
  await lineUp(tx, of('webhook'), of('resourceId'))
}
