import { DECORATORS, type Decorator } from './rules.ts'
import type { TextBlock } from './schema.ts'

/** A link while it is open: its target, and its key in each block that it reaches into. */
type OpenLink = { href: string; keys: Map<TextBlock, string> }

/** What text is marked with. */
export type Format = { decorators: Decorator[]; link: OpenLink | undefined }

export const PLAIN: Format = { decorators: [], link: undefined }

/** The marks that are open while markup is read. */
export class Marks {
  readonly #open = new Map<Decorator, number>()
  readonly #links: (OpenLink | undefined)[] = []

  start(decorator: Decorator): void {
    this.#open.set(decorator, (this.#open.get(decorator) ?? 0) + 1)
  }

  end(decorator: Decorator): void {
    this.#open.set(decorator, (this.#open.get(decorator) ?? 0) - 1)
  }

  /** `undefined` is a link whose target may not be published: its text stays. */
  startLink(href: string | undefined): void {
    this.#links.push(href === undefined ? undefined : { href, keys: new Map() })
  }

  endLink(): void {
    this.#links.pop()
  }

  format(): Format {
    const decorators = DECORATORS.filter((decorator) => (this.#open.get(decorator) ?? 0) > 0)
    return { decorators, link: this.#links.at(-1) }
  }
}

/** Puts text at the end of a block, into its last span if that is marked alike. */
export function appendText(block: TextBlock, text: string, { decorators, link }: Format): void {
  const marks: string[] = link === undefined ? decorators : [...decorators, linkKey(block, link)]
  const last = block.children.at(-1)
  if (last !== undefined && last.marks?.join() === marks.join()) last.text += text
  else block.children.push({ _type: 'span', text, marks })
}

/** The key of the link's definition in this block, which it gets when there is none yet. */
function linkKey(block: TextBlock, { href, keys }: OpenLink): string {
  const known = keys.get(block)
  if (known !== undefined) return known
  const definitions = block.markDefs ?? []
  const _key = `l${definitions.length}`
  block.markDefs = [...definitions, { _type: 'link', _key, href }]
  keys.set(block, _key)
  return _key
}
