import { NAME_SUFFIXES, PLACE_ENDS, PLACE_WORDS } from './english.ts'
import type { NamePhrase } from './names.ts'

/** Someone or something a story names, under the name of its first full mention. */
export type Party = {
  kind: 'person' | 'organization' | 'publication' | 'document' | 'anonymous'
  name: string
  title?: string
  pronoun?: 'he' | 'she'
}

/** Whom a story names; built once, then asked. */
export type Naming = {
  /** By last name, in lower case. */
  people: Map<string, Person[]>
  organizations: Map<string, Party>
  /** Words that stand somewhere after "in" or "near". */
  places: Set<string>
  /** Words that are capitalised within a sentence too. */
  capitalised: Set<string>
  mentions: NamePhrase[]
  /** Persons by the words of their titles, made when first asked for. */
  titles?: Map<string, Set<Party>>
}

type Person = Party & { words: string[]; sure: boolean }

const LOCATIVES = new Set(['in', 'near', 'across', 'outside'])
/** Before a name of which nothing else says that it is a person's. */
const DOUBTFUL = new Set([...LOCATIVES, 'of', 'at', 'on', 'from', 'for', 'during'])
/** Ethnonyms: "the British said" names nobody. */
const PEOPLES = /(?:ish|ese|ians?|ans|is)$/

/** Gathers the names of a story, given in order, into persons and the rest. */
export function gatherNames(mentions: NamePhrase[]): Naming {
  const naming: Naming = {
    people: new Map(),
    organizations: new Map(),
    places: new Set(),
    capitalised: new Set(),
    mentions,
  }
  for (const mention of mentions) {
    if (LOCATIVES.has(mention.before)) naming.places.add(mention.words.join(' '))
    if (!mention.first) naming.capitalised.add(mention.words.join(' '))
  }
  // Full names first: a last name may stand alone before them, as in a caption.
  for (const mention of mentions) if (mention.words.length > 1) introduce(naming, mention)
  for (const mention of mentions) if (mention.words.length === 1) introduce(naming, mention)
  return naming
}

function introduce(naming: Naming, mention: NamePhrase): void {
  if (mention.called !== 'person') return
  const { words, title, pronoun } = mention
  const known = personOf(naming, mention)
  if (known) {
    if (title) known.title ??= title
    if (pronoun) known.pronoun ??= pronoun
    if (title || words.length === 1) known.sure = true
    return
  }
  const full = words.length > 1
  if (!title && (!full || !isPersonal(naming, mention))) return
  const person: Person = {
    kind: 'person',
    name: words.join(' ').replace(/ , /g, ', '),
    ...(title && { title }),
    ...(pronoun && { pronoun }),
    words,
    sure: title !== undefined,
  }
  const key = lastName(words)
  naming.people.set(key, [...(naming.people.get(key) ?? []), person])
}

function isPersonal(naming: Naming, { words, article }: NamePhrase): boolean {
  if (article || naming.places.has(words.join(' '))) return false
  return !PLACE_WORDS.has(words[0] ?? '') && !PLACE_ENDS.has(words.at(-1) ?? '')
}

function lastName(words: string[]): string {
  const last = words.findLast((word) => !NAME_SUFFIXES.has(word) && word !== ',') ?? ''
  return last.toLowerCase()
}

/** The one person a mention can mean; undefined where there are several, or none. */
function personOf(naming: Naming, { words, article, title }: NamePhrase): Person | undefined {
  if (article && !title) return undefined
  const namesakes = naming.people.get(lastName(words)) ?? []
  if (words.length === 1) return namesakes.length === 1 ? namesakes[0] : undefined
  const first = words[0]
  return namesakes.find((person) => person.words.length > 1 && person.words[0] === first)
}

/**
 * Whom a name means that is the subject of a verb of saying; undefined where it may be nobody who
 * speaks: a place, a word capitalised only as the first of its sentence, one of two namesakes.
 */
export function partyNamed(naming: Naming, mention: NamePhrase): Party | undefined {
  const name = mention.words.join(' ')
  if (mention.called !== 'person' || (mention.article && !mention.title)) {
    if (mention.words.length === 1 && PEOPLES.test(name)) return undefined
    if (naming.places.has(name) && mention.called === 'person') return undefined
    return organizationNamed(naming, mention, name)
  }
  const person = personOf(naming, mention)
  if (person) {
    person.sure = true
    return person
  }
  if (naming.people.has(lastName(mention.words)) || !isPersonal(naming, mention)) return undefined
  if (!naming.capitalised.has(name)) return undefined
  const single: Person = { kind: 'person', name, words: mention.words, sure: true }
  naming.people.set(lastName(mention.words), [single])
  return single
}

function organizationNamed(naming: Naming, { called }: NamePhrase, name: string): Party {
  const kind = called === 'publication' ? 'publication' : 'organization'
  const known = naming.organizations.get(name) ?? { kind, name }
  naming.organizations.set(name, known)
  return known
}

/**
 * Whom `he` or `she` at a place means: the person last named before it, leaving out those of whom
 * the other pronoun is known.
 */
export function partyMeant(
  naming: Naming,
  pronoun: 'he' | 'she',
  at: { block: number; token: number },
  isObject: (mention: NamePhrase) => boolean,
): Party | undefined {
  const { mentions } = naming
  let low = 0
  let high = mentions.length
  while (low < high) {
    const middle = (low + high) >> 1
    const mention = mentions[middle]
    const before =
      mention &&
      (mention.block < at.block || (mention.block === at.block && mention.to <= at.token))
    if (before) low = middle + 1
    else high = middle
  }
  for (let i = low - 1; i >= Math.max(0, low - FURTHEST); i--) {
    const mention = mentions[i]
    if (mention?.called !== 'person' || isObject(mention)) continue
    const person = personOf(naming, mention)
    if (!person || (person.pronoun && person.pronoun !== pronoun)) continue
    // "from Silver Falls": perhaps no person at all, and then nobody can tell.
    return person.sure || !DOUBTFUL.has(mention.before) ? person : undefined
  }
  return undefined
}
/** Beyond so many names no reader still knows whom a pronoun means. */
const FURTHEST = 50

/** The one person of whom a title with this word is known: `the mayor`. */
export function partyTitled(naming: Naming, noun: string): Party | undefined {
  naming.titles ??= byTitle(naming)
  const bearers = [...(naming.titles.get(noun) ?? [])]
  return bearers.length === 1 ? bearers[0] : undefined
}

function byTitle({ people }: Naming): Map<string, Set<Party>> {
  const titles = new Map<string, Set<Party>>()
  for (const person of [...people.values()].flat()) {
    for (const word of person.title?.toLowerCase().split(/[\s-]/) ?? []) {
      titles.set(word, (titles.get(word) ?? new Set()).add(person))
    }
  }
  return titles
}
