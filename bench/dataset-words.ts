import { type Random, seeded, shuffled, zipf } from './random.ts'

const SIZE = 50_000
const CONSONANTS = 'bdfgklmnprstvz'
const VOWELS = 'aeiou'
/** No suffix that the English stemmer takes off ends in these, so that word and lexeme are one. */
const LAST_VOWELS = 'aou'

function syllables(vowels: string): string[] {
  return [...CONSONANTS].flatMap((consonant) => [...vowels].map((vowel) => consonant + vowel))
}

function makeWords(): string[] {
  const random = seeded(1)
  const first = syllables(VOWELS)
  const last = syllables(LAST_VOWELS)
  const short = first.flatMap((a) => last.map((b) => a + b))
  const long = first.flatMap((a) => first.flatMap((b) => last.map((c) => a + b + c)))
  // As in every language, the frequent words are the short ones.
  return [...shuffled(random, short), ...shuffled(random, long)].slice(0, SIZE)
}

/** The vocabulary, most frequent first: made-up words of letters that no stop word is made of. */
export const WORDS: readonly string[] = makeWords()

const rank = zipf(SIZE, 1)

/** A word of the vocabulary, as often as Zipf's law has it. */
export function word(random: Random): string {
  return WORDS[rank(random)] as string
}

/** So many words, with spaces between them. */
export function words(random: Random, count: number): string {
  const chosen = []
  for (let i = 0; i < count; i++) chosen.push(word(random))
  return chosen.join(' ')
}

/** With a capital. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
