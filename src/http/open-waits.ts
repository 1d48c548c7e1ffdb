import type { FastifyReply, FastifyRequest } from 'fastify'
import { Fault } from '../errors.ts'

/** So many streams and long polls of one key may be open at a time, in each process. */
const MOST_OPEN = 20
/** When a place is likely to be free again, in seconds: half of the longest poll. */
const SOON = 15

/**
 * Counts what is open of each key, in the memory of this process: a rate limits how often it begins, and not
 * how much of it stays. Each costs a socket and, when something happens, a question to the database.
 */
export function countOpenWaits(most = MOST_OPEN) {
  const open = new Map<string, number>()
  const leave = (id: string) => {
    const left = (open.get(id) ?? 0) - 1
    if (left > 0) open.set(id, left)
    else open.delete(id)
  }
  return {
    /** Takes a place until the caller has gone or was answered. Throws `too_many_open` (429). */
    enter({ actor }: FastifyRequest, reply: FastifyReply): void {
      const id = actor?.keyId
      const { raw } = reply
      // Of whoever has hung up already nothing comes any more.
      if (id === undefined || raw.destroyed) return
      if ((open.get(id) ?? 0) >= most) {
        reply.header('retry-after', String(SOON))
        throw new Fault(
          'too_many_open',
          `At most ${most} streams and requests that wait may be open with one key; close one, or wait.`,
        )
      }
      open.set(id, (open.get(id) ?? 0) + 1)
      let isOpen = true
      const ended = () => {
        if (isOpen) leave(id)
        isOpen = false
      }
      // The second is what an injected request has.
      raw.once('close', ended)
      raw.once('finish', ended)
    },
  }
}
