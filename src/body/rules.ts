import type { z } from 'zod'
import { codePoints } from '../text.ts'

/**
 * The rules of a body that concern several of its members together, as zod refinements.
 * What one member may be by itself stands in schema.ts.
 */

/** Portable Text calls the marks that need no data decorators; these are its own names for them. */
export const DECORATORS = [
  'strong',
  'em',
  'underline',
  'strike-through',
  'code',
  'sub',
  'sup',
] as const
export type Decorator = (typeof DECORATORS)[number]

/** The most code points of text in all blocks of one body together. */
export const MOST_TEXT = 100_000

type Context = z.core.$RefinementCtx
type Keyed = { _key?: string | undefined }
type MarkedText = {
  children: (Keyed & { marks?: string[] | undefined })[]
  markDefs?: { _key: string }[] | undefined
  listItem?: string | undefined
  level?: number | undefined
}
type Texts = Keyed & {
  children?: { text: string }[]
  code?: string
  alt?: string | undefined
  caption?: string | undefined
  credit?: string | undefined
}

/** Every mark names a decorator or a link of its block; keys are unique; a level is a list's. */
export function checkMarks(block: MarkedText, ctx: Context): void {
  const decorators: readonly string[] = DECORATORS
  const links = block.markDefs ?? []
  const known = new Set([...decorators, ...links.map((link) => link._key)])
  checkUnique(links, ['markDefs'], ctx)
  checkUnique(block.children, ['children'], ctx)
  for (const [index, link] of links.entries()) {
    if (decorators.includes(link._key)) {
      fault(ctx, ['markDefs', index, '_key'], 'is the name of a decorator')
    }
  }
  for (const [index, span] of block.children.entries()) {
    for (const [place, mark] of (span.marks ?? []).entries()) {
      if (known.has(mark)) continue
      const message = `names neither a decorator (${DECORATORS.join(', ')}) nor a markDef`
      fault(ctx, ['children', index, 'marks', place], message)
    }
  }
  if (block.level !== undefined && block.listItem === undefined) {
    fault(ctx, ['level'], 'needs listItem beside it')
  }
}

/** Keys are unique in a body, and its text is at most {@link MOST_TEXT} code points. */
export function checkBlocks(blocks: Texts[], ctx: Context): void {
  checkUnique(blocks, [], ctx)
  const length = blocks.reduce((sum, block) => sum + textLength(block), 0)
  if (length > MOST_TEXT) fault(ctx, [], `has ${length} characters of text; at most ${MOST_TEXT}`)
}

function textLength(block: Texts): number {
  const spans = block.children?.map((span) => span.text) ?? []
  const texts = [...spans, block.code, block.alt, block.caption, block.credit]
  return texts.reduce((sum, text) => sum + codePoints(text ?? ''), 0)
}

function checkUnique(list: Keyed[], path: PropertyKey[], ctx: Context): void {
  const seen = new Set<string>()
  for (const [index, { _key }] of list.entries()) {
    if (_key === undefined) continue
    if (seen.has(_key)) fault(ctx, [...path, index, '_key'], `is used twice: ${_key}`)
    seen.add(_key)
  }
}

function fault(ctx: Context, path: PropertyKey[], message: string): void {
  ctx.addIssue({ code: 'custom', path, message })
}
