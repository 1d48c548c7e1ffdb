import { ruleBroken } from '../errors.ts'
import { htmlToBlocks } from './html.ts'
import { withKeys } from './keys.ts'
import { markdownToBlocks } from './markdown.ts'
import { type Block, Blocks, type BodyInput, type KeyedBlock, type Span } from './schema.ts'

/**
 * The blocks to store for a body in any of its formats, with all optional members filled in and
 * keys given (see {@link withKeys}); `previous` is the body that this one replaces. Throws Fault
 * `rule_broken` when Markdown or HTML makes more blocks or text than a body may have; in blocks the
 * schema has found that out already.
 */
export function bodyFromInput(input: BodyInput, previous: Block[] = []): KeyedBlock[] {
  if (input.blocks !== undefined) return withKeys(input.blocks.map(complete), previous)
  const [format, read] =
    input.html === undefined
      ? (['markdown', markdownToBlocks(input.markdown ?? '')] as const)
      : (['html', htmlToBlocks(input.html)] as const)
  const checked = Blocks.safeParse(read)
  if (!checked.success) {
    const [issue] = checked.error.issues
    const message = `makes blocks that are not accepted (${issue?.path.join('.')}): ${issue?.message}`
    throw ruleBroken([{ pointer: `/body/${format}`, message }])
  }
  return withKeys(read.map(complete), previous)
}

/** A text block with the members that readers of Portable Text expect; others as they are. */
function complete(block: Block): Block {
  if (block._type !== 'block') return block
  const { listItem, level = 1, children } = block
  const spans: Span[] = children.length === 0 ? [{ _type: 'span', text: '' }] : children
  return {
    _type: 'block',
    ...(block._key !== undefined && { _key: block._key }),
    style: block.style ?? 'normal',
    ...(listItem !== undefined && { listItem, level }),
    children: spanKeys(spans).map((_key, index) => {
      const { text, marks = [] } = spans[index] as Span
      return { _type: 'span', _key, text, marks }
    }),
    markDefs: block.markDefs ?? [],
  }
}

/** The keys that spans have, and `s0`, `s1`, ... for those that have none. */
function spanKeys(spans: Span[]): string[] {
  const taken = new Set(spans.map((span) => span._key))
  let next = 0
  return spans.map(({ _key }) => {
    if (_key !== undefined) return _key
    while (taken.has(`s${next}`)) next++
    return `s${next++}`
  })
}
