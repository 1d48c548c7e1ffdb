import { diffWordsWithSpace } from 'diff/lib/diff/word.js'
import type { Article } from '../articles/schema.ts'
import type { KeyedBlock } from '../body/schema.ts'
import { blockText } from '../body/text.ts'
import type { Diff } from './schema.ts'

/** Members that every version changes, or that the blocks say better. */
const LEFT_OUT = new Set(['version', 'updatedAt', 'body'])

/**
 * What changed between two versions of an article, both presented with blocks and all included:
 * members by value, blocks by their keys, and the words of a changed block.
 */
export function diffArticles(
  from: Article,
  to: Article,
  versions: { from: number; to: number },
): Diff {
  const names = new Set([...Object.keys(from), ...Object.keys(to)].filter((n) => !LEFT_OUT.has(n)))
  const members = [...names].flatMap((member) => {
    const before = from[member as keyof Article] ?? null
    const after = to[member as keyof Article] ?? null
    if (JSON.stringify(before) === JSON.stringify(after)) return []
    return [{ member, from: before, to: after }]
  })
  const before = (from.body?.blocks ?? []) as KeyedBlock[]
  const after = (to.body?.blocks ?? []) as KeyedBlock[]
  return { ...versions, members, blocks: diffBlocks(before, after) }
}

/** Blocks in the order of the later version, each removed one where it stood. */
function diffBlocks(before: KeyedBlock[], after: KeyedBlock[]): Diff['blocks'] {
  const old = new Map(before.map((block) => [block._key, block]))
  const stays = new Set(after.map((block) => block._key))
  const order = before.filter((block) => stays.has(block._key)).map((block) => block._key)
  const kept = after.filter((block) => old.has(block._key)).map((block) => block._key)
  const moved = new Set(kept.filter((key, i) => order[i] !== key))
  const result: Diff['blocks'] = after.map((block) => {
    const was = old.get(block._key)
    if (!was)
      return { key: block._key, op: 'added', words: [{ op: 'added', text: blockText(block) }] }
    if (JSON.stringify(was) !== JSON.stringify(block)) {
      return { key: block._key, op: 'changed', words: diffText(blockText(was), blockText(block)) }
    }
    return { key: block._key, op: moved.has(block._key) ? 'moved' : 'same' }
  })
  for (const [i, block] of before.entries()) {
    if (stays.has(block._key)) continue
    const text = blockText(block)
    const previous = before[i - 1]?._key
    const at = result.findIndex((entry) => entry.key === previous) + 1
    result.splice(at, 0, { key: block._key, op: 'removed', words: [{ op: 'removed', text }] })
  }
  return result
}

function diffText(from: string, to: string) {
  return diffWordsWithSpace(from, to).map(({ added, removed, value }) => ({
    op: added ? ('added' as const) : removed ? ('removed' as const) : ('same' as const),
    text: value,
  }))
}
