import { appendText, type Format, Marks, PLAIN } from './marks.ts'
import { type Block, DEEPEST_LIST, type TextBlock } from './schema.ts'
import { hasText } from './text.ts'

type Style = NonNullable<TextBlock['style']>
type ListItem = NonNullable<TextBlock['listItem']>

/** What HTML calls white space: U+00A0 and the other spaces of Unicode are text. */
const SPACE = /[ \t\n\f\r]+/g
const BETWEEN_CELLS = ' | '

/** White space as HTML sets it: a run is one space, the ends have none. */
export function foldSpace(text: string): string {
  return text.replace(SPACE, ' ').replace(/^ | $/g, '')
}

/**
 * Makes Portable Text blocks of what a reader of markup meets, in order: text, the ends of
 * paragraphs, and where it is (styles, lists, rows, marks). It holds the rules of setting text:
 *
 * - White space folds as in CSS, and is dropped at the ends of a block and around a line break.
 * - A block without text is left out.
 * - A list item is one block: further paragraphs in it are joined by an empty line, since Portable
 *   Text has no others; one of another style, or after a list within it, is an item of its own.
 * - A table row is a block, its cells joined by ` | `. Paragraphs within one cell stay apart.
 */
export class BlockBuilder {
  readonly marks = new Marks()
  readonly #blocks: Block[] = []
  readonly #styles: Style[] = []
  readonly #lists: ListItem[] = []
  readonly #items: { block: TextBlock | undefined }[] = []
  #open: TextBlock | undefined
  /** White space that becomes text only when more text follows in the block. */
  #pending: { text: string; format: Format }[] = []
  /** A paragraph has ended; in an empty cell that counts for nothing. */
  #ended = false
  #rows = 0
  #cellIsEmpty = false

  /** All blocks so far; nothing may be added afterwards. */
  finish(): Block[] {
    this.#close()
    return this.#blocks
  }

  /** Running text, white space included. */
  text(text: string): void {
    const folded = text.replace(SPACE, ' ')
    if (folded === '') return
    if (folded.startsWith(' ')) this.#space()
    const word = folded.replace(/^ | $/g, '')
    if (word === '') return
    this.#word(word)
    if (folded.endsWith(' ')) this.#space()
  }

  /** A line break within a block. */
  lineBreak(): void {
    if (this.#open === undefined || this.#ended) return
    if (this.#pending.at(-1)?.text === ' ') this.#pending.pop()
    if (this.#pending.at(-1)?.text === BETWEEN_CELLS) return
    this.#pending.push({ text: '\n', format: this.marks.format() })
  }

  /** A place where a paragraph ends or begins. */
  endParagraph(): void {
    this.#ended = true
  }

  /** A paragraph of its own. */
  paragraph(text: string): void {
    this.#close()
    this.text(text)
    this.#close()
  }

  /** A block that is not text; it ends the paragraph around it. */
  block(block: Block): void {
    this.#close()
    this.#blocks.push(block)
  }

  startStyle(style: Style): void {
    this.endParagraph()
    this.#styles.push(style)
  }

  endStyle(): void {
    this.endParagraph()
    this.#styles.pop()
  }

  startList(listItem: ListItem): void {
    this.endParagraph()
    this.#lists.push(listItem)
  }

  endList(): void {
    this.endParagraph()
    this.#lists.pop()
  }

  startItem(): void {
    this.#close()
    this.#items.push({ block: undefined })
  }

  endItem(): void {
    this.#close()
    this.#items.pop()
  }

  startRow(): void {
    this.#close()
    this.#rows++
  }

  endRow(): void {
    this.#close()
    this.#rows--
  }

  startCell(): void {
    // A cell without a row, if a parser lets it be, is a paragraph.
    this.#ended = this.#rows === 0
    this.#cellIsEmpty = true
    if (this.#open !== undefined && !this.#ended) {
      this.#pending = [{ text: BETWEEN_CELLS, format: PLAIN }]
    }
  }

  #space(): void {
    if (this.#open === undefined || this.#ended || this.#pending.length > 0) return
    this.#pending.push({ text: ' ', format: this.marks.format() })
  }

  #word(text: string): void {
    const apart = this.#rows === 0 || !this.#cellIsEmpty
    if (this.#ended && apart) this.#close()
    const block = this.#open ?? this.#start()
    for (const space of this.#pending) appendText(block, space.text, space.format)
    appendText(block, text, this.marks.format())
    this.#pending = []
    this.#ended = false
    this.#cellIsEmpty = false
  }

  #start(): TextBlock {
    const style = this.#styles.at(-1) ?? 'normal'
    const item = this.#items.at(-1)
    const continued = item?.block
    if (continued?.style === style && continued === this.#blocks.at(-1)) {
      this.#pending = [{ text: '\n\n', format: PLAIN }]
      this.#open = continued
      return continued
    }
    const level = Math.min(Math.max(this.#lists.length, 1), DEEPEST_LIST)
    const list = item === undefined ? {} : { listItem: this.#lists.at(-1) ?? 'bullet', level }
    const block: TextBlock = { _type: 'block', style, ...list, children: [], markDefs: [] }
    if (item !== undefined) item.block = block
    this.#blocks.push(block)
    this.#open = block
    return block
  }

  #close(): void {
    if (this.#open !== undefined && !hasText(this.#open)) this.#blocks.pop()
    this.#open = undefined
    this.#pending = []
    this.#ended = false
  }
}
