import type { Config } from '../config.ts'
import type { Executor, Writing } from '../db/client.ts'
import { findAddress } from '../db/slugs.ts'
import { missing } from '../errors.ts'
import { addressOf } from '../http/addressing.ts'
import { ArticleQuery, INCLUDES } from './parameters.ts'
import { type ArticleRow, presentArticle, type Shape } from './present.ts'
import { findArticle, type Wanted } from './queries.ts'
import { Article } from './schema.ts'

/** The path parameter of an article. */
export const params = addressOf('council-adopts-sea-wall-levy')

/** What is loaded, and how it is shown, out of what was asked for. */
export function asked(
  query: ArticleQuery,
  config: Config,
  editor: boolean,
  fallback: readonly string[],
): Wanted & Shape {
  const { body = fallback, fields, include = [] } = query
  const formats = fields && !fields.includes('body') && query.body === undefined ? [] : body
  const articleUrl = config.articleUrl ?? `${config.publicUrl}/v1/articles/{slug}`
  return {
    articleUrl,
    categorySlug: articleUrl.includes('{category}'),
    formats: formats.filter((format) => format !== 'none'),
    // Asking for a format of the body is asking for the body.
    fields: fields && query.body && !fields.includes('body') ? [...fields, 'body'] : fields,
    fieldsOf: Object.fromEntries(INCLUDES.map((kind) => [kind, query[`fields[${kind}]`]] as const)),
    include,
    editor,
  }
}

/** Articles, as http/resource.ts wants a kind that is written. */
export function articleResource(config: Config) {
  return {
    kind: 'Article',
    tag: 'Articles',
    path: '/articles',
    params,
    shown: Article,
    query: ArticleQuery,
    async show({ tx }: Writing, id: string, query: ArticleQuery) {
      const shape = asked(query, config, true, ['html'])
      const row = await findArticle({ db: tx, schema: 'editor' }, id, shape)
      if (!row) throw missing('article')
      return { body: presentArticle(row, shape), version: row.version, address: row.slug }
    },
  }
}

/** The id of an article for what is below it and for editors only. Throws `not_found`. */
export async function articleIn(db: Executor, name: string): Promise<string> {
  const id = (await findAddress({ db, schema: 'editor' }, 'article', name))?.id
  if (!id) throw missing('article')
  return id
}

/** A whole article with only the included kinds that were asked for. */
export function included(row: ArticleRow, include: readonly string[]): ArticleRow {
  const { categories, sources, quotes, corrections, ...article } = row
  return {
    ...article,
    ...(include.includes('categories') && categories && { categories }),
    ...(include.includes('sources') && sources && { sources }),
    ...(include.includes('quotes') && quotes && { quotes }),
    ...(include.includes('corrections') && corrections && { corrections }),
  }
}
