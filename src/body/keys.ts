import { hash } from 'node:crypto'
import type { Block, KeyedBlock } from './schema.ts'
import { blockText } from './text.ts'

/** Above this many pairs (200 blocks by 200) edited paragraphs are not looked for any more. */
const MOST_PAIRS = 40_000
/** Two texts are one paragraph, edited, when they share at least half of their words. */
const ALIKE = 0.5

type Entry = { block: Block; index: number; content: string }
type Pair = { old: Entry; entry: Entry }

/**
 * Gives every block a key, unique in the body. In this order:
 *
 * 1. Keys that the blocks came with stay.
 * 2. A block whose content stands in `previous` takes the key from there: first along the longest
 *    run of blocks in the same order, so that an insertion or removal shifts nothing, then from
 *    wherever it was moved.
 * 3. A text that shares half of its words with one of the blocks left over is that block, edited,
 *    and takes its key: a correction can go on naming the block that it changed.
 * 4. The others get a key made of their content, so that what is imported twice has the same keys.
 *    A key of `previous` is never given to other content.
 */
export function withKeys(blocks: Block[], previous: Block[] = []): KeyedBlock[] {
  const keys = blocks.map((block) => block._key)
  const used = new Set(keys)
  let from = entries(previous).filter(({ block }) => !used.has(block._key))
  let to = entries(blocks).filter(({ block }) => block._key === undefined)
  for (const match of [sameInOrder, sameAnywhere, edited]) {
    const pairs = match(from, to)
    for (const { old, entry } of pairs) keys[entry.index] = old.block._key
    const matched = new Set(pairs.flatMap(({ old, entry }) => [old, entry]))
    from = from.filter((entry) => !matched.has(entry))
    to = to.filter((entry) => !matched.has(entry))
  }
  const taken = new Set([...keys, ...previous.map((block) => block._key)])
  const turns = new Map<string, number>()
  return blocks.map((block, index) => ({
    ...block,
    _key: keys[index] ?? contentKey(content(block), taken, turns),
  }))
}

function entries(blocks: Block[]): Entry[] {
  return blocks.map((block, index) => ({ block, index, content: content(block) }))
}

/** What two blocks must share to be the same: the kind, and the text or the address. */
function content(block: Block): string {
  return `${block._type}\n${block._type === 'image' ? block.url : blockText(block)}`
}

/** A hash of the content and of how often it came before; takes it. */
function contentKey(
  content: string,
  taken: Set<string | undefined>,
  turns: Map<string, number>,
): string {
  for (;;) {
    const turn = turns.get(content) ?? 0
    turns.set(content, turn + 1)
    const key = hash('sha256', `${turn}\n${content}`, 'hex').slice(0, 12)
    if (taken.has(key)) continue
    taken.add(key)
    return key
  }
}

function sameInOrder(from: Entry[], to: Entry[]): Pair[] {
  return align(from, to, (old, entry) => (old.content === entry.content ? 1 : 0))
}

function sameAnywhere(from: Entry[], to: Entry[]): Pair[] {
  const left = Map.groupBy(from, (old) => old.content)
  return to.flatMap((entry) => {
    const old = left.get(entry.content)?.shift()
    return old === undefined ? [] : [{ old, entry }]
  })
}

function edited(from: Entry[], to: Entry[]): Pair[] {
  const pairs = from.length * to.length
  if (pairs === 0 || pairs > MOST_PAIRS) return []
  const words = new Map([...from, ...to].map((entry) => [entry, countWords(entry.block)]))
  return align(from, to, (old, entry) => {
    if (old.block._type !== entry.block._type) return 0
    const likeness = compareWords(words.get(old), words.get(entry))
    return likeness >= ALIKE ? likeness : 0
  })
}

/**
 * The pairs, in order on both sides, whose scores together are the highest (0: no pair). The usual
 * table of a longest common subsequence: 4 million cells for two bodies of the full 2,000 blocks.
 */
function align(from: Entry[], to: Entry[], score: (old: Entry, entry: Entry) => number): Pair[] {
  const width = to.length + 1
  const best = new Float32Array((from.length + 1) * width)
  const at = (row: number, column: number) => best[row * width + column] ?? 0
  for (let row = from.length - 1; row >= 0; row--) {
    for (let column = to.length - 1; column >= 0; column--) {
      const paired = at(row + 1, column + 1) + score(from[row] as Entry, to[column] as Entry)
      best[row * width + column] = Math.max(paired, at(row + 1, column), at(row, column + 1))
    }
  }
  const pairs: Pair[] = []
  let row = 0
  let column = 0
  while (row < from.length && column < to.length) {
    if (at(row, column) === at(row + 1, column)) row++
    else if (at(row, column) === at(row, column + 1)) column++
    else pairs.push({ old: from[row++] as Entry, entry: to[column++] as Entry })
  }
  return pairs
}

type Words = Map<string, number>

function countWords(block: Block): Words {
  const words: Words = new Map()
  for (const [word] of blockText(block).matchAll(/[\p{L}\p{M}\p{N}]+/gu)) {
    words.set(word, (words.get(word) ?? 0) + 1)
  }
  return words
}

/** How much two texts share: 1 when they have the same words, 0 when none (Dice's coefficient). */
function compareWords(a: Words = new Map(), b: Words = new Map()): number {
  const total = sum(a) + sum(b)
  if (total === 0) return 0
  let common = 0
  for (const [word, count] of a) common += Math.min(count, b.get(word) ?? 0)
  return (2 * common) / total
}

function sum(words: Words): number {
  return [...words.values()].reduce((total, count) => total + count, 0)
}
