import {
  HONORIFICS,
  NAME_SUFFIXES,
  NOT_NAMES,
  ORGANIZATION_WORDS,
  PARTICLES,
  PUBLICATION_WORDS,
  ROLE_MODIFIERS,
  ROLES,
  TITLES,
} from './english.ts'
import type { Paragraph, Token } from './tokens.ts'

/** A name as it stands in a paragraph; tokens `from` to `to` include title and article. */
export type NamePhrase = {
  kind: 'name'
  block: number
  from: number
  to: number
  words: string[]
  title?: string
  called: 'person' | 'organization' | 'publication'
  /** What a title or form of address says of it. */
  pronoun?: 'he' | 'she'
  /** `the Kremlin` */
  article: boolean
  possessive: boolean
  /** First in its sentence, so that its capital says nothing. */
  first: boolean
  /** What stands right before it, in small letters. */
  before: string
}

const CAPITAL = /^\p{Lu}/u
const POSSESSIVE = /['’]s$|(?<=s)['’]$/i
const OFFICES = new Set(['State', 'Defense', 'Defence', 'Staff', 'Police', 'Schools'])
const MOST_MODIFIERS = 4
const LONGEST_TITLE = 100
const HE =
  /^(?:mr\.?|sir|lord|king|prince|pope|father|(?:spokes|chair|council|congress)man|actor)$/i
const SHE =
  /^(?:mrs\.?|ms\.?|miss|dame|lady|queen|princess|(?:spokes|chair|council|congress)woman|actress|waitress)$/i

/** The names in a paragraph, outside its quotes, in order. */
export function findNames(paragraph: Paragraph): NamePhrase[] {
  const { tokens, sentences } = paragraph
  const firsts = new Set(sentences.map(({ from }) => from))
  const names: NamePhrase[] = []
  for (let i = 0; i < tokens.length; i++) {
    if (!isCapital(tokens[i])) continue
    const to = nameEnd(tokens, i, firsts)
    const name = nameOf(paragraph, i, to, firsts)
    if (name) names.push(name)
    i = to - 1
  }
  return names
}

function isCapital(token: Token | undefined): boolean {
  return token?.kind === 'word' && CAPITAL.test(token.text) && !NOT_NAMES.has(token.text)
}

function nameEnd(tokens: Token[], from: number, firsts: Set<number>): number {
  let to = from + 1
  let organization = ORGANIZATION_WORDS.has(tokens[from]?.text ?? '')
  while (to < tokens.length && !firsts.has(to) && !POSSESSIVE.test(tokens[to - 1]?.text ?? '')) {
    const word = tokens[to]?.text ?? ''
    if (isCapital(tokens[to]) || (tokens[to]?.kind === 'word' && NAME_SUFFIXES.has(word))) {
      organization ||= ORGANIZATION_WORDS.has(word)
      to++
    } else if (PARTICLES.has(word) || (organization && (word === 'of' || word === 'for'))) {
      let next = to + 1
      while (PARTICLES.has(tokens[next]?.text ?? '') || tokens[next]?.text === 'the') next++
      if (next - to > 3 || !isCapital(tokens[next])) break
      to = next + 1
    } else if (word === ',' && /^(?:Jr|Sr|Inc|Ltd)\.?$/.test(tokens[to + 1]?.text ?? '')) {
      to += 2
    } else if (word === '&' && isCapital(tokens[to + 1])) {
      to += 2
    } else break
  }
  return to
}

function nameOf(
  paragraph: Paragraph,
  start: number,
  to: number,
  firsts: Set<number>,
): NamePhrase | undefined {
  const { tokens, text, block } = paragraph
  const first = firsts.has(start)
  let from = start
  let begin = titleEnd(tokens, start, to)
  // "Secretary of State Ann Lee"
  const office = tokens[start - 1]?.text === 'of' && TITLES.has(tokens[start - 2]?.text ?? '')
  if (office && to - start > 2 && OFFICES.has(tokens[start]?.text ?? '')) {
    from = start - 2
    begin = Math.max(begin, start + 1)
  }
  const words = tokens
    .slice(begin, to)
    .filter((token) => token.kind === 'word' && !HONORIFICS.has(token.text))
    .map((token) => token.text)
  const possessive = POSSESSIVE.test(words.at(-1) ?? '')
  if (possessive) words.push((words.pop() ?? '').replace(POSSESSIVE, ''))
  if (words.length === 0 || (words.length === 1 && TITLES.has(words[0] ?? ''))) return undefined
  if (begin === from) from = roleStart(tokens, from, firsts)
  let title = begin > from ? titleText(text, tokens, from, begin) : undefined
  const article = /^the$/i.test(tokens[from - 1]?.text ?? '')
  if (article || (title && /^an?$/i.test(tokens[from - 1]?.text ?? ''))) from--
  const called = title ? 'person' : callOf(words)
  title ??=
    called === 'person'
      ? (roleAfter(text, tokens, to) ?? roleInFront(text, tokens, from, to))
      : undefined
  const pronoun = pronounOf(tokens.slice(from, to), title)
  return {
    kind: 'name',
    block,
    from,
    to,
    words,
    ...(title && { title }),
    called,
    ...(pronoun && { pronoun }),
    article,
    possessive,
    first,
    before: (tokens[from - 1]?.text ?? '').toLowerCase(),
  }
}

/** Behind the last word of a title that stands before a name, or `from`. */
function titleEnd(tokens: Token[], from: number, to: number): number {
  let last = to - 1
  while (last > from && NAME_SUFFIXES.has(tokens[last]?.text ?? '')) last--
  for (let i = last - 1; i >= from; i--) {
    const word = tokens[i]?.text ?? ''
    if (TITLES.has(word) || HONORIFICS.has(word)) return i + 1
    // "Farmer Tom Hill said" at the head of a sentence.
    if (i === from && ROLES.has(word.toLowerCase())) return i + 1
  }
  return from
}

/** Where a role in small letters before the name begins: `Venezuelan leader`. */
function roleStart(tokens: Token[], name: number, firsts: Set<number>): number {
  const last = tokens[name - 1]
  if (last?.kind !== 'word' || !ROLES.has(last.text.toLowerCase())) return name
  let from = name - 1
  while (from > 0 && name - from < MOST_MODIFIERS && !firsts.has(from)) {
    const token = tokens[from - 1]
    const word = token?.text ?? ''
    const fits = ROLE_MODIFIERS.has(word.toLowerCase()) || ROLES.has(word) || isCapital(token)
    if (token?.kind !== 'word' || !fits) break
    from--
  }
  return from
}

/** A role in commas after a name: `Jane Doe, the mayor of Leeds, said`. */
function roleAfter(text: string, tokens: Token[], to: number): string | undefined {
  if (tokens[to]?.text !== ',') return undefined
  let from = to + 1
  if (/^(?:the|an?)$/.test(tokens[from]?.text ?? '')) from++
  let end = from
  let role = false
  while (end < tokens.length && end - from < 14 && tokens[end]?.kind === 'word') {
    const word = tokens[end]?.text ?? ''
    if (/^(?:who|which|whose|and|was|is|has|had|said|says)$/.test(word)) return undefined
    // The role itself stands early: "a farmer from Leeds", not "in a letter to the farmer".
    if (end - from < 5 && ROLES.has(word.toLowerCase())) role = true
    if (!role && /^(?:of|in|at|on|for|from|with|to)$/.test(word)) return undefined
    end++
  }
  if (!role || !/^[,.]$/.test(tokens[end]?.text ?? '')) return undefined
  return text.slice(tokens[from]?.start, tokens[end - 1]?.end).slice(0, LONGEST_TITLE)
}

/** A role to which the name is the apposition: `The mayor, Jane Doe, said`. */
function roleInFront(text: string, tokens: Token[], from: number, to: number): string | undefined {
  const isComma = (at: number) => tokens[at]?.text === ','
  if (!isComma(from - 1) || !isComma(to) || !ROLES.has(tokens[from - 2]?.text ?? ''))
    return undefined
  let start = from - 2
  while (
    start > 0 &&
    from - start <= MOST_MODIFIERS &&
    ROLE_MODIFIERS.has(tokens[start - 1]?.text ?? '')
  )
    start--
  if (!/^(?:the|its|their|our)$|['’]s$/i.test(tokens[start - 1]?.text ?? '')) return undefined
  return text.slice(tokens[start]?.start, tokens[from - 2]?.end)
}

function titleText(text: string, tokens: Token[], from: number, to: number): string | undefined {
  let start = from
  let end = to
  while (end > start && HONORIFICS.has(tokens[end - 1]?.text ?? '')) end--
  if (start < end && HONORIFICS.has(tokens[start]?.text ?? '')) start++
  return start < end ? text.slice(tokens[start]?.start, tokens[end - 1]?.end) : undefined
}

function callOf(words: string[]): NamePhrase['called'] {
  if (words.some((word) => PUBLICATION_WORDS.has(word))) return 'publication'
  if (words.some((word) => ORGANIZATION_WORDS.has(word) || word === '&')) return 'organization'
  // NATO, U.N.: three capitals and more, or capitals with full stops, and nothing else.
  const short = words.length === 1 ? (words[0] ?? '') : ''
  return /^\p{Lu}{3,6}$|^(?:\p{Lu}\.){2,}$/u.test(short) ? 'organization' : 'person'
}

function pronounOf(tokens: Token[], title = ''): 'he' | 'she' | undefined {
  const words = [...tokens.map((token) => token.text), ...title.split(' ')]
  if (words.some((word) => HE.test(word))) return 'he'
  return words.some((word) => SHE.test(word)) ? 'she' : undefined
}
