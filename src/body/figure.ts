import { codePoints } from '../text.ts'
import { type BlockBuilder, foldSpace } from './builder.ts'
import { isSafeImage, tidyUrl } from './links.ts'
import { type ImageBlock, LONGEST_CAPTION, WIDEST_IMAGE } from './schema.ts'

/**
 * An `img` element as a block; `undefined` when its address may not be published (`data:` among
 * them: a picture is not text). A title serves as the caption, as it does in Markdown.
 */
export function readImage(attributes: Record<string, string>): ImageBlock | undefined {
  const url = tidyUrl(attributes.src ?? '')
  if (!isSafeImage(url)) return undefined
  const { alt = '', title = '' } = attributes
  const width = readSize(attributes.width)
  const height = readSize(attributes.height)
  return {
    _type: 'image',
    url,
    ...(fits(alt) && { alt }),
    ...(fits(title) && { caption: title }),
    ...(width && { width }),
    ...(height && { height }),
  }
}

/**
 * A `figure` while it is read: its last image, and the text of its captions, of which a `small`
 * element at the end is the credit.
 */
export class Figure {
  image: ImageBlock | undefined
  #caption = ''
  #credit = ''
  #small = 0

  open(name: string): void {
    if (name === 'small') this.#small++
    else this.#space(name)
  }

  close(name: string): void {
    if (name === 'small') this.#small--
    else this.#space(name)
  }

  text(text: string): void {
    if (this.#small > 0) this.#credit += text
    else if (this.#credit === '') this.#caption += text
    else if (foldSpace(text) !== '') {
      // What seemed to be the credit was not at the end.
      this.#caption += this.#credit + text
      this.#credit = ''
    }
  }

  /** Gives the image its caption; without an image, or when too long, the text is paragraphs. */
  place(builder: BlockBuilder): void {
    const caption = foldSpace(this.#caption)
    const credit = foldSpace(this.#credit)
    if (this.image !== undefined && fits(caption)) this.image.caption = caption
    else builder.paragraph(caption)
    if (this.image !== undefined && fits(credit)) this.image.credit = credit
    else builder.paragraph(credit)
  }

  #space(name: string): void {
    if (name === 'br' || name === 'p' || name === 'div') this.text(' ')
  }
}

function fits(text: string): boolean {
  return text !== '' && codePoints(text) <= LONGEST_CAPTION
}

function readSize(value = ''): number | undefined {
  const size = /^\d{1,6}(px)?$/.test(value) ? Number.parseInt(value, 10) : 0
  return size >= 1 && size <= WIDEST_IMAGE ? size : undefined
}
