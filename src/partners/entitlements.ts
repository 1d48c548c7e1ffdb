import { eq, sql } from 'drizzle-orm'
import { record } from '../changes/record.ts'
import type { Tx, Writing } from '../db/client.ts'
import { entitlements, partnerCategories, partners } from '../db/tables.ts'

/** What a partner may have: of each kind these only, or all (null). Categories by id. */
export type Entitlement = {
  languages: string[] | null
  allowed: string[] | null
  excluded: string[]
  formats: string[] | null
  early: boolean
}

/** What a partner may have today. */
export async function currentEntitlement(tx: Tx, partnerId: string): Promise<Entitlement> {
  const [row] = await tx
    .select({
      languages: entitlements.languages,
      allowed: entitlements.allowed,
      excluded: entitlements.excluded,
      formats: entitlements.formats,
      early: entitlements.early,
    })
    .from(entitlements)
    .where(eq(entitlements.partnerId, partnerId))
    .orderBy(sql`${entitlements.id} desc`)
    .limit(1)
  return row ?? { languages: null, allowed: null, excluded: [], formats: null, early: false }
}

/**
 * Puts an entitlement in force, in the transaction that holds the partner's row, with the row in the
 * ledger upon which a mirror reads its snapshot again.
 */
export async function entitle(
  ctx: Writing,
  partner: { id: string; version: number },
  entitlement: Entitlement,
  reason?: string,
): Promise<void> {
  const { tx } = ctx
  const { id: partnerId, version } = partner
  const changeId = await record(ctx, {
    ...{ kind: 'partner', id: partnerId, operation: 'update', event: 'entitlement.changed' },
    ...{ fromVersion: version, toVersion: version, reason },
  })
  await tx.insert(entitlements).values({ partnerId, changeId, ...entitlement })
  await tx.delete(partnerCategories).where(eq(partnerCategories.partnerId, partnerId))
  const named = [
    ...(entitlement.allowed ?? []).map((categoryId) => ({ categoryId, excluded: false })),
    ...entitlement.excluded.map((categoryId) => ({ categoryId, excluded: true })),
  ]
  if (named.length > 0)
    await tx.insert(partnerCategories).values(named.map((one) => ({ partnerId, ...one })))
}

/**
 * Puts one category in the place of another in all entitlements, as a merge does. A partner that was
 * allowed the one and denied the other has neither: what is excluded counts first.
 */
export async function reassignInEntitlements(
  ctx: Writing,
  from: string,
  to: string,
  reason: string,
): Promise<void> {
  const { tx } = ctx
  const naming = await tx
    .select({ id: partners.id, version: partners.version })
    .from(partners)
    .where(
      sql`id in (select partner_id from ${partnerCategories} where category_id = ${from}::uuid)`,
    )
    .orderBy(partners.id)
    .for('update')
  const replaced = (ids: string[]) => [...new Set(ids.map((id) => (id === from ? to : id)))]
  for (const partner of naming) {
    const before = await currentEntitlement(tx, partner.id)
    const { allowed, excluded } = before
    const after = { allowed: allowed && replaced(allowed), excluded: replaced(excluded) }
    await entitle(ctx, partner, { ...before, ...after }, reason)
  }
}
