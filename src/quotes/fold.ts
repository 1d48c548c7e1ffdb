/**
 * What two prints of the same words may differ in without being different words (DESIGN 2, quote
 * state): the Unicode form, the shape of quotation marks and apostrophes, the width of spaces,
 * and marks that only say where a line may break.
 */

/** A folded text and the way back: unit `i` of `text` stands for code points `starts[i]` to
 * `ends[i]` (exclusive) of the original. Units are UTF-16, as in every JavaScript string. */
export type Folded = {
  text: string
  starts: Uint32Array
  ends: Uint32Array
  /** The units (each a space) that were a blank line, that is the end of a paragraph. */
  breaks: Set<number>
}

// Unicode's Quotation_Mark property, and what is typed or set for an apostrophe: grave and acute
// accent, modifier letters (Hawaiʻi), primes, geresh. Single and double stay apart, because 5' is
// not 5" and because a single one is mostly a letter of its word.
const SINGLE = [..."'‘’‚‛‹›＇`´ʹʻʼʽ′׳"]
const DOUBLE = [...'"“”„‟«»⹂「」『』〝〞〟﹁﹂﹃﹄＂｢｣″״']
const MARKS = new Map<string, string>([
  ...SINGLE.map((mark): [string, string] => [mark, "'"]),
  ...DOUBLE.map((mark): [string, string] => [mark, '"']),
])

// Soft hyphen, zero width space, word joiner, byte order mark: unseen hints for breaking lines.
// The joiners U+200C and U+200D stay, they spell words (Persian) and emoji.
const UNSEEN = /[\u00AD\u200B\u2060\uFEFF]/
const SPACE = /\s/
// What can join the character before it under NFC: marks, Hangul vowels and finals, and the one
// Kirat Rai vowel sign that is a letter (UAX #15, NFC_Quick_Check=Maybe).
const JOINS = /[\p{M}\u1160-\u11FF\u{16D67}]/u

/**
 * The text in NFC, every quotation mark `"` and every apostrophe or single mark `'`, each run of
 * white space one space, soft hyphens gone. Letters, case, digits and all other punctuation stay.
 */
export function fold(original: string): Folded {
  const parts: string[] = []
  const starts: number[] = []
  const ends: number[] = []
  const breaks = new Set<number>()
  let chunk = ''
  let chunkStart = 0
  let chunkEnd = 0
  let offset = 0
  let newlines = 0

  // NFC is made one base with its marks at a time: that is as far as characters change each other,
  // and it keeps the way back exact.
  const emit = () => {
    if (chunk === '') return
    const plainLetter = chunk.length === 1 && chunk < '\u0300'
    for (const char of plainLetter ? chunk : chunk.normalize('NFC')) {
      const folded = MARKS.get(char) ?? char
      parts.push(folded)
      for (let unit = 0; unit < folded.length; unit++) {
        starts.push(chunkStart)
        ends.push(chunkEnd)
      }
    }
    chunk = ''
    newlines = 0
  }

  for (const char of original) {
    if (UNSEEN.test(char)) {
      // Not in the folded text; within a stretch its code point is cut out with the rest.
    } else if (SPACE.test(char)) {
      const inRun = chunk === '' && parts.at(-1) === ' '
      emit()
      if (inRun) ends[ends.length - 1] = offset + 1
      else {
        parts.push(' ')
        starts.push(offset)
        ends.push(offset + 1)
        newlines = 0
      }
      if (char === '\n') newlines++
      if (newlines > 1 || char === '\u2029') breaks.add(starts.length - 1)
    } else if (chunk !== '' && char >= '\u0300' && JOINS.test(char)) {
      chunk += char
      chunkEnd = offset + 1
    } else {
      emit()
      chunk = char
      chunkStart = offset
      chunkEnd = offset + 1
    }
    offset++
  }
  emit()
  return {
    text: parts.join(''),
    starts: Uint32Array.from(starts),
    ends: Uint32Array.from(ends),
    breaks,
  }
}
