import type { Rows } from './copy.ts'
import type { Article } from './dataset-articles.ts'
import { ALL_CATEGORIES, ALL_SOURCES } from './dataset-cast.ts'

/** Who is there before the first article. */
export function castRows(): Rows[] {
  return [
    {
      table: 'categories',
      columns: [
        ...['id', 'slug', 'name', 'description', 'parent_id', 'position'],
        ...['created_at', 'updated_at'],
      ],
      rows: ALL_CATEGORIES.map((c) => {
        return [c.id, c.slug, c.name, c.description, c.parentId, c.position, c.at, c.at]
      }),
    },
    {
      table: 'sources',
      columns: [
        ...['id', 'slug', 'kind', 'name', 'title', 'organization_id', 'url', 'description'],
        ...['created_at', 'updated_at'],
      ],
      rows: ALL_SOURCES.map((s) => {
        const { id, slug, kind, name, title, organizationId, url, description, at } = s
        return [id, slug, kind, name, title, organizationId, url, description, at, at]
      }),
    },
  ]
}

/** Articles, published and announced, with what belongs to them; parents before children. */
export function articleRows(articles: readonly Article[]): Rows[] {
  return [
    {
      table: 'articles',
      columns: [
        ...[
          'id',
          'slug',
          'status',
          'headline',
          'summary',
          'byline',
          'language',
          'body',
          'body_html',
        ],
        ...[
          'plain_text',
          'lead_image',
          'publish_at',
          'published_at',
          'first_visible_at',
          'announced',
        ],
        ...['created_at', 'updated_at'],
      ],
      rows: articles.map((a) => {
        const at = a.publishedAt
        return [
          ...[a.id, a.slug, 'published', a.headline, a.summary, a.byline, a.language, a.body],
          ...[a.bodyHtml, a.plainText, a.leadImage, at, at, at, true, at, at],
        ]
      }),
    },
    {
      table: 'article_categories',
      columns: ['article_id', 'category_id', 'position'],
      rows: articles.flatMap((a) => a.categories.map((c, place) => [a.id, c.id, place])),
    },
    {
      table: 'article_sources',
      columns: ['article_id', 'source_id', 'position', 'role'],
      rows: articles.flatMap((a) =>
        a.sources.map(({ source, role }, place) => [a.id, source.id, place, role]),
      ),
    },
    {
      table: 'quotes',
      columns: [
        ...[
          'id',
          'article_id',
          'position',
          'kind',
          'text',
          'language',
          'speaker_id',
          'cue',
          'said_at',
        ],
        ...['state', 'spans', 'dated_at', 'created_at', 'updated_at'],
      ],
      rows: articles.flatMap((a) =>
        a.quotes.map((q, place) => {
          const dated = q.saidAt ?? a.publishedAt
          return [
            ...[q.id, a.id, place, 'direct', q.text, a.language, q.speaker.id, 'said', q.saidAt],
            ...['verified', [q.span], dated, a.publishedAt, a.publishedAt],
          ]
        }),
      ),
    },
  ]
}
