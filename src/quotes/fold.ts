/**
 * What two prints of the same words may differ in without being different words (see quote
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

/*
 * Tokens: a word with what belongs to it (`can't`, `1,000`, `-5`), or one other character. A quote
 * never begins or ends inside one, so `can` does not stand in `can't`, nor 5 in 5.5.
 */

/** Tokens known to the texts that are compared with each other: the same number, the same token. */
export type Vocabulary = { ids: Map<string, number>; words: string[] }

export type Text = Folded & {
  plain: string
  /** For each token: its first unit and the one after its last in the folded text, and its number. */
  from: Int32Array
  to: Int32Array
  id: Int32Array
  /** For each unit of the folded text, its token; a space has that of the token after it. */
  at: Int32Array
  vocabulary: Vocabulary
}

const BREAK = '\n'
export const BREAK_ID = 0

// Scripts written without spaces have each character as a token; elsewhere an apostrophe, hyphen
// or joiner between letters, and a point, comma, colon or slash between digits, is inside a word.
const WORD = String.raw`[[\p{L}\p{N}\p{M}_]--[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}]]`
const INSIDE = String.raw`(?:['\-\u2010\u2011\u200C\u200D]|(?<=\p{N})[.,:\/](?=\p{N}))`
const SIGN = String.raw`(?:(?<![\p{L}\p{N}])[\-\u2212](?=\p{N}))?`
const OTHER = String.raw`(?:\p{RI}\p{RI}|\S)(?:[\p{M}\p{EMod}\u0E33\u0EB3\uFF9E\uFF9F\u{E0020}-\u{E007F}]|\u200D\p{ExtPict}?)*`
const TOKEN = new RegExp(`${SIGN}${WORD}+(?:${INSIDE}${WORD}+)*[\u200C\u200D]*|${OTHER}`, 'gv')

const LETTERED = /[\p{L}\p{N}]/u
const LOWER = /^\p{Ll}/u

export function vocabulary(): Vocabulary {
  return { ids: new Map([[BREAK, BREAK_ID]]), words: [BREAK] }
}

/** The text folded and cut into tokens; the end of a paragraph is one too. */
export function read(plain: string, known: Vocabulary): Text {
  const folded = fold(plain)
  const from: number[] = []
  const to: number[] = []
  const id: number[] = []
  const at = new Int32Array(folded.text.length + 1)
  const breaks = folded.breaks.values()
  let nextBreak = breaks.next()
  const add = (word: string, start: number, end: number) => {
    let number = known.ids.get(word)
    if (number === undefined) {
      number = known.words.length
      known.ids.set(word, number)
      known.words.push(word)
    }
    at.fill(id.length, to.at(-1) ?? 0, end)
    from.push(start)
    to.push(end)
    id.push(number)
  }
  const addBreaks = (before: number) => {
    for (; !nextBreak.done && nextBreak.value < before; nextBreak = breaks.next()) {
      add(BREAK, nextBreak.value, nextBreak.value + 1)
    }
  }
  for (const match of folded.text.matchAll(TOKEN)) {
    addBreaks(match.index)
    add(match[0], match.index, match.index + match[0].length)
  }
  addBreaks(folded.text.length)
  at.fill(id.length, to.at(-1) ?? 0)
  return {
    ...folded,
    plain,
    from: Int32Array.from(from),
    to: Int32Array.from(to),
    id: Int32Array.from(id),
    at,
    vocabulary: known,
  }
}

/** The token's folded text; nothing beyond the ends of the text. */
export function word(text: Text, token: number): string {
  return text.vocabulary.words[text.id[token] ?? -1] ?? ''
}

export function isMark(token: string): boolean {
  return token === '"' || token === "'"
}

export function isLettered(token: string): boolean {
  return LETTERED.test(token)
}

const TERMINAL = /^[.!?…。！？]$/u

/** Whether token `k` begins a sentence or a paragraph. A sentence that ends inside quotation marks
 * goes on after them: its attribution may follow (“Did it?” Ana asked). */
export function beginsSentence(text: Text, k: number): boolean {
  if (k <= 0 || k >= text.id.length || text.id[k] === BREAK_ID || text.id[k - 1] === BREAK_ID) {
    return true
  }
  const spaced = (text.from[k] ?? 0) > (text.to[k - 1] ?? 0)
  return spaced && TERMINAL.test(word(text, k - 1)) && !LOWER.test(word(text, k))
}
