import {
  ADVERBS,
  BASE_VERBS,
  FINITE_VERBS,
  NOT_NAMES,
  PARTICIPLES,
  PASSIVES,
  SPEECH_NOUNS,
} from './english.ts'
import type { Phrase, Phrases } from './phrases.ts'
import type { Paragraph, Token } from './tokens.ts'

/** A paragraph with its noun phrases. */
export type Reading = { paragraph: Paragraph; phrases: Phrases }

/**
 * How a sentence attributes something: who (undefined where it names nobody), in which document,
 * and the tokens of the words that say so, end exclusive.
 */
export type Attribution = {
  reading: Reading
  who?: Phrase
  document?: Phrase
  cue?: { from: number; to: number }
}

type Sentence = { from: number; to: number }

/** Tokens; sentences longer than this are no prose, and reading stays linear. */
const FURTHEST = 80
const FURTHEST_APPOSITION = 30
const OF = /^(?:of|from|at|for|with|in|near)$/
/** After a verb of saying that ends the attribution. */
const AFTER_VERB =
  /^(?:[.,;:!?)]|on|in|at|to|after|during|as|when|while|before|of|yesterday|today)$/

/** Who is said to have said the quote at a token, by its own sentence or one that ends in a colon. */
export function attributionOf(reading: Reading, quote: number, before?: Reading) {
  const sentence = sentenceAt(reading.paragraph, quote)
  const after = attributionAfter(reading, quote, sentence)
  if (after?.who && after.who.kind !== 'document') return after
  const earlier =
    attributionBefore(reading, quote, sentence) ??
    attributionFar(reading, quote, sentence) ??
    introduction(reading, quote, sentence, before) ??
    subjectOnly(reading, sentence)
  if (!after) return earlier
  // The document tells how it was said; the subject of the sentence said it.
  const who = earlier?.who ?? after.who
  return { ...after, ...(who && { who }), ...(after.who && { document: after.who }) }
}

/** The attribution that follows a quote directly: `said Smith`, `Smith, the mayor, said`. */
export function attributionAfter(
  reading: Reading,
  quote: number,
  sentence = sentenceAt(reading.paragraph, quote),
): Attribution | undefined {
  const { tokens } = reading.paragraph
  const { starting } = reading.phrases
  let at = quote + 1
  if (/^[,–—-]$/.test(tokens[at]?.text ?? '')) at++
  if (at >= sentence.to) return undefined
  const signed = starting.get(at)
  if (at > quote + 1 && tokens[at - 1]?.text !== ',' && signed?.kind === 'name') {
    const next = tokens[signed.to]
    if (signed.to >= sentence.to || next?.text === ',') {
      return { reading, who: signed, cue: { from: at, to: signed.to } }
    }
  }
  const cited = accordingTo(reading, at, sentence)
  if (cited) return cited
  if (tokens[at]?.text === 'by' && starting.has(at + 1)) {
    const who = starting.get(at + 1)
    if (who && isPassiveBefore(tokens, quote, sentence)) {
      return { reading, who, cue: { from: at, to: who.to } }
    }
  }
  if (isVerb(tokens[at])) {
    const who = starting.get(at + 1)
    return { reading, ...(who && { who }), cue: { from: at, to: who?.to ?? at + 1 } }
  }
  const end = nextQuote(tokens, at, sentence.to)
  for (let verb = at + 1; verb < end; verb++) {
    if (!isVerb(tokens[verb]) && !isBase(tokens[verb])) continue
    const who = subjectBefore(reading, verb, at, sentence)
    const begins = who && (who.from === at || starting.get(at)?.to === who.from - 1)
    if (begins && fits(who, tokens[verb])) {
      return { reading, who, cue: { from: at, to: cueEnd(tokens, verb, end) } }
    }
    const own = tokens.slice(at, verb).every(({ kind }) => kind === 'word')
    if (!who && own && isVerb(tokens[verb]) && verb - at < 6) {
      // "the company said": nobody is named, but it is attributed.
      return { reading, cue: { from: at, to: verb + 1 } }
    }
    return undefined
  }
  return undefined
}

/** The nearest one before the quote, in its sentence. */
function attributionBefore(
  reading: Reading,
  quote: number,
  sentence: Sentence,
): Attribution | undefined {
  const { tokens } = reading.paragraph
  for (let at = quote - 1; at >= Math.max(sentence.from, quote - FURTHEST); at--) {
    const token = tokens[at]
    const cited = accordingTo(reading, at, sentence)
    if (cited) return cited
    if (token && PARTICIPLES.has(token.text) && tokens[at - 1]?.text !== 'of') {
      const who = actor(reading, at, sentence)
      return { reading, ...(who && { who }), cue: { from: at, to: at + 1 } }
    }
    if (!isVerb(token) && !isBase(token)) continue
    if (tokens[at - 1]?.kind === 'quote') {
      const who = reading.phrases.starting.get(at + 1)
      return { reading, ...(who && { who }), cue: { from: at, to: who?.to ?? at + 1 } }
    }
    if (isPassive(tokens, at)) continue
    const who = subjectBefore(reading, at, sentence.from, sentence)
    if (who && fits(who, token)) {
      return { reading, who, cue: { from: clauseStart(who, at), to: cueEnd(tokens, at, quote) } }
    }
    // "phone calls", "to report": no verb with a subject. Any other has one we cannot name.
    if (isBase(token) || token?.text.endsWith('s')) continue
    return { reading, cue: { from: at, to: at + 1 } }
  }
  return undefined
}

/** One that ends the sentence: `..., Smith said.` */
function attributionFar(
  reading: Reading,
  quote: number,
  sentence: Sentence,
): Attribution | undefined {
  const { tokens } = reading.paragraph
  for (let at = quote + 1; at < Math.min(sentence.to, quote + FURTHEST); at++) {
    const cited = accordingTo(reading, at, sentence)
    if (cited) return cited
    if (!isVerb(tokens[at]) || !AFTER_VERB.test(tokens[at + 1]?.text ?? '.')) continue
    const who = subjectBefore(reading, at, quote + 1, sentence)
    if (who && tokens[who.from - 1]?.text === ',' && fits(who, tokens[at])) {
      return { reading, who, cue: { from: who.from, to: at + 1 } }
    }
  }
  return undefined
}

/** The sentence before, when it ends in a colon and the quote begins the next. */
function introduction(
  reading: Reading,
  quote: number,
  sentence: Sentence,
  before?: Reading,
): Attribution | undefined {
  if (sentence.from !== quote) return undefined
  const within = quote > 0
  const source = within ? reading : before
  const end = within ? quote : (before?.paragraph.tokens.length ?? 0)
  if (!source || source.paragraph.tokens[end - 1]?.text !== ':') return undefined
  const introducing = sentenceAt(source.paragraph, end - 1)
  return attributionBefore(source, end, introducing) ?? subjectOnly(source, introducing)
}

/** `Smith’s statement that it was “a joke” ...` */
function subjectOnly(reading: Reading, sentence: Sentence): Attribution | undefined {
  const who = sentenceSubject(reading, sentence)
  return who?.kind === 'name' && who.possessive ? { reading, who } : undefined
}

/** The subject of a participle: that of the finite verb before it, or of the sentence. */
function actor(reading: Reading, participle: number, sentence: Sentence): Phrase | undefined {
  const { tokens } = reading.paragraph
  for (let at = participle - 1; at > Math.max(sentence.from, participle - FURTHEST); at--) {
    if (!isVerb(tokens[at])) continue
    if (tokens[at - 1]?.kind === 'quote') return reading.phrases.starting.get(at + 1)
    if (isPassive(tokens, at)) continue
    return subjectBefore(reading, at, sentence.from, sentence)
  }
  return sentenceSubject(reading, sentence)
}

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
function sentenceSubject(reading: Reading, sentence: Sentence): Phrase | undefined {
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

/** `according to` at a token, and whom or what it names. */
export function accordingTo(
  reading: Reading,
  at: number,
  sentence: Sentence,
): Attribution | undefined {
  const { tokens } = reading.paragraph
  if (tokens[at]?.text.toLowerCase() !== 'according' || tokens[at + 1]?.text !== 'to')
    return undefined
  const who = reading.phrases.starting.get(at + 2)
  if (!who || who.from >= sentence.to) return { reading, cue: { from: at, to: at + 2 } }
  // "according to Smith’s lawyer": not Smith.
  if (who.kind === 'name' && who.possessive) return { reading, cue: { from: at, to: at + 2 } }
  return { reading, who, cue: { from: at, to: who.to } }
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

function isBase(token: Token | undefined): boolean {
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

function isPassive(tokens: Token[], verb: number): boolean {
  let at = verb - 1
  while (at > 0 && isAdverb(tokens[at])) at--
  return PASSIVES.has(tokens[at]?.text ?? '')
}

function isPassiveBefore(tokens: Token[], quote: number, sentence: Sentence): boolean {
  for (let at = quote - 1; at > Math.max(sentence.from, quote - FURTHEST); at--) {
    if (isVerb(tokens[at])) return isPassive(tokens, at)
  }
  return false
}

function nextQuote(tokens: Token[], from: number, to: number): number {
  let at = from
  while (at < Math.min(to, from + FURTHEST) && tokens[at]?.kind !== 'quote') at++
  return at
}

/** The cue begins with the subject, unless that stands far off. */
function clauseStart(who: Phrase, verb: number): number {
  return who.from < verb && verb - who.from <= FURTHEST_APPOSITION ? who.from : verb
}

/** With those told: `told reporters`. */
function cueEnd(tokens: Token[], verb: number, limit: number): number {
  const word = tokens[verb]?.text
  let to = verb + 1
  if (word !== 'told' && word !== 'tells') return to
  while (
    to < limit &&
    to - verb < 5 &&
    tokens[to]?.kind === 'word' &&
    !OF.test(tokens[to]?.text ?? '')
  ) {
    if (/^(?:that|on|it|this|how|to)$/.test(tokens[to]?.text ?? '')) break
    to++
  }
  return to
}

/** Whether a verb of saying stands right before the quote: `she answered “No.”` */
export function sayingBefore({ reading, token }: { reading: Reading; token: number }): boolean {
  const before = reading.paragraph.tokens[token - 1]
  return isVerb(before) || (before?.kind === 'word' && PARTICIPLES.has(before.text))
}
