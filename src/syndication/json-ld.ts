import type {
  CorrectionComment,
  CreativeWork,
  ImageObject,
  NewsArticle,
  Organization,
  Person,
  Quotation,
  Role,
  WithContext,
} from 'schema-dts'
import type { LeadImage } from '../articles/schema.ts'
import { uriOf, urnOf } from './address.ts'
import type { Publication, Speaker, Story } from './model.ts'

type Quote = Story['quotes'][number]
type Source = Story['sources'][number]

/**
 * A schema.org NewsArticle: sources as citations, quotes as Quotations, corrections as
 * CorrectionComments.
 */
export function jsonLd(story: Story, publication: Publication): WithContext<NewsArticle> {
  const { categories, corrections, image, quotes, sources, summary, byline } = story
  const publisher: Organization = {
    '@type': 'Organization',
    name: publication.name,
    url: publication.home,
  }
  const retracted = corrections.some(({ kind }) => kind === 'retraction')
  return {
    '@context': 'https://schema.org',
    '@type': 'NewsArticle',
    '@id': story.urn,
    url: uriOf(story.url),
    mainEntityOfPage: uriOf(story.url),
    headline: story.headline,
    ...(summary !== undefined && { description: summary }),
    inLanguage: story.language,
    datePublished: story.published,
    dateModified: story.updated,
    version: story.version,
    author: byline === undefined ? publisher : { '@type': 'Person', name: byline },
    publisher,
    ...(image && { image: imageOf(image) }),
    ...(categories.length > 0 && { articleSection: categories.map(({ name = '' }) => name) }),
    articleBody: story.text,
    ...(sources.length > 0 && { citation: sources.map(citationOf) }),
    ...(quotes.length > 0 && { hasPart: quotes.map((quote) => partOf(quote, story)) }),
    ...(corrections.length > 0 && { correction: corrections.map(correctionOf) }),
    ...(retracted && { creativeWorkStatus: 'Retracted' }),
  }
}

function imageOf({ url, caption, credit, alt, width, height }: LeadImage): ImageObject {
  return {
    '@type': 'ImageObject',
    url: uriOf(url),
    ...(caption && { caption }),
    ...(credit && { creditText: credit }),
    ...(alt && { description: alt }),
    // Text, for which Google's readers want a count of pixels.
    ...(width && { width: `${width}` }),
    ...(height && { height: `${height}` }),
  }
}

/** Whoever can speak; undefined for a document. */
function partyOf(source: Speaker): Person | Organization | undefined {
  const { name = '', title, url, sameAs = [], kind } = source
  const named = {
    name,
    ...(url && { url: uriOf(url) }),
    ...(sameAs.length > 0 && { sameAs: sameAs.map(uriOf) }),
  }
  if (kind === 'person') return { '@type': 'Person', ...named, ...(title && { jobTitle: title }) }
  if (kind === 'organization' || kind === 'publication') {
    return { '@type': 'Organization', ...named }
  }
  // All that is known of an anonymous source is what it is called.
  return kind === 'anonymous' ? { '@type': 'Person', name } : undefined
}

/** A citation is of a work: what somebody told is one by that party. */
function citationOf(source: Source): CreativeWork | Role<CreativeWork, 'citation'> {
  const { name = '', url, description, sameAs = [], role, note } = source
  const party = partyOf(source)
  const work: CreativeWork = {
    '@type': 'CreativeWork',
    ...(party
      ? { author: party }
      : {
          name,
          ...(url && { url: uriOf(url) }),
          ...(description && { description }),
          ...(sameAs.length > 0 && { sameAs: sameAs.map(uriOf) }),
        }),
    ...(note && { abstract: note }),
  }
  return role ? { '@type': 'Role', roleName: role, citation: work } : work
}

/** A Quotation is verbatim; a paraphrase is a work that says so. */
function partOf(quote: Quote, { speakers, language }: Story): Quotation | CreativeWork {
  const { text = '', speaker, saidAt, occasion, original, corrections = [] } = quote
  const source = speaker ? (speakers.get(speaker.id) ?? { name: speaker.name }) : undefined
  const party = source && partyOf(source as Speaker)
  const said = {
    '@id': urnOf(quote.id),
    text,
    inLanguage: quote.language ?? language,
    ...(saidAt && { dateCreated: saidAt }),
    ...(occasion && { recordedAt: { '@type': 'Event', name: occasion } as const }),
    ...(original && {
      translationOfWork: {
        '@type': 'Quotation',
        text: original.text,
        inLanguage: original.language,
      } as const,
    }),
    ...(corrections.length > 0 && { correction: corrections.map(correctionOf) }),
  }
  if (quote.kind === 'paraphrase') {
    return {
      '@type': 'CreativeWork',
      genre: 'paraphrase',
      ...said,
      ...(party && { creator: party }),
    }
  }
  return { '@type': 'Quotation', ...said, ...(party && { spokenByCharacter: party }) }
}

function correctionOf(correction: Story['corrections'][number]): CorrectionComment {
  const { id, kind = 'correction', text = '', at = '' } = correction
  return { '@type': 'CorrectionComment', '@id': urnOf(id), name: kind, text, datePublished: at }
}
