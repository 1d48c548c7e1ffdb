import { PARTICIPLES } from './english.ts'
import type { Phrase } from './phrases.ts'
import {
  FURTHEST,
  FURTHEST_APPOSITION,
  fits,
  isBase,
  isPassive,
  isVerb,
  OF,
  type Reading,
  type Sentence,
  sentenceAt,
  sentenceSubject,
  subjectBefore,
} from './subjects.ts'
import type { Token } from './tokens.ts'

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
    (after ? undefined : attributionFar(reading, quote, sentence)) ??
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
      return {
        reading,
        who,
        cue: { from: clauseStart(reading, who, at), to: cueEnd(tokens, at, quote) },
      }
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
  if (source?.paragraph.tokens[end - 1]?.text !== ':') return undefined
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

/** The cue begins with the subject, or with what that is an apposition to: `The mayor, Jane Doe,`. */
function clauseStart({ paragraph, phrases }: Reading, who: Phrase, verb: number): number {
  if (who.from >= verb || verb - who.from > FURTHEST_APPOSITION) return verb
  const role =
    paragraph.tokens[who.from - 1]?.text === ',' && paragraph.tokens[who.to]?.text === ','
  const outer = role ? phrases.ending.get(who.from - 1) : undefined
  return outer?.kind === 'definite' ? outer.from : who.from
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
