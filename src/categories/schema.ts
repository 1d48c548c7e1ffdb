import { z } from 'zod'
import { Id, IdOrSlug, Instant, Reference, Slug } from '../fields.ts'
import { PageMeta, pageOf } from '../http/paging.ts'
import {
  choice,
  count,
  cursor,
  filter,
  flag,
  ids,
  limit,
  list,
  needsWords,
  q,
} from '../http/parameters.ts'
import { didYouMean } from '../search/schema.ts'
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
    articleCount: z.int().meta({
      description:
        'With `include=counts`: how many articles that the caller can see are in it or below it.',
    }),
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

export const CATEGORY_FIELDS = Category.keyof().exclude(['articleCount']).options
export const CATEGORY_SORTS = [
  'name',
  '-name',
  'position',
  '-createdAt',
  'createdAt',
  'relevance',
] as const

const fieldsParameter = list(CATEGORY_FIELDS, 'Only these members; `id` always comes.', [
  'name',
  'parent',
])
const include = list(['counts'], '`counts`: how many articles, with those below.', ['counts'])
export const CategoryQuery = z.strictObject({ fields: fieldsParameter, include })
export type CategoryQuery = z.infer<typeof CategoryQuery>
/** What makes sense for a list only: the tree is whole, and in the order of its positions. */
export const NOT_WITH_TREE = ['q', 'ids', 'sort', 'limit', 'cursor', 'count'] as const

export const CategoryListQuery = z
  .strictObject({
    q: q.meta({
      description:
        'Part of the name, or nearly it. With quotation marks, `or` or `-not`: whole words, in web-search syntax.',
      param: { example: 'harb' },
    }),
    ids,
    tree: flag(
      'All of the tree, or with `parent` what is below these, in one answer: each category with its `children`, by position. Not with `q`, `ids`, `sort`, `limit`, `cursor` or `count`.',
    ),
    parent: filter('Directly below these categories (id or slug).', 'town'),
    sort: choice(
      CATEGORY_SORTS,
      'name',
      'The order. `position` makes sense below one parent; `relevance` needs `q`.',
    ),
    fields: fieldsParameter,
    include,
    limit,
    cursor,
    count,
  })
  .superRefine(needsWords)
export type CategoryListQuery = z.infer<typeof CategoryListQuery>
export const CategoryPage = pageOf(
  Category,
  'CategoryPage',
  PageMeta.extend({ didYouMean })
    .partial()
    .meta({ id: 'CategoryPageMeta', description: 'What was asked for beside the categories.' }),
)

/** A category with all below it. */
export type CategoryNode = Category & { children: CategoryNode[] }
export const CategoryNode: z.ZodType<CategoryNode> = Category.extend({
  children: z.array(z.lazy(() => CategoryNode)).meta({ description: 'By position.' }),
}).meta({ id: 'CategoryNode', description: 'A category with all that is below it.' })

/** The whole tree: not a page, for it has no next one. */
export const CategoryTree = z
  .object({ data: z.array(CategoryNode) })
  .meta({ id: 'CategoryTree', description: 'The tree, with `tree=true`: all in one answer.' })
