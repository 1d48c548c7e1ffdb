import type { Config } from '../config.ts'
import type { Executor, Reading } from '../db/client.ts'
import type { Members } from '../db/json.ts'
import type { ReaderSchema } from '../db/roles.ts'
import { findAddress } from '../db/slugs.ts'
import { missing } from '../errors.ts'
import { addressOf } from '../http/addressing.ts'
import { type ItemRead, shownToWriter } from '../http/reading.ts'
import { addressesIn } from './address.ts'
import { articleMembers, belongings, type Shape } from './members.ts'
import { ArticleQuery, INCLUDES } from './parameters.ts'
import { finished } from './present.ts'
import { findArticle, isNamed } from './queries.ts'
import { Article } from './schema.ts'

/** The path parameter of an article. */
export const params = addressOf('council-adopts-sea-wall-levy')

/** How articles are shown, out of what was asked for. */
export function asked(
  query: ArticleQuery & { highlight?: boolean | undefined },
  config: Config,
  audience: ReaderSchema,
  fallback: readonly string[],
): Shape {
  const { body = fallback, include = [], highlight } = query
  // A partner is always told the version: it is on record who was given which.
  const fields = audience === 'partner' ? withVersion(query.fields) : query.fields
  const formats = fields && !fields.includes('body') && query.body === undefined ? [] : body
  return {
    articleUrl: addressesIn(config),
    formats: formats.filter((format) => format !== 'none'),
    // Asking for a format of the body is asking for the body.
    fields: fields && query.body && !fields.includes('body') ? [...fields, 'body'] : fields,
    fieldsOf: Object.fromEntries(INCLUDES.map((kind) => [kind, query[`fields[${kind}]`]] as const)),
    ...{ include, highlight, audience },
  }
}

function withVersion(fields: ArticleQuery['fields']): ArticleQuery['fields'] {
  return !fields || fields.includes('version') ? fields : [...fields, 'version']
}

/** One article, by id or slug, in this audience's view, with members that only its caller knows of. */
export function articleItem(
  reading: Pick<Reading, 'schema'>,
  name: string,
  shape: Shape,
  more: Members = {},
): ItemRead {
  const members = { ...articleMembers(belongings(reading, shape), shape), ...more }
  return {
    kind: 'article',
    name,
    statement: (named, isId) => findArticle(reading, isNamed(named, isId), members),
    members: Object.keys(members),
    finish: (object) => finished(object, shape),
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
    show: shownToWriter((id, query: ArticleQuery) =>
      articleItem({ schema: 'editor' }, id, asked(query, config, 'editor', ['html'])),
    ),
  }
}

/** The id of an article for what is below it and for editors only. Throws `not_found`. */
export async function articleIn(db: Executor, name: string): Promise<string> {
  const id = (await findAddress({ db, schema: 'editor' }, 'article', name))?.id
  if (!id) throw missing('article')
  return id
}
