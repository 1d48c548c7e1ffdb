import { ANY, absence, group, type Kind, named } from './groups.ts'

/** A filter of the request, by id. */
type Resolved = { any: readonly string[]; none: readonly string[] } | undefined

/** What an answer was made of. */
export type Made = {
  status: number
  operation: string | undefined
  query: object
  /** Filters as ids, by parameter. */
  resolved?: Readonly<Record<string, Resolved>> | undefined
  /** The names of the members that each of its objects shows; undefined: nobody knows. */
  members?: readonly string[] | undefined
  /** Its objects, or the one, for where their own members tell whom they show. */
  objects?: (() => unknown) | undefined
  /** Whether a list found nothing. */
  empty?: boolean | undefined
  /** Whom it is about: an item, where an old slug leads, a quote's article. */
  about?: { kind: Kind; id: string } | undefined
  /** Of a feed: what it shows beside its objects; that it tells what is gone goes without saying. */
  around?: { category?: object; source?: object; articles?: readonly object[] } | undefined
  /** Whether the addresses of articles hold the slugs of their categories. */
  categoryInUrl: boolean
}

type Shown = Record<string, unknown>

/**
 * The reads: what they show, one or many, and where the address names another kind, which. A read that
 * is not here depends on everything.
 */
const READS: Record<string, { kind: Kind; many: boolean; of?: Kind }> = {
  getArticle: { kind: 'article', many: false },
  listArticles: { kind: 'article', many: true },
  getQuote: { kind: 'quote', many: false },
  listQuotes: { kind: 'quote', many: true },
  listSimilarQuotes: { kind: 'quote', many: true },
  getSource: { kind: 'source', many: false },
  listSources: { kind: 'source', many: true },
  getCategory: { kind: 'category', many: false },
  listCategories: { kind: 'category', many: true },
  getArticleNinjs: { kind: 'article', many: false },
  getArticleJsonLd: { kind: 'article', many: false },
  getArticleHtml: { kind: 'article', many: false },
  getArticleMarkdown: { kind: 'article', many: false },
  getArticleText: { kind: 'article', many: false },
  getLatestFeed: { kind: 'article', many: true },
  getCategoryFeed: { kind: 'article', many: true, of: 'category' },
  getQuotesFeed: { kind: 'quote', many: true, of: 'source' },
  getNewsSitemap: { kind: 'article', many: true },
  getNewsSitemapIndex: { kind: 'article', many: true },
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
    'q highlight speaker article source category language kind state ids saidAfter saidBefore sort fields include fields[speaker] limit cursor count facets',
  ),
  source: words('q kind organization ids sort include facets fields limit cursor count'),
  category: words('q parent ids tree sort include fields limit cursor count'),
}

/** Orders by what a row itself says; another, such as the most quoted, is by what others say. */
const OWN_SORTS = /^-?(publishedAt|updatedAt|headline|relevance|saidAt|createdAt|name|position)$/

/**
 * The groups an answer depends on, at most 32; and whether its objects had to be looked at, or another
 * answer to the same question, with the same filters, would depend on the same.
 */
export function dependenciesOf(made: Made): { groups: Set<string>; looked: boolean } {
  const read = READS[made.operation ?? '']
  const unlooked = (groups: string[]) => ({ groups: named(groups), looked: false })
  if (!read) return unlooked([ANY])
  const { kind, many, of = kind } = read
  if (made.status === 301) return unlooked(made.about ? itself(made.about) : [ANY])
  if (made.status !== 200) return unlooked([absence(of)])
  const groups = new Set(many ? page(made, kind) : made.about ? itself(made.about) : [ANY])
  if (made.around) around(made.around, kind, groups, made.categoryInUrl)
  const looked = show(made, kind, groups)
  return { groups: named(groups), looked: looked || !many }
}

/** Who a resource is, and whether readers see it. */
function itself({ kind, id }: { kind: Kind; id: string }): string[] {
  if (kind === 'source') return [group('source', id), group('named', id)]
  if (kind === 'category') return [group('category', id), group('filed', id)]
  return kind === 'article' ? [group('article', id)] : [ANY]
}

/** What a list depends on before anything it shows. */
function page(made: Made, kind: Kind): string[] {
  const { operation, query, empty } = made
  const asked = Object.entries(query).filter(([, value]) => value !== undefined)
  const strange = asked.some(([name]) => !ASKED[kind].has(name))
  const { q, sort = 'name', facets } = query as { q?: string; sort?: string; facets?: unknown }
  // What was probably meant comes from anybody's headline or name, and may be there tomorrow; of
  // sources and categories from their own names, on which their lists depend anyway.
  const suggests = empty && q !== undefined && (kind === 'article' || kind === 'quote')
  const ordered = operation === 'listSimilarQuotes' || OWN_SORTS.test(sort)
  return [
    ...(strange || !ordered || suggests ? [ANY] : []),
    ...(facets ? ['articles', 'quotes', 'sources', 'categories'] : []),
    ...chosen(made, kind),
  ]
}

/** Adds what a feed shows beside its rows: whose it is, what prints its quotes, and what is gone. */
function around(
  { category, source, articles = [] }: NonNullable<Made['around']>,
  kind: Kind,
  groups: Set<string>,
  categoryInUrl: boolean,
): void {
  groups.add(absence(kind))
  if (category) showIn('category', [category as Shown], groups)
  if (source) showIn('source', [source as Shown], groups)
  if (categoryInUrl && articles.length > 0) groups.add('paths')
  showIn('article', articles as Shown[], groups)
  for (const { id } of articles as Shown[]) groups.add(group('article', String(id)))
}

/**
 * Adds whose names and words the objects show. They are looked at only where the names of their members
 * do not tell; whether they were.
 */
function show(made: Made, kind: Kind, groups: Set<string>): boolean {
  const { members, objects, categoryInUrl } = made
  if (!members) groups.add(ANY)
  if (!members) return false
  // Related articles come with their addresses, whatever else is shown.
  const addressed = members.includes('url') || members.includes('related')
  if (kind === 'article' && categoryInUrl && addressed) groups.add('paths')
  const open = members.filter((name) => !OWN[kind].has(name) && !covered(made, kind, name, groups))
  if (open.length === 0) return false
  showEach(kind, [objects?.()].flat() as Shown[], open, groups)
  return true
}

/** Adds whom these members of objects show; an unknown one shows anybody. */
function showEach(
  kind: Kind,
  objects: readonly Shown[],
  names: readonly string[],
  groups: Set<string>,
): void {
  for (const name of names) {
    for (const object of objects) {
      if (!member(kind, name, object, groups)) groups.add(ANY)
    }
  }
}

/**
 * Does what a member shows change only together with what the answer depends on anyway? The article of a
 * quote that is listed changes what lists it; what a list of sources or categories shows of others is
 * theirs too.
 */
function covered(made: Made, kind: Kind, name: string, groups: Set<string>): boolean {
  switch (`${kind}.${name}`) {
    case 'quote.article':
      return true
    case 'quote.speaker': {
      // Included, it shows its organisation too.
      if ((made.query as { include?: unknown }).include) return false
      // All of one list are said by those that were asked for.
      const speakers = made.resolved?.speaker?.any ?? []
      for (const id of speakers) groups.add(group('source', id))
      return speakers.length > 0
    }
    case 'source.organization':
      return groups.has('sources')
    case 'category.parent':
    case 'category.children':
      return groups.has('categories')
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

/** Adds what objects show that stand in another, all of their members. They are all of one shape. */
function showIn(kind: Kind, objects: readonly Shown[], groups: Set<string>): void {
  const names = Object.keys(objects[0] ?? {}).filter((name) => !OWN[kind].has(name))
  showEach(kind, objects, names, groups)
  if (kind !== 'source' && kind !== 'category') return
  for (const { id } of objects) groups.add(group(kind, String(id)))
}

/** Adds whom a member of an object shows; false for one that is not known. */
function member(kind: Kind, name: string, object: Shown, groups: Set<string>): boolean {
  const value = object[name]
  const each = (of: Kind) => showIn(of, value as Shown[], groups)
  const other = value as { id: string } | null
  switch (`${kind}.${name}`) {
    case 'article.categories':
      each('category')
      return true
    case 'article.sources':
      each('source')
      return true
    case 'article.speakers':
      each('source')
      return true
    case 'article.quotes':
      each('quote')
      return true
    case 'article.related':
      groups.add('articles')
      return true
    case 'quote.article':
      if (other) groups.add(group('article', other.id))
      return true
    case 'quote.speaker':
      if (other) showIn('source', [other], groups)
      return true
    case 'source.organization':
      // Shown only where readers see it; where none is shown, there may be one.
      if (other) groups.add(group('source', other.id)).add(group('named', other.id))
      else groups.add(group('org', String(object.id)))
      return true
    case 'category.parent':
      if (other) groups.add(group('category', other.id))
      return true
    default:
      return false
  }
}
