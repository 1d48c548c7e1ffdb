import type { Stretch } from './quotations.ts'

/** A word, a punctuation mark, or a whole stretch in quotation marks, in UTF-16 units. */
export type Token = {
  kind: 'word' | 'mark' | 'quote'
  text: string
  start: number
  end: number
}

/** A paragraph ready for reading: its tokens, and which of them begin a sentence. */
export type Paragraph = {
  block: number
  text: string
  tokens: Token[]
  /** Token ranges, end exclusive. */
  sentences: { from: number; to: number }[]
}

const ABBREVIATIONS = new Set(
  `Mr Mrs Ms Mx Dr Prof Sen Rep Gov Gen Lt Col Capt Sgt Maj Cmdr Adm Rev Hon St Mt Ft Jr Sr Inc Corp
   Co Ltd Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec No vs approx est`.split(/\s+/),
)
const WORDS =
  /(?:\p{Lu}\.(?:-?\p{Lu}\.)*)(?!\p{L})|[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:[.’'-](?=[\p{L}\p{N}])[\p{L}\p{M}\p{N}]+)*(?:(?<=[sS])['’](?=\s))?|\S/gu
const WORD = /^[\p{L}\p{N}]/u
const SEGMENTER = new Intl.Segmenter('en', { granularity: 'sentence' })

/** Reads a paragraph, given its stretches in quotation marks in order. */
export function readParagraph(text: string, block: number, stretches: Stretch[]): Paragraph {
  const tokens: Token[] = []
  let at = 0
  for (const stretch of stretches) {
    addWords(tokens, text, at, stretch.from)
    const { from, to } = stretch
    tokens.push({ kind: 'quote', text: text.slice(from, to), start: from, end: to })
    at = to
  }
  addWords(tokens, text, at, text.length)
  return { block, text, tokens, sentences: sentencesOf(text, tokens) }
}

function addWords(tokens: Token[], text: string, from: number, to: number): void {
  for (const match of text.slice(from, to).matchAll(WORDS)) {
    const start = from + match.index
    const end = start + match[0].length
    const abbreviated = ABBREVIATIONS.has(match[0]) && text[end] === '.'
    const last = tokens.at(-1)
    // The full stop of the abbreviation before has been taken already.
    if (match[0] === '.' && last?.end === end) continue
    const word = abbreviated ? `${match[0]}.` : match[0]
    tokens.push({
      kind: WORD.test(word) ? 'word' : 'mark',
      text: word,
      start,
      end: start + word.length,
    })
  }
}

/** Sentences by the Unicode rules, mended: not after initials and abbreviations, nor within quotes. */
function sentencesOf(text: string, tokens: Token[]): { from: number; to: number }[] {
  const starts = new Set<number>()
  for (const { index } of SEGMENTER.segment(masked(text, tokens))) starts.add(index)
  const sentences: { from: number; to: number }[] = []
  let from = 0
  for (const [i, token] of tokens.entries()) {
    if (i === from || !starts.has(token.start) || !ends(tokens, i)) continue
    sentences.push({ from, to: i })
    from = i
  }
  if (from < tokens.length) sentences.push({ from, to: tokens.length })
  return sentences
}

/** Inside quotes everything is one capital letter but the mark at their end. */
function masked(text: string, tokens: Token[]): string {
  let out = ''
  let at = 0
  for (const { kind, start, end } of tokens) {
    if (kind !== 'quote' || end - start < 4) continue
    out += text.slice(at, start + 1)
    out += 'X'.repeat(end - start - 3)
    out += text.slice(end - 2, end)
    at = end
  }
  return out + text.slice(at)
}

function ends(tokens: Token[], i: number): boolean {
  const before = tokens[i - 1]
  const next = tokens[i]
  if (!before || !next) return true
  if (/^\p{Ll}/u.test(next.text)) return false
  return !(before.kind === 'word' && before.text.endsWith('.'))
}
