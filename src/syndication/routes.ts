import { z } from 'zod'
import { params } from '../articles/shape.ts'
import type { App, Services } from '../http/app.ts'
import { sendItem } from '../http/reading.ts'
import { alternatesOf } from './autodiscovery.ts'
import { STORY_SUFFIXES, type StorySuffix } from './formats.ts'
import { POLICY, page } from './html.ts'
import { jsonLd } from './json-ld.ts'
import { type BodyFormat, publicationOf, readingIn, storyItem } from './load.ts'
import { markdown } from './markdown.ts'
import type { Publication, Story } from './model.ts'
import { ninjs } from './ninjs.ts'
import { endingIn } from './parameters.ts'
import { Document, JsonLd, Ninjs } from './schema.ts'
import { plainText } from './text.ts'

/** How an article is put into a format, and what of its body that takes. */
type Writer = {
  operationId: string
  summary: string
  description: string
  body: BodyFormat[]
  schema: z.ZodType
  write(story: Story, publication: Publication): string
}

const WRITERS: Record<StorySuffix, Writer> = {
  ninjs: {
    operationId: 'getArticleNinjs',
    summary: 'One article as ninjs',
    description:
      'ninjs 3.1 of IPTC: quotes and the lead image are associated items, corrections descriptions.',
    body: ['html', 'text'],
    schema: Ninjs,
    write: (story, { api }) => JSON.stringify(ninjs(story, api)),
  },
  jsonld: {
    operationId: 'getArticleJsonLd',
    summary: 'One article as JSON-LD',
    description:
      'A NewsArticle of schema.org, with its sources cited, its quotes as Quotations and its corrections.',
    body: ['text'],
    schema: JsonLd,
    write: (story, publication) => JSON.stringify(jsonLd(story, publication)),
  },
  html: {
    operationId: 'getArticleHtml',
    summary: 'One article as a page',
    description: 'HTML that needs nothing else, with the JSON-LD in it.',
    body: ['html'],
    schema: Document,
    write: (story, publication) => page(story, publication, alternatesOf(story, publication)),
  },
  md: {
    operationId: 'getArticleMarkdown',
    summary: 'One article as Markdown',
    description: 'With front matter that `cli import` reads.',
    body: ['markdown'],
    schema: Document,
    write: markdown,
  },
  txt: {
    operationId: 'getArticleText',
    summary: 'One article as plain text',
    description: 'Its words, with who wrote it, when, its corrections and its sources.',
    body: ['text'],
    schema: Document,
    write: plainText,
  },
}

/** One article in the formats of others. */
export function formatReads(app: App, { config, db }: Services): void {
  const publication = publicationOf(config)
  for (const [suffix, writer] of Object.entries(WRITERS)) {
    const { operationId, summary, description, body, schema, write } = writer
    const { format, type } = STORY_SUFFIXES[suffix as StorySuffix]
    app.get(
      `/articles/:idOrSlug.${suffix}`,
      {
        schema: {
          operationId,
          tags: ['Formats'],
          summary,
          description: `${description} What a partner is entitled to, to its key; to whoever else, what readers see.`,
          params,
          response: { 200: schema },
        },
        config: {
          gives: 'format',
          throws: ['not_found', 'gone', 'legally_removed', 'forbidden'],
          redirects: true,
          media: { [type]: schema },
        },
      },
      async (request, reply) => {
        const { idOrSlug } = request.params
        const reading = await readingIn(format, request, db)
        if (suffix === 'html') reply.header('content-security-policy', POLICY)
        const item = storyItem(reading, config, idOrSlug, {
          ...{ type, body },
          write: (story) => write(story, publication),
        })
        return sendItem(request, reply, reading, item)
      },
    )
  }
  app.get(
    '/articles/:idOrSlug.:suffix',
    { schema: { hide: true, params: z.object({ idOrSlug: z.string(), suffix: z.string() }) } },
    async (request) => endingIn(STORY_SUFFIXES, request.params.suffix),
  )
}
