import { z } from 'zod'
import { text } from '../text.ts'
import { isSafeImage, isSafeLink, LONGEST_URL } from './links.ts'
import { checkBlocks, checkMarks, DECORATORS, MOST_TEXT } from './rules.ts'

const MOST_BLOCKS = 2000
/** Markup is wordier than its text: Markdown or HTML of a full body fits well into this. */
const MOST_SOURCE = 400_000
/** Deeper lists are not set anywhere; and each level is one of recursion when it is rendered. */
export const DEEPEST_LIST = 10
export const LONGEST_CAPTION = 5000
export const WIDEST_IMAGE = 100_000

const LANGUAGE = /^[\w+#.-]{1,40}$/

/** Whether a code block may carry this as its language. */
export function isCodeLanguage(language: string): boolean {
  return LANGUAGE.test(language)
}

const Key = z.string().regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 . _ -')

const Span = z.strictObject({
  _type: z.literal('span'),
  _key: Key.optional(),
  text: text(MOST_TEXT),
  marks: z
    .array(z.string().max(64))
    .max(20)
    .optional()
    .meta({
      description: `Decorators (${DECORATORS.join(', ')}) and keys of this block's markDefs.`,
    }),
})
export type Span = z.infer<typeof Span>

const Link = z.strictObject({
  _type: z.literal('link'),
  _key: Key,
  href: text(LONGEST_URL, 1)
    .refine(isSafeLink, 'must be an http, https, mailto or relative URL')
    .meta({ description: 'An http, https, mailto or relative URL.' }),
})
export type Link = z.infer<typeof Link>

export const TextBlock = z
  .strictObject({
    _type: z.literal('block'),
    _key: Key.optional(),
    style: z.enum(['normal', 'h2', 'h3', 'h4', 'blockquote']).optional(),
    listItem: z.enum(['bullet', 'number']).optional(),
    level: z.int().min(1).max(DEEPEST_LIST).optional(),
    children: z.array(Span).max(1000),
    markDefs: z.array(Link).max(500).optional(),
  })
  .superRefine(checkMarks)
  .meta({
    id: 'TextBlock',
    description:
      'A paragraph, heading, quotation or list item. A line feed in a span is a line break.',
    examples: [
      {
        _type: 'block',
        _key: '4f1c0a9be2d7',
        style: 'normal',
        children: [
          { _type: 'span', _key: 's0', text: 'The mayor ', marks: [] },
          { _type: 'span', _key: 's1', text: 'denied', marks: ['em'] },
          { _type: 'span', _key: 's2', text: ' it.', marks: [] },
        ],
        markDefs: [],
      },
    ],
  })
export type TextBlock = z.infer<typeof TextBlock>

export const ImageBlock = z
  .strictObject({
    _type: z.literal('image'),
    _key: Key.optional(),
    url: text(LONGEST_URL, 1)
      .refine(isSafeImage, 'must be an http, https or relative URL')
      .meta({ description: 'An http, https or relative URL.' }),
    alt: text(LONGEST_CAPTION).optional(),
    caption: text(LONGEST_CAPTION).optional(),
    credit: text(LONGEST_CAPTION).optional(),
    width: z.int().min(1).max(WIDEST_IMAGE).optional(),
    height: z.int().min(1).max(WIDEST_IMAGE).optional(),
  })
  .meta({
    id: 'ImageBlock',
    description: 'An image. Its texts are not part of the plain text.',
    examples: [
      {
        _type: 'image',
        _key: '9d20b1c3f4e5',
        url: 'https://images.example/bridge.jpg',
        alt: 'The old bridge at dusk',
        credit: 'A. Photographer',
        width: 1600,
        height: 900,
      },
    ],
  })
export type ImageBlock = z.infer<typeof ImageBlock>

export const CodeBlock = z
  .strictObject({
    _type: z.literal('code'),
    _key: Key.optional(),
    language: z.string().regex(LANGUAGE, 'must be a name such as js or c++').optional(),
    code: text(MOST_TEXT),
  })
  .meta({
    id: 'CodeBlock',
    description: 'Preformatted text, kept to the character.',
    examples: [{ _type: 'code', _key: '77ab01cd23ef', language: 'sql', code: 'SELECT 1;' }],
  })
export type CodeBlock = z.infer<typeof CodeBlock>

export const BreakBlock = z.strictObject({ _type: z.literal('break'), _key: Key.optional() }).meta({
  id: 'BreakBlock',
  description: 'A thematic break: a rule between two parts of the text.',
  examples: [{ _type: 'break', _key: '0c11d2e3f4a5' }],
})

const Block = z.discriminatedUnion('_type', [TextBlock, ImageBlock, CodeBlock, BreakBlock])
export type Block = z.infer<typeof Block>

/** A block as it is stored and given out: each has a key of its own in its body. */
export type KeyedBlock = Block & { _key: string }

/** All blocks of one body, with the rules that concern them together. */
export const Blocks = z.array(Block).max(MOST_BLOCKS).superRefine(checkBlocks)

export const BodyInput = z
  .strictObject({
    markdown: text(MOST_SOURCE).optional(),
    html: text(MOST_SOURCE).optional(),
    blocks: Blocks.optional(),
  })
  .refine((body) => Object.values(body).filter((member) => member !== undefined).length === 1, {
    message: 'must have exactly one of "markdown", "html" and "blocks"',
  })
  .meta({
    id: 'BodyInput',
    description:
      'The text of an article in one of three formats: CommonMark with tables and ~~deletions~~, HTML (it is sanitised), or Portable Text blocks. A first-level heading becomes one of the second level, since the headline is the first.',
    minProperties: 1,
    maxProperties: 1,
    examples: [{ markdown: '## Flood warning\n\nThe river rose *two metres* overnight.' }],
  })
export type BodyInput = z.infer<typeof BodyInput>

export const Body = z
  .strictObject({
    html: z.string().optional(),
    text: z.string().optional(),
    markdown: z.string().optional(),
    blocks: z.array(Block).optional(),
  })
  .meta({
    id: 'Body',
    description:
      'The text of an article in each format asked for. `text` is the plain text that quotes are tied to: the texts of the blocks joined by an empty line, in NFC.',
    examples: [{ html: '<p>The river rose <em>two metres</em> overnight.</p>' }],
  })
export type Body = z.infer<typeof Body>
