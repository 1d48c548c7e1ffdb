import {
  AFTER_DOCUMENT,
  AFTER_UNNAMED,
  BASE_VERBS,
  DETERMINERS,
  DOCUMENT_HEADS,
  DOCUMENT_VERBS,
  FINITE_VERBS,
  HIDDEN_HEADS,
  HIDING_BEFORE,
  PARTICIPLES,
  PHRASE_ENDS,
  PREPOSITIONS,
  ROLES,
  UNNAMED_HEADS,
} from './english.ts'
import { findNames, type NamePhrase } from './names.ts'
import type { Paragraph, Token } from './tokens.ts'

/** A noun phrase that could have said something; `from` and `to` are tokens, end exclusive. */
export type Phrase =
  | NamePhrase
  /** `hidden` when it is meant to hide someone: `sources familiar with the matter`. */
  | { kind: 'unnamed'; from: number; to: number; label: string; head: string; hidden: boolean }
  | { kind: 'document'; from: number; to: number; label: string; head: string; definite: boolean }
  | { kind: 'pronoun'; from: number; to: number; pronoun: 'he' | 'she' }
  /** `the mayor`: someone named elsewhere. */
  | { kind: 'definite'; from: number; to: number; noun: string }

/** The noun phrases of a paragraph, found by their first and by their last token. */
export type Phrases = { all: Phrase[]; starting: Map<number, Phrase>; ending: Map<number, Phrase> }

const LONGEST_MODIFIER = 18
const MOST_BEFORE = 5
const LONGEST_LABEL = 200
const HIDING_AFTER =
  /\b(?:familiar with|close to|knowledge of|briefed on|condition(?:s)? of anonymity|not (?:to )?be(?:ing)? (?:named|identified)|declined to be (?:named|identified)|requested anonymity|not authori[sz]ed to)\b/i

/** Reads a paragraph for what could be the subject of a verb of saying. */
export function findPhrases(paragraph: Paragraph): Phrases {
  const { tokens } = paragraph
  const all: Phrase[] = [...findNames(paragraph)]
  for (const [i, token] of tokens.entries()) {
    const phrase = token.kind === 'word' ? phraseAt(paragraph, i, token) : undefined
    if (phrase) all.push(phrase)
  }
  const starting = new Map<number, Phrase>()
  const ending = new Map<number, Phrase>()
  for (const phrase of all) {
    // Of two that meet, the longer one: "a spokesman for the Interior Ministry".
    const first = starting.get(phrase.from)
    if (!first || first.to < phrase.to) starting.set(phrase.from, phrase)
    const last = ending.get(phrase.to)
    if (!last || last.from > phrase.from) ending.set(phrase.to, phrase)
  }
  return { all, starting, ending }
}

function phraseAt(paragraph: Paragraph, i: number, token: Token): Phrase | undefined {
  const { tokens } = paragraph
  const word = token.text.toLowerCase()
  if (word === 'he' || word === 'she') return { kind: 'pronoun', from: i, to: i + 1, pronoun: word }
  if (/^\p{Lu}/u.test(token.text) && !isSentenceStart(paragraph, i)) return undefined
  const noun = word.replace(/['’]s$/, '')
  if (noun !== word) return undefined
  const from = phraseStart(paragraph, i)
  const determiner = tokens[from]?.text.toLowerCase() ?? ''
  const singular = !word.endsWith('s') && !['people', 'police'].includes(word)
  if (DOCUMENT_HEADS.has(word)) {
    const bare = from === i && singular
    if (bare) return undefined
    const to = phraseEnd(tokens, i + 1, AFTER_DOCUMENT)
    const definite = ['the', 'his', 'her', 'its', 'their'].includes(determiner) && to === i + 1
    return { kind: 'document', from, to, label: labelOf(paragraph, from, to), head: word, definite }
  }
  if (determiner === 'the' && singular && (ROLES.has(word) || UNNAMED_HEADS.has(word))) {
    return { kind: 'definite', from, to: i + 1, noun: word }
  }
  if (!UNNAMED_HEADS.has(word) || (singular && !DETERMINERS.has(determiner))) return undefined
  // A role before a name is that person's title: "campaign adviser Ann Lee".
  if (/^\p{Lu}/u.test(tokens[i + 1]?.text ?? '') && singular) return undefined
  const to = phraseEnd(tokens, i + 1, AFTER_UNNAMED)
  const label = labelOf(paragraph, from, to)
  const before = tokens.slice(from, i).map((one) => one.text.toLowerCase())
  const hidden =
    before.some((one) => HIDING_BEFORE.has(one)) ||
    HIDING_AFTER.test(label) ||
    (HIDDEN_HEADS.has(word) && (to > i + 1 || before.some((one) => !DETERMINERS.has(one))))
  return { kind: 'unnamed', from, to, label, head: word, hidden }
}

export function isSentenceStart({ sentences }: Paragraph, i: number): boolean {
  let low = 0
  let high = sentences.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const from = sentences[middle]?.from ?? 0
    if (from === i) return true
    if (from < i) low = middle + 1
    else high = middle - 1
  }
  return false
}

/** From the head to the left, over adjectives and nouns, to the determiner if there is one. */
function phraseStart({ tokens }: Paragraph, head: number): number {
  let from = head
  while (from > 0 && head - from < MOST_BEFORE) {
    const token = tokens[from - 1]
    const word = token?.text.toLowerCase() ?? ''
    if (token?.kind !== 'word' || PREPOSITIONS.has(word)) break
    if (FINITE_VERBS.has(word) || PARTICIPLES.has(word) || /['’]s?$/.test(word)) break
    from--
    if (DETERMINERS.has(word)) break
  }
  return from
}

/** From behind the head over what is said of it, if that begins with one of `openers`. */
function phraseEnd(tokens: Token[], from: number, openers: Set<string>): number {
  let to = from
  // "officials, who spoke on condition of anonymity, said"
  if (tokens[to]?.text === ',' && tokens[to + 1]?.text === 'who') to++
  if (!openers.has(tokens[to]?.text ?? '')) return from
  const limit = Math.min(tokens.length, to + LONGEST_MODIFIER)
  const clause = tokens[to]?.text === 'who'
  if (clause) to += 2
  for (to++; to < limit; to++) {
    const token = tokens[to]
    const word = token?.text ?? ''
    if (token?.kind !== 'word') break
    if (FINITE_VERBS.has(word) || PARTICIPLES.has(word) || BASE_VERBS.has(word)) break
    if (DOCUMENT_VERBS.has(word)) break
    const anonymity = clause && (word === 'on' || word === 'because' || word === 'as')
    if (PHRASE_ENDS.has(word) && !anonymity && tokens[to - 1]?.text !== 'briefed') break
  }
  return to
}

/** As printed, but for the capital of a sentence's first word. */
function labelOf(paragraph: Paragraph, from: number, to: number): string {
  const { tokens, text } = paragraph
  const label = text
    .slice(tokens[from]?.start, tokens[to - 1]?.end)
    .replace(/\s+/gu, ' ')
    .slice(0, LONGEST_LABEL)
  const lower = isSentenceStart(paragraph, from) && /^\p{Lu}\p{Ll}|^A /u.test(label)
  return lower ? label.charAt(0).toLowerCase() + label.slice(1) : label
}
