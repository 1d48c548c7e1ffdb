/*
 * Out of PostgreSQL a marked text comes as plain text in which \x01 and \x02 stand around a match,
 * \x03 and \x04 for < and >, \x05 between fragments, \x06 between characters that are searched one by one (search/queries.ts). Here it becomes HTML in
 * which everything is escaped and the only tag is <mark>.
 */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '"': '&quot;',
  "'": '&#39;',
  '<': '&lt;',
  '>': '&gt;',
  '\u0003': '&lt;',
  '\u0004': '&gt;',
  '\u0001': '<mark>',
  '\u0002': '</mark>',
}

/** The fragments in which something matched, as HTML; undefined when nothing did. */
export function markedHtml(text: string | null | undefined): string[] | undefined {
  const found = (text ?? '').split('\u0005').filter((fragment) => fragment.includes('\u0001'))
  if (found.length === 0) return undefined
  return found.map((fragment) =>
    fragment
      // \x06 divides what is searched by characters; neighbours are one match again.
      .replaceAll('\u0006', '')
      .replaceAll('\u0002\u0001', '')
      .trim()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the marks are control characters
      .replaceAll(/[&"'<>\u0001-\u0004]/g, (character) => ENTITIES[character] ?? ''),
  )
}
