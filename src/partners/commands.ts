import { and, eq, isNull } from 'drizzle-orm'
import { v7 as uuidv7 } from 'uuid'
import { record } from '../changes/record.ts'
import type { Writing } from '../db/client.ts'
import { moment, now } from '../db/clock.ts'
import { wake } from '../db/notice.ts'
import { findAddresses } from '../db/slugs.ts'
import { apiKeys, partners } from '../db/tables.ts'
import { demandVersion, type Expected } from '../db/versions.ts'
import { type Detail, Fault, missing, ruleBroken, unknownReferences } from '../errors.ts'
import { disableWebhooksOf } from '../webhooks/commands.ts'
import { currentEntitlement, type Entitlement, entitle } from './entitlements.ts'
import type { PartnerCreate, PartnerPatch } from './schema.ts'

const ALL: Entitlement = {
  ...{ languages: null, allowed: null, excluded: [], formats: null, early: false },
}

/** Makes a partner, with what it may have; its id. Throws `unknown_reference`, `rule_broken`. */
export async function createPartner(ctx: Writing, input: PartnerCreate): Promise<string> {
  const { tx } = ctx
  const id = uuidv7()
  const { name, contact, rateLimit } = input
  const entitlement = await entitlementAfter(ctx, ALL, input)
  await tx.insert(partners).values({
    ...{ id, name, contact: contact ?? null, rateLimit: rateLimit ?? null },
    ...{ createdAt: now, updatedAt: now },
  })
  await record(ctx, {
    ...{ kind: 'partner', id, operation: 'create', event: 'partner.created' },
    ...{ fromVersion: null, toVersion: 1 },
  })
  await entitle(ctx, { id, version: 1 }, entitlement)
  return id
}

/**
 * Changes a partner; its id. When what it may have changes, its mirrors are told to read their snapshot
 * again. Throws `not_found`, `version_stale`, `wrong_state` for one that has ended, `unknown_reference`,
 * `rule_broken`.
 */
export async function updatePartner(
  ctx: Writing,
  id: string,
  patch: PartnerPatch,
  expected: Expected,
): Promise<string> {
  const { tx } = ctx
  const row = await lockPartner(ctx, id, expected)
  if (row.endedAt) throw new Fault('wrong_state', 'A partner that has ended cannot be changed.')
  const { name, contact, rateLimit } = patch
  const before = await currentEntitlement(tx, id)
  const after = await entitlementAfter(ctx, before, patch)
  const version = row.version + 1
  await tx
    .update(partners)
    .set({
      ...(name !== undefined && { name }),
      ...(contact !== undefined && { contact }),
      ...(rateLimit !== undefined && { rateLimit }),
      ...{ version, updatedAt: moment },
    })
    .where(eq(partners.id, id))
  await record(ctx, {
    ...{ kind: 'partner', id, operation: 'update', event: 'partner.updated' },
    ...{ fromVersion: row.version, toVersion: version },
  })
  if (!same(before, after)) await entitle(ctx, { id, version }, after)
  return id
}

/**
 * Ends a partner: its keys are revoked and its webhooks disabled at once. What it had stays known: the holdings. Again changes
 * nothing. Throws `not_found`, `version_stale`.
 */
export async function endPartner(ctx: Writing, id: string, expected: Expected): Promise<void> {
  const { tx } = ctx
  const row = await lockPartner(ctx, id, expected)
  if (row.endedAt) return
  await tx
    .update(partners)
    .set({ endedAt: now, version: row.version + 1, updatedAt: moment })
    .where(eq(partners.id, id))
  const revoked = await tx
    .update(apiKeys)
    .set({ revokedAt: now })
    .where(and(eq(apiKeys.partnerId, id), isNull(apiKeys.revokedAt)))
    .returning({ id: apiKeys.id })
  // Streams that were opened with them end.
  await wake(tx)
  await record(ctx, {
    ...{ kind: 'partner', id, operation: 'delete', event: 'partner.ended' },
    ...{ fromVersion: row.version, toVersion: row.version + 1 },
  })
  await disableWebhooksOf(ctx, id)
  for (const key of revoked) {
    await record(ctx, {
      ...{ kind: 'key', id: key.id, operation: 'update', event: 'key.revoked' },
      ...{ fromVersion: null, toVersion: null, reason: 'the partner has ended' },
    })
  }
}

async function lockPartner({ tx }: Writing, id: string, expected: Expected) {
  const [row] = await tx.select().from(partners).where(eq(partners.id, id)).for('update')
  if (!row) throw missing('partner')
  demandVersion(row.version, expected)
  return row
}

function same(one: Entitlement, other: Entitlement): boolean {
  const set = (values: string[] | null) => (values === null ? null : [...values].sort())
  const plain = ({ languages, allowed, excluded, formats, early }: Entitlement) =>
    JSON.stringify([set(languages), set(allowed), set(excluded), set(formats), early])
  return plain(one) === plain(other)
}

/** An entitlement with what an input says of it. Throws `unknown_reference`, `rule_broken`. */
async function entitlementAfter(
  { tx }: Writing,
  before: Entitlement,
  { languages, formats, earlyAccess, categories = {} }: PartnerPatch,
): Promise<Entitlement> {
  const lists = { allowed: categories.allowed ?? [], excluded: categories.excluded ?? [] }
  const reading = { db: tx, schema: 'editor' } as const
  const found = await findAddresses(reading, 'category', [
    ...new Set([...lists.allowed, ...lists.excluded]),
  ])
  const faults: Detail[] = []
  const idsOf = (list: keyof typeof lists) =>
    lists[list].map((name, i) => {
      const pointer = `/categories/${list}/${i}`
      const id = found.get(name)?.id
      if (!id) faults.push({ pointer, message: `There is no category ${name}.` })
      return id ?? ''
    })
  const [allowed, excluded] = [idsOf('allowed'), idsOf('excluded')]
  if (faults.length > 0) throw unknownReferences(faults)
  const after = {
    languages: languages === undefined ? before.languages : languages,
    formats: formats === undefined ? before.formats : formats,
    early: earlyAccess ?? before.early,
    allowed: listAfter(categories.allowed, [...new Set(allowed)], before.allowed),
    excluded: categories.excluded === undefined ? before.excluded : [...new Set(excluded)],
  }
  const both = after.excluded.filter((id) => after.allowed?.includes(id))
  if (both.length > 0) {
    const message = 'must not exclude what is allowed itself; only something below it'
    throw ruleBroken([{ pointer: '/categories/excluded', message }])
  }
  return after
}

/** A list after a patch: absent leaves it, null lifts it. */
function listAfter(given: unknown, ids: string[], before: string[] | null): string[] | null {
  if (given === undefined) return before
  return given === null ? null : ids
}
