/** A word that could be misspelt; shorter ones are like too many others. */
const WORD = /\p{L}{4,50}/gu

/** The words of a query that could be misspelt, in small letters: the first ten. */
export function wordsIn(q: string): string[] {
  return [...new Set(q.toLowerCase().match(WORD) ?? [])].slice(0, 10)
}

/** A query with other words in place of these; undefined when there are none. */
export function reworded(q: string, others: ReadonlyMap<string, string>): string | undefined {
  if (others.size === 0) return undefined
  return q.replaceAll(WORD, (word) => others.get(word.toLowerCase()) ?? word)
}
