import { codePoints } from '../text.ts'
import type { Block, KeyedBlock } from './schema.ts'

const SEPARATOR = '\n\n'

/** Where a block's text stands in the plain text: code points, end exclusive. */
export type BlockOffsets = { key: string; start: number; end: number }

/** The text of one block in NFC; empty for what has none, such as images. */
export function blockText(block: Block): string {
  if (block._type === 'code') return block.code.normalize()
  if (block._type !== 'block') return ''
  return block.children
    .map((span) => span.text)
    .join('')
    .normalize()
}

/** Whether a block has anything to read: one of nothing but white space has no text. */
export function hasText(block: Block): boolean {
  return blockText(block).trim() !== ''
}

/**
 * The plain text of a body: the texts of the blocks that have any, joined by an empty
 * line, in NFC. A line feed composes with nothing, so joining NFC texts gives an NFC text.
 */
export function blocksToText(blocks: Block[]): string {
  return blocks
    .map(blockText)
    .filter((text) => text.trim() !== '')
    .join(SEPARATOR)
}

/** Which part of {@link blocksToText} is which block's, in order, for the blocks that have text. */
export function blockOffsets(blocks: KeyedBlock[]): BlockOffsets[] {
  let start = 0
  return blocks.filter(hasText).map((block) => {
    const end = start + codePoints(blockText(block))
    const offsets = { key: block._key, start, end }
    start = end + SEPARATOR.length
    return offsets
  })
}
