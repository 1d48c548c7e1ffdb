import { sql } from 'drizzle-orm'
import type { Tx } from '../db/client.ts'
import { findAddresses } from '../db/slugs.ts'
import { sources } from '../db/tables.ts'
import { oneOf } from '../db/where.ts'
import { type Detail, ruleBroken, unknownReferences } from '../errors.ts'

/** The speakers of quotes, and what may stand beside one who is anonymous. */

/**
 * Speakers by the name they were given, with all faults at once: `unknown_reference` for those that
 * do not exist, `rule_broken` for a document, which cannot speak.
 */
export async function findSpeakers(
  tx: Tx,
  names: { name: string; pointer: string }[],
): Promise<Map<string, string>> {
  const found = await findAddresses(
    { db: tx, schema: 'editor' },
    'source',
    names.map((n) => n.name),
  )
  const unknown = names.filter(({ name }) => !found.has(name))
  if (unknown.length > 0) {
    throw unknownReferences(
      unknown.map(({ name, pointer }) => ({ pointer, message: `There is no source ${name}.` })),
    )
  }
  const ids = new Map(names.map(({ name }) => [name, found.get(name)?.id ?? '']))
  if (ids.size === 0) return ids
  // Shared locks: a speaker cannot become a document, or go, until this is committed.
  const rows = await tx
    .select({ id: sources.id, kind: sources.kind })
    .from(sources)
    .where(oneOf(sql`id`, [...ids.values()], 'uuid'))
    .for('share')
  const documents = new Set(rows.filter((row) => row.kind === 'document').map((row) => row.id))
  const faults: Detail[] = names
    .filter(({ name }) => documents.has(ids.get(name) ?? ''))
    .map(({ name, pointer }) => ({ pointer, message: `${name} is a document and cannot speak.` }))
  if (faults.length > 0) throw ruleBroken(faults)
  return ids
}

/** What stands beside the speaker of a quote, and could say who they are. */
export function beside(
  quote: { speakerId?: string | null; cue?: string | null; occasion?: string | null },
  pointer: string,
) {
  const source = quote.speakerId
  if (!source) return []
  return [
    { source, text: quote.cue, pointer: `${pointer}/cue` },
    { source, text: quote.occasion, pointer: `${pointer}/occasion` },
  ]
}
