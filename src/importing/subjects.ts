import { ADVERBS, BASE_VERBS, FINITE_VERBS, NOT_NAMES, PASSIVES, SPEECH_NOUNS } from './english.ts'
import type { Phrase, Phrases } from './phrases.ts'
import type { Paragraph, Token } from './tokens.ts'

/** A paragraph with its noun phrases. */
export type Reading = { paragraph: Paragraph; phrases: Phrases }

/** Tokens, end exclusive. */
export type Sentence = { from: number; to: number }

/** Tokens; sentences longer than this are no prose, and reading stays linear. */
export const FURTHEST = 80
export const FURTHEST_APPOSITION = 30
export const OF = /^(?:of|from|at|for|with|in|near)$/

/** Who is the subject of the finite verb at a token, looking left no further than `limit`. */
export function subjectBefore(
  reading: Reading,
  verb: number,
  limit: number,
  sentence: Sentence,
): Phrase | undefined {
  const { tokens } = reading.paragraph
  const { ending } = reading.phrases
  let at = verb - 1
  while (at > limit && isAdverb(tokens[at])) at--
  const word = tokens[at]?.text ?? ''
  if (/^(?:and|but|then)$/.test(word)) {
    return tokens[at - 1]?.kind === 'quote' ? undefined : sentenceSubject(reading, sentence)
  }
  if (word === 'who') return ending.get(tokens[at - 1]?.text === ',' ? at - 1 : at)
  if (word !== ',') return checked(reading, ending.get(at + 1), limit)
  // The name is the apposition: "the mayor, Jane Doe, said".
  const inner = ending.get(at)
  if (inner?.kind === 'name' && tokens[inner.from - 1]?.text === ',' && inner.from > limit) {
    if (ending.get(inner.from - 1)?.kind !== 'name') return checked(reading, inner, limit)
  }
  // Behind an apposition: "Jane Doe, 54, a baker from Leeds, Yorkshire, said".
  for (let comma = at - 1; comma > limit && at - comma < FURTHEST_APPOSITION; comma--) {
    if (tokens[comma]?.kind === 'quote') return undefined
    const phrase = tokens[comma]?.text === ',' ? ending.get(comma) : undefined
    if (phrase && !OF.test(tokens[phrase.from - 1]?.text ?? ''))
      return checked(reading, phrase, limit)
  }
  return undefined
}

function checked(reading: Reading, phrase: Phrase | undefined, limit: number): Phrase | undefined {
  const { tokens } = reading.paragraph
  const { ending } = reading.phrases
  if (!phrase || phrase.from < limit) return undefined
  if (phrase.kind === 'name' && phrase.possessive) return undefined
  const before = tokens[phrase.from - 1]?.text ?? ''
  // "Smith and Jones said": neither alone.
  if (before === 'and' && ending.has(phrase.from - 1)) return undefined
  if (phrase.kind !== 'name' || !OF.test(before) || phrase.from - 1 < limit) return phrase
  // "Jane Doe of the Harbour Trust said"
  const holder = ending.get(phrase.from - 1)
  return holder && holder.from >= limit ? holder : undefined
}

/** The subject a sentence begins with, at once or after an introductory clause. */
export function sentenceSubject(reading: Reading, sentence: Sentence): Phrase | undefined {
  const { tokens } = reading.paragraph
  let at = sentence.from
  const dash = tokens.slice(at, at + 6).findIndex(({ text }) => text === '—' || text === '–')
  if (dash > 0) at += dash + 1
  const direct = asSubject(reading, at)
  if (direct) return direct
  const first = tokens[at]?.text ?? ''
  if (!NOT_NAMES.has(first) && !/(?:ing|ed|ly)$/.test(first)) return undefined
  const end = Math.min(sentence.to, at + FURTHEST)
  for (let comma = at + 1; comma < end; comma++) {
    if (tokens[comma]?.text === ',') return asSubject(reading, comma + 1)
  }
  return undefined
}

function asSubject(reading: Reading, at: number): Phrase | undefined {
  const { tokens } = reading.paragraph
  const phrase = reading.phrases.starting.get(at)
  if (!phrase || phrase.kind === 'document') return undefined
  const next = tokens[phrase.to]
  if (next?.text === 'and' || next?.text === 'or' || next?.text === '&') {
    if (reading.phrases.starting.has(phrase.to + 1)) return undefined
  }
  if (phrase.kind === 'name' && phrase.possessive) {
    const nouns = tokens.slice(phrase.to, phrase.to + 3)
    return nouns.some(({ text }) => SPEECH_NOUNS.has(text)) ? phrase : undefined
  }
  return next?.kind === 'word' || next?.text === ',' ? phrase : undefined
}

/** The sentence a token is in. */
export function sentenceAt({ sentences, tokens }: Paragraph, at: number): Sentence {
  let low = 0
  let high = sentences.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((sentences[middle]?.from ?? 0) <= at) low = middle
    else high = middle - 1
  }
  return sentences[low] ?? { from: 0, to: tokens.length }
}

export function isVerb(token: Token | undefined): boolean {
  return token?.kind === 'word' && FINITE_VERBS.has(token.text)
}

export function isBase(token: Token | undefined): boolean {
  return token?.kind === 'word' && BASE_VERBS.has(token.text)
}

/** Base forms go with those who are many: `sources say`. */
export function fits(who: Phrase, verb: Token | undefined): boolean {
  return isVerb(verb) || (who.kind === 'unnamed' && /s$|people|police/.test(who.head))
}

function isAdverb(token: Token | undefined): boolean {
  const word = token?.text ?? ''
  return ADVERBS.has(word) || /^\p{Ll}+ly$/u.test(word)
}

export function isPassive(tokens: Token[], verb: number): boolean {
  let at = verb - 1
  while (at > 0 && isAdverb(tokens[at])) at--
  return PASSIVES.has(tokens[at]?.text ?? '')
}
