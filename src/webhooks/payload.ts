import type { FeedRow } from '../feed/schema.ts'

/** Where each kind is in this API. */
const PATHS = {
  article: '/v1/articles/',
  source: '/v1/sources/',
  category: '/v1/categories/',
  partner: undefined,
}

/**
 * The body of a message: a row of the feed, with as little of what it tells of as says which that is, and
 * where it is to be had. Under 20 kB: the longest in it are a headline of 300 and a slug of 100 characters.
 */
export function payloadOf(row: FeedRow, publicUrl: string): string {
  const { article, source, category, ...told } = row
  const { resource, id } = row
  // A reset can be a category's that was moved: what is to be read again is all.
  const path = row.op === 'reset' ? undefined : PATHS[resource]
  return JSON.stringify({
    type: row.event,
    timestamp: row.at,
    data: {
      ...told,
      links: {
        api: publicUrl + (path ? path + id : '/v1/changes?snapshot=true'),
        page: article?.url ?? null,
      },
      ...(article && { article: pick(article, ['id', 'version', 'slug', 'headline']) }),
      ...(source && { source: pick(source, ['id', 'version', 'slug', 'name']) }),
      ...(category && { category: pick(category, ['id', 'version', 'slug', 'name']) }),
    },
  })
}

/** The body of a message that only tries whether messages arrive. */
export function testPayload(webhookId: string, at: Date): string {
  return JSON.stringify({
    type: 'webhook.test',
    timestamp: at.toISOString(),
    data: { webhook: webhookId },
  })
}

function pick<T extends object>(value: T, names: readonly (keyof T)[]): Partial<T> {
  return Object.fromEntries(names.map((name) => [name, value[name]])) as Partial<T>
}
