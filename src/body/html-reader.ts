import { createRequire } from 'node:module'
import type { Parser as HtmlParser } from 'htmlparser2'
import { BlockBuilder } from './builder.ts'
import { type Attributes, ELEMENTS } from './elements.ts'
import { Figure, readImage } from './figure.ts'
import { Preformatted } from './preformatted.ts'
import type { Block } from './schema.ts'

/** As in html.ts. */
const load = createRequire(import.meta.url)

/**
 * Blocks of sanitised HTML, in one pass over its tags: no tree is built, so depth costs nothing.
 * The parser closes every element that it opens, so what is counted here comes out even.
 */
export function readHtml(html: string): Block[] {
  const reader = new HtmlReader()
  const { Parser } = load('htmlparser2') as { Parser: typeof HtmlParser }
  const parser = new Parser({
    onopentag: (name, attributes) => reader.open(name, attributes),
    ontext: (text) => reader.text(text),
    onclosetag: (name) => reader.close(name),
  })
  parser.end(html)
  return reader.finish()
}

class HtmlReader {
  readonly #builder = new BlockBuilder()
  readonly #figures: Figure[] = []
  #quotations = 0
  /** What takes all that stands within an element, in place of the builder. */
  #capture: Figure | Preformatted | undefined
  /** How many elements are open from the captured one inwards. */
  #depth = 0

  finish(): Block[] {
    return this.#builder.finish()
  }

  text(text: string): void {
    const target = this.#capture ?? this.#builder
    target.text(text)
  }

  open(name: string, attributes: Attributes): void {
    // A q element has no quotation marks in its text: who sets it puts them there.
    if (name === 'q') this.text(this.#quotations++ % 2 === 0 ? '“' : '‘')
    if (this.#capture === undefined) this.#openInBody(name, attributes)
    else this.#capture.open(name, attributes)
    if (this.#capture !== undefined) this.#depth++
  }

  close(name: string): void {
    if (name === 'q') this.text(--this.#quotations % 2 === 0 ? '”' : '’')
    if (this.#capture === undefined) this.#closeInBody(name)
    else if (--this.#depth > 0) this.#capture.close(name)
    else this.#endCapture(this.#capture)
  }

  #openInBody(name: string, attributes: Attributes): void {
    ELEMENTS.get(name)?.open(this.#builder, attributes)
    if (name === 'pre') this.#capture = new Preformatted(attributes)
    if (name === 'figcaption') this.#capture = this.#figures.at(-1)
    if (name === 'figure') this.#figures.push(new Figure())
    if (name === 'img') this.#image(attributes)
  }

  #closeInBody(name: string): void {
    ELEMENTS.get(name)?.close(this.#builder)
    if (name === 'figure') this.#figures.pop()?.place(this.#builder)
  }

  /** A figure goes on after its caption; a `pre` is complete. */
  #endCapture(capture: Figure | Preformatted): void {
    if (capture instanceof Preformatted) capture.place(this.#builder)
    this.#capture = undefined
  }

  #image(attributes: Attributes): void {
    const image = readImage(attributes)
    if (image === undefined) return
    this.#builder.block(image)
    const figure = this.#figures.at(-1)
    if (figure !== undefined) figure.image = image
  }
}
