import { blocksToHtml } from '../body/html.ts'
import { blocksToMarkdown } from '../body/markdown.ts'
import type { KeyedBlock } from '../body/schema.ts'
import { blocksToText } from '../body/text.ts'
import { markedHtml } from '../search/marks.ts'
import type { Article, Highlight } from './schema.ts'

/** An article as its members come out of PostgreSQL: formats of the body that are made here are not there yet. */
export type MadeArticle = Omit<Article, 'body' | 'highlight'> & {
  body?: {
    html?: string | null
    text?: string | null
    markdown?: KeyedBlock[]
    blocks?: KeyedBlock[]
  }
  highlight?: { headline: string | null; summary: string | null; plain_text: string | null }
}

/** How it is shown, as far as it is made here. */
type Shape = { formats: readonly string[]; highlight?: boolean | undefined }

/** Whether an article that PostgreSQL has made is as it is sent: nearly all are, and pass through as text. */
export function isFinished({ formats, highlight }: Shape): boolean {
  return !formats.includes('markdown') && !highlight
}

/** The text of an article, or of several with commas between, finished. */
export function finished(text: string, shape: Shape): string {
  if (isFinished(shape) || text === '') return text
  const articles = JSON.parse(`[${text}]`) as MadeArticle[]
  return articles.map((article) => JSON.stringify(finish(article))).join(',')
}

/** Makes Markdown of the blocks, and HTML of the marks; all else stays as it is and where it is. Pure. */
export function finish(article: MadeArticle): Article {
  return {
    ...article,
    ...(article.body && { body: bodyOf(article.body) }),
    ...(article.highlight && { highlight: highlightOf(article.highlight) }),
  } as Article
}

/** A revision's article: only its blocks are kept, and all formats are made of them. Pure. */
export function finishKept(article: MadeArticle, blocks: KeyedBlock[]): Article {
  const { body } = article
  if (!body) return finish(article)
  const made = {
    ...('html' in body && { html: blocksToHtml(blocks) }),
    ...('text' in body && { text: blocksToText(blocks) }),
  }
  return finish({ ...article, body: { ...body, ...made } })
}

function bodyOf(body: NonNullable<MadeArticle['body']>): Article['body'] {
  const { markdown } = body
  return { ...body, ...(markdown && { markdown: blocksToMarkdown(markdown) }) } as Article['body']
}

/** Where the words stand; a part in which nothing was found is absent. */
function highlightOf(marks: NonNullable<MadeArticle['highlight']>): Highlight {
  const headline = markedHtml(marks.headline)?.join('')
  const summary = markedHtml(marks.summary)?.join('')
  const body = markedHtml(marks.plain_text)
  return { ...(headline && { headline }), ...(summary && { summary }), ...(body && { body }) }
}
