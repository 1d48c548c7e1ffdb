import { markdownToBlocks } from '../body/markdown.ts'
import { blocksToText, blockText, hasText } from '../body/text.ts'
import { Slug } from '../fields.ts'
import { slugOf } from '../slug.ts'
import { type FrontMatter, splitFrontMatter } from './front-matter.ts'
import { checkText } from './layout.ts'
import { findQuotes } from './quoting.ts'
import type { Story, StoryQuote, StorySource } from './story.ts'

/**
 * A Markdown story with optional YAML front matter. Without a headline there, the first heading of
 * the first level is the headline, and taken out of the body. Quotes given in the front matter are
 * the author's own; when it has no `quotes` at all, those found in the text are suggested, as for
 * plain text. Throws an Error that names every fault of the front matter, or says that there is
 * neither headline nor text.
 */
export function storyFromMarkdown(source: string): Story {
  checkText(source)
  const { matter, markdown } = splitFrontMatter(source.replace(/^\ufeff/, ''))
  const given = matter.headline ?? matter.title
  const { headline, body } = takeHeadline(markdown, given)
  if (headline === undefined && body.trim() === '') throw new Error('The file has no text in it.')
  const own = sourcesOf(matter)
  const { quotes, sources } = matter.quotes
    ? { quotes: quotesOf(matter.quotes, own), sources: own }
    : suggestions(body, own)
  const summary = matter.summary ?? matter.description
  const byline = matter.byline ?? matter.author
  const language = matter.language ?? matter.lang
  return {
    ...(matter.slug && { slug: matter.slug }),
    ...(headline !== undefined && { headline }),
    ...(summary && { summary }),
    ...(byline && { byline: Array.isArray(byline) ? byline.join(', ') : byline }),
    ...(language && { language }),
    ...(matter.leadImage && { leadImage: defined(matter.leadImage) }),
    ...(body.trim() !== '' && { body: { markdown: body } }),
    categories: categoriesOf(matter.categories),
    sources,
    quotes,
    ...(matter.origin && { origin: defined(matter.origin) }),
    ...timesOf(matter),
  }
}

/** Members that are undefined are left out, as `exactOptionalPropertyTypes` has it. */
type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== undefined),
  ) as Defined<T>
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/
const HEADING = /^ {0,3}#[ \t]/

/** The first heading of the first level, unless a headline is given that it does not repeat. */
function takeHeadline(markdown: string, given?: string): { headline?: string; body: string } {
  const lines = markdown.split(/\r?\n/)
  const [from, to] = firstHeading(lines)
  const found = from < 0 ? '' : blocksToText(markdownToBlocks(lines.slice(from, to).join('\n')))
  if (found === '' || (given !== undefined && given.normalize() !== found)) {
    return { ...(given !== undefined && { headline: given }), body: lines.join('\n') }
  }
  const before = lines.slice(0, from)
  const after = lines.slice(to)
  if (before.every((line) => line.trim() === '')) before.length = 0
  while (after[0]?.trim() === '') after.shift()
  return { headline: given ?? found, body: [...before, ...after].join('\n') }
}

/** Its lines, end exclusive: `# So` or `So` over `===`; not within fenced code. */
function firstHeading(lines: string[]): [number, number] {
  let fence = ''
  for (const [i, line] of lines.entries()) {
    const mark = FENCE.exec(line)?.[1] ?? ''
    if (fence === '') fence = mark
    else if (mark.startsWith(fence) && line.trim() === mark) fence = ''
    if (fence !== '' || mark !== '') continue
    if (HEADING.test(line)) return [i, i + 1]
    const text = lines[i - 1]?.trim() ?? ''
    const alone = text !== '' && !/^[#>*+-]/.test(text) && (lines[i - 2]?.trim() ?? '') === ''
    if (alone && /^ {0,3}=+[ \t]*$/.test(line)) return [i - 1, i + 1]
  }
  return [-1, -1]
}

function categoriesOf(given: FrontMatter['categories'] = []): Story['categories'] {
  const names = Array.isArray(given) ? given : given.split(',')
  const categories = names
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => {
      if (Slug.safeParse(name).success) return { slug: name }
      const slug = slugOf(name)
      if (slug === '')
        throw new Error(`The category ${name} leaves nothing for a slug; give the slug.`)
      return { name, slug }
    })
  return categories.filter(({ slug }, i) => categories.findIndex((one) => one.slug === slug) === i)
}

function sourcesOf({ sources: given = [] }: FrontMatter): StorySource[] {
  const sources = given.map(({ source, ...rest }): StorySource => {
    const isSlug = Slug.safeParse(source).success
    return { handle: source, ...(isSlug && { slug: source }), ...defined(rest) }
  })
  const twice = sources.filter(
    ({ handle }, i) => sources.findIndex((one) => one.handle === handle) < i,
  )
  if (twice.length > 0) {
    throw new Error(
      `Named twice among the sources: ${twice.map(({ handle }) => handle).join(', ')}.`,
    )
  }
  for (const source of [...sources]) {
    if (source.organization) source.organization = handleOf(source.organization, sources)
  }
  return sources
}

/** The handle of who is named, by handle, name or slug; an unlisted slug is referred to. */
function handleOf(name: string, sources: StorySource[]): string {
  const known =
    sources.find((one) => one.handle === name) ?? sources.find((one) => one.name === name)
  if (known) return known.handle
  if (!Slug.safeParse(name).success) {
    throw new Error(`${name} is neither among the sources nor a slug.`)
  }
  sources.push({ handle: name, slug: name, listed: false })
  return name
}

function quotesOf(given: NonNullable<FrontMatter['quotes']>, sources: StorySource[]): StoryQuote[] {
  return given.map(({ kind = 'direct', speaker, ...rest }) => ({
    ...defined(rest),
    kind,
    ...(speaker && { speaker: handleOf(speaker, sources) }),
    suggested: false,
  }))
}

/**
 * Quotes found in the text. Where the front matter names sources, these are the story's: speakers
 * found are matched to them by name, and others are not listed.
 */
function suggestions(markdown: string, own: StorySource[]) {
  const blocks = markdownToBlocks(markdown).filter(hasText)
  const found = findQuotes(
    blocks.map((block) => ({
      text: blockText(block),
      heading: block._type !== 'block' || /^h\d$/.test(block.style ?? ''),
    })),
  )
  if (own.length === 0) return found
  const speaking = new Set(found.quotes.map(({ speaker }) => speaker))
  const sources = [...own]
  const handles = new Map<string, string>()
  for (const source of found.sources) {
    const { handle, name } = source
    const known = own.find((one) => one.handle === handle || one.name === name)
    if (known) handles.set(handle, known.handle)
    else if (speaking.has(handle)) sources.push({ ...source, listed: false })
  }
  const quotes = found.quotes.map(({ speaker, ...quote }) => ({
    ...quote,
    ...(speaker && { speaker: handles.get(speaker) ?? speaker }),
  }))
  return { quotes, sources }
}

/** A date is when the story was published, if it is; else it is what the text bears. */
function timesOf({ date, draft, publish }: FrontMatter): Pick<Story, 'publish' | 'dated'> {
  const instant = date?.length === 10 ? `${date}T00:00:00Z` : date
  if (!publish && draft !== false) return instant ? { dated: instant } : {}
  return { publish: { ...defined(publish ?? {}), ...(instant && { publishedAt: instant }) } }
}
