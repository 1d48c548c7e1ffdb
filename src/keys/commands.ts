import { eq, sql } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import type { Scope } from '../actor.ts'
import { record } from '../changes/record.ts'
import type { Executor, Writing } from '../db/client.ts'
import { now } from '../db/clock.ts'
import { wake } from '../db/notice.ts'
import { apiKeys } from '../db/tables.ts'
import { missing, ruleBroken, unknownReferences } from '../errors.ts'
import { partnerFaults } from '../partners/lock.ts'
import type { ApiKeyCreate } from './schema.ts'
import { makeKey } from './secret.ts'

/** What a partner's key may be for: it reads as its partner, and writes nothing. */
const OF_PARTNERS: readonly Scope[] = ['read', 'syndication', 'embargo:read']

/** Throws `unknown_reference`, `wrong_state`, `rule_broken`. */
async function demandPartner(ctx: Writing, id: string, scopes: readonly Scope[]): Promise<void> {
  const unknown = await partnerFaults(ctx, id)
  if (unknown.length > 0) throw unknownReferences(unknown)
  const others = scopes.flatMap((scope, i) => (OF_PARTNERS.includes(scope) ? [] : [i]))
  if (others.length > 0) {
    const message = `must be ${OF_PARTNERS.join(', ')} of a partner's key`
    throw ruleBroken(others.map((i) => ({ pointer: `/scopes/${i}`, message })))
  }
}

/**
 * Makes a key: its id, and the key itself, which is nowhere else. Throws `rule_broken`, and of a partner's
 * key `unknown_reference` and `wrong_state`.
 */
export async function createKey(
  ctx: Writing,
  input: ApiKeyCreate,
): Promise<{ id: string; key: string }> {
  const id = uuidv7()
  const { key, prefix, hash } = makeKey()
  if (input.partner !== undefined) await demandPartner(ctx, input.partner, input.scopes)
  const expiresAt = input.expiresAt ? new Date(input.expiresAt) : null
  const [row] = await ctx.tx
    .insert(apiKeys)
    .values({
      id,
      name: input.name,
      prefix,
      hash,
      scopes: input.scopes,
      createdAt: now,
      expiresAt,
      partnerId: input.partner ?? null,
    })
    .returning({ expired: sql<boolean>`${apiKeys.expiresAt} <= now()` })
  if (row?.expired) {
    throw ruleBroken([{ pointer: '/expiresAt', message: 'expiresAt must be in the future.' }])
  }
  await record(ctx, {
    kind: 'key',
    id,
    operation: 'create',
    event: 'key.created',
    fromVersion: null,
    toVersion: null,
  })
  return { id, key }
}

/** Revokes a key, at once and for good; again changes nothing. Throws `not_found`. */
export async function revokeKey(ctx: Writing, id: string): Promise<void> {
  const [key] = await ctx.tx.select().from(apiKeys).where(eq(apiKeys.id, id)).for('update')
  if (!key) throw missing('key')
  if (key.revokedAt) return
  await ctx.tx.update(apiKeys).set({ revokedAt: now }).where(eq(apiKeys.id, id))
  // Streams that were opened with it end.
  await wake(ctx.tx)
  await record(ctx, {
    kind: 'key',
    id,
    operation: 'update',
    event: 'key.revoked',
    fromVersion: null,
    toVersion: null,
  })
}

/** Records when keys were last used. */
export async function recordUses(db: Executor, uses: ReadonlyMap<string, Date>): Promise<void> {
  if (uses.size === 0) return
  const rows = JSON.stringify([...uses].map(([id, at]) => ({ id, at })))
  await db.execute(sql`
    update api_keys k set last_used_at = greatest(k.last_used_at, u.at)
    from json_to_recordset(${rows}) as u (id uuid, at timestamptz) where k.id = u.id`)
}
