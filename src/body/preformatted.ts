import type { BlockBuilder } from './builder.ts'
import { isCodeLanguage } from './schema.ts'

/**
 * A `pre` element while it is read. Its text is kept to the character, except for a line feed right
 * after the start tag (HTML's own rule) and one at the end (every Markdown renderer puts one).
 */
export class Preformatted {
  #text = ''
  #language: string | undefined
  #atStart = true

  constructor(attributes: Record<string, string>) {
    this.#language = readLanguage(attributes)
  }

  open(name: string, attributes: Record<string, string>): void {
    this.#atStart = false
    if (name === 'br') this.#text += '\n'
    if (name === 'code') this.#language ??= readLanguage(attributes)
  }

  close(_name: string): void {}

  text(text: string): void {
    this.#text += this.#atStart ? text.replace(/^\n/, '') : text
    this.#atStart = false
  }

  place(builder: BlockBuilder): void {
    const code = this.#text.replace(/\n$/, '')
    if (code.trim() === '') return
    const language = this.#language
    builder.block({ _type: 'code', ...(language !== undefined && { language }), code })
  }
}

/** The class that HTML suggests for it (the code element, example): `language-js`; or `lang-js`. */
function readLanguage(attributes: Record<string, string>): string | undefined {
  const language = /(?:^|\s)lang(?:uage)?-(\S+)/.exec(attributes.class ?? '')?.[1]
  return language !== undefined && isCodeLanguage(language) ? language : undefined
}
