import { createRequire } from 'node:module'
import type Builder from 'fast-xml-builder'

/** As in body/html.ts: loaded when the first asks for XML. */
const load = createRequire(import.meta.url)
let known: InstanceType<typeof Builder> | undefined

/** What an element holds: `@name` is an attribute, `#text` its text, a list one element for each. */
export type Xml = { [name: string]: Xml | Xml[] | string | string[] | number | undefined }

const STYLE = {
  attributeNamePrefix: '@',
  ignoreAttributes: false,
  suppressBooleanAttributes: false,
  suppressEmptyNode: true,
  format: true,
  indentBy: ' ',
  tagValueProcessor: (_name: string, value: unknown) => carried(String(value)),
  // A parser makes spaces of them anyway (section 3.3.3).
  attributeValueProcessor: (_name: string, value: unknown) =>
    carried(String(value)).replace(/\r\n|[\t\n\r]/g, ' '),
}

function builder(): InstanceType<typeof Builder> {
  if (known) return known
  const library = load('fast-xml-builder') as { default: typeof Builder }
  known = new library.default(STYLE)
  return known
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const FORBIDDEN = /[\u0000-\u0008\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu

/**
 * The text as XML 1.0 can carry it (section 2.2): of control characters only tab and the two line
 * ends can stand in it, not even escaped. Vertical tab and form feed become line feeds, others go.
 */
export function carried(text: string): string {
  return text.replace(/[\v\f]/g, '\n').replace(FORBIDDEN, '')
}

/** A document with this one root, in UTF-8. Members that are undefined are left out. */
export function xml(root: Xml): string {
  const declaration = { '@version': '1.0', '@encoding': 'utf-8' }
  return builder().build({ '?xml': declaration, ...root })
}
