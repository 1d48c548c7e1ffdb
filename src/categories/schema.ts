import { z } from 'zod'
import { Id, IdOrSlug, Instant, Reference, Slug } from '../fields.ts'
import { pageOf } from '../http/paging.ts'
import { choice, cursor, filter, limit, list, q } from '../http/parameters.ts'
import { text } from '../text.ts'

const fields = {
  name: text(200, 1),
  description: text(5000).nullable(),
  position: z.int().min(0).max(100_000).meta({ description: 'Among its siblings, from 0.' }),
}
const parent = IdOrSlug.nullable().meta({
  description: 'Id or slug of the category above it; null at the top.',
})

/** A category, as it is read. */
export const Category = z
  .object({
    id: Id,
    version: z.int(),
    slug: Slug,
    ...fields,
    parent: Reference.nullable().meta({ description: 'The category above it.' }),
    createdAt: Instant,
    updatedAt: Instant,
  })
  .partial()
  .required({ id: true })
  .meta({
    id: 'Category',
    description:
      'A place in the tree that articles are filed in. Members not asked for with `fields` are absent.',
  })
export type Category = z.infer<typeof Category>

/** A category, as it is created: at the end of its siblings unless a position is given. */
export const CategoryCreate = z
  .strictObject({ slug: Slug.optional(), ...fields, parent })
  .partial()
  .required({ name: true })
  .meta({ id: 'CategoryCreate', description: 'A new category.' })
export type CategoryCreate = z.infer<typeof CategoryCreate>

/** A JSON merge patch (RFC 7396) of a category; `parent` moves it, `position` re-orders. */
export const CategoryPatch = z
  .strictObject({ slug: Slug, ...fields, parent })
  .partial()
  .meta({
    id: 'CategoryPatch',
    description: 'A JSON merge patch: absent members stay, null empties.',
  })
export type CategoryPatch = z.infer<typeof CategoryPatch>

export const CATEGORY_FIELDS = [
  'id',
  'version',
  'slug',
  'name',
  'description',
  'position',
  'parent',
  'createdAt',
  'updatedAt',
] as const
export const CATEGORY_SORTS = ['name', '-name', 'position', '-createdAt', 'createdAt'] as const

const fieldsParameter = list(CATEGORY_FIELDS, 'Only these members; `id` always comes.', [
  'name',
  'parent',
])
export const CategoryQuery = z.strictObject({ fields: fieldsParameter })
export const CategoryListQuery = z.strictObject({
  q,
  parent: filter('Directly below these categories (id or slug).', 'town'),
  sort: choice(CATEGORY_SORTS, 'name', 'The order. `position` makes sense below one parent.'),
  fields: fieldsParameter,
  limit,
  cursor,
})
export type CategoryListQuery = z.infer<typeof CategoryListQuery>
export const CategoryPage = pageOf(Category, 'CategoryPage')
