import { sql } from 'drizzle-orm'
import { instant, type Members, reference } from '../db/json.ts'

/** A source as its readers get it, out of a row `s` of the views `sources` and `article_sources`. */
export const SOURCE: Members = {
  id: sql`s.id`,
  version: sql`s.version`,
  slug: sql`s.slug`,
  kind: sql`s.kind`,
  name: sql`s.name`,
  title: sql`s.title`,
  url: sql`s.url`,
  description: sql`s.description`,
  sameAs: sql`s.same_as`,
  organization: reference('s', 'organization'),
  createdAt: instant(sql`s.created_at`),
  updatedAt: instant(sql`s.updated_at`),
}

/** The same as an article names it. */
export const SOURCE_OF_ARTICLE: Members = { ...SOURCE, role: sql`s.role`, note: sql`s.note` }
