import type { Article, LeadImage } from '../articles/schema.ts'
import type { Category } from '../categories/schema.ts'
import type { Correction } from '../corrections/schema.ts'
import type { Quote } from '../quotes/schema.ts'
import type { Source } from '../sources/schema.ts'
import { absoluteHtml, urnOf } from './address.ts'
import { correctionsHtml, quoteHtml, quoteTitle } from './wording.ts'

/*
 * The one neutral model that every format is made of, itself made of the public shapes as readers
 * get them: what is not in those cannot get into a format.
 */

/** Who publishes. */
export type Publication = {
  name: string
  /** Where its readers go. */
  home: string
  /** This service, without a slash at the end. */
  api: string
  /** The WebSub hub that is told of changes. */
  hub: string | undefined
}

/** Whom a quote is attributed to: what of a source does not depend on others. */
export type Speaker = Pick<Source, 'id' | 'slug' | 'kind' | 'name' | 'title' | 'url' | 'sameAs'>

/** A whole article. */
export type Story = {
  id: string
  urn: string
  version: number
  slug: string
  url: string
  headline: string
  summary: string | undefined
  byline: string | undefined
  language: string
  published: string
  updated: string
  /** Until when it is under embargo: to a partner that may read it before. */
  embargoed: string | undefined
  image: LeadImage | undefined
  /** The body, as far as the format asked for it; addresses in the HTML are absolute. */
  html: string
  text: string
  markdown: string
  categories: readonly Category[]
  sources: NonNullable<Article['sources']>
  quotes: readonly Quote[]
  /** Who the quotes are of, by id; the article's sources among them. */
  speakers: ReadonlyMap<string, Speaker>
  corrections: readonly Correction[]
  origin: Article['origin']
}

/** One thing in a feed. */
export type Entry = {
  urn: string
  url: string
  title: string
  summary: string | undefined
  /** With the corrections at its end. */
  html: string
  language: string
  author: string | undefined
  published: string
  updated: string
  image: LeadImage | undefined
  categories: readonly Category[]
  sources: NonNullable<Article['sources']>
  /** The public shapes, for formats that can carry anything. */
  whole: Pick<Article, 'version' | 'sources' | 'quotes' | 'corrections' | 'leadImage'> | Quote
}

/** Where the same can be had in another format, or the feed that it is in. */
export type Alternate = { type: string; url: string; title?: string | undefined }

/** What was visible and is not. */
export type Removal = { id: string; notice: string | null; legal: boolean; since: string }

/** A page of a feed. */
export type Feed = {
  publication: Publication
  title: string
  description: string
  /** Its media type. */
  type: string
  /** Addresses of this page, of the first and of the next one. */
  self: string
  first: string
  next: string | undefined
  entries: readonly Entry[]
  /** The latest, newest first; on the first page. */
  removals: readonly Removal[]
  /** Those among them that are told as entries, where a format knows no other way. */
  notices: readonly Removal[]
}

/** The model of an article with all that belongs to it, and of who spoke in it. */
export function storyOf(article: Article, speakers: readonly Speaker[] = []): Story {
  const { body = {}, sources = [], url = '' } = article
  const updated = article.updatedAt ?? ''
  return {
    id: article.id,
    urn: urnOf(article.id),
    version: article.version ?? 1,
    slug: article.slug ?? article.id,
    url,
    headline: article.headline ?? '',
    summary: article.summary || undefined,
    byline: article.byline || undefined,
    language: article.language ?? 'und',
    published: article.publishedAt ?? updated,
    updated,
    embargoed: article.embargoUntil ?? undefined,
    image: article.leadImage ?? undefined,
    html: absoluteHtml(body.html ?? '', url),
    text: body.text ?? '',
    markdown: body.markdown ?? '',
    categories: article.categories ?? [],
    sources,
    quotes: article.quotes ?? [],
    speakers: new Map([...speakers, ...sources].map((source) => [source.id, source])),
    corrections: (article.corrections ?? []).toSorted(byTime),
    origin: article.origin ?? null,
  }
}

function byTime(a: Correction, b: Correction): number {
  return (a.at ?? '').localeCompare(b.at ?? '')
}

/** An article in a feed. */
export function storyEntry(article: Article): Entry {
  const story = storyOf(article)
  const { urn, url, summary, language, published, updated, image, categories, sources } = story
  return {
    ...{ urn, url, summary, language, published, updated, image, categories, sources },
    title: story.headline,
    html: story.html + correctionsHtml(story.corrections),
    author: story.byline,
    whole: {
      version: story.version,
      leadImage: article.leadImage ?? null,
      sources,
      quotes: [...story.quotes],
      corrections: [...story.corrections],
    },
  }
}

/** A quote in a feed, with the article that prints it. */
export function quoteEntry(quote: Quote, article: Article): Entry {
  const story = storyOf(article)
  const updated = quote.updatedAt ?? story.updated
  return {
    urn: urnOf(quote.id),
    url: story.url,
    title: quoteTitle(quote),
    summary: undefined,
    html: quoteHtml(quote, story) + correctionsHtml(quote.corrections ?? []),
    language: quote.language ?? story.language,
    author: quote.speaker?.name,
    published: quote.saidAt ?? story.published,
    // Written while the article was still hidden, it is new to readers when that appears.
    updated: updated > story.published ? updated : story.published,
    image: undefined,
    categories: story.categories,
    sources: [],
    whole: quote,
  }
}

/** The latest instant that anything of a feed speaks of; that of the first computer clock if none. */
export function updatedOf({ entries, removals }: Feed): string {
  const times = [...entries.map(({ updated }) => updated), ...removals.map(({ since }) => since)]
  return times.reduce((latest, time) => (time > latest ? time : latest), '1970-01-01T00:00:00.000Z')
}

/** The language that everything in a feed is in; undefined when there are several. */
export function languageOf({ entries }: Feed): string | undefined {
  const [language, ...others] = new Set(entries.map((entry) => entry.language))
  return others.length === 0 ? language : undefined
}
