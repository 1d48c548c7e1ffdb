import { type Document, parseDocument } from 'yaml'
import { z } from 'zod'
import { HttpUrl, InstantInput, Language, Slug } from '../fields.ts'
import { text } from '../text.ts'

const words = text(5000, 1)
const list = z.union([words, z.array(words)])
const Moment = z.union([InstantInput, z.iso.duration()], {
  error: 'must be an RFC 3339 time with a zone, or an ISO 8601 duration such as P30D',
})
const Day = z.union([InstantInput, z.iso.date()], {
  error: 'must be a date such as 2026-05-04, or an RFC 3339 time with a zone',
})

const Image = z.strictObject({
  url: HttpUrl,
  alt: words.optional(),
  caption: words.optional(),
  credit: words.optional(),
  width: z.int().min(1).optional(),
  height: z.int().min(1).optional(),
})

const Source = z
  .strictObject({
    source: words,
    role: words.optional(),
    note: words.optional(),
    kind: z.enum(['person', 'organization', 'publication', 'document', 'anonymous']).optional(),
    name: words.optional(),
    title: words.optional(),
    url: HttpUrl.optional(),
    description: words.optional(),
    organization: words.optional(),
  })
  .superRefine((source, ctx) => {
    const { kind, name } = source
    const described = Object.keys(source).some((key) => !['source', 'role', 'note'].includes(key))
    if (described && !(kind && name)) {
      ctx.addIssue({ code: 'custom', message: 'describes a new source, which needs kind and name' })
    } else if (!kind && !Slug.safeParse(source.source).success) {
      const message = 'must be the slug of a source, unless kind and name say what it is'
      ctx.addIssue({ code: 'custom', path: ['source'], message })
    }
  })

const Quote = z.strictObject({
  text: text(10_000, 1),
  kind: z.enum(['direct', 'partial', 'paraphrase']).optional(),
  speaker: words.optional(),
  cue: words.optional(),
  saidAt: InstantInput.optional(),
  occasion: words.optional(),
  language: Language.optional(),
  original: z.strictObject({ text: text(10_000, 1), language: Language }).optional(),
  spans: z
    .array(
      z
        .strictObject({ start: z.int().min(0), end: z.int().min(1) })
        .refine(({ start, end }) => start < end, 'must end after it starts'),
    )
    .optional(),
})

/** Each of these is one thing under two names. */
const SYNONYMS = [
  ['headline', 'title'],
  ['summary', 'description'],
  ['byline', 'author'],
  ['language', 'lang'],
] as const

const FrontMatter = z
  .strictObject({
    slug: Slug.optional(),
    headline: words.optional(),
    title: words.optional(),
    summary: words.optional(),
    description: words.optional(),
    byline: list.optional(),
    author: list.optional(),
    language: Language.optional(),
    lang: Language.optional(),
    categories: list.optional(),
    sources: z
      .array(z.union([words.transform((source) => ({ source })), z.unknown()]).pipe(Source))
      .optional(),
    quotes: z.array(Quote).optional(),
    leadImage: z
      .union([HttpUrl.transform((url) => ({ url })), z.unknown()])
      .pipe(Image)
      .optional(),
    date: Day.optional(),
    draft: z.boolean().optional(),
    publish: z
      .strictObject({
        at: Moment.optional(),
        embargoUntil: Moment.optional(),
        expiresAt: Moment.optional(),
        publishedAt: Moment.optional(),
      })
      .optional(),
    origin: z.strictObject({ system: words, id: words, url: HttpUrl.optional() }).optional(),
  })
  .superRefine((matter, ctx) => {
    const fault = (key: string, message: string) =>
      ctx.addIssue({ code: 'custom', path: [key], message })
    for (const [key, synonym] of SYNONYMS) {
      if (matter[key] !== undefined && matter[synonym] !== undefined) {
        fault(synonym, `is given beside ${key}, which means the same`)
      }
    }
    if (matter.draft && matter.publish) fault('draft', 'contradicts publish')
    if (matter.date && matter.publish?.publishedAt) {
      fault('date', 'is given beside publish.publishedAt, which means the same')
    }
  })
export type FrontMatter = z.infer<typeof FrontMatter>

const OPENING = /^---[ \t]*\r?\n/
const CLOSING = /^(?:---|\.\.\.)[ \t]*$/m

/**
 * Splits Markdown into its YAML front matter, checked, and the rest. Without front matter it is
 * empty. Throws one Error that names every fault: YAML, unknown keys, values.
 */
export function splitFrontMatter(source: string): { matter: FrontMatter; markdown: string } {
  const opening = OPENING.exec(source)
  if (!opening) return { matter: {}, markdown: source }
  const rest = source.slice(opening[0].length)
  const closing = CLOSING.exec(rest)
  if (!closing) throw new Error('The front matter has no line --- at its end.')
  const markdown = rest.slice(closing.index + closing[0].length).replace(/^\r?\n/, '')
  return { matter: parse(rest.slice(0, closing.index)), markdown }
}

function parse(yaml: string): FrontMatter {
  const document = parseDocument(yaml, { prettyErrors: false })
  if (document.errors.length > 0) {
    fail(document.errors.map(({ message, pos }) => `line ${lineOf(yaml, pos[0])}: ${message}`))
  }
  const parsed = FrontMatter.safeParse(resolved(document) ?? {})
  if (!parsed.success) {
    fail(
      parsed.error.issues.flatMap((issue) => {
        const path = issue.path.join('.')
        if (issue.code !== 'unrecognized_keys')
          return [path ? `${path}: ${issue.message}` : issue.message]
        return issue.keys.map((key) => `${path ? `${path}.` : ''}${key}: is not a known key`)
      }),
    )
  }
  return parsed.data
}

/** Aliases are resolved only here: one that leads nowhere, or to too much, throws. */
function resolved(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    fail([error instanceof Error ? error.message : String(error)])
  }
}

function lineOf(yaml: string, at: number): number {
  // The line that opens the front matter is the first.
  return yaml.slice(0, at).split('\n').length + 1
}

function fail(faults: string[]): never {
  throw new Error(
    `The front matter is not accepted:\n${faults.map((one) => `  ${one}`).join('\n')}`,
  )
}
