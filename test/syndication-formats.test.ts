import fc from 'fast-check'
import t from 'tap'
import { markdownToBlocks } from '../src/body/markdown.ts'
import { storyFromMarkdown } from '../src/importing/markdown.ts'
import { category, get, must, source } from './factories.ts'
import {
  type Element,
  elements,
  feedparser,
  hasFeedparser,
  readFeed,
  strictXml,
  textIn,
} from './feed-readers.ts'
import { type GeneratedStory, generatedStory, hugeBody } from './feed-stories.ts'
import { htmlParts, inXml, isUri, ninjsFaults } from './format-checks.ts'
import { newsroom } from './newsroom.ts'
import { runs } from './size.ts'

/*
 * Generated stories in every format: each is well-formed, other people's libraries read it, and it says
 * what the API's own JSON says, as far as docs/formats.md has it that the format can.
 */

const room = await newsroom(t, {
  settings: {
    ARTICLE_URL: 'https://paper.example/{category}/{slug}',
    PUBLICATION_NAME: 'A & B <c>',
  },
})
const { editor, reader } = room

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Made = any

/** Publishes a story; what readers get of it as JSON. */
async function tell(story: GeneratedStory): Promise<Made> {
  const { category: name, source: from, speaker, quote, correction, blocks, ...article } = story
  const filed = await category(editor, { name })
  const { role, note, ...described } = from
  const named = await source(editor, described)
  const spoke = await source(editor, speaker)
  const { id } = (
    await must(editor, 'POST', '/v1/articles', {
      ...article,
      body: { blocks },
      categories: [filed.id],
      sources: [{ source: named.id, role, note }],
      quotes: [
        { kind: 'paraphrase', speaker: spoke.id, ...quote },
        {
          kind: 'paraphrase',
          speaker: named.kind === 'document' ? spoke.id : named.id,
          text: 'So.',
        },
      ],
    })
  ).json
  await must(editor, 'POST', `/v1/articles/${id}/publish`)
  if (correction !== undefined) {
    const body = { kind: 'correction', text: correction }
    await must(editor, 'POST', `/v1/articles/${id}/corrections`, body, { 'if-match': '*' })
  }
  const all = 'body=html,text,markdown,blocks&include=categories,sources,quotes,corrections'
  return get(reader, `/v1/articles/${id}?${all}`)
}

async function formatsOf({ id }: Made) {
  const text = async (path: string) => (await must(reader, 'GET', path)).text
  const feed = (suffix: string) => text(`/feeds/latest.${suffix}?ids=${id}`)
  const item = (suffix: string) => text(`/v1/articles/${id}.${suffix}`)
  return {
    rss: await feed('rss'),
    atom: await feed('atom'),
    json: await feed('json'),
    sitemap: await text('/sitemaps/news.xml'),
    ninjs: await item('ninjs'),
    jsonld: await item('jsonld'),
    html: await item('html'),
    md: await item('md'),
    txt: await item('txt'),
  }
}

/** Throws unless the two are the same. */
function same(what: string, found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`${what} is ${a}, not ${b}`)
}

const line = (text: string) => inXml(text).replace(/[\t\n]/g, ' ')
/** Of line ends in HTML, one is as good as several. */
const joined = (lines: string) => lines.replace(/[\r\n]+/g, '\n')
/** As the HTML standard reads an attribute: what a document says of itself in `content`. */
const absolute = (addresses: string[], base: string) =>
  addresses.map((address) => (URL.canParse(address) ? address : new URL(address, base).href))

/** The HTML of a copy: the same words, all addresses absolute, and corrections after it. */
function sameHtml(what: string, html: string, article: Made, written = (text: string) => text) {
  const [ours, theirs] = [htmlParts(html), htmlParts(article.body.html)]
  const notes = article.corrections.map(
    ({ text, at }: Made) => `Correction, ${at.slice(0, 10)}: ${joined(text)}`,
  )
  same(`${what} text`, joined(ours.text), joined(written(theirs.text + notes.join(''))))
  const expected = absolute(theirs.addresses, article.url)
  same(`${what} addresses`, ours.addresses, expected.map(written))
}

function checkRss(text: string, article: Made) {
  const [item] = elements(strictXml(text), 'item') as [Element]
  same('RSS title', textIn(item, 'title'), inXml(article.headline))
  same('RSS guid', textIn(item, 'guid'), `urn:uuid:${article.id}`)
  same('RSS link', isUri(textIn(item, 'link')), true)
  same('RSS author', textIn(item, 'dc:creator'), article.byline ? inXml(article.byline) : undefined)
  same(
    'RSS summary',
    textIn(item, 'description'),
    article.summary ? inXml(article.summary) : undefined,
  )
  same('RSS language', textIn(item, 'dc:language'), article.language)
  same('RSS category', textIn(item, 'category'), inXml(article.categories[0].name))
  same('RSS updated', textIn(item, 'atom:updated'), article.updatedAt)
  same(
    'RSS date',
    new Date(textIn(item, 'pubDate') ?? '').getTime(),
    Math.floor(Date.parse(article.publishedAt) / 1000) * 1000,
  )
  sameHtml('RSS', textIn(item, 'content:encoded') ?? '', article, inXml)
  checkMedia(item, article)
  checkVia(item, 'atom:link', article)
  const { format, feed } = readFeed(text)
  same('feedsmith format', format, 'rss')
  same('feedsmith guid', feed.items[0].guid.value, `urn:uuid:${article.id}`)
  same('feedsmith title', feed.items[0].title ?? '', inXml(article.headline).trim())
}

function checkMedia(item: Element, { leadImage }: Made) {
  const [media] = elements(item, 'media:content')
  same('media', media !== undefined, leadImage !== null)
  if (!media) return
  same('media url', isUri(media.attributes.url), true)
  same(
    'media size',
    [media.attributes.width, media.attributes.height],
    [String(leadImage.width), String(leadImage.height)],
  )
  same('media alt', textIn(media, 'media:title'), inXml(leadImage.alt))
  same('media caption', textIn(media, 'media:description'), inXml(leadImage.caption))
  same('media credit', textIn(media, 'media:credit'), inXml(leadImage.credit))
}

function checkVia(item: Element, name: string, { sources }: Made) {
  const via = elements(item, name).filter(({ attributes }) => attributes.rel === 'via')
  const wanted = sources.filter(({ url }: Made) => url !== null)
  same(
    'via',
    via.map(({ attributes }) => attributes.title),
    wanted.map((s: Made) => line(s.name)),
  )
  for (const { attributes } of via) same('via address', isUri(attributes.href), true)
}

function checkAtom(text: string, article: Made) {
  const feed = strictXml(text)
  const [entry] = elements(feed, 'entry') as [Element]
  same('Atom title', textIn(entry, 'title'), inXml(article.headline))
  same('Atom id', textIn(entry, 'id'), `urn:uuid:${article.id}`)
  same(
    'Atom dates',
    [textIn(entry, 'published'), textIn(entry, 'updated')],
    [article.publishedAt, article.updatedAt],
  )
  same(
    'Atom summary',
    textIn(entry, 'summary'),
    article.summary ? inXml(article.summary) : undefined,
  )
  same('Atom language', entry.attributes['xml:lang'], article.language)
  const author = elements(entry, 'author')[0]
  same(
    'Atom author',
    author && textIn(author, 'name'),
    article.byline ? inXml(article.byline) : undefined,
  )
  const [filed] = elements(entry, 'category')
  same(
    'Atom category',
    [filed?.attributes.term, filed?.attributes.label],
    [article.categories[0].slug, line(article.categories[0].name)],
  )
  sameHtml('Atom', textIn(entry, 'content') ?? '', article, inXml)
  checkMedia(entry, article)
  checkVia(entry, 'link', article)
  same('feedsmith format', readFeed(text).format, 'atom')
  same('feedsmith id', readFeed(text).feed.entries[0].id, `urn:uuid:${article.id}`)
}

function checkJsonFeed(text: string, article: Made) {
  const { items, ...feed } = JSON.parse(text)
  const [item] = items
  same('JSON Feed title', [feed.title, item.title], ['A & B <c>', article.headline])
  same('JSON Feed summary', item.summary, article.summary || undefined)
  same('JSON Feed author', item.authors?.[0].name, article.byline || undefined)
  same(
    'JSON Feed dates',
    [item.date_published, item.date_modified],
    [article.publishedAt, article.updatedAt],
  )
  same('JSON Feed tags', item.tags, [article.categories[0].name])
  sameHtml('JSON Feed', item.content_html, article)
  same('JSON Feed rest', item._dateline, {
    version: article.version,
    leadImage: article.leadImage,
    sources: article.sources,
    quotes: article.quotes,
    corrections: article.corrections,
  })
  same('feedsmith', [readFeed(text).format, readFeed(text).feed.items[0].id], ['json', item.id])
}

function checkNinjs(text: string, article: Made) {
  const item = JSON.parse(text)
  same('ninjs faults', ninjsFaults(item), [])
  same('ninjs uri', item.uri, `urn:uuid:${article.id}`)
  same('ninjs headline', item.headlines[0].value, article.headline)
  same('ninjs by', item.by, article.byline || undefined)
  same('ninjs version', item.version, String(article.version))
  same('ninjs text', item.bodies[1].value, article.body.text)
  same('ninjs charCount', item.bodies[1].charCount, [...article.body.text].length)
  sameHtml('ninjs', item.bodies[0].value, { ...article, corrections: [] })
  const wanted = [article.summary, ...article.corrections.map((one: Made) => one.text)]
  same(
    'ninjs descriptions',
    item.descriptions.map((one: Made) => one.value),
    wanted.filter(Boolean),
  )
  const notes = article.corrections.map((one: Made) => one.text)
  same(
    'ninjs edNote',
    notes.every((note: string) => item.edNote.includes(note)),
    true,
  )
  same(
    'ninjs sources',
    [item.infoSources[0].name, item.infoSources[0].role],
    [article.sources[0].name, article.sources[0].role || undefined],
  )
  const quotes = item.associations.filter(({ rel }: Made) => rel === 'quote')
  same(
    'ninjs quotes',
    quotes.map((one: Made) => [one.uri, one.bodies[0].value, one.by]),
    [...article.quotes.map((one: Made) => [`urn:uuid:${one.id}`, one.text, one.speaker.name])],
  )
  const { original } = article.quotes[0]
  same('ninjs original', quotes[0].bodies[1]?.value, original?.text)
  const picture = item.associations.find(({ type }: Made) => type === 'picture')
  same('ninjs credit', picture?.by, article.leadImage?.credit)
  same(
    'ninjs picture',
    picture?.descriptions.map((one: Made) => one.value),
    article.leadImage ? [article.leadImage.caption, article.leadImage.alt] : undefined,
  )
}

function checkJsonLd(text: string, article: Made) {
  const item = JSON.parse(text)
  same(
    'JSON-LD',
    [item['@type'], item.headline, item.description, item.articleBody],
    ['NewsArticle', article.headline, article.summary || undefined, article.body.text],
  )
  same(
    'JSON-LD dates',
    [item.datePublished, item.dateModified],
    [article.publishedAt, article.updatedAt],
  )
  same(
    'JSON-LD addresses',
    [isUri(item.url), item.image === undefined || isUri(item.image.url)],
    [true, true],
  )
  same(
    'JSON-LD image',
    [item.image?.caption, item.image?.creditText, item.image?.description],
    [article.leadImage?.caption, article.leadImage?.credit, article.leadImage?.alt],
  )
  same(
    'JSON-LD corrections',
    (item.correction ?? []).map((one: Made) => one.text),
    [...article.corrections.map((one: Made) => one.text)],
  )
  const [cited] = item.citation.map((one: Made) => (one['@type'] === 'Role' ? one.citation : one))
  same('JSON-LD source', cited.author?.name ?? cited.name, article.sources[0].name)
  same('JSON-LD role', item.citation[0].roleName, article.sources[0].role || undefined)
  same('JSON-LD note', cited.abstract, article.sources[0].note || undefined)
  same(
    'JSON-LD quotes',
    item.hasPart.map((one: Made) => [one.text, one.creator.name]),
    [...article.quotes.map((one: Made) => [one.text, one.speaker.name])],
  )
  same(
    'JSON-LD original',
    item.hasPart[0].translationOfWork?.text,
    article.quotes[0].original?.text,
  )
  same(
    'JSON-LD occasion',
    item.hasPart[0].recordedAt?.name,
    article.quotes[0].occasion || undefined,
  )
}

function checkHtml(text: string, article: Made, jsonld: string) {
  const page = htmlParts(text)
  same('one script', page.names.filter((name) => name === 'script').length, 1)
  same(
    'no events',
    page.attributes.filter((name) => name.startsWith('on')),
    [],
  )
  same(
    'no frames',
    page.names.filter((name) => ['iframe', 'object', 'base'].includes(name)),
    [],
  )
  const { articleBody: _, ...described } = JSON.parse(jsonld)
  same('JSON-LD in the page', JSON.parse(page.scripts[0] ?? ''), described)
  const said = joined(page.text)
  const parts = [article.headline, article.summary, article.byline, article.sources[0].name]
  for (const part of [...parts, ...article.corrections.map((one: Made) => one.text)]) {
    if (part && !said.includes(joined(part))) throw new Error(`The page does not say ${part}`)
  }
  const body = joined(htmlParts(article.body.html).text)
  if (!said.includes(body)) throw new Error('The page does not hold the body')
}

function checkMarkdown(text: string, article: Made) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: files with these are not taken for text
  if (/[\u0001-\u0008\u000b\u000e-\u001f]/.test(text.slice(text.indexOf('\n---\n')))) return
  const story = storyFromMarkdown(text)
  same(
    'Markdown',
    [story.slug, story.headline, story.summary, story.byline, story.language],
    [
      article.slug,
      article.headline,
      article.summary || undefined,
      article.byline || undefined,
      article.language,
    ],
  )
  same('Markdown date', story.dated, article.publishedAt)
  same('Markdown categories', story.categories, [{ slug: article.categories[0].slug }])
  same(
    'Markdown image',
    story.leadImage,
    article.leadImage ? inOrder(article.leadImage) : undefined,
  )
  same(
    'Markdown quotes',
    story.quotes.map((one) => [one.text, one.speaker, one.saidAt, one.occasion]),
    [
      ...article.quotes.map((one: Made) => [
        one.text,
        one.speaker.slug,
        one.saidAt ?? undefined,
        one.occasion || undefined,
      ]),
    ],
  )
  same(
    'Markdown source',
    [story.sources[0]?.name, story.sources[0]?.role, story.sources[0]?.note],
    [
      article.sources[0].name,
      article.sources[0].role || undefined,
      article.sources[0].note || undefined,
    ],
  )
  const body = story.body && 'markdown' in story.body ? story.body.markdown : ''
  const blocks = markdownToBlocks(body ?? '')
  const wanted = markdownToBlocks(article.body.markdown)
  same('Markdown body', blocks.slice(0, wanted.length), wanted)
  same('Markdown corrections', blocks.length - wanted.length >= article.corrections.length, true)
}

const inOrder = ({ url, alt, caption, credit, width, height }: Made) => {
  return { url, alt, caption, credit, width, height }
}

function checkText(text: string, article: Made) {
  const parts = [article.headline, article.summary, article.byline, article.body.text]
  for (const part of [...parts, ...article.corrections.map((one: Made) => one.text)]) {
    if (part && !text.includes(part)) throw new Error(`The text does not say ${part}`)
  }
}

function checkSitemap(text: string, article: Made) {
  const urls = elements(strictXml(text), 'url')
  const titles = urls.flatMap((url) => elements(url, 'news:title').map((title) => title.text))
  same('sitemap', titles.includes(inXml(article.headline)), true)
  for (const url of urls) same('sitemap address', isUri(textIn(url, 'loc')), true)
}

async function check(article: Made) {
  const formats = await formatsOf(article)
  checkRss(formats.rss, article)
  checkAtom(formats.atom, article)
  checkJsonFeed(formats.json, article)
  checkSitemap(formats.sitemap, article)
  checkNinjs(formats.ninjs, article)
  checkJsonLd(formats.jsonld, article)
  checkHtml(formats.html, article, formats.jsonld)
  checkMarkdown(formats.md, article)
  checkText(formats.txt, article)
  return formats
}

const feeds: string[] = []

t.test('generated stories say in every format what they say as JSON', async (t) => {
  await fc.assert(
    fc.asyncProperty(generatedStory, async (story) => {
      const { rss, atom } = await check(await tell(story))
      feeds.push(rss, atom)
    }),
    { numRuns: runs(40) },
  )
  t.equal(feeds.length >= 2 * runs(40), true)
})

t.test('a body of the greatest length too', async (t) => {
  const [story] = fc.sample(generatedStory, 1) as [GeneratedStory]
  const children = [{ _type: 'span' as const, text: hugeBody(), marks: [] }]
  const blocks = [{ _type: 'block' as const, style: 'normal' as const, children }]
  const formats = await check(await tell({ ...story, blocks }))
  t.ok(formats.rss.length > 100_000)
  feeds.push(formats.rss, formats.atom)
})

t.test(
  'feedparser reads them',
  { skip: !(await hasFeedparser()) && 'not installed' },
  async (t) => {
    const parsed = await feedparser(feeds)
    t.equal(parsed.length, feeds.length)
    for (const [i, { bozo, version, entries }] of parsed.entries()) {
      const { feed } = readFeed(feeds[i] ?? '')
      const [first] = feed.items ?? feed.entries
      t.match(
        { bozo, version, id: entries[0]?.id },
        {
          bozo: false,
          version: i % 2 === 0 ? 'rss20' : 'atom10',
          id: first.guid?.value ?? first.id,
        },
      )
    }
  },
)
