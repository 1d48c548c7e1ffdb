import { resolveFilters } from '../http/addressing.ts'
import type { App, Services } from '../http/app.ts'
import { sendShown } from '../http/caching.ts'
import { pagesOf } from '../http/paging.ts'
import { splitUrl } from '../http/url.ts'
import { SITEMAP_TYPE } from './formats.ts'
import { articlesOf, loadArticles, publicationOf, readingIn } from './load.ts'
import { DAYS, MOST_URLS, newsSitemap, sitemapIndex } from './news-sitemap.ts'
import { SitemapIndexQuery, SitemapQuery } from './parameters.ts'
import { daysAgo, sitemapFiles } from './queries.ts'
import { Document } from './schema.ts'

const about = { tags: ['Formats'], response: { 200: Document } }
const media = { [SITEMAP_TYPE]: Document }

/** Sitemaps of the news of the last days. */
export function sitemapReads(app: App, { config, db }: Services): void {
  const publication = publicationOf(config)
  const named = (query: (typeof SitemapIndexQuery)['_output']) =>
    ({
      category: ['category', query.category],
      source: ['source', query.source],
      speaker: ['source', query.speaker],
    }) as const

  app.get(
    '/sitemaps/news.xml',
    {
      schema: {
        ...about,
        operationId: 'getNewsSitemap',
        summary: 'A Google News sitemap',
        description: `The articles published within the last ${DAYS} days, newest first, at most ${MOST_URLS}; \`/sitemaps/index.xml\` names further files.`,
        querystring: SitemapQuery,
      },
      config: { media, gives: 'sitemap', throws: ['forbidden'] },
    },
    async (request, reply) => {
      const { query, url } = request
      const page = { limit: MOST_URLS, cursor: query.cursor }
      const pages = pagesOf(url, publication.api, page)
      const reading = await readingIn('sitemap', request, db)
      const resolved = await resolveFilters(reading, named(query))
      const publishedAfter = await daysAgo(reading, DAYS)
      const asked = { query: { language: query.language, publishedAfter }, named: resolved }
      const shown = { body: [], include: [] }
      const { objects, members } = await loadArticles(reading, config, asked, pages, shown)
      return sendShown(request, reply, {
        ...{ body: newsSitemap(objects, publication), type: SITEMAP_TYPE },
        ...{ members, objects: () => objects, resolved },
        ...untilOldest(objects.at(-1)?.publishedAt),
      })
    },
  )

  app.get(
    '/sitemaps/index.xml',
    {
      schema: {
        ...about,
        operationId: 'getNewsSitemapIndex',
        summary: 'The index of the news sitemaps',
        description: `One file for each ${MOST_URLS} articles. Its parameters are those of the files.`,
        querystring: SitemapIndexQuery,
      },
      config: { media, throws: ['forbidden'] },
    },
    async (request, reply) => {
      const { query, url } = request
      const reading = await readingIn('sitemap', request, db)
      const resolved = await resolveFilters(reading, named(query))
      const publishedAfter = await daysAgo(reading, DAYS)
      const asked = { query: { language: query.language, publishedAfter }, named: resolved }
      const files = await sitemapFiles(reading, articlesOf(reading, asked), MOST_URLS)
      const asks = splitUrl(url).query
      const first = `/sitemaps/news.xml${asks === '' ? '' : `?${asks}`}`
      const pages = pagesOf(first, publication.api, { limit: MOST_URLS })
      const index = files.map(({ updated }, i) => {
        const before = files[i - 1]
        return { url: before ? pages.after(before.last).url : publication.api + first, updated }
      })
      return sendShown(request, reply, {
        ...{ body: sitemapIndex(index), type: SITEMAP_TYPE },
        ...{ members: [], objects: () => [], resolved },
        ...untilOldest(files.at(-1)?.listed),
      })
    },
  )
}

/** The answer changes when the oldest article in it is too old. */
function untilOldest(published: string | null | undefined): { until?: string } {
  if (!published) return {}
  return { until: new Date(Date.parse(published) + DAYS * 86_400_000).toISOString() }
}
