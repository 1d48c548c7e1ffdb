import { createRequire } from 'node:module'
import type { LeadImage } from '../articles/schema.ts'
import { blocksToMarkdown } from '../body/markdown.ts'
import type { Publication, Speaker, Story } from './model.ts'
import { correctionHead } from './wording.ts'

/** As in body/html.ts: loaded when the first asks for Markdown. */
const load = createRequire(import.meta.url)

/** The longest name of a system that an origin can have. */
const LONGEST_SYSTEM = 100

/**
 * Markdown with YAML front matter, under the names that site generators know and that an import of ours
 * reads, so that another newsroom can take the story in. Corrections, for which the front matter has no
 * name, end the text, where its readers see them.
 */
export function markdown(story: Story, publication: Publication): string {
  const { corrections } = story
  const body = story.markdown.trimEnd()
  const notes = corrections.map((one) => note(correctionHead(one), one.text ?? ''))
  return `---\n${frontMatter(story, publication)}---\n${[body, ...notes].join('\n\n')}\n`
}

/** A paragraph of its own; what is text is escaped as in a body. */
function note(head: string, text: string): string {
  const span = (words: string, marks: string[]) => ({ _type: 'span' as const, text: words, marks })
  return blocksToMarkdown([
    { _type: 'block', children: [span(`${head}:`, ['em']), span(` ${text}`, [])] },
  ]).trimEnd()
}

function frontMatter(story: Story, { name }: Publication): string {
  const spoke = story.quotes.flatMap(({ speaker }) => (speaker ? [speaker.id] : []))
  const listed = new Set([...story.sources.map(({ id }) => id), ...spoke])
  const { stringify } = load('yaml') as typeof import('yaml')
  return stringify(
    {
      ...present({
        title: story.headline,
        description: story.summary,
        author: story.byline,
        date: story.published,
        slug: story.slug,
        lang: story.language,
        categories: story.categories.map(({ slug }) => slug),
        leadImage: story.image && imageOf(story.image),
        sources: [...listed].flatMap((id) => sourceOf(id, story)),
        origin: {
          system: [...name].slice(0, LONGEST_SYSTEM).join(''),
          id: story.urn,
          url: story.url,
        },
      }),
      // Also when there are none: otherwise an import would look for some.
      quotes: story.quotes.map(quoteOf),
    },
    // On one line, with all escaped that is not to be seen.
    {
      lineWidth: 0,
      defaultStringType: 'QUOTE_DOUBLE',
      defaultKeyType: 'PLAIN',
      doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
    },
  )
}

function imageOf({ url, alt, caption, credit, width, height }: LeadImage): object {
  return present({ url, alt, caption, credit, width, height })
}

/** Who is quoted is a source of the story, listed as such or not. */
function sourceOf(id: string, { sources, speakers }: Story): object[] {
  const listed = sources.find((source) => source.id === id)
  const source: Speaker | undefined = listed ?? speakers.get(id)
  if (!source) return []
  return [
    present({
      source: source.slug,
      role: listed?.role,
      note: listed?.note,
      kind: source.kind,
      name: source.name,
      title: source.title,
      url: source.url,
      description: listed?.description,
    }),
  ]
}

function quoteOf({ text, kind, speaker, cue, saidAt, occasion, ...rest }: Story['quotes'][number]) {
  const { language, original, spans } = rest
  return present({
    text,
    kind,
    speaker: speaker?.slug,
    ...{ cue, saidAt, occasion, language, original, spans },
  })
}

/** Without the members that say nothing. */
function present(value: object): object {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => {
      if (member === undefined || member === null || member === '') return false
      return !Array.isArray(member) || member.length > 0
    }),
  )
}
