import { type SQL, sql } from 'drizzle-orm'
import type { Config } from '../config.ts'

/** The addresses of articles, to be filled in: ARTICLE_URL, or the article in this API. */
export function addressesIn({
  articleUrl,
  publicUrl,
}: Pick<Config, 'articleUrl' | 'publicUrl'>): string {
  return articleUrl ?? `${publicUrl}/v1/articles/{slug}`
}

/**
 * ARTICLE_URL with its parts put in, for the article under an alias. What it does not have (no category,
 * no date yet) leaves no empty path segment behind. Slugs, ids, language tags and dates are such that
 * a URL takes them as they are.
 */
export function addressOf(template: string, alias: string, categorySlug: SQL): SQL {
  const date = (form: string) =>
    sql`to_char(${sql.raw(`${alias}.published_at`)} at time zone 'UTC', ${sql.raw(`'${form}'`)})`
  const parts: Readonly<Record<string, SQL>> = {
    id: sql.raw(`${alias}.id::text`),
    slug: sql.raw(`${alias}.slug`),
    language: sql.raw(`${alias}.language`),
    category: categorySlug,
    ...{ year: date('YYYY'), month: date('MM'), day: date('DD') },
  }
  const pieces = template.split(/\{(\w+)\}/)
  const certain = pieces.every((piece, i) => i % 2 === 0 || /^(id|slug|language)$/.test(piece))
  const joined = pieces.flatMap((piece, i) => {
    if (i % 2 === 0) return piece === '' ? [] : [literalText(piece)]
    const part = parts[piece] ?? sql`''`
    return [certain ? part : sql`coalesce(${part}, '')`]
  })
  const address = sql.join(joined, sql` || `)
  return certain ? address : sql`regexp_replace(${address}, '(?<!:)/{2,}', '/', 'g')`
}

/** In the statement's text, so that a page of articles does not send it twenty times. */
function literalText(text: string): SQL {
  return sql.raw(`'${text.replaceAll("'", "''")}'`)
}
