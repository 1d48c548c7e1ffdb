import { type Attribution, attributionAfter, attributionOf } from './attribution.ts'
import { type Cast, emptyCast, enter, partyOf } from './cast.ts'
import { citations } from './citing.ts'
import { PARTICIPLES } from './english.ts'
import { type Found, kindOf } from './kinds.ts'
import type { NamePhrase } from './names.ts'
import { gatherNames } from './naming.ts'
import { findPhrases, type Phrase } from './phrases.ts'
import { findPassages, type Passage, type Stretch } from './quotations.ts'
import type { Span, StoryQuote, StorySource } from './story.ts'
import { isVerb, type Reading, sentenceAt } from './subjects.ts'
import { readParagraph } from './tokens.ts'

/** A block's text in NFC; quotes and sources are not looked for in headings. */
export type QuotedText = { text: string; heading: boolean }

const SEPARATOR = '\n\n'
const LONGEST_CUE = 200

/** A quote and who is behind it, before anybody is entered as a source. */
type Draft = { found: Found; text: string; kind: 'direct' | 'partial'; attribution?: Attribution }

/**
 * Finds the quotes in a story, as suggestions for an editor, and the sources its sentences name.
 * Takes the blocks of the plain text in order; spans are code points of these joined by an empty
 * line. A quote whose sentence names nobody has no speaker.
 */
export function findQuotes(blocks: QuotedText[]): { quotes: StoryQuote[]; sources: StorySource[] } {
  const texts = blocks.map(({ text, heading }) => (heading ? undefined : text))
  const passages = findPassages(texts)
  const readings = read(texts, passages)
  // "Smith told Jones", but not "..." said Jones.
  const isObject = ({ block, from }: NamePhrase) => {
    const tokens = readings[block]?.paragraph.tokens
    return isVerb(tokens?.[from - 1]) && !/^,$|[”’"'»“]$/u.test(tokens?.[from - 2]?.text ?? '')
  }
  const names = readings.flatMap((one) => one?.phrases.all.filter(isName) ?? [])
  const cast = emptyCast(gatherNames(names))
  const drafts = draft(passages, readings)
  const cited = readings.flatMap((one) => (one ? citations(one) : []))
  const said = [
    ...cited.map((one) => ({ ...one, quoted: false })),
    ...drafts.flatMap(({ attribution }) => (attribution ? [{ ...attribution, quoted: true }] : [])),
  ]
  // All who are named first: a pronoun may mean somebody only later seen to be a person.
  for (const { who, reading, quoted } of said) {
    if (who?.kind === 'name')
      partyOf(cast, who, { block: reading.paragraph.block, isObject }, quoted)
  }
  const speakerOf = (attribution: Attribution | undefined, quoted: boolean) =>
    attribution && speak(cast, attribution, isObject, quoted)
  const spans = spanner(blocks)
  const quotes: StoryQuote[] = []
  let next = 0
  for (const one of drafts) {
    for (let c = cited[next]; c && isBefore(c, one); c = cited[++next]) speakerOf(c, false)
    const speaker = speakerOf(one.attribution, true)
    const cue = one.attribution && cueText(one.attribution)
    quotes.push({
      text: one.text,
      kind: one.kind,
      ...(speaker && { speaker }),
      ...(cue && { cue }),
      spans: one.found.stretches.map(spans),
      suggested: true,
    })
  }
  for (const one of cited.slice(next)) speakerOf(one, false)
  return { quotes, sources: [...cast.members.values()] }
}

function isName(phrase: Phrase): phrase is NamePhrase {
  return phrase.kind === 'name'
}

function read(texts: (string | undefined)[], passages: Passage[]): (Reading | undefined)[] {
  const stretches: Stretch[][] = texts.map(() => [])
  for (const stretch of passages.flat()) stretches[stretch.block]?.push(stretch)
  return texts.map((text, block) => {
    if (text === undefined) return undefined
    const paragraph = readParagraph(text, block, stretches[block] ?? [])
    return { paragraph, phrases: findPhrases(paragraph) }
  })
}

function draft(passages: Passage[], readings: (Reading | undefined)[]): Draft[] {
  return joinInterrupted(locate(passages, readings)).flatMap((found) => {
    const { first, last, stretches } = found
    const before = readings[first.reading.paragraph.block - 1]
    const attribution =
      attributionOf(first.reading, first.token, before) ??
      (first.reading === last.reading ? undefined : attributionAfter(last.reading, last.token))
    const text = stretches
      .map(({ block, start, end }) => readings[block]?.paragraph.text.slice(start, end))
      .join(' ')
    const kind = kindOf(found, text, attribution)
    return kind ? [{ found, text, kind, ...(attribution && { attribution }) }] : []
  })
}

/** Finds each passage's tokens: the paragraphs have their quotes as tokens in the same order. */
function locate(passages: Passage[], readings: (Reading | undefined)[]): Found[] {
  const places = new Map<Stretch, { reading: Reading; token: number }>()
  const stretches = passages.flat()
  let next = 0
  for (const reading of readings) {
    for (const [token, { kind }] of reading?.paragraph.tokens.entries() ?? []) {
      const stretch = kind === 'quote' ? stretches[next++] : undefined
      if (reading && stretch) places.set(stretch, { reading, token })
    }
  }
  return passages.flatMap((passage) => {
    const first = passage[0] && places.get(passage[0])
    const end = passage.at(-1)
    const last = end && places.get(end)
    return first && last ? [{ stretches: passage, first, last }] : []
  })
}

/** "A," she said, "b." is one quote. */
function joinInterrupted(all: Found[]): Found[] {
  const joined: Found[] = []
  for (const found of all) {
    const before = joined.at(-1)
    if (before && isInterrupted(before, found)) {
      joined.pop()
      joined.push({
        stretches: [...before.stretches, ...found.stretches],
        first: before.first,
        last: found.last,
      })
    } else joined.push(found)
  }
  return joined
}

function isInterrupted({ last }: Found, { first }: Found): boolean {
  const { reading, token } = last
  if (reading !== first.reading) return false
  const { paragraph } = reading
  const { tokens } = paragraph
  if (sentenceAt(paragraph, token).from !== sentenceAt(paragraph, first.token).from) return false
  if (!/^[,—–]$/.test(tokens[first.token - 1]?.text ?? '')) return false
  const paused = /[,—–?!…-]\s*[”’"'»“]$/u.test(tokens[token]?.text ?? '')
  if (!paused && !/^[,—–]$/.test(tokens[token + 1]?.text ?? '')) return false
  const cue = attributionAfter(reading, token)?.cue
  if (!cue || cue.to > first.token) return false
  return tokens
    .slice(cue.to, first.token)
    .every(
      (one) => !isVerb(one) && !PARTICIPLES.has(one.text) && !/^(?:and|but|who)$/.test(one.text),
    )
}

function isBefore({ reading, cue }: Attribution, { found: { first } }: Draft): boolean {
  const block = reading.paragraph.block - first.reading.paragraph.block
  return block < 0 || (block === 0 && (cue?.from ?? 0) < first.token)
}

/** Enters speaker and document among the sources; gives the speaker's handle. */
function speak(
  cast: Cast,
  { who, document, reading }: Attribution,
  isObject: (mention: NamePhrase) => boolean,
  quoted: boolean,
): string | undefined {
  const place = { block: reading.paragraph.block, isObject }
  const party = who && partyOf(cast, who, place, quoted)
  const handle = party && enter(cast, party, quoted)
  const paper = document && partyOf(cast, document, place, quoted)
  if (paper) enter(cast, paper, false)
  return handle
}

function cueText({ cue, reading: { paragraph } }: Attribution): string | undefined {
  if (!cue) return undefined
  const { text, tokens } = paragraph
  const words = text.slice(tokens[cue.from]?.start, tokens[cue.to - 1]?.end)
  return words.length > LONGEST_CUE ? undefined : words
}

/** Stretches, asked for in order, as code points of the plain text; counts each text once. */
function spanner(blocks: QuotedText[]): (stretch: Stretch) => Span {
  let block = 0
  let unit = 0
  let point = 0
  const count = (text: string) => {
    for (const _ of text) point++
  }
  const at = (inBlock: number, offset: number) => {
    for (; block < inBlock; block++) {
      count(`${blocks[block]?.text.slice(unit) ?? ''}${SEPARATOR}`)
      unit = 0
    }
    count(blocks[block]?.text.slice(unit, offset) ?? '')
    unit = offset
    return point
  }
  return (stretch) => ({
    start: at(stretch.block, stretch.start),
    end: at(stretch.block, stretch.end),
  })
}
