/*
 * Canaries: words that stand in hidden places only and occur nowhere else, so that each one met in
 * an answer is a leak and says from where. Letters and digits only: no encoding takes them apart,
 * and a search finds each as one word.
 */

const CANARY = /canary[a-z0-9]+/gi
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi

/** The canary of a member of a hidden thing. The last letter keeps English stems whole. */
export function canary(thing: string, member: string): string {
  return `canary${thing}${member}x`.toLowerCase()
}

function decoded(run: string, how: (run: string) => string): string {
  try {
    return how(run)
  } catch {
    return run
  }
}

/** A text, and what its percent-encodings, JSON escapes and base64 (cursors) stand for. */
function readings(text: string): string[] {
  const plain = text
    .replace(/(%[0-9a-f]{2})+/gi, (run) => decoded(run, decodeURIComponent))
    .replace(/(\\u[0-9a-f]{4})+/gi, (run) => decoded(run, (r) => JSON.parse(`"${r}"`)))
  const base64 = plain.match(/[\w+/-]{24,}/g) ?? []
  return [text, plain, ...base64.map((run) => Buffer.from(run, 'base64').toString('latin1'))]
}

/** The canaries in a text and the ids that only hidden things have, whatever it is encoded in. */
export function canariesIn(text: string, hiddenIds: ReadonlySet<string>): Set<string> {
  const found = new Set<string>()
  for (const reading of readings(text)) {
    for (const [word] of reading.matchAll(CANARY)) found.add(word.toLowerCase())
    for (const [id] of reading.matchAll(UUID)) {
      if (hiddenIds.has(id.toLowerCase())) found.add(id.toLowerCase())
    }
  }
  return found
}
