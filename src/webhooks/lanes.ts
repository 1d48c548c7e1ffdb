import { sql } from 'drizzle-orm'
import type { Tx } from '../db/client.ts'
import { array } from '../db/where.ts'

/*
 * The lane of a delivery is its webhook and the resource it tells of: what is pending in a lane goes out
 * one after another, in the order of the ledger. Whoever changes a lane holds the webhook's row.
 */

/** The first that is pending in each lane of these webhooks, or of these resources only, is due now. */
export async function lineUp(
  tx: Tx,
  webhookIds: readonly string[],
  resourceIds?: readonly string[],
): Promise<void> {
  await tx.execute(sql`
    update deliveries d set due_at = now()
    where d.webhook_id = any(${array(webhookIds, 'uuid')}) and d.state = 'pending' and d.due_at is null
      and ${resourceIds ? sql`d.resource_id = any(${array(resourceIds, 'uuid')})` : sql`true`}
      and not exists (${before})`)
}

/** Takes the turn back from those in the lanes of a webhook that have others before them now. */
export async function queueUp(tx: Tx, webhookId: string): Promise<void> {
  await tx.execute(sql`
    update deliveries d set due_at = null, planned_at = null
    where d.webhook_id = ${webhookId}::uuid and d.state = 'pending' and d.due_at is not null
      and d.leased_until is null and exists (${before})`)
}

/** Those before `d` in its lane that are pending. */
const before = sql`
  select from deliveries x
  where x.webhook_id = d.webhook_id and x.resource_id = d.resource_id and x.state = 'pending'
    and x.position < d.position`
