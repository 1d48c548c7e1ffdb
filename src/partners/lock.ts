import { eq } from 'drizzle-orm'
import type { Writing } from '../db/client.ts'
import { partners } from '../db/tables.ts'
import { type Detail, Fault } from '../errors.ts'

/**
 * Keeps a partner from ending while something is made for it: that there is none of this id, or nothing.
 * Throws `wrong_state` for one that has ended.
 */
export async function partnerFaults({ tx }: Writing, id: string): Promise<Detail[]> {
  const [partner] = await tx
    .select({ endedAt: partners.endedAt })
    .from(partners)
    .where(eq(partners.id, id))
    .for('share')
  if (partner?.endedAt) throw new Fault('wrong_state', 'The partner has ended.')
  return partner ? [] : [{ pointer: '/partner', message: `There is no partner ${id}.` }]
}
