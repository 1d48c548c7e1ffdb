import type { PortableTextBlock } from '@portabletext/types'
import { isSafeImage } from './links.ts'
import type { Block, TextBlock } from './schema.ts'
import { hasText } from './text.ts'

/** A list item, and the lists within it. */
export type Item = { block: TextBlock; lists: List[] }
export type List = { _type: 'list'; listItem: 'bullet' | 'number'; items: Item[] }
/** Paragraphs of one quotation. */
export type Quotation = { _type: 'quotation'; blocks: TextBlock[] }
export type Node = Exclude<Block, TextBlock> | TextBlock | List | Quotation

/**
 * The tree that markup wants, of the flat blocks: items that follow each other are lists, deeper
 * levels lie within the item before them, and quotations that follow each other are one. Text blocks
 * without text are left out, and images that may not be published (the schema lets none in). A list that begins deep, or skips a level, is as deep as it is nested.
 *
 * (The toolkit's own `nestLists` tears a list apart where kinds change at one level: it puts the
 * second list at the top, and all that follows after it.)
 */
export function outline(blocks: Block[]): Node[] {
  const nodes: Node[] = []
  /** The lists that are open, from the outermost. */
  let open: { level: number; list: List }[] = []
  for (const block of blocks) {
    if (block._type === 'block' && !hasText(block)) continue
    if (block._type === 'image' && !isSafeImage(block.url)) continue
    if (block._type === 'block' && block.listItem !== undefined) {
      open = openList(open, block, block.listItem, nodes)
      open.at(-1)?.list.items.push({ block, lists: [] })
      continue
    }
    open = []
    const last = nodes.at(-1)
    if (block._type !== 'block' || block.style !== 'blockquote') nodes.push(block)
    else if (last?._type === 'quotation') last.blocks.push(block)
    else nodes.push({ _type: 'quotation', blocks: [block] })
  }
  return nodes
}

/** The open lists, the last being the one that takes the item. */
function openList(
  open: { level: number; list: List }[],
  { level = 1 }: TextBlock,
  listItem: List['listItem'],
  nodes: Node[],
): { level: number; list: List }[] {
  const kept = open.filter((list) => list.level <= level)
  const last = kept.at(-1)
  if (last?.level === level && last.list.listItem === listItem) return kept
  const outer = kept.filter((list) => list.level < level)
  const list: List = { _type: 'list', listItem, items: [] }
  const siblings = outer.at(-1)?.list.items.at(-1)?.lists ?? nodes
  siblings.push(list)
  return [...outer, { level, list }]
}

/** The marked text of a block in the types of the Portable Text packages. */
export function portableText({ children, markDefs = [] }: TextBlock): PortableTextBlock {
  const spans = children.map(({ text, marks = [] }) => ({ _type: 'span' as const, text, marks }))
  return { _type: 'block', children: spans, markDefs }
}
