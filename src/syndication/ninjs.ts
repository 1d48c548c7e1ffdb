import type { Quote } from '../quotes/schema.ts'
import { codePoints } from '../text.ts'
import { uriOf, urnOf } from './address.ts'
import type { Speaker, Story } from './model.ts'
import type { Ninjs } from './schema.ts'
import { correctionHead } from './wording.ts'

/**
 * IPTC's ninjs 3.1. Quotes and the lead image are associated items; corrections are descriptions, which
 * may be published, and are pointed out to the desk in `edNote`.
 */
export function ninjs(story: Story, api: string): Ninjs {
  const { corrections, speakers } = story
  const quoted = [...new Set(story.quotes.flatMap(({ speaker }) => (speaker ? [speaker.id] : [])))]
  const spoke = quoted.flatMap((id) => speakers.get(id) ?? [])
  return {
    uri: story.urn,
    standard: {
      name: 'ninjs',
      version: '3.1',
      schema: 'http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#',
    },
    type: 'text',
    representationType: 'full',
    version: String(story.version),
    contentCreated: story.published,
    versionCreated: story.updated,
    pubStatus: 'usable',
    ...(story.embargoed !== undefined && { embargoedUntil: story.embargoed }),
    language: story.language,
    slugline: story.slug,
    ...(story.byline !== undefined && { by: story.byline }),
    ...(corrections.length > 0 && { edNote: corrections.map(noteOf).join('\n') }),
    headlines: [{ value: story.headline, contentType: 'text/plain' }],
    descriptions: [
      ...(story.summary === undefined ? [] : [plain('summary', story.summary)]),
      ...corrections.map(({ kind = 'correction', text = '' }) => plain(kind, text)),
    ],
    bodies: [
      { role: 'main', contentType: 'text/html', value: story.html },
      { ...plain('main', story.text), charCount: codePoints(story.text) },
    ],
    subjects: story.categories.map(({ slug = '', name = '' }) => {
      return { name, rel: 'category', uri: `${api}/v1/categories/${slug}`, literal: slug }
    }),
    infoSources: story.sources.map((source) => {
      const { name = '', role, slug = '' } = source
      return { name, ...(role && { role }), uri: addressOf(source, api), literal: slug }
    }),
    people: spoke.filter(({ kind }) => kind === 'person').map((one) => party(one, api)),
    organisations: spoke
      .filter(({ kind }) => kind === 'organization' || kind === 'publication')
      .map((one) => party(one, api)),
    altIds: story.origin ? [{ role: story.origin.system, value: story.origin.id }] : [],
    renditions: [{ name: 'web', href: uriOf(story.url), contentType: 'text/html' }],
    associations: [...pictures(story), ...story.quotes.map((quote, i) => spoken(quote, i, story))],
  }
}

const plain = (role: string, value: string) => ({ role, contentType: 'text/plain', value })

function noteOf(correction: Story['corrections'][number]): string {
  return `${correctionHead(correction)}: ${correction.text}`
}

/** What others know it by, if anything; else its address here. */
function addressOf({ sameAs, url, slug = '' }: Speaker, api: string): string {
  const known = sameAs?.[0] ?? url
  return known ? uriOf(known) : `${api}/v1/sources/${slug}`
}

function party(speaker: Speaker, api: string) {
  const { name = '', slug = '' } = speaker
  return { name, rel: 'quoted', uri: addressOf(speaker, api), literal: slug }
}

function pictures({ image }: Story): Ninjs['associations'] {
  if (!image) return []
  const { url, width, height, alt, caption, credit } = image
  const href = uriOf(url)
  return [
    {
      name: 'main-picture',
      rel: 'main-picture',
      uri: href,
      type: 'picture',
      ...(credit && { by: credit }),
      descriptions: [
        ...(caption ? [plain('caption', caption)] : []),
        ...(alt ? [plain('alt', alt)] : []),
      ],
      renditions: [{ name: 'original', href, ...(width && { width }), ...(height && { height }) }],
    },
  ]
}

function spoken(quote: Quote, i: number, story: Story): Ninjs['associations'][number] {
  const {
    kind = 'direct',
    text = '',
    original,
    speaker,
    saidAt,
    occasion,
    corrections = [],
  } = quote
  return {
    name: `quote-${i + 1}`,
    rel: 'quote',
    uri: urnOf(quote.id),
    type: 'component',
    version: String(quote.version ?? 1),
    language: quote.language ?? story.language,
    ...(speaker && { by: speaker.name }),
    ...(saidAt && { contentCreated: saidAt }),
    descriptions: [
      ...(occasion ? [plain('occasion', occasion)] : []),
      ...corrections.map(({ kind: of = 'correction', text: note = '' }) => plain(of, note)),
    ],
    bodies: [
      plain(kind, text),
      ...(original ? [plain(`original-${original.language}`, original.text)] : []),
    ],
  }
}
