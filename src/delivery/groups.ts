/*
 * The vocabulary of groups. An answer depends on groups, a change drops groups, and a cache, ours or
 * another's, drops what has one in common. Names have at most 32 characters, which every cache that
 * knows Cache-Groups must take (RFC 9875 section 2.1): a word, and 22 characters of an id.
 *
 *   article:ID       what an article says, with its quotes and corrections
 *   source:ID        what a source's own row says          named:ID  whether readers see it
 *   category:ID      what a category's own row says        filed:ID  whether readers see it
 *   org:ID           whether readers see the organisation of a source, where they did not
 *   in:ID            which articles stand in a category or below it
 *   from:ID          which articles name a source          said:ID   what a speaker said, and where
 *   articles, quotes, sources, categories                  every list of the kind
 *   paths            the slugs of categories, where ARTICLE_URL names {category}
 *   absence:KIND     what is not there, or gone, of a kind
 *   any              any change at all                     all       everything: drop all
 */

export type Kind = 'article' | 'quote' | 'source' | 'category'

/** How many groups an answer names at most: what every cache must take (RFC 9875 section 2.1). */
const MOST = 32

/** Dropped with each change that readers can notice; of answers nobody has thought about. */
export const ANY = 'any'
/** Everything: on every answer, and dropped where a change has too many effects to name. */
export const ALL = 'all'

/** What is always dropped together with a group of this word, and so may stand in its place. */
const WIDER: Record<string, readonly string[]> = {
  article: ['articles'],
  from: ['articles'],
  said: ['articles'],
  in: ['articles', 'categories'],
  quotes: ['articles'],
  source: ['sources'],
  named: ['sources'],
  org: ['sources'],
  category: ['categories'],
  filed: ['categories'],
  paths: ['categories'],
}

/** The words that an id follows. */
type Word = 'article' | 'source' | 'category' | 'named' | 'filed' | 'org' | 'in' | 'from' | 'said'

/** The group of a word and an id: `article:AZKgEI...`, the id's 16 bytes in base64url. */
export function group(word: Word, id: string): string {
  return `${word}:${shortened(id)}`
}

/** Ids that came last: sources and categories come again and again, and looking up takes a tenth. */
const SHORTENED = 20_000
const known = new Map<string, string>()

function shortened(id: string): string {
  const before = known.get(id)
  if (before !== undefined) return before
  const short = Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url')
  if (known.size >= SHORTENED) known.clear()
  known.set(id, short)
  return short
}

/** The group of what is not there of a kind. */
export function absence(kind: Kind): string {
  return `absence:${kind}`
}

function wider(name: string): readonly string[] {
  return WIDER[name.split(':', 1)[0] ?? ''] ?? []
}

/**
 * What a change drops, whole: each group with those that may stand in its place. Moving a category
 * changes which articles stand in it, but no article.
 */
export function dropped(groups: Iterable<string>): Set<string> {
  const whole = new Set(groups)
  if (whole.size > 0) whole.add(ANY)
  for (const name of [...whole]) {
    const [first, ...rest] = wider(name)
    // `in` is dropped with articles that stand there or with the tree: either has said its own.
    if (rest.length === 0 && first) whole.add(first)
  }
  return whole
}

/** The groups of an answer without those that others imply, at most 32 with `all`. */
export function named(groups: Iterable<string>): Set<string> {
  const whole = new Set(groups)
  if (whole.has(ANY)) return new Set([ANY, ALL])
  const simplify = () => {
    for (const name of [...whole]) {
      const above = wider(name)
      if (above.length > 0 && above.every((one) => whole.has(one))) whole.delete(name)
    }
  }
  simplify()
  while (whole.size >= MOST) {
    const [largest] = [...Map.groupBy(whole, (name) => name.split(':', 1)[0] ?? '')]
      .filter(([word]) => WIDER[word])
      .sort(([, a], [, b]) => b.length - a.length)
    if (!largest) return new Set([ANY, ALL])
    for (const name of WIDER[largest[0]] ?? []) whole.add(name)
    for (const name of largest[1]) whole.delete(name)
    simplify()
  }
  return whole.add(ALL)
}
