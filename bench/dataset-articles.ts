import { blocksToHtml } from '../src/body/html.ts'
import { withKeys } from '../src/body/keys.ts'
import type { Block, KeyedBlock } from '../src/body/schema.ts'
import { blocksToText } from '../src/body/text.ts'
import { type Category, idAt, type Source, someCategories, someSources } from './dataset-cast.ts'
import { capital, word, words } from './dataset-words.ts'
import { between, oneOf, type Random, seeded } from './random.ts'

/** Ten years of a newsroom, whose articles come evenly. */
const FIRST = Date.UTC(2016, 0, 1)
const LAST = Date.UTC(2026, 0, 1)
const QUOTES = 3

export type Quote = {
  id: string
  text: string
  speaker: Source
  saidAt: string | null
  span: { start: number; end: number }
}

export type Article = {
  id: string
  slug: string
  headline: string
  summary: string
  byline: string
  language: string
  body: KeyedBlock[]
  bodyHtml: string
  plainText: string
  leadImage: object
  publishedAt: string
  categories: Category[]
  sources: { source: Source; role: string }[]
  quotes: Quote[]
}

function paragraph(text: string, style: 'normal' | 'h2' = 'normal'): Block {
  const children = [{ _type: 'span' as const, _key: 's0', text, marks: [] }]
  return { _type: 'block', style, children, markDefs: [] }
}

function sentences(random: Random, count: number): string {
  const all = Array.from({ length: count }, () => {
    const length = between(random, 7, 19)
    const comma = random() < 0.4 ? `, ${words(random, 5)}` : ''
    return `${capital(words(random, length))}${comma}.`
  })
  return all.join(' ')
}

/** About 4,000 characters: paragraphs, two sub-headings, and three quotes with who said them. */
function write(random: Random, speakers: Source[]): { blocks: Block[]; said: string[] } {
  const blocks = [paragraph(sentences(random, 3))]
  const said: string[] = []
  for (let part = 0; part < QUOTES; part++) {
    const quote = capital(words(random, between(random, 8, 24)))
    said.push(quote)
    if (part > 0) blocks.push(paragraph(capital(words(random, 4)), 'h2'))
    for (let i = 0; i < 3; i++) blocks.push(paragraph(sentences(random, 4)))
    const name = speakers[part]?.name
    blocks.push(paragraph(`“${quote},” said ${name}. ${sentences(random, 2)}`))
  }
  return { blocks, said }
}

/** The slug of the article of this number. */
function slugOf(random: Random, n: number): string {
  return `${word(random)}-${word(random)}-${word(random)}-${n.toString(36)}`
}

/**
 * Article number `n` of `total`: always the same one. What `said` cuts out of its plain text is the
 * quote's text, as the service's own check has it.
 */
export function makeArticle(n: number, total: number): Article {
  const random = seeded(1_000_000 + n)
  const at = FIRST + Math.floor(((LAST - FIRST) * n) / total)
  const sources = someSources(random, between(random, 2, 4))
  const speakers = Array.from({ length: QUOTES }, () => oneOf(random, sources))
  const { blocks, said } = write(random, speakers)
  const body = withKeys(blocks)
  const plainText = blocksToText(body)
  return {
    id: idAt(at, random),
    slug: slugOf(random, n),
    headline: capital(words(random, between(random, 6, 10))),
    summary: sentences(random, 2),
    byline: `${capital(word(random))} ${capital(word(random))}`,
    language: random() < 0.1 ? 'en-GB' : 'en',
    body,
    bodyHtml: blocksToHtml(body),
    plainText,
    leadImage: {
      url: `https://images.example/${n}.jpg`,
      alt: capital(words(random, 8)),
      credit: capital(word(random)),
      width: 1600,
      height: 900,
    },
    publishedAt: new Date(at).toISOString(),
    categories: someCategories(random, between(random, 1, 3)),
    sources: sources.map((source) => ({
      source,
      role: oneOf(random, ['interviewee', 'official']),
    })),
    quotes: said.map((text, i) => {
      const start = plainText.indexOf(`“${text},”`) + 1
      return {
        id: idAt(at, random),
        text,
        speaker: speakers[i] as Source,
        saidAt: random() < 0.5 ? new Date(at - 86_400_000).toISOString() : null,
        // The letters are all of the basic plane: a code point is a code unit.
        span: { start, end: start + text.length },
      }
    }),
  }
}
