import { ANY, absence, group, type Kind, named } from './groups.ts'

/** A filter of the request, by id. */
type Resolved = { any: readonly string[]; none: readonly string[] } | undefined

/** What an answer was made of. */
export type Made = {
  status: number
  operation: string | undefined
  query: object
  /** Filters as ids, by parameter. */
  resolved: Readonly<Record<string, Resolved>> | undefined
  /** What was shown, before it became bytes. */
  shown: unknown
  /** Whom it is about, where that is not shown: where an old slug leads, a quote's article. */
  about: { kind: Kind; id: string } | undefined
  /** Whether the addresses of articles hold the slugs of their categories. */
  categoryInUrl: boolean
}

type Shown = Record<string, unknown>

/** The reads: what they show, one or many. A read that is not here depends on everything. */
const READS: Record<string, { kind: Kind; many: boolean }> = {
  getArticle: { kind: 'article', many: false },
  listArticles: { kind: 'article', many: true },
  getQuote: { kind: 'quote', many: false },
  listQuotes: { kind: 'quote', many: true },
  listSimilarQuotes: { kind: 'quote', many: true },
  getSource: { kind: 'source', many: false },
  listSources: { kind: 'source', many: true },
  getCategory: { kind: 'category', many: false },
  listCategories: { kind: 'category', many: true },
}

const words = (text: string) => new Set(text.split(' '))

/**
 * The members that say nothing but what the resource's own groups cover. A member that is neither
 * here nor in `members` makes an answer depend on everything: forgetting one costs speed, not truth.
 */
const OWN: Record<Kind, ReadonlySet<string>> = {
  article: words(
    'id version slug url headline summary byline language leadImage body origin publishedAt updatedAt corrections highlight',
  ),
  quote: words(
    'id version kind text language original cue saidAt occasion state spans corrections createdAt updatedAt highlight',
  ),
  source: words(
    'id version slug kind name title url description sameAs createdAt updatedAt role note',
  ),
  category: words('id version slug name description position createdAt updatedAt'),
}

/** The parameters that choose among the rows of a kind by what the kind's lists depend on. */
const ASKED: Record<Kind, ReadonlySet<string>> = {
  article: words(
    'q highlight category source speaker language ids publishedAfter publishedBefore updatedAfter status sort fields include body limit cursor count facets fields[categories] fields[sources] fields[quotes] fields[corrections] fields[related]',
  ),
  quote: words(
    'q highlight speaker article source category language kind state ids saidAfter saidBefore sort fields limit cursor count facets',
  ),
  source: words('q kind organization ids sort include fields limit cursor count'),
  category: words('q parent ids tree sort include fields limit cursor count'),
}

/** Orders by what a row itself says; another, such as the most quoted, is by what others say. */
const OWN_SORTS = /^-?(publishedAt|updatedAt|headline|relevance|saidAt|createdAt|name|position)$/

/** The groups an answer depends on, at most 32. */
export function dependenciesOf(made: Made): Set<string> {
  const read = READS[made.operation ?? '']
  if (!read) return named([ANY])
  const { kind, many } = read
  if (made.status === 301) return named(made.about ? itself(made.about) : [ANY])
  if (made.status !== 200) return named([absence(kind)])
  const groups = new Set<string>()
  if (many) page(made, kind, groups)
  else {
    show(kind, made.shown, groups, made)
    for (const name of item(made, kind)) groups.add(name)
  }
  return named(groups)
}

/** Who a resource is, and whether readers see it. */
function itself({ kind, id }: { kind: Kind; id: string }): string[] {
  if (kind === 'source') return [group('source', id), group('named', id)]
  if (kind === 'category') return [group('category', id), group('filed', id)]
  return kind === 'article' ? [group('article', id)] : [ANY]
}

function item({ shown, about }: Made, kind: Kind): string[] {
  if (kind !== 'quote') return itself({ kind, id: String((shown as Shown).id) })
  // A quote changes with its article only.
  return about ? itself(about) : ['quotes']
}

function page(made: Made, kind: Kind, groups: Set<string>): void {
  const { data, page: _, meta, ...others } = made.shown as Shown
  const { count: _count, facets, ...strangers } = (meta ?? {}) as Shown
  const unknown = Object.values(strangers).filter((value) => value !== undefined)
  const asked = Object.entries(made.query).filter(([, value]) => value !== undefined)
  const strange = asked.some(([name]) => !ASKED[kind].has(name))
  const { q, sort = 'name' } = made.query as { q?: string; sort?: string }
  if (strange || !OWN_SORTS.test(sort) || !Array.isArray(data)) groups.add(ANY)
  // What was probably meant comes from anybody's headline or name, and may be there tomorrow.
  const suggests = q !== undefined && (kind === 'article' || kind === 'quote')
  if (suggests && Array.isArray(data) && data.length === 0) groups.add(ANY)
  if (Object.keys(others).length > 0 || unknown.length > 0) groups.add(ANY)
  if (facets) for (const name of ['articles', 'quotes', 'sources', 'categories']) groups.add(name)
  for (const row of Array.isArray(data) ? data : []) show(kind, row, groups, made)
  for (const name of chosen(made, kind)) groups.add(name)
}

/** Which rows come: the narrowest filter decides whose changes matter. */
function chosen({ operation, query, resolved = {} }: Made, kind: Kind): string[] {
  if (kind === 'source') return ['sources']
  if (kind === 'category') return ['categories']
  if (operation === 'listSimilarQuotes') return ['quotes']
  const asked = query as Record<string, unknown>
  const filters = ['category', 'source', 'speaker', 'article'].filter((name) => asked[name])
  if (filters.some((name) => !resolved[name])) return [ANY]
  const any = (name: string) => resolved[name]?.any ?? []
  // A move in the tree changes what is in a category, and what is not, without changing an article.
  const tree = [...any('category'), ...(resolved.category?.none ?? [])].map((id) => group('in', id))
  // A filter that names what readers do not see is refused.
  const all = (name: string) => [...any(name), ...(resolved[name]?.none ?? [])]
  const seen = [
    ...[...all('source'), ...all('speaker')].map((id) => group('named', id)),
    ...all('category').map((id) => group('filed', id)),
    ...all('article').map((id) => group('article', id)),
  ]
  return [...seen, ...rowsOf(asked, kind, any, tree)]
}

function rowsOf(
  asked: Record<string, unknown>,
  kind: Kind,
  any: (name: string) => readonly string[],
  tree: string[],
): string[] {
  const listed = kind === 'article' ? (asked.ids as string[] | undefined) : undefined
  const ids = listed ?? any('article')
  if (ids.length > 0) return [...tree, ...ids.map((id) => group('article', id))]
  if (any('speaker').length > 0) return [...tree, ...any('speaker').map((id) => group('said', id))]
  if (any('source').length > 0) return [...tree, ...any('source').map((id) => group('from', id))]
  if (any('category').length > 0) return tree
  return [...tree, kind === 'quote' ? 'quotes' : 'articles']
}

type Names = { categoryInUrl: boolean }

/** Adds whose names and words an object shows. */
function show(kind: Kind, value: unknown, groups: Set<string>, names: Names): void {
  const object = value as Shown
  const own = OWN[kind]
  for (const name in object) {
    if (own.has(name)) continue
    const known = members(kind, name, object, object[name], groups, names)
    if (!known) groups.add(ANY)
  }
  const id = String(object.id)
  if (kind === 'source') groups.add(group('source', id))
  if (kind === 'category') groups.add(group('category', id))
  if (kind === 'article' && names.categoryInUrl && 'url' in object) groups.add('paths')
}

/** A member that shows others; false for one that is not known. */
function members(
  kind: Kind,
  name: string,
  object: Shown,
  member: unknown,
  groups: Set<string>,
  names: Names,
): boolean {
  const each = (of: Kind) => {
    for (const one of member as unknown[]) show(of, one, groups, names)
  }
  const other = member as { id: string } | null
  switch (`${kind}.${name}`) {
    case 'article.categories':
      each('category')
      return true
    case 'article.sources':
      each('source')
      return true
    case 'article.quotes':
      each('quote')
      return true
    case 'article.related':
      groups.add('articles')
      each('article')
      return true
    case 'quote.article':
      if (other) groups.add(group('article', other.id))
      return true
    case 'quote.speaker':
      if (other) groups.add(group('source', other.id))
      return true
    case 'source.organization':
      // Shown only where readers see it; where none is shown, there may be one.
      if (other) groups.add(group('source', other.id)).add(group('named', other.id))
      else groups.add(group('org', String(object.id)))
      return true
    case 'category.parent':
      if (other) groups.add(group('category', other.id))
      return true
    case 'category.children':
      each('category')
      return true
    case 'category.articleCount':
    case 'source.articleCount':
      groups.add('articles')
      return true
    case 'source.quoteCount':
      groups.add('articles').add('quotes')
      return true
    default:
      return false
  }
}
